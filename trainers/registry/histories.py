"""Holding a ledger against its git history: lines that were cut off, and lines that became others.

The ledger's own hashes prove that no line before the last was changed, and cannot show that its
newest whole lines are gone. The git history can: it has the ledger as it was when it was last
recorded, and a tag for every line. What the ledger has and the history has not yet is no fault: the
history is written after it, and what a crash left out is recorded at the next write.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.artifacts import LedgerEntry
from trainers.registry.tags import assignment_message, assignment_tags, is_assignment


class Recorded(NamedTuple):
    """What a git history has of a ledger.

    Attributes:
        tags: The message of every tag, by its name.
        ledger: The file as it was committed last; empty where it never was.
    """

    tags: Mapping[str, str]
    ledger: bytes


class Disagreement(NamedTuple):
    """What a ledger and its history say differently.

    Attributes:
        is_committed: Whether the last commit has the lines that the ledger has not.
    """

    words: str
    is_committed: bool


def disagreement(content: bytes, ledger: Sequence[LedgerEntry], recorded: Recorded) -> Disagreement | None:
    """What a ledger and its history say differently; None where the one continues the other.

    Args:
        content: The ledger's whole lines, read after the history was.
        ledger: The same as entries.
        recorded: The history.
    """
    of_commits = _of_commits(content, recorded.ledger)
    if of_commits is not None:
        return Disagreement(of_commits, is_committed=True)
    of_tags = _of_tags(ledger, recorded.tags)
    return None if of_tags is None else Disagreement(of_tags, is_committed=False)


def _of_commits(content: bytes, committed: bytes) -> str | None:
    known = committed[: committed.rfind(b"\n") + 1]
    if content.startswith(known):
        return None
    ours, theirs = content.splitlines(), known.splitlines()
    if known.startswith(content):
        return f"the ledger has {len(ours)} lines, its git history {len(theirs)}: it was cut after line {len(ours)}"
    first = next(i for i, pair in enumerate(zip(ours, theirs, strict=False), start=1) if pair[0] != pair[1])
    return (
        f"the ledger's line {first} is another than in its git history, which has {len(theirs)} lines: "
        "the ledger was cut and went on otherwise"
    )


def _of_tags(ledger: Sequence[LedgerEntry], tags: Mapping[str, str]) -> str | None:
    expected = {tag: assignment_message(entry) for tag, entry in assignment_tags(ledger)}
    more = sorted(tag for tag in tags if is_assignment(tag) and tag not in expected)
    if more:
        return f"the git history has a tag {more[0]} that no line of the ledger has: the ledger was cut"
    other = [tag for tag, message in expected.items() if tag in tags and tags[tag].strip() != message.strip()]
    if other:
        said, is_now = (text.partition("\n")[0] for text in (tags[other[0]], expected[other[0]]))
        return f"the tag {other[0]} says {said!r}, the ledger {is_now!r}: the ledger was cut and went on otherwise"
    return None


def unrecorded(ledger: Sequence[LedgerEntry], recorded: Recorded) -> int:
    """How many lines of a ledger have no tag yet."""
    return sum(tag not in recorded.tags for tag, _ in assignment_tags(ledger))
