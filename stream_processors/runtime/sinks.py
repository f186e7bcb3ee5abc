"""A sink: reads topics and writes batches into a store, at least once and idempotently.

Offsets are committed behind the write, so a crash writes a batch again, which changes nothing:
rows go by the event's natural key.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import stamina
import structlog

from schemas import codec
from schemas.errors import ContractError, StoreUnavailableError
from schemas.events import Event
from schemas.topics import BY_NAME, Topic
from schemas.wire.kafka import Positions, Publisher, Reader, Record
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.dead_letters import publish_dead_letter, reason_of

log = structlog.get_logger()
MAX_BATCH = 10_000
STORE_BUDGET_S = 60.0


class Received(NamedTuple):
    """An event with where it was read."""

    topic: str
    partition: int
    event: Event


def run_sink(
    *,
    name: str,
    topics: Sequence[Topic],
    endpoint: KafkaEndpoint,
    write: Callable[[Sequence[Received]], None],
    stop: Callable[[], bool],
) -> None:
    """Write everything on some topics into a store until asked to stop.

    Args:
        name: Names the consumer group and the dead-letter topic.
        write: Stores a batch, whole or not at all; raises StoreUnavailableError to be retried.

    Raises:
        StoreUnavailableError: If the store stayed away for a minute.
        BrokerUnavailableError: If the broker did.
    """
    reader = Reader(
        endpoint, group=f"driftline-{name}", topics=topics, is_fixed=endpoint.is_embedded, member="0"
    )
    publisher = Publisher(endpoint, role=name)
    reader.open()
    try:
        while not stop():
            records = reader.poll(max_records=MAX_BATCH, timeout_s=0.2)
            if records:
                _write_batch(name, records, publisher, write)
                reader.commit(_positions(records))
    finally:
        reader.close()


def _write_batch(
    name: str, records: Sequence[Record], publisher: Publisher, write: Callable[[Sequence[Received]], None]
) -> None:
    received: list[Received] = []
    n_dead = 0
    for record in records:
        try:
            event = codec.decode(BY_NAME[record.topic], record.value, record.headers)
        except ContractError as error:
            log.warning(
                "dead letter", job=name, topic=record.topic, offset=record.offset, reason=reason_of(error)
            )
            publish_dead_letter(publisher, consumer=name, record=record, error=error)
            n_dead += 1
        else:
            received.append(Received(record.topic, record.partition, event))
    if n_dead:
        publisher.flush()
    for attempt in stamina.retry_context(
        on=StoreUnavailableError, attempts=None, timeout=STORE_BUDGET_S, wait_initial=0.1, wait_max=1.0
    ):
        with attempt:
            write(received)


def _positions(records: Sequence[Record]) -> Positions:
    return {(record.topic, record.partition): record.offset + 1 for record in records}
