"""Says what is open in a report, one sentence for each thing. Pure."""

from collections import Counter
from collections.abc import Iterator

from schemas.events import SourceHealth
from schemas.streams import StreamKind
from trainers.quality.reports import DataKind, QualityReport

_SOUND = frozenset({SourceHealth.HEALTHY, SourceHealth.UNKNOWN})


def findings_of(report: QualityReport) -> list[str]:
    """Return what is open.

    Bars that are missing unexplained count only in runs that have a ledger of gaps. Outliers are no finding, because they may be true.
    """
    return [
        *_gaps(report),
        *(_unexplained(report) if StreamKind(report.kind).runs_by_wall_clock else ()),
        *_broken(report),
        *_quarantine(report),
        *_sources(report),
        *_letters(report),
        *_targets(report),
    ]


def _gaps(report: QualityReport) -> Iterator[str]:
    counts = Counter((gap.instrument, gap.kind) for gap in report.gaps)
    for (instrument, kind), n in counts.items():
        yield f"{_counted(n, 'gap')} in the {kind} of {instrument} {_are(n)} open."


def _unexplained(report: QualityReport) -> Iterator[str]:
    counts = Counter[str]()
    for day in report.days:
        if day.data is DataKind.BARS and day.n_unexplained:
            counts[day.instrument] += day.n_unexplained
    for instrument, n in counts.items():
        yield f"{_counted(n, 'bar')} of {instrument} {_are(n)} missing, and the ledger has no gap there."


def _broken(report: QualityReport) -> Iterator[str]:
    counts = Counter[tuple[str, str, str]]()
    for day in report.days:
        for rule, n in day.broken.items():
            counts[day.data, day.instrument, rule] += n
    for (data, instrument, rule), n in counts.items():
        breaks = "breaks" if n == 1 else "break"
        yield f"{_counted(n, 'row')} of the {data} of {instrument} {breaks} the rule that each {rule}."


def _quarantine(report: QualityReport) -> Iterator[str]:
    n = sum(day.n_quarantined for day in report.days)
    if n:
        yield f"{_counted(n, 'price')} {_are(n)} in quarantine."


def _sources(report: QualityReport) -> Iterator[str]:
    for each in report.sources:
        if each.state not in _SOUND:
            yield f"{each.source} is {each.state}: {each.reason}"


def _letters(report: QualityReport) -> Iterator[str]:
    for consumer, n in (report.dead_letters or {}).items():
        if n:
            yield f"{_counted(n, 'dead letter')} of {consumer} {_are(n)} open: `driftline dead-letters list` shows them."


def _targets(report: QualityReport) -> Iterator[str]:
    for each in report.targets:
        if each.n_missing:
            yield f"{each.target} has {each.n_rows:,} of the {each.n_needed:,} rows that training needs: {each.remedy}."


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"
