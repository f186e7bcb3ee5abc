"""Reads whether the stores answer, up to when each target is predicted, and which arms fail."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import structlog
from fastapi import Depends

from api.failures import FailedDecisions, failures_of
from api.payloads.shared import Store
from api.reading.guarded import GuardedHistory, GuardedViews
from api.reading.parts import part
from schemas.errors import StoreUnavailableError
from schemas.targets import Target
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.redis import failures_key, prediction_key

_log = structlog.get_logger(__name__)


class NewestMade(NamedTuple):
    """The as-of time of the newest prediction of a target, and the store that it was read from."""

    as_of_ms: int
    store: Store


class ReadinessReader:
    """Reads how the run stands, for all of its targets at once.

    Args:
        views: The views in Redis.
        history: The history in Postgres.
        stream: The run that is served.
    """

    def __init__(self, views: GuardedViews, history: GuardedHistory, *, stream: str) -> None:
        self._views = views
        self._history = history
        self._predictions = StoredPredictions(history.pool)
        self._stream = stream
        self._keys: tuple[Sequence[Target], list[str]] | None = None

    def is_redis_ready(self) -> bool:
        """Ask whether Redis answers now."""
        return self._views.is_ready()

    def is_postgres_ready(self) -> bool:
        """Ask whether Postgres answers now."""
        return self._history.is_ready()

    def newest_made(self, targets: Sequence[Target]) -> list[NewestMade | None]:
        """Return the newest as-of time of each of these targets with its store; None if it has no prediction.

        Raises:
            StoreUnavailableError: If Redis lacks some and Postgres does not answer.
        """
        found = self._in_views(targets)
        missing = {target.instrument for target, made in zip(targets, found, strict=True) if made is None}
        if not missing:
            return found
        with self._history.asked():
            stored = self._predictions.last_predicted_ms(self._stream, instruments=missing)
        return [
            NewestMade(stored[target], Store.POSTGRES) if made is None and target in stored else made
            for target, made in zip(targets, found, strict=True)
        ]

    def _in_views(self, targets: Sequence[Target]) -> list[NewestMade | None]:
        try:
            orders = self._views.orders(self._keys_of(targets))
        except StoreUnavailableError as error:
            _log.debug("predictions are looked up in Postgres", reason=str(error))
            return [None] * len(targets)
        # Thousands of targets are predicted up to the same few times.
        made = {order: NewestMade(order, Store.REDIS) for order in set(orders) if order is not None}
        return [None if order is None else made[order] for order in orders]

    def _keys_of(self, targets: Sequence[Target]) -> list[str]:
        """The keys of the views. Those of the configured targets, which are asked for again and again, are kept."""
        if self._keys is None or self._keys[0] is not targets:
            self._keys = targets, [prediction_key(*target) for target in targets]
        return self._keys[1]

    def failures(self) -> dict[Target, FailedDecisions]:
        """Return the targets whose versions could not decide some rows; nothing while Redis does not answer."""
        try:
            fields = self._views.fields(failures_key(self._stream))
        except StoreUnavailableError as error:
            _log.debug("failures are not known", reason=str(error))
            return {}
        return failures_of(self._stream, fields)


ReadinessPart = Annotated[ReadinessReader, Depends(part(ReadinessReader))]
