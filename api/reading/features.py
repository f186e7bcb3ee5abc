"""Reads the newest features of an instrument."""

from typing import Annotated

from fastapi import Depends

from api.reading.guarded import FoundEvent, GuardedHistory, NewestEvents
from api.reading.parts import part
from schemas.events import FeaturesComputed
from schemas.topics import FEATURES_MARKET
from schemas.wire.postgres.features import StoredFeatures
from schemas.wire.redis import features_key


class FeatureReader:
    """Reads the features of one run.

    Args:
        newest: Reads the newest event of a view.
        history: The history in Postgres.
        stream: The run that is served.
    """

    def __init__(self, newest: NewestEvents, history: GuardedHistory, *, stream: str) -> None:
        self._newest = newest
        self._features = StoredFeatures(history.pool)
        self._stream = stream

    def newest(self, *, instrument: str, interval: str) -> FoundEvent | None:
        """Return the newest features of an instrument and interval, or None.

        Raises:
            StoreUnavailableError: If Redis has none and Postgres does not answer.
        """

        def stored() -> FeaturesComputed | None:
            return self._features.newest_features(self._stream, instrument=instrument, interval=interval)

        return self._newest.read(features_key(self._stream, instrument, interval), FEATURES_MARKET, stored)


FeaturesPart = Annotated[FeatureReader, Depends(part(FeatureReader))]
