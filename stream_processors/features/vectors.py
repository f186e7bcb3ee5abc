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

from schemas.companions import NEWS, Companions, NewsCompanion
from schemas.features import FeatureSpec, FeatureTable, NewsFeatureTable
from schemas.time import Length
from stream_processors.features.as_of import newest_known_rows
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import (
    ALLOWANCE_MS,
    GROUPS,
    OLDEST_BARS,
    OLDEST_NEWS_MS,
    FeatureGroup,
    groups_among,
    groups_of,
    news_of,
    news_row_spec,
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


def joined_news(
    table: FeatureTable, news: NewsFeatureTable, companion: NewsCompanion
) -> tuple[Numbers, NDArray[np.int64]]:
    """Join news features to the rows of a table, as the live join does: those of the newest minute, if it is recent.

    Args:
        table: The target's table.
        news: The features of the news about the target's asset.
        companion: The news, whose set of features the table must have.

    Returns:
        Shape (n, k), NaN where no row was joined; and shape (n,), int64: when both were known.

    Raises:
        ValueError: If the news features are of another set.
    """
    spec = news_row_spec(companion)
    if news.feature_spec_hash != spec.hash:
        message = f"expected the news features {spec.hash[:12]}, were {news.feature_spec_hash[:12]}"
        raise ValueError(message)
    nothing = np.full((len(table.as_of_ms), len(spec.names)), np.nan)
    if len(news.as_of_ms) == 0:
        return nothing, table.known_ms
    rows = newest_known_rows(
        times_ms=table.as_of_ms, as_of_ms=news.as_of_ms, known_ms=news.as_of_ms, allowance_ms=0
    )
    has = (rows >= 0) & (table.as_of_ms - news.as_of_ms[rows] <= OLDEST_NEWS_MS)
    known_ms = np.where(has, np.maximum(table.known_ms, news.as_of_ms[rows]), table.known_ms)
    return np.where(has[:, np.newaxis], news.values[rows], nothing), known_ms


def with_news(table: FeatureTable, news: NewsFeatureTable, companion: NewsCompanion) -> FeatureTable:
    """Return a table with the features of news as its last columns.

    Args:
        table: The target's table, whose columns begin with the market features.
        news: The features of the news about the target's asset.
        companion: The news.
    """
    beside, known_ms = joined_news(table, news, companion)
    spec = _spec_with_news(table, companion)
    values = np.empty((len(table.as_of_ms), len(spec.names)))
    values[:, : table.values.shape[1]], values[:, table.values.shape[1] :] = table.values, beside
    return msgspec.structs.replace(
        table, names=spec.names, feature_spec_hash=spec.hash, known_ms=known_ms, values=values
    )


def _spec_with_news(table: FeatureTable, companion: NewsCompanion) -> FeatureSpec:
    spec = vector_spec(groups_among(table.names), news=companion)
    if spec.names != (*table.names, *(each.name for each in news_of(companion))):
        message = "news is joined after all other companions, to a table that begins with the market features"
        raise ValueError(message)
    return spec


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
    table: FeatureTable,
    others: Mapping[str, FeatureTable],
    companions: Companions,
    *,
    interval: Length,
    news: NewsFeatureTable | None = None,
) -> FeatureTable:
    """Return the vectors that the live join makes, with the same set of features and the same allowance.

    Args:
        table: Market features of the target.
        others: Market features of each companion, by instrument.
        companions: The target's companions.
        interval: The length of all bars.
        news: The features of the news about the target's asset; None if the companions have no news, or if there
            is no row of it.
    """
    pairs = {
        group: joined(table, others[name], interval=interval, allowance_ms=ALLOWANCE_MS)
        for group, name in groups_of(companions).items()
        if name != NEWS
    }
    joint = _with(table, pairs, interval) if pairs else table
    if companions.news is not None:
        joint = with_news(joint, _no_news(companions.news) if news is None else news, companions.news)
    return msgspec.structs.replace(joint, feature_spec_hash=spec_of(companions).hash)


def _no_news(companion: NewsCompanion) -> NewsFeatureTable:
    """A table of news features without rows."""
    spec = news_row_spec(companion)
    return NewsFeatureTable(
        names=spec.names,
        feature_spec_hash=spec.hash,
        as_of_ms=np.empty(0, dtype=np.int64),
        n_articles=np.empty(0, dtype=np.int64),
        values=np.empty((0, len(spec.names))),
    )


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
    held = {group for group in GROUPS if GROUPS[group][0].name in table.names}
    spec = vector_spec(held | pairs.keys())
    values = np.empty((len(table.as_of_ms), len(spec.names)))
    until = len(SPEC.names)
    values[:, :until] = table.values[:, :until]
    for group in (group for group in GROUPS if group in held | pairs.keys()):
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
