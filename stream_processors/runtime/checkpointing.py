"""Checkpoints: what changed of an operator's state by key, with the offsets that all of it stands for.

A checkpoint is a number of changed keys and one head, written into a compacted topic in the same
transaction as the outputs and offsets of its batch. Whoever restores reads the newest value of every
key, and the newest head::

    Apache Kafka      key, key, key, head | key, head | key, key, head      compacted by key
    embedded broker   checkpoint 1 <-- checkpoint 2 <-- checkpoint 4        each names the one before
                             ^-------- checkpoint 3   of an aborted transaction

On Apache Kafka a reader sees what was committed and nothing else. The embedded broker never compacts
and also shows what an aborted transaction wrote, so there a checkpoint is one record, with its changes
in it, that names the checkpoint it follows; those that the newest committed one does not follow from
are not looked at. Much of it is split: a head whose parts are not all there is not believed.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from schemas.topics import changelog
from schemas.wire.kafka import Positions, Publisher, Record
from stream_processors.operators.protocols import Change

#: No key of an operator's state is one of these: they begin otherwise than MessagePack's lists.
HEAD = b"head"
PART = b"part"
#: Changes beyond this size go into parts of their own.
PART_BYTES = 1_000_000


class CheckpointHead(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint says beside the changed keys.

    Attributes:
        checkpoint: Names it; no other has this name.
        before: The checkpoint that it follows; None when it begins with an empty state.
        offsets: The next offset to read, by input topic.
        broadcast_offsets: The next offset to read of each broadcast partition.
        newest_ms: When the newest record was published that was read.
        streams: What that was when a key of a run last changed, by run.
        n_parts: How many records with changes belong to it, besides its own.
        changes: Those that are within it; on the embedded broker only.
    """

    checkpoint: str
    before: str | None
    offsets: dict[str, int]
    broadcast_offsets: list[tuple[str, int, int]] = []
    newest_ms: int = 0
    streams: dict[str, int] = {}
    n_parts: int = 0
    changes: list[tuple[bytes, bytes | None]] = []


class Checkpoint(NamedTuple):
    """A head with the keys that changed since the one before."""

    head: CheckpointHead
    changes: Sequence[Change]


class ChangelogState(NamedTuple):
    """A state as a changelog has it.

    Attributes:
        head: Of the newest checkpoint; None when there is none that counts.
        entries: The newest value of every key; those without a head are of no use any more.
    """

    head: CheckpointHead | None
    entries: dict[bytes, bytes]


class _Part(msgspec.Struct, frozen=True, array_like=True):
    checkpoint: str
    number: int
    changes: list[tuple[bytes, bytes | None]]


_heads = msgspec.msgpack.Decoder(CheckpointHead)
_parts = msgspec.msgpack.Decoder(_Part)


def publish_checkpoint(
    publisher: Publisher, *, job: str, partition: int, checkpoint: Checkpoint, is_embedded: bool
) -> None:
    """Write a checkpoint into the changelog partition of its number; doing so twice makes one."""
    for key, value in records_of(checkpoint, is_embedded=is_embedded):
        publisher.publish(changelog(job).name, value, key=key, partition=partition)


def records_of(checkpoint: Checkpoint, *, is_embedded: bool) -> Iterator[tuple[bytes, bytes | None]]:
    """The records of a checkpoint, its head last."""
    head = checkpoint.head
    if is_embedded:
        *parts, last = _split(checkpoint.changes)
        for number, part in enumerate(parts):
            yield PART, msgspec.msgpack.encode(_Part(head.checkpoint, number, part))
        head = msgspec.structs.replace(head, n_parts=len(parts), changes=last)
    else:
        yield from checkpoint.changes
    yield HEAD, msgspec.msgpack.encode(head)


def _split(changes: Iterable[Change]) -> list[list[tuple[bytes, bytes | None]]]:
    parts: list[list[tuple[bytes, bytes | None]]] = [[]]
    size = 0
    for key, value in changes:
        size += len(key) + len(value or b"")
        if size > PART_BYTES and parts[-1]:
            parts.append([])
            size = len(key) + len(value or b"")
        parts[-1].append((key, value))
    return parts


def state_by_key(records: Iterable[Record], committed: Positions) -> ChangelogState:
    """The state in the committed records of one partition of a compacted changelog.

    Args:
        committed: The committed offsets of the job's inputs; a head ahead of them is of another group.
    """
    entries: dict[bytes, bytes] = {}
    head: CheckpointHead | None = None
    partition = 0
    for record in records:
        match record.key, record.value:
            case None, _:
                pass
            case b"head", value:
                head = _head_of(value)
                partition = record.partition
            case key, None:
                entries.pop(key, None)
            case key, value:
                entries[key] = value
    if head is not None and not _is_committed(head, partition, committed):
        head = None
    return ChangelogState(head, entries)


def state_by_descent(records: Iterable[Record], committed: Positions) -> ChangelogState:
    """The state in one partition of a changelog that also shows what was never committed."""
    heads: list[tuple[int, CheckpointHead]] = []
    parts: dict[str, dict[int, _Part]] = {}
    for record in records:
        if record.key == PART and (part := _part_of(record.value)) is not None:
            parts.setdefault(part.checkpoint, {})[part.number] = part
        elif record.key == HEAD and (head := _head_of(record.value)) is not None:
            heads.append((record.partition, head))
    whole = {
        head.checkpoint: head for _, head in heads if len(parts.get(head.checkpoint, ())) >= head.n_parts
    }
    for partition, head in reversed(heads):
        line = _descent(head, whole) if _is_committed(head, partition, committed) else None
        if line is not None:
            return ChangelogState(head, _applied(line, parts))
    return ChangelogState(None, {})


def _descent(head: CheckpointHead, whole: dict[str, CheckpointHead]) -> list[CheckpointHead] | None:
    """What a checkpoint follows from, oldest first; None if something of that is missing."""
    line: list[CheckpointHead] = []
    name: str | None = head.checkpoint
    while name is not None:
        if name not in whole or len(line) > len(whole):
            return None
        line.append(whole[name])
        name = whole[name].before
    return line[::-1]


def _applied(line: Iterable[CheckpointHead], parts: dict[str, dict[int, _Part]]) -> dict[bytes, bytes]:
    entries: dict[bytes, bytes] = {}
    for head in line:
        own = parts.get(head.checkpoint, {})
        for changes in (*(own[number].changes for number in range(head.n_parts)), head.changes):
            for key, value in changes:
                if value is None:
                    entries.pop(key, None)
                else:
                    entries[key] = value
    return entries


def _is_committed(head: CheckpointHead, partition: int, committed: Positions) -> bool:
    return all(offset <= committed.get((name, partition), 0) for name, offset in head.offsets.items())


def _head_of(value: bytes | None) -> CheckpointHead | None:
    try:
        return _heads.decode(value or b"")
    except msgspec.DecodeError:
        return None  # of another release: the log itself is what is left


def _part_of(value: bytes | None) -> _Part | None:
    try:
        return _parts.decode(value or b"")
    except msgspec.DecodeError:
        return None
