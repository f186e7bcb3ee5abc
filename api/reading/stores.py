"""Reads what the routes serve: from Redis, or from Postgres if Redis is empty or does not answer.

After a store has failed, no request asks it for a moment, so that requests do not each wait for its
time-out. The description of a run never changes, so it is read once. A record changes slowly, so it is
kept for a second. Only live data are judged by the wall clock; a replay has its own clock.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import structlog

from api.payloads.shared import Store
from schemas.arms import CHAMPION
from schemas.codec import decode
from schemas.errors import DecodeError, NotReadyError, StoreUnavailableError
from schemas.events import BarClosed, FeaturesComputed, ModelPromoted, OutcomeResolved, PredictionMade
from schemas.records import PredictionRecord
from schemas.streams import StreamDescription, StreamKind
from schemas.targets import Target
from schemas.time import Clock
from schemas.topics import FEATURES_MARKET, PREDICTIONS, Topic
from schemas.wire.postgres.features import StoredFeatures
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.postgres.promotions import StoredPromotions
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.redis import Views, clock_key, features_key, prediction_key

_PAUSE_S = 2.0
_RECORD_KEPT_S = 1.0
_EventT = TypeVar("_EventT")

_log = structlog.get_logger(__name__)


class Outage:
    """Makes calls to a store fail at once for a moment after the store has failed.

    Args:
        pause_s: For how long the store is not asked after a failure.
    """

    def __init__(self, clock: Clock, *, pause_s: float = _PAUSE_S) -> None:
        self._clock = clock
        self._pause_s = pause_s
        self._until_s = float("-inf")
        self._reason = ""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Run the block, or fail at once during the pause after a failure.

        Raises:
            StoreUnavailableError: If the block raises it, or raised it a moment ago.
        """
        if self._clock.monotonic_s() < self._until_s:
            raise StoreUnavailableError(self._reason)
        try:
            yield
        except StoreUnavailableError as error:
            self._reason = str(error)
            self._until_s = self._clock.monotonic_s() + self._pause_s
            raise


class Found(NamedTuple):
    """An event, and the store that it was read from."""

    event: Any
    store: Store


class NewestMade(NamedTuple):
    """The as-of time of the newest prediction of a target, and the store that it was read from."""

    as_of_ms: int
    store: Store


class Stores:
    """Reads one run from Redis and Postgres.

    Args:
        stream: The run that is served.
    """

    def __init__(self, *, views: Views, pool: PostgresPool, clock: Clock, stream: str) -> None:
        self.stream = stream
        self._views = views
        self._pool = pool
        self._streams = StoredStreams(pool)
        self._market = StoredMarket(pool)
        self._features = StoredFeatures(pool)
        self._predictions = StoredPredictions(pool)
        self._promotions = StoredPromotions(pool)
        self._clock = clock
        self._redis = Outage(clock)
        self._postgres = Outage(clock)
        self._description: StreamDescription | None = None
        self._records: dict[Target, tuple[float, PredictionRecord]] = {}

    def open(self) -> None:
        """Connect to the stores in the background."""
        self._pool.open()

    def close(self) -> None:
        """Close the connections to Redis and to Postgres."""
        self._pool.close()
        self._views.close()

    def is_redis_ready(self) -> bool:
        """Ask whether Redis answers now."""
        return self._views.is_ready()

    def is_postgres_ready(self) -> bool:
        """Ask whether Postgres answers now."""
        return self._pool.is_ready()

    def description(self) -> StreamDescription:
        """Return the description of the run.

        Raises:
            NotReadyError: If the run has not been registered yet.
            StoreUnavailableError: If Postgres does not answer.
        """
        if self._description is None:
            with self._postgres.watched():
                self._description = self._streams.stream(self.stream)
        if self._description is None:
            message = f"stream {self.stream} has not begun: nothing was published of it yet"
            raise NotReadyError(message)
        return self._description

    def kind(self) -> StreamKind:
        """The kind of the run; its id begins with it."""
        if self._description is not None:
            return self._description.kind
        begins = (kind for kind in StreamKind if self.stream.startswith(kind))
        return next(begins, StreamKind.LIVE)

    def clock_ms(self) -> int | None:
        """Return the time of the stream, which is its newest watermark; None before the first one.

        Raises:
            StoreUnavailableError: If neither store answers.
        """
        try:
            with self._redis.watched():
                body = self._views.read(clock_key(self.stream))
            if body is not None:
                return int(body)
        except (StoreUnavailableError, ValueError) as error:
            _log.debug("clock is read from Postgres", reason=str(error))
        with self._postgres.watched():
            return self._streams.watermark_ms(self.stream, FEATURES_MARKET.name)

    def now_ms(self) -> int | None:
        """Return the current time of the clock that judges the age of the data; None if it is not known."""
        if self.kind() is StreamKind.LIVE:
            return self._clock.now_ms()
        try:
            return self.clock_ms()
        except StoreUnavailableError:
            return None

    def newest_prediction(self, target: Target) -> Found | None:
        """Return the newest prediction of a target, or None.

        Raises:
            StoreUnavailableError: If Redis has none and Postgres does not answer.
        """

        def stored() -> PredictionMade | None:
            page = self._predictions.predictions(target, limit=1)
            return page[0][0] if page else None

        return self._newest(prediction_key(*target), PREDICTIONS, stored)

    def newest_features(self, *, instrument: str, interval: str) -> Found | None:
        """Return the newest features of an instrument and interval, or None.

        Raises:
            StoreUnavailableError: If Redis has none and Postgres does not answer.
        """

        def stored() -> FeaturesComputed | None:
            return self._features.newest_features(self.stream, instrument=instrument, interval=interval)

        return self._newest(features_key(self.stream, instrument, interval), FEATURES_MARKET, stored)

    def _newest(self, key: str, topic: Topic, stored: Callable[[], _EventT | None]) -> Found | None:
        try:
            with self._redis.watched():
                body = self._views.read(key)
            if body is not None:
                return Found(decode(topic, body), Store.REDIS)
        except (StoreUnavailableError, DecodeError) as error:
            _log.debug("view is read from Postgres", key=key, reason=str(error))
        with self._postgres.watched():
            event = stored()
        return None if event is None else Found(event, Store.POSTGRES)

    def record(self, target: Target) -> PredictionRecord | None:
        """Return the record of a target, at most a second old; None if no store can tell it."""
        kept = self._records.get(target)
        if kept is not None and self._clock.monotonic_s() - kept[0] < _RECORD_KEPT_S:
            return kept[1]
        try:
            with self._postgres.watched():
                record = self._predictions.record(target)
        except StoreUnavailableError:
            return None
        self._records[target] = (self._clock.monotonic_s(), record)
        return record

    def predictions(
        self, target: Target, *, limit: int, before_ms: int | None
    ) -> list[tuple[PredictionMade, OutcomeResolved | None]]:
        """Return predictions with their outcomes, newest first.

        Args:
            target: The target of the predictions.
            limit: The most that are returned.
            before_ms: Only as-of times before this one; None for the newest.
        """
        with self._postgres.watched():
            return self._predictions.predictions(target, limit=limit, before_ms=before_ms)

    def newest_with_record(
        self, target: Target, *, limit: int
    ) -> tuple[list[tuple[PredictionMade, OutcomeResolved | None]], PredictionRecord]:
        """Return the newest predictions with their outcomes, and the record of the same moment."""
        with self._postgres.watched():
            page, record = self._predictions.predictions_with_record(target, limit=limit)
        self._records[target] = (self._clock.monotonic_s(), record)
        return page, record

    def champions(self) -> list[ModelPromoted]:
        """Return the newest champion of every target of the run."""
        return self.newest_promotions(CHAMPION)

    def newest_promotions(self, arm: str) -> list[ModelPromoted]:
        """Return the newest promotion to an arm of every target of the run."""
        with self._postgres.watched():
            return self._promotions.newest_promotions(self.stream, arm)

    def arms(self) -> list[str]:
        """Return the arms that versions of the run were promoted to."""
        with self._postgres.watched():
            return self._promotions.arms(self.stream)

    def predicted(self, targets: Sequence[Target]) -> dict[Target, NewestMade]:
        """Return the newest as-of time of each of these targets that has a prediction, with its store.

        Raises:
            StoreUnavailableError: If Redis lacks some and Postgres does not answer.
        """
        by_key = {prediction_key(*target): target for target in targets}
        found: dict[Target, NewestMade] = {}
        try:
            with self._redis.watched():
                orders = self._views.orders(list(by_key))
            found = {by_key[key]: NewestMade(order, Store.REDIS) for key, order in orders.items()}
        except StoreUnavailableError as error:
            _log.debug("predictions are looked up in Postgres", reason=str(error))
        if len(found) < len(targets):
            with self._postgres.watched():
                stored = self._predictions.last_predicted_ms(self.stream)
            for target in targets:
                if target not in found and target in stored:
                    found[target] = NewestMade(stored[target], Store.POSTGRES)
        return found

    def bars(self, *, instrument: str, interval: str, limit: int) -> list[BarClosed]:
        """Return the newest bars, oldest first.

        Args:
            instrument: The name of the instrument.
            interval: The length of the bars, such as ``15m``.
            limit: The most that are returned.
        """
        with self._postgres.watched():
            return self._market.bars(self.stream, instrument=instrument, interval=interval, limit=limit)
