"""Reads the newest bars of an instrument."""

from typing import Annotated

from fastapi import Depends

from api.reading.guarded import GuardedHistory
from api.reading.parts import part
from schemas.events import BarClosed
from schemas.wire.postgres.markets import StoredMarket


class BarReader:
    """Reads the bars of one run.

    Args:
        history: The history in Postgres.
        stream: The run that is served.
    """

    def __init__(self, history: GuardedHistory, *, stream: str) -> None:
        self._history = history
        self._market = StoredMarket(history.pool)
        self._stream = stream

    def newest(self, *, instrument: str, interval: str, limit: int) -> list[BarClosed]:
        """Return the newest bars, oldest first.

        Args:
            instrument: The name of the instrument.
            interval: The length of the bars, such as ``15m``.
            limit: The largest number of bars that is returned.
        """
        with self._history.asked():
            return self._market.bars(self._stream, instrument=instrument, interval=interval, limit=limit)


BarsPart = Annotated[BarReader, Depends(part(BarReader))]
