"""Publishes the market at a steady pace in a thread, and knows what was acknowledged and when bars closed."""

import threading
import time
from typing import Any, Self

import confluent_kafka as ck

from schemas.topics import MARKET_TICK
from schemas.wire.settings import KafkaEndpoint
from tests.chaos.stream.markets import MINUTE_MS, ORIGIN_MS, Piece, endless, minutes_per_s

_BURST_S = 0.02
_FLUSH_S = 60.0
_WAITED_S = 0.5


class FeedError(Exception):
    """A record was not acknowledged, though the library says that it goes on trying."""


class Feeder:
    """Publishes within a ``with`` block, as our sources do: idempotent, acknowledged by all copies.

    Attributes:
        closings: Partition, the bars' end, and the moment at which the record that closes them was
            handed over, in order.
        n_sent: By partition.
        n_acknowledged: By partition.
        resumed: Moments of the first acknowledgement behind a wait of more than half a second.
        end_ms: Up to where everything was said; None while there is more to come.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, seed: int, n_instruments: int) -> None:
        self.closings: list[tuple[int, int, float]] = []
        self.n_sent: dict[int, int] = {}
        self.n_acknowledged: dict[int, int] = {}
        self.resumed: list[float] = []
        self.end_ms: int | None = None
        self._acknowledged_at_s = time.monotonic()
        self._seed = seed
        self._n_instruments = n_instruments
        self._minutes_per_s = minutes_per_s(n_instruments)
        self._failed: Exception | None = None
        self._is_over = threading.Event()
        self._producer = ck.Producer(
            {
                "bootstrap.servers": endpoint.bootstrap_servers,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 2,
                "reconnect.backoff.max.ms": 1000,
                "log_level": 2,
            }
        )
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def finish(self) -> int:
        """Publish up to the end of a minute, and return that when all is acknowledged.

        Raises:
            FeedError: If something is not.
        """
        self._is_over.set()
        self._thread.join()
        if self._failed is not None:
            raise self._failed
        if self.end_ms is None or self.n_sent != self.n_acknowledged:
            message = f"{self.n_sent} were sent, {self.n_acknowledged} acknowledged"
            raise FeedError(message)
        return self.end_ms

    def check(self) -> None:
        """Raise what went wrong in the thread."""
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            self._pace()
            self._producer.flush(_FLUSH_S)
        except Exception as error:  # noqa: BLE001  (raised in the main thread)
            self._failed = error

    def _pace(self) -> None:
        began = time.monotonic()
        due_ms = 0.0
        n_closing = 0
        for piece in endless(self._seed, self._n_instruments):
            while piece.event_ms - ORIGIN_MS > due_ms:
                self._producer.poll(0)
                time.sleep(_BURST_S)
                due_ms = (time.monotonic() - began) * self._minutes_per_s * MINUTE_MS
            if piece.closes_ms is not None:
                n_closing += 1
                self.closings.append((piece.partition, piece.closes_ms, time.monotonic()))
            self._publish(piece)
            is_whole = piece.closes_ms is not None and n_closing % MARKET_TICK.n_partitions == 0
            if is_whole and self._is_over.is_set():
                self.end_ms = piece.closes_ms
                return

    def _publish(self, piece: Piece) -> None:
        self.n_sent[piece.partition] = self.n_sent.get(piece.partition, 0) + 1
        while True:
            try:
                self._producer.produce(
                    MARKET_TICK.name,
                    piece.value,
                    piece.key,
                    piece.partition,
                    headers=piece.headers,
                    on_delivery=self._acknowledged,
                )
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def _acknowledged(self, error: ck.KafkaError | None, message: Any) -> None:
        if error is not None:
            self._failed = FeedError(str(error))
            return
        now_s = time.monotonic()
        if now_s - self._acknowledged_at_s > _WAITED_S:
            self.resumed.append(now_s)
        self._acknowledged_at_s = now_s
        where = message.partition()
        self.n_acknowledged[where] = self.n_acknowledged.get(where, 0) + 1
