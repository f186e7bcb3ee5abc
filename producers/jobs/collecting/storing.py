"""Waits until the durable store has what was published, before servers end that keep nothing."""

from collections.abc import Callable, Sequence

from producers.jobs.collecting.known import item_keys
from schemas.errors import StoreUnavailableError
from schemas.events import ArticlePublished, Event, PriceObserved
from schemas.time import Clock
from schemas.wire.postgres.collected import CollectedBefore
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.prices import StoredPrices
from schemas.wire.settings import Endpoints

_LOOK_S = 0.2
_LONGEST_S = 120.0


class StoredWait:
    """Waits for the history sink.

    Args:
        endpoints: The servers.
        stream: The run.
        clock: By which it waits.
        is_stopped: Whether the process is to end, so that nobody waits any longer.
        longest_s: For how long it waits.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        stream: str,
        *,
        clock: Clock,
        is_stopped: Callable[[], bool],
        longest_s: float = _LONGEST_S,
    ) -> None:
        self._endpoints = endpoints
        self._stream = stream
        self._clock = clock
        self._is_stopped = is_stopped
        self._longest_s = longest_s

    def __call__(self, published: Sequence[Event]) -> None:
        """Return when the store has every article and price that was published.

        Raises:
            StoreUnavailableError: If it does not have them in time.
        """
        until_s = self._clock.monotonic_s() + self._longest_s
        with PostgresPool(self._endpoints.database_url, max_connections=1) as pool:
            while n_missing := self._n_missing(pool, published):
                if self._is_stopped() or self._clock.monotonic_s() > until_s:
                    message = (
                        f"Postgres has not stored {n_missing} of the published items; see the log of history"
                    )
                    raise StoreUnavailableError(message)
                self._clock.sleep(_LOOK_S)

    def _n_missing(self, pool: PostgresPool, published: Sequence[Event]) -> int:
        articles = item_keys(event for event in published if isinstance(event, ArticlePublished))
        stored = {(each.article_id, each.version) for each in CollectedBefore(pool).versions(self._stream)}
        newest = {each.instrument: each.event_time_ms for each in StoredPrices(pool).newest(self._stream)}
        prices = [event for event in published if isinstance(event, PriceObserved)]
        late = [event for event in prices if newest.get(event.instrument, -1) < event.event_time_ms]
        return len(articles - stored) + len(late)
