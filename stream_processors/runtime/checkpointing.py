"""Checkpoints: the keys of an operator's state that changed, with the offsets that the whole state stands for.

A checkpoint is a number of changed keys and one head. It is written into a compacted topic in the same
transaction as the outputs and offsets of its batch. Restoring reads the newest value of every key, and the
newest head::

    Apache Kafka      key, key, key, head | key, head | key, key, head      compacted by key
    embedded broker   checkpoint 1 <-- checkpoint 2 <-- checkpoint 4        each names the one before
                             ^-------- checkpoint 3   of an aborted transaction

On Apache Kafka a reader sees what was committed and nothing else. The embedded broker never compacts, and
it also shows what an aborted transaction wrote. So there a checkpoint is one record that contains its
changes and names the checkpoint it follows. Only the checkpoints that the newest committed one follows from
count. A large checkpoint is split into parts, and a head whose parts are not all there is left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from schemas.topics import changelog
from schemas.wire.kafka import Positions, Publisher, Record
from stream_processors.operators.protocols import StateChange

#: No key of an operator's state equals one of these, because no MessagePack list begins like them.
HEAD = b"head"
PART = b"part"
#: Changes that are larger together are split into parts.
PART_BYTES = 1_000_000


class CheckpointHead(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint holds besides the changed keys.

    Attributes:
        checkpoint: The name of the checkpoint, which is unique.
        before: The checkpoint that it follows; None when it begins with an empty state.
        offsets: The next offset to read, by input topic.
        broadcast_offsets: The next offset to read of each broadcast partition.
        newest_ms: When the newest record that was read had been published.
        streams: By run, the value of ``newest_ms`` when a key of the run last changed.
        n_parts: How many further records hold changes of this checkpoint.
        changes: The changes that this record holds; on the embedded broker only.
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
    """A head with the keys that changed since the checkpoint before."""

    head: CheckpointHead
    changes: Sequence[StateChange]


class ChangelogState(NamedTuple):
    """The state that a changelog holds.

    Attributes:
        head: The head of the newest checkpoint; None when no checkpoint counts.
        entries: The newest value of every key. Without a head they are of no use and are to be deleted.
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
    """Write a checkpoint into the changelog; writing it twice gives one checkpoint.

    Args:
        publisher: Writes it.
        job: Names the changelog.
        partition: The number of the operator's partition, which is the changelog's partition too.
        checkpoint: The head and the changed keys.
        is_embedded: Whether the broker is the embedded one, where a checkpoint has another form.
    """
    for key, value in records_of(checkpoint, is_embedded=is_embedded):
        publisher.publish(changelog(job).name, value, key=key, partition=partition)


def records_of(checkpoint: Checkpoint, *, is_embedded: bool) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield the records of a checkpoint, the head last."""
    head = checkpoint.head
    if is_embedded:
        *parts, last = _split(checkpoint.changes)
        for number, part in enumerate(parts):
            yield PART, msgspec.msgpack.encode(_Part(head.checkpoint, number, part))
        head = msgspec.structs.replace(head, n_parts=len(parts), changes=last)
    else:
        yield from checkpoint.changes
    yield HEAD, msgspec.msgpack.encode(head)


def _split(changes: Iterable[StateChange]) -> list[list[tuple[bytes, bytes | None]]]:
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
    """Return the state in the committed records of one partition of a compacted changelog.

    Args:
        records: The records of one partition, in the order of the log.
        committed: The committed offsets of the job's inputs. A head ahead of them belongs to another group.
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
    """Return the state in one partition of a changelog that also shows what was never committed.

    Args:
        records: The records of one partition, in the order of the log.
        committed: The committed offsets of the job's inputs. A head ahead of them was not committed.
    """
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
    """A checkpoint and all that it follows from, oldest first; None if one of them is missing."""
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
        return None  # another release wrote it, so the inputs are stepped again instead


def _part_of(value: bytes | None) -> _Part | None:
    try:
        return _parts.decode(value or b"")
    except msgspec.DecodeError:
        return None
