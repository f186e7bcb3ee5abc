"""Which version served when, and why, as the ledger tells it."""

from collections.abc import Iterable, Sequence

from schemas.artifacts import LedgerEntry, ModelManifest, ModelTarget
from schemas.events import ModelPromoted, PromotionTookEffect

#: What an alias is asked of: its name, its target, its stream.
Post = tuple[str, ModelTarget, str]
#: A line of the ledger: its post, its version, and from when it was meant to take effect.
Line = tuple[str, ModelTarget, str, str, int]


def serving_at(ledger: Iterable[LedgerEntry], time_ms: int) -> dict[Post, LedgerEntry]:
    """The line in effect at a time, by alias, target and stream.

    Of the lines that had taken effect it is the one that did last; of two from the same time the
    later one in the ledger, as scoring has it.

    Args:
        ledger: Oldest first.
        time_ms: In the stream's time.
    """
    found: dict[Post, LedgerEntry] = {}
    for entry in ledger:
        post = (entry.alias, entry.target, entry.stream)
        known = found.get(post)
        is_newer = known is None or entry.effective_from_ms >= known.effective_from_ms
        if entry.effective_from_ms <= time_ms and is_newer:
            found[post] = entry
    return found


def records_by_line(recorded: Iterable[PromotionTookEffect]) -> dict[Line, PromotionTookEffect]:
    """Records of when promotions took effect in fact, by :func:`line_of` their ledger lines."""
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


def line_of(entry: LedgerEntry) -> Line:
    """What tells a promotion from all others."""
    return entry.alias, entry.target, entry.stream, entry.version, entry.effective_from_ms


def in_effect(
    lines: Sequence[LedgerEntry], recorded: Iterable[PromotionTookEffect]
) -> list[tuple[int, LedgerEntry]]:
    """Which line of one alias, target and stream predicted from which as-of time on, as scoring chose.

    Of the lines that had started it is the one that was meant to take effect last, and of two of those
    the later one in the ledger: a line that started when such a one predicted never did.

    Args:
        lines: Oldest first.
        recorded: When promotions started in fact; a line without a record did when it was meant to.

    Returns:
        By time; of two of the same time the later one predicts.
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
    """The newest line of the same alias, target and stream that meant another version.

    Lines that a rollback left behind are not gone back to: what was rolled back from stays behind.
    """
    history: list[LedgerEntry] = []
    for entry in ledger:
        if (entry.alias, entry.target, entry.stream) != (current.alias, current.target, current.stream):
            continue
        versions = [known.version for known in history]
        if entry.version in versions:
            # A return: everything since then was given up.
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
