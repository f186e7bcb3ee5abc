"""The compatibility gate: committed documents against what the code would generate now.

It says what to do, and to whom it would happen otherwise. What it refuses, :mod:`schemas.contracts`
does not write, so that nobody regenerates a broken promise by mistake.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas.contracts.compatibility import incompatible_changes
from schemas.contracts.documents import ASYNCAPI

Documents = Mapping[str, bytes]


def broken_promises(committed: Documents, generated: Documents) -> list[str]:
    """One line for each incompatible change; none when the generated documents may be committed.

    Args:
        committed: By path, as in :func:`schemas.contracts.documents.documents`; those of earlier
            versions, which nothing generates any more, are promises kept by their records.
        generated: What the code promises now.
    """
    return list(_broken(committed, generated))


def _broken(committed: Documents, generated: Documents) -> Iterator[str]:
    for path in sorted(committed.keys() & generated.keys()):
        old, new = msgspec.json.decode(committed[path]), msgspec.json.decode(generated[path])
        if path == ASYNCAPI:
            yield from _changed_topics(old["channels"], new["channels"])
            continue
        for change in incompatible_changes(old, new):
            yield (
                f"{path}: {change}: this is incompatible, raise the kind's schema_version "
                "and give it a topic of that version"
            )


def _changed_topics(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name in sorted(old):
        if name not in new:
            yield f"topic {name}: it is gone, and subscribers read it"
            continue
        was, now = _promised(old[name]), _promised(new[name])
        now["messages"] = _without_added_kinds(was["messages"], now["messages"])
        for promise in was:
            if was[promise] != now[promise]:
                yield (
                    f"topic {name}: {promise} was {was[promise]}, is {now[promise]}: this is "
                    "incompatible, make it a topic of the next version"
                )


def _promised(channel: dict[str, Any]) -> dict[str, Any]:
    """What subscribers build on: which kinds and versions come, and where a key lies.

    How long records are kept, and which consumers have dead letters, may change.
    """
    kafka = channel["bindings"]["kafka"]
    return {
        "address": channel["address"],
        "messages": sorted(message["$ref"].rsplit("/", 1)[1] for message in channel["messages"].values()),
        "partitions": kafka["partitions"],
        "cleanup": kafka["topicConfiguration"]["cleanup.policy"],
    }


def _without_added_kinds(was: list[str], now: list[str]) -> list[str]:
    """What is there of kinds that were there: subscribers pass over a kind that they do not know.

    Another version of a known kind is no such kind.
    """
    known = {_kind(message) for message in was}
    return [message for message in now if _kind(message) in known]


def _kind(message: str) -> str:
    return message.rsplit(".", 1)[0]
