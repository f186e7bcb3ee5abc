"""Publishing what one source says: events to their instrument's partition, what it says of itself to all of its.

Order is kept only inside a partition. So where a source goes on in another topic, from candles to ticks or
back, it says so in both: ``TopicSwitched`` into every partition of the topic that it leaves; when that is
acknowledged, the same record into those of the topic that it enters; then what comes next. The market
processor does not step on behind it before it has met it where it ends the other topic: nobody waits for
anybody's clock. A session that begins in another topic than the run spoke in before says it too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, assert_never

import structlog
from msgspec.structs import replace

from producers.jobs.plans import Reject
from producers.normalise.watermarks import SourceRecord
from schemas import codec
from schemas.events import (
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
_LOOK_AGAIN_S = 0.02
#: The embedded broker was seen to hold the last records of a topic back from a transactional reader
#: until anything else is published, for as long as one waits; a switch said again frees them. It is said
#: again after so long, and then ever more rarely.
_SAY_AGAIN_S = 0.5
_MOST_RARELY_S = 600.0

#: Called when a job ends, with a topic that was left and with what says its last record again.
OnLeft = Callable[[Topic, Callable[[], None]], None]


class Outlet(Protocol):
    """Where records go; :class:`schemas.wire.kafka.Publisher` is one."""

    def publish(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None,
        partition: int | None = None,
        headers: codec.Headers | None = None,
    ) -> None:
        """Hand a record over."""

    def flush(self, *, timeout_s: float = 15.0) -> None:
        """Wait until every record is acknowledged."""


class SourcePublisher:
    """Publishes the records of one source on the market topics.

    Args:
        outlet: Where records go.
        instruments: Of the source; it vouches for their partitions.
        published_in: The topic in which it published before this session; None at its beginning.
        epoch: Of the session.
        clock: Tells when a switch is published again.
        vouched: By topic and partition, the newest event time for which it vouched before this session. A
            producer that died may have vouched in one partition for more than in another; what is declared
            absent begins in each where that partition was told last.
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
        """Publish an event, or what the source says of itself into every partition that it vouches for.

        Raises:
            BrokerUnavailableError: If an earlier record could not be delivered.
            AssertionError: If the record is of a kind that no source publishes.
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
            case _:
                assert_never(event)
        if self._left is not None and self._clock.monotonic_s() >= self._again_s:
            self._publish_switch_again()

    def finish(self, on_left: OnLeft) -> None:
        """Return when all that was published is acknowledged, and the topic that was left has been seen to."""
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
        self._outlet.flush()  # there before it is anywhere else: who waits for it will find it
        self._publish_everywhere(topic, switch)
        self._outlet.flush()  # in every partition before anything follows in one: a later session knows by that
        self._left, self._every_s = (left, switch), _SAY_AGAIN_S
        self._again_s = self._clock.monotonic_s() + self._every_s

    def _publish_switch_again(self) -> None:
        if self._left is not None:
            self._publish_everywhere(*self._left)
            self._every_s = min(2 * self._every_s, _MOST_RARELY_S)
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
    """Says the last record of a topic again until the market processor has read the topic.

    For a job that ends on the embedded broker, which would hold that record back for good. What is read in
    which order does not hang on it: after its time it only says so.

    Args:
        timeout_s: How long at most; 0 does not wait.
    """

    def __init__(
        self, endpoint: KafkaEndpoint, *, clock: Clock, timeout_s: float, is_stopped: Callable[[], bool]
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._timeout_s = timeout_s
        self._is_stopped = is_stopped

    def __call__(self, topic: Topic, say_again: Callable[[], None]) -> None:
        """Return when it has, or the time is over."""
        if self._timeout_s == 0:
            return
        partitions = [(topic.name, number) for number in range(topic.n_partitions)]
        reader = Reader(self._endpoint, group=MARKET_GROUP, topics=[topic], is_fixed=True)
        try:
            ends = {partition: end for partition, end in reader.ends(partitions).items() if end > 0}
            until_s = self._clock.monotonic_s() + self._timeout_s
            say_again_at_s = self._clock.monotonic_s() + _SAY_AGAIN_S
            while self._clock.monotonic_s() < until_s and not self._is_stopped():
                committed = reader.committed(list(ends)) if ends else {}
                if all(committed.get(partition, -1) >= end for partition, end in ends.items()):
                    return
                if self._clock.monotonic_s() >= say_again_at_s:
                    say_again_at_s += _SAY_AGAIN_S
                    say_again()
                self._clock.sleep(_LOOK_AGAIN_S)
        finally:
            reader.close()
        log.warning("market processor is behind", topic=topic.name, waited_s=self._timeout_s)


def publish_rejects(outlet: Outlet, rejects: Sequence[Reject]) -> None:
    """Put rejected rows where they can be looked at, with the reason in the headers."""
    for reject in rejects:
        described = reject._asdict()
        headers: codec.Headers = [
            (name, str(described[name]).encode()) for name in ("reason", "column", "row", "rule", "file")
        ]
        outlet.publish(DEAD_LETTERS.name, reject.value, key=reject.file.encode(), headers=headers)
