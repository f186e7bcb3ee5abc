"""Checkpoints: an operator's state with the offsets that it stands for, in a compacted topic.

A snapshot is written in the same transaction as the outputs and offsets of its batch. The newest
one that does not run ahead of the committed offsets is the one to restore: the embedded broker
also shows what an aborted transaction wrote.

The newest lies at the changelog's end, so the end is read first, and more only if there is none:
how long a changelog has become does not matter. The embedded broker states its ends too low at
times, so there a changelog is read from its beginning; snapshots are rarer there.
"""

from collections.abc import Iterable

import msgspec

from schemas.topics import changelog
from schemas.wire.administration import Administration
from schemas.wire.kafka import Positions, Publisher, Record, read_range
from schemas.wire.settings import KafkaEndpoint

#: Offsets, of which every other is a transaction's mark; so this many again are looked at first.
_TAIL = 32
_FARTHER = 16


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one operator.

    Attributes:
        offsets: The next offset to read, by input topic.
        broadcast_offsets: The next offset to read of each broadcast partition.
        state: The operator's own bytes.
    """

    offsets: dict[str, int]
    broadcast_offsets: list[tuple[str, int, int]]
    state: bytes


def publish_snapshot(publisher: Publisher, *, job: str, partition: int, snapshot: Snapshot) -> None:
    """Write an operator's snapshot into the changelog partition of its number."""
    publisher.publish(
        changelog(job).name,
        msgspec.msgpack.encode(snapshot),
        key=str(partition).encode(),
        partition=partition,
    )


def newest_snapshots(
    endpoint: KafkaEndpoint, *, job: str, partitions: Iterable[int], committed: Positions
) -> dict[int, Snapshot]:
    """The snapshot to restore for each partition number; those without one are left out.

    Args:
        committed: The committed offsets of the job's inputs.
    """
    places = [(changelog(job).name, partition) for partition in partitions]
    if endpoint.is_embedded:
        return newest_of(read_range(endpoint, dict.fromkeys(places, 0)), committed)
    administration = Administration(endpoint)
    ends, beginnings = administration.ends(places), administration.beginnings(places)
    found: dict[int, Snapshot] = {}
    reach = _TAIL
    wanted = {place for place in places if ends[place] > beginnings[place]}
    while wanted:
        starts = {place: max(beginnings[place], ends[place] - reach) for place in wanted}
        found |= newest_of(read_range(endpoint, starts), committed)
        wanted = {p for p in wanted if p[1] not in found and starts[p] > beginnings[p]}
        reach *= _FARTHER
    return found


def newest_of(records: Iterable[Record], committed: Positions) -> dict[int, Snapshot]:
    """The newest committed snapshot per partition number among a changelog's records."""
    found: dict[int, Snapshot] = {}
    for record in records:
        if record.value is None:
            continue
        try:
            snapshot = msgspec.msgpack.decode(record.value, type=Snapshot)
        except msgspec.DecodeError:
            continue  # of another release: an older one, or the log itself, is what is left
        is_committed = all(
            offset <= committed.get((name, record.partition), 0) for name, offset in snapshot.offsets.items()
        )
        if is_committed:
            found[record.partition] = snapshot
    return found
