"""Vectors from tables: an instrument's features with its companions' beside them.

The batch driver of :mod:`.vector_kernel`. What is at row T comes of own rows up to T and of rows of the
other table that may be joined there (:mod:`.as_of`), so what happens later, or is known later, cannot
change it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.companions import Companions
from schemas.features import FeatureTable
from schemas.time import Interval
from stream_processors.features.as_of import newest_known_rows
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import (
    ALLOWANCE_MS,
    GROUPS,
    OLDEST_BARS,
    Group,
    groups_of,
    spec_of,
    vector_spec,
)
from stream_processors.features.vector_kernel import OTHER, OWN, empty_state, run_coin, run_perpetual

Numbers = NDArray[np.float64]
#: The compiled loop of each group.
LOOPS: Mapping[Group, Any] = {Group.COIN: run_coin, Group.PERPETUAL: run_perpetual}


class JoinedColumns(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """For each own row what of the other table was the newest known.

    Attributes:
        other: Shape (n, 12), columns of the kernel, NaN where nothing was joined.
        age_bars: Shape (n,): how many bars before own the other's ended; NaN where nothing was.
        known_ms: Shape (n,), int64: when both were known.
    """

    other: Numbers
    age_bars: Numbers
    known_ms: NDArray[np.int64]


def joined(own: FeatureTable, other: FeatureTable, *, interval: Interval, allowance_ms: int) -> JoinedColumns:
    """Join another table to own rows as of known time.

    Args:
        interval: Of both tables' bars.
        allowance_ms: How much later than own bar's end the other may have been known.
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
    table: FeatureTable, other: FeatureTable, *, interval: Interval, allowance_ms: int = 0
) -> FeatureTable:
    """A table of market features with those of another coin beside them: leads, lags, relative moves.

    Args:
        table: Its columns begin with the market features.
        other: Market features of the other coin, such as ETH.
        interval: Of the bars of both.
        allowance_ms: How much later than a row's time the other's row may have been known.
    """
    pair = joined(table, other, interval=interval, allowance_ms=allowance_ms)
    return _with(table, {Group.COIN: pair}, interval)


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
    pair = joined(table, other, interval=interval, allowance_ms=allowance_ms)
    return _with(table, {Group.PERPETUAL: pair}, interval)


def with_companions(
    table: FeatureTable, others: Mapping[str, FeatureTable], companions: Companions, *, interval: Interval
) -> FeatureTable:
    """The vectors that the live join makes: of the companions' own set of features, with its allowance.

    Args:
        table: Market features of the target.
        others: Market features of each companion, by instrument.
        companions: Of the target.
        interval: Of all bars.
    """
    pairs = {
        group: joined(table, others[name], interval=interval, allowance_ms=ALLOWANCE_MS)
        for group, name in groups_of(companions).items()
    }
    joint = _with(table, pairs, interval)
    return msgspec.structs.replace(joint, feature_spec_hash=spec_of(companions).hash)


def columns_of(table: FeatureTable, names: tuple[str, ...]) -> Numbers:
    """The close and some features as the kernel takes them; shape (n, 1 + k)."""
    place = {name: column for column, name in enumerate(table.names)}
    taken = table.values[:, [place[name] for name in names]]
    return np.ascontiguousarray(np.column_stack([table.close, taken]))


def warm_up_vectors() -> None:
    """Compile both loops once; the compiled code is kept in numba's cache folder."""
    times = np.arange(1, dtype=np.int64)
    rows = (np.ones((1, 1 + len(OWN))), np.ones((1, 1 + len(OTHER))), np.zeros(1))
    for group, loop in LOOPS.items():
        loop(empty_state(), times, 1, *rows, np.empty((1, len(GROUPS[group]))))


def _beside(table: FeatureTable, pair: JoinedColumns, group: Group, interval: Interval) -> Numbers:
    """The features of a group; shape (n, k)."""
    beside = np.empty((len(table.as_of_ms), len(GROUPS[group])))
    own = columns_of(table, OWN)
    arrays = (table.as_of_ms, interval.milliseconds, own, pair.other, pair.age_bars, beside)
    LOOPS[group](empty_state(), *arrays)
    return beside


def _with(table: FeatureTable, pairs: Mapping[Group, JoinedColumns], interval: Interval) -> FeatureTable:
    """The table with groups in their places; copied by the block, as a year of minutes is half a gigabyte."""
    held = {group for group in Group if GROUPS[group] and GROUPS[group][0].name in table.names}
    spec = vector_spec(held | pairs.keys())
    values = np.empty((len(table.as_of_ms), len(spec.names)))
    until = len(SPEC.names)
    values[:, :until] = table.values[:, :until]
    for group in (group for group in Group if group in held | pairs.keys()):
        first, until = until, until + len(GROUPS[group])
        if group in pairs:
            values[:, first:until] = _beside(table, pairs[group], group, interval)
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
