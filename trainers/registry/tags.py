"""Names the tags of versions and aliases in a registry's git repository, in the form of GTO.

::

    btc-usdt-binance/15m-15m/replay-1@v0.0.3           a version, on the commit that published it
    btc-usdt-binance/15m-15m/replay-1#champion#2       an alias, on the commit of the version that it means

GTO calls a target in a stream an artifact: aliases belong to it. The last number counts the
assignments of an artifact, so the names of all assignment tags follow from the ledger alone.

Source:
    GTO's conventions (https://dvc.org/doc/gto); a test has the library read what is written here.
"""

import re
from collections import Counter
from collections.abc import Iterable

from schemas.artifacts import LedgerEntry, ModelTarget

_UNUSABLE = re.compile(r"[^a-z0-9_-]+")
_ASSIGNMENT = re.compile(r"^(?P<artifact>.+)#[a-z]+#(?P<number>[1-9][0-9]*)$")
_VERSION = re.compile(r"^(?P<artifact>.+)@v0\.0\.(?P<number>[1-9][0-9]*)$")


def artifact_name(target: ModelTarget, stream: str) -> str:
    """Returns the artifact of a target and stream, in the letters that GTO allows."""
    parts = (target.instrument, f"{target.interval}-{target.horizon}", stream)
    return "/".join(_UNUSABLE.sub("-", str(part).lower()).strip("-_") or "x" for part in parts)


def version_tag(artifact: str, number: int) -> str:
    """Returns the tag of the version with this number."""
    return f"{artifact}@v0.0.{number}"


def next_number(artifact: str, tags: Iterable[str]) -> int:
    """Returns the number of an artifact's next version, given all tags."""
    found = (_VERSION.match(tag) for tag in tags)
    return 1 + max(
        (int(match["number"]) for match in found if match is not None and match["artifact"] == artifact),
        default=0,
    )


def is_version_of(artifact: str, tag: str) -> bool:
    """Whether a tag names a version of an artifact."""
    match = _VERSION.match(tag)
    return match is not None and match["artifact"] == artifact


def assignment_tags(ledger: Iterable[LedgerEntry]) -> list[tuple[str, LedgerEntry]]:
    """Returns each line of a ledger with the name of its tag, oldest first."""
    counts: Counter[str] = Counter()
    tagged = []
    for entry in ledger:
        artifact = artifact_name(entry.target, entry.stream)
        counts[artifact] += 1
        tagged.append((f"{artifact}#{entry.alias}#{counts[artifact]}", entry))
    return tagged


def is_assignment(tag: str) -> bool:
    """Whether a tag names an assignment of an alias."""
    return _ASSIGNMENT.match(tag) is not None


def assignment_message(entry: LedgerEntry) -> str:
    """Returns the message of the tag and of the commit of a ledger line."""
    return f"{entry.alias} of {entry.target} in {entry.stream}: {entry.version}\n\n{entry.reason}"
