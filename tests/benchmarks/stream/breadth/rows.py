"""Reads the features of many instruments as a subscriber does, and knows when each minute was whole."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Self

import confluent_kafka as ck
import msgspec

from schemas.events import FeaturesComputed
from schemas.topics import FEATURES_MARKET
from schemas.wire.settings import KafkaEndpoint
from tests.benchmarks.stream.watching import WrongOutputError

_POLL_S = 0.05
_BATCH = 5_000


class _Said(msgspec.Struct):
    type: str
    event_time_ms: int
    interval: str = ""


_said = msgspec.json.Decoder(_Said)


class Rows:
    """One-minute rows, within a ``with`` block.

    Attributes:
        moments: By a minute's end, when the newest row of it could be read.
        kept: The rows of some minutes' ends, as bytes.
        n_seen: Records of any kind.
        n_doubled: Rows that were there already.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, n_instruments: int, keep: Iterable[int] = ()) -> None:
        self.moments: dict[int, float] = {}
        self.kept: list[bytes] = []
        self.n_seen = self.n_doubled = 0
        self._n_instruments = n_instruments
        self._keep = frozenset(keep)
        self._keys: dict[int, set[bytes]] = {}
        self._failed: Exception | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="rows", daemon=True)
        self._consumer = ck.Consumer(
            {
                "bootstrap.servers": endpoint.bootstrap_servers,
                "group.id": "bench-rows",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.queue.backoff.ms": 5,
                "fetch.wait.max.ms": 20,
                "log_level": 2,
            }
        )

    def __enter__(self) -> Self:
        numbers = range(FEATURES_MARKET.n_partitions)
        self._consumer.assign([ck.TopicPartition(FEATURES_MARKET.name, number, 0) for number in numbers])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._consumer.close()

    def n_rows(self, end_ms: int) -> int:
        """How many instruments have their row of a minute."""
        return len(self._keys.get(end_ms, ()))

    def wait_for(self, ends_ms: Iterable[int], *, idle_s: float, is_alive: Callable[[], bool]) -> float:
        """Return the moment at which the last row of some minutes could be read.

        Raises:
            WrongOutputError: If nothing came for a while, or the worker has ended.
        """
        wanted = list(ends_ms)
        n_seen, deadline = -1, 0.0
        while missing := [end for end in wanted if self.n_rows(end) < self._n_instruments]:
            if self._failed is not None:
                raise self._failed
            if self.n_seen != n_seen:
                n_seen, deadline = self.n_seen, time.monotonic() + idle_s
            if time.monotonic() > deadline or not is_alive():
                end_ms = missing[0]
                message = (
                    f"of the minute that ends at {end_ms} there are {self.n_rows(end_ms)} rows "
                    f"of {self._n_instruments}, of {len(missing)} minutes not all"
                )
                raise WrongOutputError(message)
            time.sleep(0.02)
        return max(self.moments[end] for end in wanted)

    def wrong_numbers(self, ends_ms: Iterable[int]) -> list[str]:
        """The minutes that have not one row of every instrument, and rows that came twice."""
        found = [
            f"the minute that ends at {end_ms} has {self.n_rows(end_ms)} rows of {self._n_instruments}"
            for end_ms in ends_ms
            if self.n_rows(end_ms) != self._n_instruments
        ]
        return found + ([f"{self.n_doubled} rows came twice"] if self.n_doubled else [])

    def _read(self) -> None:
        try:
            while not self._is_over.is_set():
                first = self._consumer.poll(_POLL_S)
                if first is not None:
                    moment = time.monotonic()
                    for message in (first, *self._consumer.consume(_BATCH, 0)):
                        self._take(message, moment)
        except Exception as error:  # noqa: BLE001  (raised in the main thread)
            self._failed = error

    def _take(self, message: ck.Message, moment: float) -> None:
        error = message.error()
        if error is not None:
            raise ck.KafkaException(error)
        self.n_seen += 1
        value = message.value() or b""
        said = _said.decode(value)
        if said.type != FeaturesComputed.__name__ or said.interval != "1m":
            return
        keys = self._keys.setdefault(said.event_time_ms, set())
        key = message.key() or b""
        if key in keys:
            self.n_doubled += 1
            return
        keys.add(key)
        self.moments[said.event_time_ms] = moment
        if said.event_time_ms in self._keep:
            self.kept.append(value)
