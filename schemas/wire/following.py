"""Reads the log for people: from any offset, with the time of publication, and further as it grows.

It stands apart from :class:`schemas.wire.kafka.Reader` for jobs: that never asks when a record was
published, because that takes time, and it commits offsets, which this never does.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import confluent_kafka as ck

from schemas.errors import BrokerUnavailableError
from schemas.wire.kafka import Positions, Reader, Record, translate
from schemas.wire.settings import KafkaEndpoint

Where = tuple[str, int]
_WAIT_S = 0.2


def follow(
    endpoint: KafkaEndpoint, starts: Mapping[Where, int], *, stop: Callable[[], bool], is_endless: bool
) -> Iterator[Record]:
    """Yield the committed records of partitions from given offsets on.

    Args:
        endpoint: The address of the broker.
        starts: The first offset, by topic and partition.
        stop: Asked between batches.
        is_endless: Whether to wait for more records at the end.

    Yields:
        The records with the time of their publication, in order per partition.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
    """
    wanted = set(starts)
    reader = _reader_at(endpoint, dict(starts))
    try:
        while wanted and not stop():
            for message in reader.messages(timeout_s=_WAIT_S):
                if not _is_at_end(message):
                    yield _observed(message)
                elif not is_endless:
                    wanted.discard(_place(message))
    finally:
        reader.close()


def first_published(
    endpoint: KafkaEndpoint, positions: Positions, *, budget_s: float = 10.0
) -> dict[Where, int]:
    """Return when the first record at or after each position was published, in UTC milliseconds.

    Partitions that have no such record are left out.

    Args:
        endpoint: The address of the broker.
        positions: The offsets, by topic and partition.
        budget_s: The longest wait for a message.

    Raises:
        BrokerUnavailableError: If the broker does not answer within the budget.
    """
    if not positions:
        return {}
    found: dict[Where, int | None] = {}
    reader = _reader_at(endpoint, positions)
    try:
        idle_s = 0.0
        while len(found) < len(positions):
            messages = reader.messages(timeout_s=_WAIT_S)
            idle_s = 0.0 if messages else idle_s + _WAIT_S
            if idle_s > budget_s:
                message = f"Kafka: {sorted(positions.keys() - found.keys())} said nothing for {budget_s:g} s"
                raise BrokerUnavailableError(message)
            for seen in messages:
                published_ms = None if _is_at_end(seen) else _observed(seen).timestamp_ms
                found.setdefault(_place(seen), published_ms)
    finally:
        reader.close()
    return {where: published_ms for where, published_ms in found.items() if published_ms is not None}


def _reader_at(endpoint: KafkaEndpoint, positions: Positions) -> Reader:
    reader = Reader(endpoint, group="driftline-following", topics=(), is_fixed=True, sees_ends=True)
    reader.seek(positions)
    return reader


def _place(message: Any) -> Where:
    return (message.topic(), message.partition())


def _is_at_end(message: Any) -> bool:
    error = message.error()
    return error is not None and error.code() == ck.KafkaError._PARTITION_EOF  # noqa: SLF001


def _observed(message: Any) -> Record:
    error = message.error()
    if error is not None:
        raise translate(error)
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        message.headers() or (),
        message.timestamp()[1],
    )
