"""Compares a ledger with its git history, to find lines that were cut off or replaced.

The ledger's own hashes prove that no line before the last one was changed. They cannot show that its newest
lines are gone. The git history can: it holds the ledger as it was recorded last, and a tag for every line.
Lines that only the ledger has are no fault, because the history is written after the ledger; the next write
records what a crash left out.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.artifacts import LedgerEntry
from trainers.registry.tags import assignment_message, assignment_tags, is_assignment


class RecordedHistory(NamedTuple):
    """What a git history holds of a ledger.

    Attributes:
        tags: The message of every tag, by its name.
        ledger: The file as it was committed last; empty if it never was.
    """

    tags: Mapping[str, str]
    ledger: bytes


class LedgerDisagreement(NamedTuple):
    """What a ledger and its history state differently.

    Attributes:
        words: The difference, for people.
        is_committed: Whether the last commit holds the lines that the ledger lacks.
    """

    words: str
    is_committed: bool


def disagreement(
    content: bytes, ledger: Sequence[LedgerEntry], recorded: RecordedHistory
) -> LedgerDisagreement | None:
    """Returns what a ledger and its history state differently; None if the ledger continues the history.

    Args:
        content: The ledger's whole lines. They must be read after the history.
        ledger: The same lines as entries.
        recorded: The history.
    """
    of_commits = _of_commits(content, recorded.ledger)
    if of_commits is not None:
        return LedgerDisagreement(of_commits, is_committed=True)
    of_tags = _of_tags(ledger, recorded.tags)
    return None if of_tags is None else LedgerDisagreement(of_tags, is_committed=False)


def _of_commits(content: bytes, committed: bytes) -> str | None:
    known = committed[: committed.rfind(b"\n") + 1]
    if content.startswith(known):
        return None
    ours, theirs = content.splitlines(), known.splitlines()
    if known.startswith(content):
        return f"the ledger has {len(ours)} lines, its git history {len(theirs)}: it was cut after line {len(ours)}"
    first = next(i for i, pair in enumerate(zip(ours, theirs, strict=False), start=1) if pair[0] != pair[1])
    return (
        f"the ledger's line {first} is not the one in its git history, which has {len(theirs)} lines: "
        "the ledger was cut, and other lines were written after that"
    )


def _of_tags(ledger: Sequence[LedgerEntry], tags: Mapping[str, str]) -> str | None:
    expected = {tag: assignment_message(entry) for tag, entry in assignment_tags(ledger)}
    more = sorted(tag for tag in tags if is_assignment(tag) and tag not in expected)
    if more:
        return f"the git history has a tag {more[0]} that no line of the ledger has: the ledger was cut"
    other = [tag for tag, message in expected.items() if tag in tags and tags[tag].strip() != message.strip()]
    if other:
        said, is_now = (text.partition("\n")[0] for text in (tags[other[0]], expected[other[0]]))
        return f"the tag {other[0]} says {said!r}, the ledger says {is_now!r}: the ledger was cut, and other lines were written after that"
    return None


def unrecorded(ledger: Sequence[LedgerEntry], recorded: RecordedHistory) -> int:
    """Counts the lines of a ledger that have no tag yet."""
    return sum(tag not in recorded.tags for tag, _ in assignment_tags(ledger))
