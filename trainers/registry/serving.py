"""Which version served when, and why, as the ledger tells it."""

from collections.abc import Iterable

from schemas.artifacts import LedgerEntry, ModelTarget

#: What an alias is asked of: its name, its target, its stream.
Post = tuple[str, ModelTarget, str]


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
