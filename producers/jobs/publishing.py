"""Publishes the records of one source: events in the partition of their instrument, other records in all partitions.

Kafka keeps order only within a partition. So if a source changes its topic, from candles to ticks or
back, it publishes ``TopicSwitched`` in every partition of the topic that it leaves. When that is
acknowledged, it publishes the same record in the partitions of the topic that it enters, and then the next record.
The market processor does not go on after that record before it has read it in the topic that was left, so nothing
depends on a clock. A session that begins in another topic than the last one of the run publishes the switch, too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, assert_never

import structlog
from msgspec.structs import replace

from producers.jobs.plans import Reject
from producers.normalise.watermarks import SourceRecord
from schemas import codec
from schemas.events import (
    ArticlePublished,
    CandleObserved,
    Event,
    SourceFellSilent,
    SourceReturned,
    TickObserved,
    TopicSwitched,
    WatermarkAdvanced,
)
from schemas.time import Clock
from schemas.topics import Topic, dead_letters, partition_of
from schemas.wire.kafka import Reader
from schemas.wire.settings import KafkaEndpoint

log = structlog.get_logger()

DEAD_LETTERS = dead_letters("replay")
#: The consumer group of the market processor.
MARKET_GROUP = "driftline-market"
_POLL_S = 0.02
#: The embedded broker can withhold the last records of a topic from a read_committed reader
#: until something else is published. A repeated switch releases them. It is repeated
#: after this long, and then at growing intervals.
_REPEATED_AFTER_S = 0.5
_LONGEST_INTERVAL_S = 600.0

#: Called when a job ends, with a topic that was left and a function that publishes its last record again.
OnLeft = Callable[[Topic, Callable[[], None]], None]


class Outlet(Protocol):
    """The port to which records are published; :class:`schemas.wire.kafka.Publisher` implements it."""

    def publish(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None,
        partition: int | None = None,
        headers: codec.Headers | None = None,
    ) -> None:
        """Hand a record over.

        Args:
            topic: The name of the topic.
            value: The bytes of the record.
            key: The key, which decides the partition if none is stated.
            partition: The partition; None chooses it by the key.
            headers: The headers; None for none.
        """

    def flush(self, *, timeout_s: float = 15.0) -> None:
        """Wait until every record is acknowledged."""


class SourcePublisher:
    """Publishes the records of one source on the market topics.

    Args:
        outlet: The port to which records are published.
        instruments: The instruments of the source, for whose partitions it vouches.
        published_in: The topic in which it published before this session; None if it published nothing.
        epoch: The epoch of the session.
        clock: The clock that decides when a switch is published again.
        vouched: The newest event time for which it vouched before this session, by topic and partition. A
            producer that died may have vouched for more in one partition than in another. An absence begins
            in each partition at the time for which the source vouched there last.

    Attributes:
        n_events: The number of events that were published.
    """

    def __init__(
        self,
        outlet: Outlet,
        *,
        instruments: Sequence[str],
        published_in: Topic | None,
        epoch: int,
        clock: Clock,
        vouched: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        self._outlet = outlet
        self._instruments = instruments
        self._topic = published_in
        self._epoch = epoch
        self._clock = clock
        self._vouched = dict(vouched or {})
        self._n_switches = 0
        self._left: tuple[Topic, TopicSwitched] | None = None
        self._again_s = self._every_s = 0.0
        self.n_events = 0

    def publish(self, record: SourceRecord) -> None:
        """Publish an event, or a record of the source about itself in every partition that it vouches for.

        Raises:
            BrokerUnavailableError: If an earlier record could not be delivered.
            TypeError: If the record is an article.
        """
        event = record.event
        if record.topic is not self._topic:
            self._switch_to(record.topic, event)
        match event:
            case CandleObserved() | TickObserved():
                value, headers = _encoded(event)
                self._outlet.publish(record.topic.name, value, key=event.instrument.encode(), headers=headers)
                self.n_events += 1
            case SourceFellSilent():
                self._publish_silence(record.topic, event)
            case WatermarkAdvanced() | SourceReturned():
                self._vouched.clear()
                self._publish_everywhere(record.topic, event)
            case ArticlePublished():
                message = "a source of prices publishes no articles"
                raise TypeError(message)
            case _:
                assert_never(event)
        if self._left is not None and self._clock.monotonic_s() >= self._again_s:
            self._publish_switch_again()

    def finish(self, on_left: OnLeft) -> None:
        """Return when everything is acknowledged, and ``on_left`` was called for a topic that was left."""
        self._outlet.flush()
        if self._left is not None:
            on_left(self._left[0], self._publish_switch_again)

    def _switch_to(self, topic: Topic, event: Event) -> None:
        left, self._topic = self._topic, topic
        if left is None:
            return
        switch = TopicSwitched(
            event_time_ms=event.event_time_ms,
            known_time_ms=event.known_time_ms,
            source=event.source,
            stream=event.stream,
            left_topic=left.name,
            entered_topic=topic.name,
            number=self._n_switches,
            epoch=self._epoch,
        )
        self._n_switches += 1
        self._publish_everywhere(left, switch)
        self._outlet.flush()  # a reader that finds it in the other topic will find it here, too
        self._publish_everywhere(topic, switch)
        self._outlet.flush()  # it is in every partition before anything follows in one, on which later sessions rely
        self._left, self._every_s = (left, switch), _REPEATED_AFTER_S
        self._again_s = self._clock.monotonic_s() + self._every_s

    def _publish_switch_again(self) -> None:
        if self._left is not None:
            self._publish_everywhere(*self._left)
            self._every_s = min(2 * self._every_s, _LONGEST_INTERVAL_S)
            self._again_s = self._clock.monotonic_s() + self._every_s

    def _publish_silence(self, topic: Topic, event: SourceFellSilent) -> None:
        for partition in self._partitions(topic):
            vouched_ms = self._vouched.get((topic.name, partition), event.event_time_ms)
            from_ms = min(event.event_time_ms, vouched_ms)
            self._publish_in(topic, partition, replace(event, event_time_ms=from_ms))

    def _publish_everywhere(self, topic: Topic, event: Event) -> None:
        value, headers = _encoded(event)
        for partition in self._partitions(topic):
            self._outlet.publish(
                topic.name, value, key=event.source.encode(), partition=partition, headers=headers
            )

    def _publish_in(self, topic: Topic, partition: int, event: Event) -> None:
        value, headers = _encoded(event)
        self._outlet.publish(
            topic.name, value, key=event.source.encode(), partition=partition, headers=headers
        )

    def _partitions(self, topic: Topic) -> list[int]:
        return sorted({partition_of(name.encode(), topic.n_partitions) for name in self._instruments})


def _encoded(event: Event) -> tuple[bytes, codec.Headers]:
    value = codec.encode(event)
    return value, codec.headers(type(event), codec.trace_id(value))


class MarketReadWait:
    """Publishes the last record of a topic again until the market processor has read the topic.

    This is for a job that ends on the embedded broker, which would withhold that record for ever. The order of
    reading does not depend on it. After the timeout it only logs a warning.

    Args:
        endpoint: The address of the broker.
        clock: The clock.
        timeout_s: The longest wait; 0 does not wait.
        is_stopped: Tells whether the process was asked to end.
    """

    def __init__(
        self, endpoint: KafkaEndpoint, *, clock: Clock, timeout_s: float, is_stopped: Callable[[], bool]
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._timeout_s = timeout_s
        self._is_stopped = is_stopped

    def __call__(self, topic: Topic, publish_again: Callable[[], None]) -> None:
        """Return when the topic was read, or after the timeout."""
        if self._timeout_s == 0:
            return
        partitions = [(topic.name, number) for number in range(topic.n_partitions)]
        reader = Reader(self._endpoint, group=MARKET_GROUP, topics=[topic], is_fixed=True)
        try:
            ends = {partition: end for partition, end in reader.ends(partitions).items() if end > 0}
            until_s = self._clock.monotonic_s() + self._timeout_s
            again_at_s = self._clock.monotonic_s() + _REPEATED_AFTER_S
            while self._clock.monotonic_s() < until_s and not self._is_stopped():
                committed = reader.committed(list(ends)) if ends else {}
                if all(committed.get(partition, -1) >= end for partition, end in ends.items()):
                    return
                if self._clock.monotonic_s() >= again_at_s:
                    again_at_s += _REPEATED_AFTER_S
                    publish_again()
                self._clock.sleep(_POLL_S)
        finally:
            reader.close()
        log.warning(
            "the market processor has not read the topic yet", topic=topic.name, waited_s=self._timeout_s
        )


def publish_rejects(outlet: Outlet, rejects: Sequence[Reject]) -> None:
    """Publish rejected rows as dead letters, with the reason in the headers."""
    for reject in rejects:
        described = reject._asdict()
        headers: codec.Headers = [
            (name, str(described[name]).encode()) for name in ("reason", "column", "row", "rule", "file")
        ]
        outlet.publish(DEAD_LETTERS.name, reject.value, key=reject.file.encode(), headers=headers)
