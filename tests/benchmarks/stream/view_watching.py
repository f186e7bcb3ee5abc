"""Sees the views as they change, without asking for them all the time.

Redis tells of every write to a view's key; the view is read then, and counts from when it was.
"""

import threading
import time
from types import TracebackType
from typing import Self

from schemas import codec
from schemas.topics import FEATURES_MARKET
from schemas.wire.redis import Views, connect, features_key
from tests.benchmarks.stream.expectations import Key
from tests.benchmarks.stream.markets import INSTRUMENTS
from tests.benchmarks.stream.records import STREAM

_PREFIX = "__keyspace@0__:"
_POLL_S = 0.2


class ViewsWatch:
    """Watches the newest features of every instrument within a ``with`` block."""

    def __init__(self, url: str) -> None:
        self._client = connect(url)
        self._views = Views(connect(url), job="bench")
        self._instruments = {features_key(STREAM, name, "1m"): name for name in INSTRUMENTS}
        self._seen: dict[str, list[tuple[int, float]]] = {name: [] for name in INSTRUMENTS}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="views")

    def __enter__(self) -> Self:
        self._client.config_set("notify-keyspace-events", "KA")
        self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)
        self._pubsub.subscribe(*(f"{_PREFIX}{key}" for key in self._instruments))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        self._pubsub.close()
        self._client.config_set("notify-keyspace-events", "")

    def _watch(self) -> None:
        while not self._is_over.is_set():
            message = self._pubsub.get_message(timeout=_POLL_S)
            if message is not None:
                self._look(message["channel"].decode().removeprefix(_PREFIX))

    def _look(self, key: str) -> None:
        body = self._views.read(key)
        moment = time.monotonic()
        if body is not None:
            self._seen[self._instruments[key]].append(
                (codec.decode(FEATURES_MARKET, body).event_time_ms, moment)
            )

    def moment_of(self, key: Key) -> float:
        """When Redis first gave out the features of a bar, or of a newer one.

        Raises:
            StopIteration: If it never did.
        """
        instrument, end_ms = key
        return next(moment for seen_ms, moment in self._seen[instrument] if seen_ms >= end_ms)
