"""Vectors: an instrument's features with another instrument's beside them, from tables.

Batch only and pure. What is at row T comes of own rows up to T and of rows of the other table that may be
joined there (:mod:`.as_of`), so what happens later, or is known later, cannot change it.
"""

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.features import FeatureTable
from schemas.time import Interval
from stream_processors.features.as_of import newest_known_rows
from stream_processors.features.trailing import Trailing
from stream_processors.features.vector_declarations import (
    GROUPS,
    TAKEN_FROM_COIN,
    TAKEN_FROM_PERPETUAL,
    Group,
    vector_spec,
)

Numbers = NDArray[np.float64]
#: An other bar that ended more bars before own is no longer joined: that is an outage.
OLDEST_BARS = 5
_WINDOW = 60


class Joined(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Own rows, and for each the row of the other table that was the newest known.

    Attributes:
        own: By column of the own table, shape (n,); ``log_close`` too.
        other: The same of the other table, NaN where nothing was joined.
        age_bars: Shape (n,): how many bars before own the other's ended; NaN where nothing was.
        known_ms: Shape (n,), int64: when both were known.
        trailing: Windows over own rows.
    """

    own: dict[str, Numbers]
    other: dict[str, Numbers]
    age_bars: Numbers
    known_ms: NDArray[np.int64]
    trailing: Trailing


def joined(own: FeatureTable, other: FeatureTable, *, interval: Interval, allowance_ms: int) -> Joined:
    """Join another table to own rows as of known time.

    Args:
        interval: Of both tables' bars.
        allowance_ms: How much later than own bar's end the other may have been known.
    """
    rows = newest_known_rows(
        times_ms=own.as_of_ms, as_of_ms=other.as_of_ms, known_ms=other.known_ms, allowance_ms=allowance_ms
    )
    length = interval.milliseconds
    has = rows >= 0
    if len(other.as_of_ms) > 0:
        has &= own.as_of_ms - other.as_of_ms[rows] <= OLDEST_BARS * length
    taken = np.where(has, rows, 0)

    def at_own(column: NDArray[np.float64]) -> Numbers:
        return np.where(has, column[taken], np.nan) if len(column) else np.full(len(rows), np.nan)

    other_known = other.known_ms[taken] if len(other.known_ms) else own.known_ms
    return Joined(
        own=_columns(own),
        other={name: at_own(column) for name, column in _columns(other).items()},
        age_bars=(own.as_of_ms - at_own(other.as_of_ms.astype(np.float64))) / length,
        known_ms=np.where(has, np.maximum(own.known_ms, other_known), own.known_ms),
        trailing=Trailing(own.as_of_ms, length),
    )


def with_coin(
    table: FeatureTable, other: FeatureTable, *, interval: Interval, allowance_ms: int = 0
) -> FeatureTable:
    """A table of market features with those of another coin beside them: leads, lags, relative moves.

    Args:
        table: Its columns begin with the market features.
        other: Market features of the other coin, such as ETH.
        interval: Of the bars of both.
        allowance_ms: How much later than a row's time the other's row may have been known.
    """
    return _with(
        table, joined(table, other, interval=interval, allowance_ms=allowance_ms), Group.COIN, _of_coin
    )


def with_perpetual(
    table: FeatureTable, other: FeatureTable, *, interval: Interval, allowance_ms: int = 0
) -> FeatureTable:
    """A table of market features with those of the coin's perpetual beside them: basis, and its flow.

    Args:
        table: Its columns begin with the market features.
        other: Market features of the perpetual.
        interval: Of the bars of both.
        allowance_ms: How much later than a row's time the other's row may have been known.
    """
    return _with(
        table,
        joined(table, other, interval=interval, allowance_ms=allowance_ms),
        Group.PERPETUAL,
        _of_perpetual,
    )


def _columns(table: FeatureTable) -> dict[str, Numbers]:
    return {"log_close": np.log(table.close), **dict(zip(table.names, table.values.T, strict=True))}


def _with(
    table: FeatureTable, pair: Joined, group: Group, compute: Callable[[Joined], dict[str, Numbers]]
) -> FeatureTable:
    names = tuple(feature.name for feature in GROUPS[group])
    held = {other for other in Group if GROUPS[other] and GROUPS[other][0].name in table.names}
    spec = vector_spec(held | {group})
    computed = compute(pair)
    beside = np.column_stack([computed[name] for name in names])
    columns = {
        **dict(zip(table.names, table.values.T, strict=True)),
        **dict(zip(names, np.where(np.isfinite(beside), beside, np.nan).T, strict=True)),
    }
    return FeatureTable(
        names=spec.names,
        feature_spec_hash=spec.hash,
        as_of_ms=table.as_of_ms,
        known_ms=pair.known_ms,
        close=table.close,
        is_warm=table.is_warm,
        values=np.column_stack([columns[name] for name in spec.names]),
    )


def _of_coin(pair: Joined) -> dict[str, Numbers]:
    own, other, trailing = pair.own, pair.other, pair.trailing
    moves, others = own["log_return_1"], other["log_return_1"]
    beta = trailing.slope(moves, others, _WINDOW)
    volatility = own["realised_volatility_60"]
    standardised = "standardised_return_1"
    return {
        **{f"coin_{name}": other[name] for name in TAKEN_FROM_COIN},
        **{
            f"return_difference_{n}": own[f"log_return_{n}"] - other[f"log_return_{n}"]
            for n in (1, 5, 15, 60)
        },
        "standardised_return_difference_1": own[standardised] - other[standardised],
        "coin_volatility_ratio_60": _ratio(volatility, other["realised_volatility_60"]),
        "coin_correlation_60": trailing.correlation(moves, others, _WINDOW),
        "coin_beta_60": beta,
        "coin_residual_1": _ratio(moves - beta * others, volatility),
        "coin_lead_60": trailing.correlation(moves, trailing.before(others, 1), _WINDOW),
        "coin_lag_60": trailing.correlation(others, trailing.before(moves, 1), _WINDOW),
        "relative_price_z_score_60": trailing.z_score(own["log_close"] - other["log_close"], _WINDOW),
        "coin_age": pair.age_bars,
    }


def _of_perpetual(pair: Joined) -> dict[str, Numbers]:
    own, other, trailing = pair.own, pair.other, pair.trailing
    basis = other["log_close"] - own["log_close"]
    return {
        "basis": basis,
        **{f"basis_change_{n}": basis - trailing.before(basis, n) for n in (1, 5, 15, 60)},
        "basis_z_score_60": trailing.z_score(basis, _WINDOW),
        **{f"perpetual_{name}": other[name] for name in TAKEN_FROM_PERPETUAL},
        "perpetual_volume_share": _ratio(other["relative_volume_60"], own["relative_volume_60"]),
        "perpetual_age": pair.age_bars,
    }


def _ratio(numerator: Numbers, denominator: Numbers) -> Numbers:
    """A quotient; NaN by zero."""
    quotient: Numbers = numerator / np.where(denominator == 0, np.nan, denominator)
    return quotient
