"""The two stores behind every reader: the views in Redis, and the history in Postgres.

Each is left alone for a moment after it has failed. This module is separate from the readers because all of them
share one outage of each store.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import structlog

from api.payloads.shared import Store
from api.reading.outages import Outage
from schemas.codec import decode
from schemas.errors import DecodeError, StoreUnavailableError
from schemas.time import Clock
from schemas.topics import Topic
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.redis import Views

_EventT = TypeVar("_EventT")

_log = structlog.get_logger(__name__)


class GuardedViews:
    """The views in Redis. Every call fails at once for a moment after one has failed.

    Args:
        views: The views.
        clock: The clock that measures the moment.
    """

    def __init__(self, views: Views, clock: Clock) -> None:
        self._views = views
        self._outage = Outage(clock)

    def read(self, key: str) -> bytes | None:
        """Return the body of a view, or None.

        Raises:
            StoreUnavailableError: If Redis does not answer.
        """
        with self._outage.watched():
            return self._views.read(key)

    def orders(self, keys: Sequence[str]) -> list[int | None]:
        """Return the order of each of these views, or None where there is no such view.

        Raises:
            StoreUnavailableError: If Redis does not answer.
        """
        with self._outage.watched():
            return self._views.orders(keys)

    def fields(self, key: str) -> dict[str, bytes]:
        """Return the fields of a hash.

        Raises:
            StoreUnavailableError: If Redis does not answer.
        """
        with self._outage.watched():
            return self._views.fields(key)

    def is_ready(self) -> bool:
        """Ask Redis itself whether it answers now."""
        return self._views.is_ready()

    def close(self) -> None:
        """Close all connections to Redis."""
        self._views.close()


class GuardedHistory:
    """The connections to Postgres, with the outage that all readers share.

    Args:
        pool: The connections.
        clock: The clock that measures the moment after a failure.
    """

    def __init__(self, pool: PostgresPool, clock: Clock) -> None:
        self.pool = pool
        self._outage = Outage(clock)

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Ask Postgres within the block, or fail at once for a moment after a failure.

        Raises:
            StoreUnavailableError: If Postgres does not answer.
        """
        with self._outage.watched():
            yield

    def is_ready(self) -> bool:
        """Ask Postgres itself whether it answers now."""
        return self.pool.is_ready()


class FoundEvent(NamedTuple):
    """An event, and the store that it was read from."""

    event: Any
    store: Store


class NewestEvents:
    """Reads the newest event of a kind: from Redis, or from Postgres if Redis is empty or does not answer.

    Args:
        views: The views in Redis.
        history: The history in Postgres.
    """

    def __init__(self, views: GuardedViews, history: GuardedHistory) -> None:
        self._views = views
        self._history = history

    def read(self, key: str, topic: Topic, stored: Callable[[], _EventT | None]) -> FoundEvent | None:
        """Return the newest event of a view, or None.

        Args:
            key: The key of the view.
            topic: The topic of the event, which says how it is decoded.
            stored: Reads the event from Postgres.

        Raises:
            StoreUnavailableError: If Redis has no event and Postgres does not answer.
        """
        try:
            body = self._views.read(key)
            if body is not None:
                return FoundEvent(decode(topic, body), Store.REDIS)
        except (StoreUnavailableError, DecodeError) as error:
            _log.debug("view is read from Postgres", key=key, reason=str(error))
        with self._history.asked():
            event = stored()
        return None if event is None else FoundEvent(event, Store.POSTGRES)
