"""Publishing what a source says: events to their instrument's partition, watermarks to all of its.

Order is kept only inside a partition, so before what is said changes topic, everything said so
far is acknowledged, and the market processor is given time to read it: a tick that overtook the
candles before it would close bars without them.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from producers.jobs.plans import Reject
from producers.normalise.watermarks import Said
from schemas import codec
from schemas.events import CandleObserved, TickObserved
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
#: until anything else is published, for as long as one waits; a watermark said again frees them.
_SAY_AGAIN_S = 0.5

#: Called with the topic that is left, and with what says its last watermark again.
OnChange = Callable[[Topic, Callable[[], None]], None]


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


class Speaker:
    """Says what a source says on the market topics.

    Args:
        outlet: Where records go.
        instruments: Of the source; their partitions are what its watermarks vouch for.
        on_change: Called when what is said changes topic and all that was said is acknowledged.
    """

    def __init__(self, outlet: Outlet, *, instruments: Sequence[str], on_change: OnChange) -> None:
        self._outlet = outlet
        self._instruments = instruments
        self._on_change = on_change
        self._topic: Topic | None = None
        self._partitions: list[int] = []
        self._last_watermark: Said | None = None
        self.n_events = 0

    def say(self, said: Said) -> None:
        """Publish an event, or a watermark into every partition that it vouches for.

        Raises:
            BrokerUnavailableError: If an earlier record could not be delivered.
        """
        if said.topic is not self._topic:
            self._change_to(said.topic)
        event = said.event
        value = codec.encode(event)
        headers = codec.headers(type(event), codec.trace_id(value))
        match event:
            case CandleObserved() | TickObserved():
                self._outlet.publish(said.topic.name, value, key=event.instrument.encode(), headers=headers)
                self.n_events += 1
            case _:
                self._last_watermark = said
                for partition in self._partitions:
                    self._outlet.publish(
                        said.topic.name,
                        value,
                        key=event.source.encode(),
                        partition=partition,
                        headers=headers,
                    )

    def _change_to(self, topic: Topic) -> None:
        if self._topic is not None:
            self._outlet.flush()
            self._on_change(self._topic, self._say_again)
        self._topic = topic
        self._partitions = sorted(
            {partition_of(name.encode(), topic.n_partitions) for name in self._instruments}
        )

    def _say_again(self) -> None:
        if self._last_watermark is not None:
            self.say(self._last_watermark)
            self._outlet.flush()


class ConsumerWait:
    """Waits until the market processor has read all of a topic.

    Args:
        timeout_s: How long at most; then the source goes on, and says so. 0 does not wait.
    """

    def __init__(
        self, endpoint: KafkaEndpoint, *, clock: Clock, timeout_s: float, is_stopped: Callable[[], bool]
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._timeout_s = timeout_s
        self._is_stopped = is_stopped

    def __call__(self, topic: Topic, say_again: Callable[[], None]) -> None:
        """Return when it has, or the time is over; meanwhile its last watermark is repeated."""
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
