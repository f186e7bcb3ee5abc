"""Vectors from tables: the market features of a target with the features of its companions.

This is the batch driver of :mod:`.vector_kernel`. The vector at T follows from the target's rows up to T and
from the companion's rows that may be joined there (:mod:`.as_of`). So nothing that happens later or becomes
known later can change it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.companions import Companions
from schemas.features import FeatureTable
from schemas.time import Length
from stream_processors.features.as_of import newest_known_rows
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import (
    ALLOWANCE_MS,
    GROUPS,
    OLDEST_BARS,
    FeatureGroup,
    groups_of,
    spec_of,
    vector_spec,
)
from stream_processors.features.vector_kernel import OTHER, OWN, empty_state, run_coin, run_perpetual

Numbers = NDArray[np.float64]
#: The compiled loop of each group.
LOOPS: Mapping[FeatureGroup, Any] = {FeatureGroup.COIN: run_coin, FeatureGroup.PERPETUAL: run_perpetual}


class JoinedColumns(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """For each row of the target, the newest known row of the companion.

    Attributes:
        other: Shape (n, 12), the companion's columns for the kernel; NaN where nothing was joined.
        age_bars: Shape (n,): how many bars before the target's the joined bar ended; NaN where nothing was
            joined.
        known_ms: Shape (n,), int64: when both were known.
    """

    other: Numbers
    age_bars: Numbers
    known_ms: NDArray[np.int64]


def joined(own: FeatureTable, other: FeatureTable, *, interval: Length, allowance_ms: int) -> JoinedColumns:
    """Join a companion's table to the target's rows, by the times at which its rows were known.

    Args:
        own: Market features of the target.
        other: Market features of the companion.
        interval: The length of the bars of both.
        allowance_ms: How much later than the target's bar ended a companion's row may have been known.
    """
    columns, n = columns_of(other, OTHER), len(own.as_of_ms)
    nothing = JoinedColumns(
        other=np.full((n, columns.shape[1]), np.nan), age_bars=np.full(n, np.nan), known_ms=own.known_ms
    )
    if len(other.as_of_ms) == 0:
        return nothing
    rows = newest_known_rows(
        times_ms=own.as_of_ms, as_of_ms=other.as_of_ms, known_ms=other.known_ms, allowance_ms=allowance_ms
    )
    age_ms = own.as_of_ms - other.as_of_ms[rows]
    has = (rows >= 0) & (age_ms <= OLDEST_BARS * interval.milliseconds)
    return JoinedColumns(
        other=np.where(has[:, np.newaxis], columns[rows], nothing.other),
        age_bars=np.where(has, age_ms / interval.milliseconds, np.nan),
        known_ms=np.where(has, np.maximum(own.known_ms, other.known_ms[rows]), own.known_ms),
    )


def with_coin(
    table: FeatureTable, other: FeatureTable, *, interval: Length, allowance_ms: int = 0
) -> FeatureTable:
    """Return a table with the companion features of another coin: its returns, correlations, leads and lags.

    Args:
        table: The target's table, whose columns begin with the market features.
        other: Market features of the other coin, such as ETH.
        interval: The length of the bars of both.
        allowance_ms: How much later than a row's time the other coin's row may have been known.
    """
    pair = joined(table, other, interval=interval, allowance_ms=allowance_ms)
    return _with(table, {FeatureGroup.COIN: pair}, interval)


def with_perpetual(
    table: FeatureTable, other: FeatureTable, *, interval: Length, allowance_ms: int = 0
) -> FeatureTable:
    """Return a table with the companion features of the coin's perpetual: its basis and its order flow.

    Args:
        table: The target's table, whose columns begin with the market features.
        other: Market features of the perpetual.
        interval: The length of the bars of both.
        allowance_ms: How much later than a row's time the perpetual's row may have been known.
    """
    pair = joined(table, other, interval=interval, allowance_ms=allowance_ms)
    return _with(table, {FeatureGroup.PERPETUAL: pair}, interval)


def with_companions(
    table: FeatureTable, others: Mapping[str, FeatureTable], companions: Companions, *, interval: Length
) -> FeatureTable:
    """Return the vectors that the live join makes, with the same set of features and the same allowance.

    Args:
        table: Market features of the target.
        others: Market features of each companion, by instrument.
        companions: The target's companions.
        interval: The length of all bars.
    """
    pairs = {
        group: joined(table, others[name], interval=interval, allowance_ms=ALLOWANCE_MS)
        for group, name in groups_of(companions).items()
    }
    joint = _with(table, pairs, interval)
    return msgspec.structs.replace(joint, feature_spec_hash=spec_of(companions).hash)


def columns_of(table: FeatureTable, names: tuple[str, ...]) -> Numbers:
    """Return the close and some features as columns for the kernel; shape (n, 1 + k)."""
    place = {name: column for column, name in enumerate(table.names)}
    taken = table.values[:, [place[name] for name in names]]
    return np.ascontiguousarray(np.column_stack([table.close, taken]))


def warm_up_vectors() -> None:
    """Compile both loops of the vector kernel once; numba keeps the compiled code in its cache folder."""
    times = np.arange(1, dtype=np.int64)
    rows = (np.ones((1, 1 + len(OWN))), np.ones((1, 1 + len(OTHER))), np.zeros(1))
    for group, loop in LOOPS.items():
        loop(empty_state(), times, 1, *rows, np.empty((1, len(GROUPS[group]))))


def _companion_features(
    table: FeatureTable, pair: JoinedColumns, group: FeatureGroup, interval: Length
) -> Numbers:
    """The companion features of a group; shape (n, k)."""
    beside = np.empty((len(table.as_of_ms), len(GROUPS[group])))
    own = columns_of(table, OWN)
    arrays = (table.as_of_ms, interval.milliseconds, own, pair.other, pair.age_bars, beside)
    LOOPS[group](empty_state(), *arrays)
    return beside


def _with(table: FeatureTable, pairs: Mapping[FeatureGroup, JoinedColumns], interval: Length) -> FeatureTable:
    """The table with the groups in their places; copied in blocks, as a year of minutes is half a gigabyte."""
    held = {group for group in FeatureGroup if GROUPS[group] and GROUPS[group][0].name in table.names}
    spec = vector_spec(held | pairs.keys())
    values = np.empty((len(table.as_of_ms), len(spec.names)))
    until = len(SPEC.names)
    values[:, :until] = table.values[:, :until]
    for group in (group for group in FeatureGroup if group in held | pairs.keys()):
        first, until = until, until + len(GROUPS[group])
        if group in pairs:
            values[:, first:until] = _companion_features(table, pairs[group], group, interval)
        else:
            place = table.names.index(GROUPS[group][0].name)
            values[:, first:until] = table.values[:, place : place + until - first]
    return FeatureTable(
        names=spec.names,
        feature_spec_hash=spec.hash,
        as_of_ms=table.as_of_ms,
        known_ms=np.maximum.reduce([table.known_ms, *(pair.known_ms for pair in pairs.values())]),
        close=table.close,
        is_warm=table.is_warm,
        values=values,
    )
