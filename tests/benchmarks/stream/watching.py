"""Sees the features as a subscriber does: read_committed, with the moment each could be read."""

import time
from collections.abc import Callable, Iterable

import confluent_kafka as ck

from schemas import codec
from schemas.events import FeaturesComputed
from schemas.topics import FEATURES_MARKET
from schemas.wire.redis import Views, connect, features_key
from schemas.wire.settings import KafkaEndpoint
from tests.benchmarks.stream.expectations import Expected, Key, differences
from tests.benchmarks.stream.markets import INSTRUMENTS
from tests.benchmarks.stream.records import STREAM

_POLL_S = 0.2
_BATCH = 2_000
_VIEWS_S = 10.0


class WrongOutputError(Exception):
    """A competitor did not do the job, so that its rate means nothing."""


class FeaturesWatch:
    """What has come out so far.

    Attributes:
        found: By instrument and bar's end.
        moments: When each could be read, in order, on the clock of :func:`time.monotonic`.
        n_doubled: Records of bars that were there already.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, n_partitions: int) -> None:
        self.found: dict[Key, FeaturesComputed] = {}
        self.moments: dict[Key, float] = {}
        self.n_doubled = 0
        self._consumer = ck.Consumer(
            {
                "bootstrap.servers": endpoint.bootstrap_servers,
                "group.id": "bench-watch",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.queue.backoff.ms": 5,
                "log_level": 2,
            }
        )
        self._consumer.assign([ck.TopicPartition(FEATURES_MARKET.name, p, 0) for p in range(n_partitions)])

    def look(self, timeout_s: float = _POLL_S) -> None:
        """Take what has come, or wait a little for it."""
        first = self._consumer.poll(timeout_s)
        moment = time.monotonic()
        if first is None:
            return
        for message in (first, *self._consumer.consume(_BATCH, 0)):
            if message.error() is not None:
                raise WrongOutputError(str(message.error()))
            self._take(message.value(), moment)

    def _take(self, value: bytes, moment: float) -> None:
        event = codec.decode(FEATURES_MARKET, value)
        if not isinstance(event, FeaturesComputed):
            return
        key = (event.instrument, event.event_time_ms)
        if key in self.found:
            self.n_doubled += 1
            return
        self.found[key] = event
        self.moments[key] = moment

    def wait_for(self, keys: Iterable[Key], *, timeout_s: float, is_alive: Callable[[], bool]) -> float:
        """Return the moment at which the last of the bars could be read.

        Raises:
            WrongOutputError: If one has not come in time, or the competitor has ended.
        """
        wanted = set(keys)
        deadline = time.monotonic() + timeout_s
        while missing := wanted - self.found.keys():
            if time.monotonic() > deadline or not is_alive():
                message = (
                    f"{len(missing)} of {len(wanted)} feature records did not come, such as {min(missing)}"
                )
                raise WrongOutputError(message)
            self.look()
        return max(self.moments[key] for key in wanted)

    def close(self) -> None:
        """Free the connection."""
        self._consumer.close()


def check_output(watch: FeaturesWatch, expected: dict[Key, Expected], *, redis_url: str) -> None:
    """Hold everything against what the ticks lead to, the newest features in Redis too.

    Raises:
        WrongOutputError: If anything is missing, doubled, invented or different.
    """
    problems = differences(watch.found, expected)
    if watch.n_doubled:
        problems.append(f"{watch.n_doubled} records came twice")
    problems += _stale_views(redis_url, expected)
    if problems:
        shown = "; ".join(problems[:3])
        message = f"{len(problems)} wrong outputs: {shown}"
        raise WrongOutputError(message)


def _stale_views(redis_url: str, expected: dict[Key, Expected]) -> list[str]:
    """The instruments whose view does not come to hold the newest bar's features."""
    views = Views(connect(redis_url), job="bench")
    newest = max(end_ms for _, end_ms in expected)
    stale = {name: expected[(name, newest)] for name in INSTRUMENTS}
    deadline = time.monotonic() + _VIEWS_S
    while stale and time.monotonic() < deadline:
        for name in list(stale):
            body = views.read(features_key(STREAM, name, "1m"))
            event = codec.decode(FEATURES_MARKET, body) if body is not None else None
            if event is not None and event.event_time_ms == newest and event.close == stale[name].close:
                del stale[name]
    return [f"the view of {name} is not of its newest bar" for name in stale]
