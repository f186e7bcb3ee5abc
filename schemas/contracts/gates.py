"""The compatibility gate: compares the committed documents with those that the code would generate now.

It says what to do, and whom a change would break. :mod:`schemas.contracts` writes nothing that the gate refuses, so
nobody regenerates a broken promise by mistake.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas.contracts.compatibility import incompatible_changes
from schemas.contracts.documents import ASYNCAPI

Documents = Mapping[str, bytes]


def broken_promises(committed: Documents, generated: Documents) -> list[str]:
    """Return one line for each incompatible change; none if the generated documents may be committed.

    Args:
        committed: The documents by path, as in :func:`schemas.contracts.documents.documents`; those of earlier
            versions, which nothing generates any more, are not compared.
        generated: The documents of the present code.
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
    """What subscribers rely on: the kinds and versions of a topic, and the partition of a key.

    The retention, and the consumers that have dead letters, may change.
    """
    kafka = channel["bindings"]["kafka"]
    return {
        "address": channel["address"],
        "messages": sorted(message["$ref"].rsplit("/", 1)[1] for message in channel["messages"].values()),
        "partitions": kafka["partitions"],
        "cleanup": kafka["topicConfiguration"]["cleanup.policy"],
    }


def _without_added_kinds(was: list[str], now: list[str]) -> list[str]:
    """The messages of kinds that were there before: subscribers ignore a kind that they do not know.

    Another version of a known kind is not ignored.
    """
    known = {_kind(message) for message in was}
    return [message for message in now if _kind(message) in known]


def _kind(message: str) -> str:
    return message.rsplit(".", 1)[0]
