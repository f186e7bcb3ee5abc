"""Puts the report on a run together from Postgres and, where the log answers, from its dead letters."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from schemas.errors import BrokerUnavailableError, NotReadyError
from schemas.streams import StreamDescription
from schemas.time import text_of_time
from schemas.wire.postgres.contents import StoredContents
from schemas.wire.postgres.features import StoredFeatures
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.sources import StoredSources
from schemas.wire.postgres.streams import StoredStreams
from trainers.inputs.minute_features import MinuteFeatures
from trainers.quality.days import StoredDays
from trainers.quality.findings import findings_of
from trainers.quality.measuring import DAY_MS
from trainers.quality.reports import QualityReport, SourceState, TrainingRows
from trainers.quality.training_rows import training_rows
from trainers.settings import TrainerSettings


class QualityQuestion(NamedTuple):
    """What is asked.

    Attributes:
        stream: The run; None takes the one that was registered last.
        n_days: How many days are judged, the last one included.
        now_ms: The clock on the wall.
        has_targets: Whether the rows of targets are counted, which computes or reads all features.
        letters: Returns how many dead letters of each consumer are open.
    """

    stream: str | None
    n_days: int
    now_ms: int
    has_targets: bool
    letters: Callable[[], dict[str, int]]


def quality_report(pool: PostgresPool, question: QualityQuestion, settings: TrainerSettings) -> QualityReport:
    """Return the report on a run.

    Args:
        pool: The open connections to Postgres.
        question: What is asked.
        settings: The targets and how they are trained.

    Raises:
        NotReadyError: If the run is not registered.
        StoreUnavailableError: If Postgres does not answer.
    """
    description = _described(pool, question.stream)
    until_ms = _until_ms(pool, description, question.now_ms)
    from_ms = (until_ms // DAY_MS - question.n_days + 1) * DAY_MS
    gaps = StoredGaps(pool).gaps(description.stream)
    stored = StoredDays(pool, description, gaps, from_ms=from_ms, until_ms=until_ms)
    report = QualityReport(
        stream=description.stream,
        title=description.title,
        kind=description.kind,
        from_ms=from_ms,
        until_ms=until_ms,
        days=list(stored.days()),
        freshness=stored.freshness,
        sources=[
            SourceState(source=each.source, state=each.state, reason=each.reason)
            for each in StoredSources(pool).health(description.stream)
        ],
        gaps=[gap for gap in gaps if gap.is_open],
        n_gaps_closed=sum(not gap.is_open for gap in gaps),
        dead_letters=_dead_letters(question.letters),
        targets=_targets(pool, description, settings, until_ms) if question.has_targets else [],
        findings=[],
    )
    return msgspec.structs.replace(report, findings=findings_of(report))


def _described(pool: PostgresPool, stream: str | None) -> StreamDescription:
    stream = StoredContents(pool).newest_run() if stream is None else stream
    description = None if stream is None else StoredStreams(pool).stream(stream)
    if description is None:
        message = f"no run {stream or ''} is registered in Postgres: is its name right, and was it started?"
        raise NotReadyError(message)
    return description


def _until_ms(pool: PostgresPool, description: StreamDescription, now_ms: int) -> int:
    """Where the report ends: a replay has its own time, and its newest event is its present."""
    if description.kind.runs_by_wall_clock:
        return now_ms
    newest_ms = StoredContents(pool).newest_ms(description.stream)
    return description.origin_ms if newest_ms is None else newest_ms


def _dead_letters(letters: Callable[[], dict[str, int]]) -> dict[str, int] | None:
    try:
        return letters()
    except BrokerUnavailableError:
        return None


def _targets(
    pool: PostgresPool, description: StreamDescription, settings: TrainerSettings, until_ms: int
) -> list[TrainingRows]:
    if not description.kind.runs_by_wall_clock:
        return training_rows(StoredFeatures(pool), description, settings, now_ms=until_ms)
    features = MinuteFeatures(pool, companions=settings.parsed_companions())
    return training_rows(features, description, settings, now_ms=until_ms)


def span_words(report: QualityReport) -> str:
    """Return from when to when a report goes, for people."""
    return f"{text_of_time(report.from_ms, 'day')} to {text_of_time(report.until_ms)}"
