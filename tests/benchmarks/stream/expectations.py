"""What must come of a market: every bar's features, by numpy and the batch driver alone.

No competitor's code is in it, ours included but for the compiled kernel, which all share.
"""

from collections.abc import Mapping

import msgspec
import numpy as np

from schemas.codec import null_from_nan
from schemas.events import FeaturesComputed
from schemas.time import Interval
from stream_processors.features.bars import BarTable, bar_table
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from tests.benchmarks.stream.markets import INSTRUMENTS, MINUTE_MS, ORIGIN_MS, TICKS_PER_MINUTE, Market

#: What the competitors' bars lead to: they do not collect what buyers took, as ours do.
COMPARED = tuple(i for i, name in enumerate(SPEC.names) if not name.startswith("buy_volume"))

#: An instrument and a bar's end.
Key = tuple[str, int]


class Expected(msgspec.Struct, frozen=True):
    """The close and the features of one bar."""

    close: float
    values: list[float | None]


def expected_features(market: Market) -> dict[Key, Expected]:
    """By instrument and bar's end."""
    found: dict[Key, Expected] = {}
    for listing, instrument in enumerate(INSTRUMENTS):
        table = compute_table(_bars(market, listing))
        for end_ms, close, values in zip(
            table.as_of_ms.tolist(), table.close.tolist(), table.values.tolist(), strict=True
        ):
            found[(instrument, end_ms)] = Expected(close, null_from_nan(values))
    return found


def _bars(market: Market, listing: int) -> BarTable:
    """Every minute has the same number of trades, so that bars are rows of a matrix."""
    mine = market.trades.listing == listing
    shape = (market.n_minutes, TICKS_PER_MINUTE)
    prices = market.trades.price[mine][:-1].reshape(shape)
    sizes = market.trades.size[mine][:-1].reshape(shape)
    return bar_table(
        start_ms=ORIGIN_MS + MINUTE_MS * np.arange(market.n_minutes),
        prices=np.column_stack([prices[:, 0], prices.max(axis=1), prices.min(axis=1), prices[:, -1]]),
        # One after another, as a stream adds them up: numpy's own sum adds in pairs.
        volume=np.cumsum(sizes, axis=1)[:, -1],
        interval=Interval.ONE_MINUTE,
    )


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
