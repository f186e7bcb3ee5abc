"""Reads predictions with their outcomes, and the record of a target, which is kept for a second."""

from typing import Annotated

from fastapi import Depends

from api.reading.guarded import FoundEvent, GuardedHistory, NewestEvents
from api.reading.parts import part
from schemas.errors import StoreUnavailableError
from schemas.events import PredictionMade
from schemas.records import PredictionRecord
from schemas.targets import Target
from schemas.time import Clock
from schemas.topics import PREDICTIONS
from schemas.wire.postgres.predictions import PredictionPage, StoredPredictions
from schemas.wire.redis import prediction_key

_RECORD_KEPT_S = 1.0


class PredictionReader:
    """Reads the predictions of targets.

    Args:
        newest: Reads the newest event of a view.
        history: The history in Postgres.
        clock: The clock that measures how long a record is kept.
    """

    def __init__(self, newest: NewestEvents, history: GuardedHistory, *, clock: Clock) -> None:
        self._newest = newest
        self._history = history
        self._predictions = StoredPredictions(history.pool)
        self._clock = clock
        self._records: dict[Target, tuple[float, PredictionRecord]] = {}

    def newest(self, target: Target) -> FoundEvent | None:
        """Return the newest prediction of a target, or None.

        Raises:
            StoreUnavailableError: If Redis has none and Postgres does not answer.
        """

        def stored() -> PredictionMade | None:
            page = self._predictions.predictions(target, limit=1)
            return page[0][0] if page else None

        return self._newest.read(prediction_key(*target), PREDICTIONS, stored)

    def page(self, target: Target, *, limit: int, before_ms: int | None) -> PredictionPage:
        """Return predictions with their outcomes, newest first.

        Args:
            target: The target of the predictions.
            limit: The largest number of predictions that is returned.
            before_ms: Only as-of times before this one; None for the newest.
        """
        with self._history.asked():
            return self._predictions.predictions(target, limit=limit, before_ms=before_ms)

    def newest_page(self, target: Target, *, limit: int) -> tuple[PredictionPage, PredictionRecord]:
        """Return the newest predictions with their outcomes, and the record of the same moment."""
        with self._history.asked():
            page, record = self._predictions.predictions_with_record(target, limit=limit)
        self._records[target] = (self._clock.monotonic_s(), record)
        return page, record

    def record(self, target: Target) -> PredictionRecord | None:
        """Return the record of a target, at most a second old; None if no store can tell it."""
        kept = self._records.get(target)
        if kept is not None and self._clock.monotonic_s() - kept[0] < _RECORD_KEPT_S:
            return kept[1]
        try:
            with self._history.asked():
                record = self._predictions.record(target)
        except StoreUnavailableError:
            return None
        self._records[target] = (self._clock.monotonic_s(), record)
        return record


PredictionsPart = Annotated[PredictionReader, Depends(part(PredictionReader))]
