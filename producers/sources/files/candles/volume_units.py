"""Tells by two volumes whether the unit of the volume is coins: what was paid for a coin lies between low and high."""

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.columns import Columns

_LEAST_SHARE = 0.5
_FEWEST_ROWS = 3
#: Volumes and prices are rounded, so that an average price may lie a little outside.
_ROUNDING = 0.01


def volume_doubt(columns: Columns) -> str | None:
    """Return a sentence if the quote volume for a unit of the volume is no price of most bars.

    Args:
        columns: Good rows: prices, ``volume`` and, if the file has one, ``quote_volume``, each of shape (n,).
    """
    if "quote_volume" not in columns:
        return None
    volume, quote = columns["volume"], columns["quote_volume"]
    is_traded = (volume > 0) & (quote > 0) & np.isfinite(quote)
    if int(is_traded.sum()) < _FEWEST_ROWS:
        return None
    low, high = columns["low"][is_traded], columns["high"][is_traded]
    volume, quote = volume[is_traded], quote[is_traded]
    if _share_between(quote / volume, low, high) >= _LEAST_SHARE:
        return None
    if _share_between(volume / quote, low, high) >= _LEAST_SHARE:
        return (
            "The volume divided by the quote volume is the price: the columns seem to be swapped, and the volume that is "
            "read counts money and not coins"
        )
    return (
        "The quote volume divided by the volume is not between the low and the high of most bars: the volume may count "
        "contracts or money and not coins"
    )


def _share_between(values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    within = (values >= low * (1 - _ROUNDING)) & (values <= high * (1 + _ROUNDING))
    return float(within.mean())
