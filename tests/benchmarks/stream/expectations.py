"""What must come of a market: every bar's features, by numpy and the batch driver alone.

No competitor's code is in it, ours included but for the compiled kernel, which all share.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.codec import null_from_nan
from schemas.events import FeaturesComputed
from schemas.time import Interval
from stream_processors.features.bars import BarTable, bar_table
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from tests.benchmarks.stream.markets import MINUTE_MS, Market

#: What the competitors' bars lead to: they do not collect what buyers took, as ours do.
COMPARED = tuple(i for i, name in enumerate(SPEC.names) if not name.startswith("buy_volume"))

#: An instrument and a bar's end.
Key = tuple[str, int]


class _Bars(NamedTuple):
    start_ms: NDArray[np.int64]
    prices: NDArray[np.float64]
    volume: NDArray[np.float64]


class Expected(msgspec.Struct, frozen=True):
    """The close and the features of one bar."""

    close: float
    values: list[float | None]


def expected_features(*markets: Market) -> dict[Key, Expected]:
    """By instrument and bar's end, of markets of the same instruments that follow each other."""
    found: dict[Key, Expected] = {}
    of_listing = [_by_listing(market) for market in markets]
    for number, listing in enumerate(markets[0].listings):
        bars = [_bars(market, mine[number]) for market, mine in zip(markets, of_listing, strict=True)]
        instrument = listing.instrument
        table = compute_table(_joined(bars))
        for end_ms, close, values in zip(
            table.as_of_ms.tolist(), table.close.tolist(), table.values.tolist(), strict=True
        ):
            found[(instrument, end_ms)] = Expected(close, null_from_nan(values))
    return found


def _by_listing(market: Market) -> list[NDArray[np.intp]]:
    """Where the trades of each instrument are, those on the end left out."""
    inside = market.trades.listing[: market.n_before(market.n_minutes)]
    return np.split(np.argsort(inside, kind="stable"), len(market.listings))


def _bars(market: Market, mine: NDArray[np.intp]) -> _Bars:
    """Every minute has the same number of trades, so that bars are rows of a matrix."""
    shape = (market.n_minutes, market.ticks_per_minute)
    prices = market.trades.price[mine].reshape(shape)
    sizes = market.trades.size[mine].reshape(shape)
    return _Bars(
        start_ms=market.start_ms + MINUTE_MS * np.arange(market.n_minutes),
        prices=np.column_stack([prices[:, 0], prices.max(axis=1), prices.min(axis=1), prices[:, -1]]),
        # One after another, as a stream adds them up: numpy's own sum adds in pairs.
        volume=np.cumsum(sizes, axis=1)[:, -1],
    )


def _joined(bars: list[_Bars]) -> BarTable:
    start_ms, prices, volume = (np.concatenate(column) for column in zip(*bars, strict=True))
    return bar_table(start_ms=start_ms, prices=prices, volume=volume, interval=Interval.ONE_MINUTE)


def differences(seen: Mapping[Key, FeaturesComputed], expected: Mapping[Key, Expected]) -> list[str]:
    """What is wrong, one line each: missing, invented and different records."""
    missing = [f"{name} at {end} is missing" for name, end in expected.keys() - seen.keys()]
    invented = [f"{name} at {end} was not to be expected" for name, end in seen.keys() - expected.keys()]
    wrong = [
        f"{key[0]} at {key[1]}: {message}"
        for key, found in seen.items()
        if key in expected and (message := _difference(found, expected[key]))
    ]
    return missing + invented + wrong


def _difference(found: FeaturesComputed, expected: Expected) -> str | None:
    if found.close != expected.close:
        return f"the close is {found.close}, not {expected.close}"
    values = list(found.values.values())
    if len(values) != len(expected.values) or any(values[i] != expected.values[i] for i in COMPARED):
        return f"the features are {values}, not {expected.values}"
    return None
