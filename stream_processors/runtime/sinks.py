"""A sink: it reads topics and writes batches into a store, at least once and idempotently.

Offsets are committed after the write. A crash in between writes a batch again, which changes nothing,
because rows go by the event's natural key.

A sink waits as long as necessary for a store that takes no writes, because it is away, full or read-only.
Nothing is read on in that time, and the log keeps the rest. A row that the store refuses is put aside with
the store's reason, and the rows around it are written.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from schemas import codec
from schemas.errors import ContractError, StoreUnavailableError
from schemas.events import Event
from schemas.time import Clock
from schemas.topics import BY_NAME, Topic
from schemas.wire.clocks import SystemClock
from schemas.wire.freeing import Freeing
from schemas.wire.kafka import Positions, Publisher, Reader, Record
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.dead_letters import publish_dead_letter, reason_of

log = structlog.get_logger()
MAX_BATCH = 10_000
#: The waiting time between two attempts at a store that takes no writes. It doubles from the first to the longest.
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 5.0
#: How often the log names a store that takes no writes.
_SAY_EVERY_S = 30.0


class ReceivedEvent(NamedTuple):
    """An event and the place where it was read."""

    topic: str
    partition: int
    event: Event


def run_sink(
    *,
    name: str,
    topics: Sequence[Topic],
    endpoint: KafkaEndpoint,
    write: Callable[[Sequence[ReceivedEvent]], None],
    stop: Callable[[], bool],
) -> None:
    """Write every event of some topics into a store until asked to stop.

    Args:
        name: Names the consumer group and the dead-letter topic.
        topics: The topics to read.
        endpoint: The broker.
        write: Stores a batch, whole or not at all. It raises StoreUnavailableError to be called again, and
            ContractError when the store refuses a row of the batch.
        stop: Asked between batches.

    Raises:
        BrokerUnavailableError: If the broker stayed away.
    """
    reader = Reader(
        endpoint, group=f"driftline-{name}", topics=topics, is_fixed=endpoint.is_embedded, member="0"
    )
    letters = _DeadLetterPublisher(name, Publisher(endpoint, role=name))
    writing = BatchWriter(
        name, write=write, put_aside=letters.put_aside, idle=reader.idle, clock=SystemClock()
    )
    freeing = Freeing(SystemClock())
    reader.open()
    try:
        while not stop():
            records = reader.poll(max_records=MAX_BATCH, timeout_s=0.2)
            freeing.after(len(records))
            if not records:
                continue
            is_written = writing.write(letters.readable(records), stop=stop)
            letters.flush()
            if is_written:
                reader.commit(_positions(records))
    finally:
        reader.close()


ReadableMessage = tuple[Record, ReceivedEvent]


class BatchWriter:
    """Writes batches into a store that may refuse rows or take no writes for a while.

    Args:
        name: The name of the job, for the log.
        write: Stores a batch; see :func:`run_sink`.
        put_aside: Called with each message whose row the store refuses.
        idle: Waits for some seconds and keeps the reader's place in its group.
        clock: Tells how long the store has taken no writes.
    """

    def __init__(
        self,
        name: str,
        *,
        write: Callable[[Sequence[ReceivedEvent]], None],
        put_aside: Callable[[Record, ContractError], None],
        idle: Callable[[float], None],
        clock: Clock,
    ) -> None:
        self._name = name
        self._write = write
        self._put_aside = put_aside
        self._idle = idle
        self._clock = clock
        self._refused_since_s: float | None = None
        self._said_at_s = 0.0
        self._wait_s = _FIRST_WAIT_S

    def write(self, batch: Sequence[ReadableMessage], *, stop: Callable[[], bool]) -> bool:
        """Write a batch in order.

        A part that fails is tried again in halves. So a refused row is found in a few steps, and a store
        that can take only few rows at a time, because of a time limit or its memory, gets few.

        Returns:
            True when every row is written or put aside; False when asked to stop while the store took no
            writes.
        """
        begin, size = 0, len(batch)
        while begin < len(batch):
            part = batch[begin : begin + size]
            try:
                self._write([received for _, received in part])
            except ContractError as error:
                if len(part) == 1:
                    self._put_aside(part[0][0], error)
                    begin += 1
                size = max(1, len(part) // 2)
            except StoreUnavailableError as error:
                if stop():
                    return False
                self._wait(error)
                size = max(1, len(part) // 2)
            else:
                self._has_taken()
                begin += len(part)
                size = 2 * len(part)
        return True

    def _wait(self, error: StoreUnavailableError) -> None:
        now_s = self._clock.monotonic_s()
        if self._refused_since_s is None:
            self._refused_since_s = now_s
        if self._refused_since_s == now_s or now_s - self._said_at_s >= _SAY_EVERY_S:
            self._said_at_s = now_s
            waited_s = round(now_s - self._refused_since_s, 1)
            log.warning("store takes no writes", job=self._name, reason=str(error), waited_s=waited_s)
        self._idle(self._wait_s)
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)

    def _has_taken(self) -> None:
        if self._refused_since_s is not None:
            waited_s = round(self._clock.monotonic_s() - self._refused_since_s, 1)
            log.info("store takes writes again", job=self._name, waited_s=waited_s)
        self._refused_since_s, self._wait_s = None, _FIRST_WAIT_S


class _DeadLetterPublisher:
    """Publishes the messages that a sink puts aside."""

    def __init__(self, name: str, publisher: Publisher) -> None:
        self._name = name
        self._publisher = publisher
        self._n_unsent = 0

    def readable(self, records: Sequence[Record]) -> list[ReadableMessage]:
        """Return the records with their events; messages that break the contract are put aside."""
        found: list[ReadableMessage] = []
        for record in records:
            try:
                event = codec.decode(BY_NAME[record.topic], record.value, record.headers)
            except ContractError as error:
                self.put_aside(record, error)
            else:
                found.append((record, ReceivedEvent(record.topic, record.partition, event)))
        return found

    def put_aside(self, record: Record, error: ContractError) -> None:
        """Put a message aside; it is in the log once :meth:`flush` returns."""
        log.warning(
            "dead letter", job=self._name, topic=record.topic, offset=record.offset, reason=reason_of(error)
        )
        publish_dead_letter(self._publisher, consumer=self._name, record=record, error=error)
        self._n_unsent += 1

    def flush(self) -> None:
        """Wait until the broker has everything that was put aside."""
        if self._n_unsent:
            self._publisher.flush()
        self._n_unsent = 0


def _positions(records: Sequence[Record]) -> Positions:
    return {(record.topic, record.partition): record.offset + 1 for record in records}
