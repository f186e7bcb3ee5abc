"""Checkpoints: an operator's state with the offsets that it stands for, in a compacted topic.

A snapshot is written in the same transaction as the outputs and offsets of its batch. The newest
one that does not run ahead of the committed offsets is the one to restore: the embedded broker
also shows what an aborted transaction wrote.
"""

from collections.abc import Iterable

import msgspec

from schemas.topics import Topic, changelog
from schemas.wire.kafka import Positions, Publisher, read_range
from schemas.wire.settings import KafkaEndpoint


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
    topic: Topic = changelog(job)
    found: dict[int, Snapshot] = {}
    for record in read_range(endpoint, {(topic.name, partition): 0 for partition in partitions}):
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
