"""Sees bars and features as a subscriber does: read_committed, with the moment each could be read."""

import threading
import time
from typing import NamedTuple, Self

import confluent_kafka as ck
import msgspec

from schemas.topics import FEATURES_MARKET, MARKET_BAR
from schemas.wire.settings import KafkaEndpoint

TOPICS = (MARKET_BAR, FEATURES_MARKET)
_POLL_S = 0.1
_BATCH = 2_000


class Seen(NamedTuple):
    """A record of a bar or its features, watermarks left out.

    Attributes:
        moment: When it could be read, on the clock of :func:`time.monotonic`.
    """

    topic: str
    partition: int
    key: bytes
    value: bytes
    event_ms: int
    moment: float


class _Said(msgspec.Struct):
    type: str
    event_time_ms: int


_said = msgspec.json.Decoder(_Said)


class Subscriber:
    """Reads along in a thread, within a ``with`` block.

    Attributes:
        seen: In the order of reading, which is that of the log in each partition.
        shown: By partition of the features, each newer bar's end with the moment it could be read.
    """

    def __init__(self, endpoint: KafkaEndpoint) -> None:
        self.seen: list[Seen] = []
        self.shown: dict[int, list[tuple[int, float]]] = {}
        self._newest: dict[tuple[str, int], int] = {}
        self._failed: Exception | None = None
        self._is_over = threading.Event()
        self._consumer = ck.Consumer(
            {
                "bootstrap.servers": endpoint.bootstrap_servers,
                "group.id": "chaos-subscriber",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,
                "reconnect.backoff.max.ms": 1000,
                "topic.metadata.refresh.interval.ms": 5000,
                "log_level": 2,
            }
        )
        self._thread = threading.Thread(target=self._read, name="subscriber", daemon=True)

    def __enter__(self) -> Self:
        places = [(topic.name, number) for topic in TOPICS for number in range(topic.n_partitions)]
        self._consumer.assign([ck.TopicPartition(name, number, 0) for name, number in places])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._consumer.close()

    def newest_ms(self, topic: str, partition: int) -> int:
        """The newest bar's end of a partition; -1 before the first."""
        if self._failed is not None:
            raise self._failed
        return self._newest.get((topic, partition), -1)

    def _read(self) -> None:
        try:
            while not self._is_over.is_set():
                first = self._consumer.poll(_POLL_S)
                moment = time.monotonic()
                if first is not None:
                    for message in (first, *self._consumer.consume(_BATCH, 0)):
                        self._take(message, moment)
        except Exception as error:  # noqa: BLE001  (raised in the main thread)
            self._failed = error

    def _take(self, message: ck.Message, moment: float) -> None:
        error = message.error()
        if error is not None:
            if error.fatal() or error.code() == ck.KafkaError.OFFSET_OUT_OF_RANGE:
                raise ck.KafkaException(error)
            return  # a broker that is away: the library goes on by itself
        value, topic, partition = message.value(), message.topic(), message.partition()
        assert value is not None
        assert topic is not None
        assert partition is not None
        said = _said.decode(value)
        if said.type in {"WatermarkAdvanced", "SourceFellSilent", "SourceReturned"}:
            return
        self.seen.append(Seen(topic, partition, message.key() or b"", value, said.event_time_ms, moment))
        where = (topic, partition)
        if said.event_time_ms > self._newest.get(where, -1):
            if topic == FEATURES_MARKET.name:
                self.shown.setdefault(partition, []).append((said.event_time_ms, moment))
            self._newest[where] = said.event_time_ms
