"""Which candles of a page are new, and which correct a stored one. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from producers.normalise.observations import VenueCandle


class Held(NamedTuple):
    """A stored candle, as far as corrections are compared with it."""

    start_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    revision: int

    @classmethod
    def of(cls, candle: VenueCandle, revision: int) -> Self:
        """Return a candle as it is stored."""
        prices = candle.open, candle.high, candle.low, candle.close
        return cls(candle.start_ms, *prices, float(candle.volume or 0.0), revision)


def revised(candles: Sequence[VenueCandle], held: Mapping[int, Held]) -> dict[int, list[VenueCandle]]:
    """Return the candles that are to be stored, by their revision: 0 for a new one, the next one for a correction.

    Args:
        candles: With a volume.
        held: The stored candles by start.
    """
    found: dict[int, list[VenueCandle]] = {}
    for candle in candles:
        known = held.get(candle.start_ms)
        if known is None:
            found.setdefault(0, []).append(candle)
        elif known != Held.of(candle, known.revision):
            found.setdefault(known.revision + 1, []).append(candle)
    return found


def columns_of_held(rows: Sequence[Held]) -> dict[str, NDArray[Any]]:
    """Return stored candles as columns."""
    names = ("timestamp", "open", "high", "low", "close", "volume")
    columns = zip(*(row[:6] for row in rows), strict=True) if rows else [()] * 6
    types = (np.int64, *[np.float64] * 5)
    return {
        name: np.array(values, dtype=kind) for name, values, kind in zip(names, columns, types, strict=True)
    }
