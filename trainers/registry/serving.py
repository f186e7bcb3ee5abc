"""Finds in the ledger which version served when, and why."""

from collections.abc import Iterable, Sequence

from schemas.artifacts import LedgerEntry, ModelManifest, ModelTarget
from schemas.events import ModelPromoted, PromotionTookEffect

#: An alias of one target and stream: its name, the target, the stream.
AliasKey = tuple[str, ModelTarget, str]
#: Tells a line of the ledger from all others: alias, target, stream, version, and the time from which it was meant to serve.
LineKey = tuple[str, ModelTarget, str, str, int]


def serving_at(ledger: Iterable[LedgerEntry], time_ms: int) -> dict[AliasKey, LedgerEntry]:
    """Returns the line that was in effect at a time, by alias, target and stream.

    Of the lines that had taken effect, the one that did so last is in effect. Of two lines from the same time, the
    later one in the ledger is, as in scoring.

    Args:
        ledger: The lines, oldest first.
        time_ms: The time, by the stream's clock.
    """
    found: dict[AliasKey, LedgerEntry] = {}
    for entry in ledger:
        key = (entry.alias, entry.target, entry.stream)
        known = found.get(key)
        is_newer = known is None or entry.effective_from_ms >= known.effective_from_ms
        if entry.effective_from_ms <= time_ms and is_newer:
            found[key] = entry
    return found


def records_by_line(recorded: Iterable[PromotionTookEffect]) -> dict[LineKey, PromotionTookEffect]:
    """Returns the records of when promotions took effect, by :func:`line_of` of their ledger lines."""
    return {
        (
            one.alias,
            ModelTarget(instrument=one.instrument, interval=one.interval, horizon=one.horizon),
            one.stream,
            one.model_version,
            one.effective_from_ms,
        ): one
        for one in recorded
    }


def line_of(entry: LedgerEntry) -> LineKey:
    """Returns the key that tells a line from all others."""
    return entry.alias, entry.target, entry.stream, entry.version, entry.effective_from_ms


def in_effect(
    lines: Sequence[LedgerEntry], recorded: Iterable[PromotionTookEffect]
) -> list[tuple[int, LedgerEntry]]:
    """Returns from which as-of time each line of one alias, target and stream predicted, as scoring chose.

    Of the lines that had started, the one that was meant to take effect last predicts; of two such lines, the later one in
    the ledger. So a line that starts while such a line predicts never predicts itself.

    Args:
        lines: The lines of one alias, target and stream, oldest first.
        recorded: The records of when promotions started; a line without a record started when it was meant to.

    Returns:
        The start times with their lines, by time; of two with the same time the later one predicts.
    """
    records = records_by_line(recorded)
    started = []
    for number, line in enumerate(lines):
        record = records.get(line_of(line))
        from_ms = line.effective_from_ms if record is None else record.event_time_ms
        started.append((from_ms, (line.effective_from_ms, number)))
    found: list[tuple[int, LedgerEntry]] = []
    greatest: tuple[int, int] | None = None
    for from_ms, rank in sorted(started):
        if greatest is None or rank > greatest:
            greatest = rank
            found.append((from_ms, lines[rank[1]]))
    return found


def before(ledger: Iterable[LedgerEntry], current: LedgerEntry) -> LedgerEntry | None:
    """Returns the newest earlier line of the same alias, target and stream that named another version.

    A version that was rolled back from is never returned to.
    """
    history: list[LedgerEntry] = []
    for entry in ledger:
        if (entry.alias, entry.target, entry.stream) != (current.alias, current.target, current.stream):
            continue
        versions = [known.version for known in history]
        if entry.version in versions:
            # The ledger returned to this version, so everything since then was given up.
            history = history[: versions.index(entry.version)]
        history.append(entry)
    return history[-2] if len(history) > 1 else None


def promotion_of(entry: LedgerEntry, manifest: ModelManifest) -> ModelPromoted:
    """Return the event that announces a line of the ledger.

    Args:
        entry: The line.
        manifest: Of the version that the line names.
    """
    return ModelPromoted(
        event_time_ms=entry.effective_from_ms,
        known_time_ms=entry.effective_from_ms,
        source=manifest.source,
        stream=entry.stream,
        instrument=entry.target.instrument,
        interval=entry.target.interval,
        horizon=entry.target.horizon,
        alias=entry.alias,
        model_version=entry.version,
        model_hash=entry.model_hash,
        feature_spec_hash=manifest.feature_spec_hash,
        effective_from_ms=entry.effective_from_ms,
    )
