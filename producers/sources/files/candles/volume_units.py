"""Tells by two volumes whether the unit of the volume is coins: what was paid for a coin lies between low and high."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.headings import plain_name
from schemas.errors import ConfigurationError

Columns = dict[str, NDArray[Any]]

_OF_TICKS = ("tickvolume", "tickvol")
_OF_AMOUNTS = ("amount",)
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


def chosen_volumes(columns: Columns, *, name: str, names: tuple[str, str]) -> Columns:
    """Return the columns with the volume in coins as ``volume``, where two columns may be it.

    What was paid for a coin lies between low and high: of ``vol`` and ``amount`` the larger one divided by the other one,
    or a quote volume divided by one of them, is the price.

    Args:
        columns: Of a file, ``other_volume`` among them; that one is left out of the result.
        name: Of the file.
        names: What the file calls ``volume`` and ``other_volume``.

    Raises:
        ConfigurationError: If no numbers tell which of the two counts coins.
    """
    rest = {key: values for key, values in columns.items() if key != "other_volume"}
    first, other = columns["volume"], columns["other_volume"]
    if "quote_volume" in columns:
        is_other = not _is_price(columns, columns["quote_volume"], first) and _is_price(
            columns, columns["quote_volume"], other
        )
        return rest | {"volume": other} if is_other else rest
    if _is_price(columns, other, first):
        return rest | {"quote_volume": other}
    if _is_price(columns, first, other):
        return rest | {"volume": other, "quote_volume": first}
    if np.allclose(first, other, equal_nan=True):
        return rest
    message = (
        f"{name} has the columns {names[0]} and {names[1]}, and neither divided by the other is the price: nobody can tell "
        "which counts coins; call that one volume, and leave the other one out"
    )
    raise ConfigurationError(message)


def _is_price(columns: Columns, money: NDArray[np.float64], coins: NDArray[np.float64]) -> bool:
    """Whether money for a coin lies between the low and the high of most rows in which something was traded."""
    is_traded = (money > 0) & (coins > 0)
    if int(is_traded.sum()) < _FEWEST_ROWS:
        return False
    low, high = columns["low"][is_traded], columns["high"][is_traded]
    return _share_between(money[is_traded] / coins[is_traded], low, high) >= _LEAST_SHARE


def doubt_about_name(name: str, columns: Columns) -> str | None:
    """Return a sentence if the name or the numbers of a volume leave open what it counts.

    Args:
        name: What the file calls its volume.
        columns: Good rows.
    """
    plain = plain_name(name)
    if not columns["volume"].any():
        return f"The volume ({name}) is 0 in every row: features of the volume say nothing"
    if plain in _OF_TICKS:
        return f"The volume is read from {name}, which counts changes of the price and not coins"
    if plain in _OF_AMOUNTS and "quote_volume" not in columns:
        return f"The volume is read from {name} as coins: if it counts money, call that column quote_volume"
    return None


def _share_between(values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    within = (values >= low * (1 - _ROUNDING)) & (values <= high * (1 + _ROUNDING))
    return float(within.mean())
