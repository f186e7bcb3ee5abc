"""Laws of every feature that stands beside the market features: truncation, known time, memory, gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.features import FeatureTable
from schemas.time import Interval
from stream_processors.features.as_of import newest_known_rows
from stream_processors.features.batch import compute_table
from stream_processors.features.vector_declarations import COIN, PERPETUAL, FeatureGroup, vector_spec
from stream_processors.features.vectors import with_coin, with_perpetual
from tests.fixtures.bar_tables import random_walk
from tests.fixtures.market_events import MINUTE

LAWS = settings(max_examples=40, deadline=None)
N = 200
SPEC = vector_spec((FeatureGroup.COIN, FeatureGroup.PERPETUAL))
BESIDE = (*COIN, *PERPETUAL)
FIRST = len(SPEC.names) - len(BESIDE)
every_feature = pytest.mark.parametrize(
    "i", range(FIRST, len(SPEC.names)), ids=[feature.name for feature in BESIDE]
)
ALLOWANCE_MS = 2_000


def rows_of(table: FeatureTable, keep: slice | NDArray[np.bool_]) -> FeatureTable:
    return FeatureTable(
        names=table.names,
        feature_spec_hash=table.feature_spec_hash,
        as_of_ms=table.as_of_ms[keep],
        known_ms=table.known_ms[keep],
        close=table.close[keep],
        is_warm=table.is_warm[keep],
        values=table.values[keep],
    )


def known_at(table: FeatureTable, known_ms: NDArray[np.int64]) -> FeatureTable:
    return FeatureTable(
        names=table.names,
        feature_spec_hash=table.feature_spec_hash,
        as_of_ms=table.as_of_ms,
        known_ms=known_ms,
        close=table.close,
        is_warm=table.is_warm,
        values=table.values,
    )


def tables(seed: int) -> tuple[FeatureTable, FeatureTable, FeatureTable]:
    """Own, another coin's and the perpetual's, of which rows are known a little later."""
    chance = np.random.default_rng(seed)
    own, coin, perpetual = (compute_table(random_walk(N, seed=seed + k)) for k in range(3))
    late = chance.integers(0, 4 * ALLOWANCE_MS, N)
    return own, known_at(coin, coin.as_of_ms + late), known_at(perpetual, perpetual.as_of_ms + late // 8)


def vector(own: FeatureTable, coin: FeatureTable, perpetual: FeatureTable) -> FeatureTable:
    beside_coin = with_coin(own, coin, interval=Interval.ONE_MINUTE, allowance_ms=ALLOWANCE_MS)
    return with_perpetual(beside_coin, perpetual, interval=Interval.ONE_MINUTE, allowance_ms=ALLOWANCE_MS)


@pytest.fixture(scope="module")
def whole() -> list[FeatureTable]:
    return [vector(*tables(seed)) for seed in range(2)]


@every_feature
def test_feature_is_the_same_when_everything_later_or_known_later_is_removed(
    i: int, whole: list[FeatureTable]
) -> None:
    for seed, table in enumerate(whole):
        own, coin, perpetual = tables(seed)
        for end in (1, 30, 62, 121, N - 1):
            time_ms = int(own.as_of_ms[end - 1])
            known = [
                rows_of(other, (other.as_of_ms <= time_ms) & (other.known_ms <= time_ms + ALLOWANCE_MS))
                for other in (coin, perpetual)
            ]
            cut = vector(rows_of(own, slice(end)), *known)
            assert cut.values[-1, i].tobytes() == table.values[end - 1, i].tobytes()


@every_feature
def test_feature_sees_only_the_rows_of_its_memory(i: int, whole: list[FeatureTable]) -> None:
    memory = SPEC.features[i].memory_bars
    own, coin, perpetual = tables(0)
    for end in (N, N - 7):
        recent = slice(end - memory, end)
        others = slice(max(0, end - memory - 3), N)  # what was joined is at most a few rows older
        cut = vector(rows_of(own, recent), rows_of(coin, others), rows_of(perpetual, others))
        assert cut.values[-1, i].tobytes() == whole[0].values[end - 1, i].tobytes()
        assert not np.isnan(cut.values[-1, i])


@every_feature
def test_feature_is_defined_from_its_warm_up_on_and_optional(i: int) -> None:
    own, coin, perpetual = (compute_table(random_walk(N, seed=k)) for k in range(3))
    values = vector(own, coin, perpetual).values[:, i]
    assert not np.isnan(values[SPEC.features[i].warm_up_bars - 1 :]).any()
    assert SPEC.features[i].is_optional


@every_feature
def test_gap_of_own_rows_begins_anew(i: int) -> None:
    own, coin, perpetual = tables(0)
    present = np.arange(N) != 100
    behind = vector(rows_of(own, present), coin, perpetual).values[100:, i]
    anew = vector(rows_of(own, slice(101, None)), coin, perpetual).values[:, i]
    assert behind.tobytes() == anew.tobytes()


def test_without_the_other_instrument_its_features_are_undefined_and_the_rest_stands() -> None:
    own, coin, perpetual = tables(0)
    none = vector(own, rows_of(coin, slice(0)), rows_of(perpetual, slice(0)))
    assert np.isnan(none.values[:, FIRST:]).all()
    assert none.values[:, :FIRST].tobytes() == own.values.tobytes()
    assert none.known_ms.tolist() == own.known_ms.tolist()


def test_outage_of_the_other_is_not_bridged() -> None:
    own, coin, perpetual = tables(0)
    table = vector(own, rows_of(coin, slice(100)), perpetual)
    age = table.values[:, table.names.index("coin_age")]
    assert age[110:].tolist() == pytest.approx([np.nan] * (N - 110), nan_ok=True)
    assert np.nanmax(age) == 5.0


def test_order_of_joining_does_not_matter_and_the_hash_is_of_the_whole_set(
    whole: list[FeatureTable],
) -> None:
    own, coin, perpetual = tables(0)
    other_way = with_coin(
        with_perpetual(own, perpetual, interval=Interval.ONE_MINUTE, allowance_ms=ALLOWANCE_MS),
        coin,
        interval=Interval.ONE_MINUTE,
        allowance_ms=ALLOWANCE_MS,
    )
    assert other_way.names == whole[0].names == SPEC.names
    assert other_way.values.tobytes() == whole[0].values.tobytes()
    assert other_way.feature_spec_hash == SPEC.hash
    assert other_way.known_ms.tolist() == whole[0].known_ms.tolist()


def test_row_is_known_when_the_last_of_what_went_into_it_was(whole: list[FeatureTable]) -> None:
    own = tables(0)[0]
    assert (whole[0].known_ms >= own.known_ms).all()
    assert (whole[0].known_ms <= own.as_of_ms + ALLOWANCE_MS).all()


@LAWS
@given(st.lists(st.integers(0, 6 * MINUTE), min_size=0, max_size=12), st.integers(0, 3 * MINUTE), st.data())
def test_join_takes_the_newest_row_of_those_that_were_known(
    late: list[int], allowance_ms: int, data: st.DataObject
) -> None:
    as_of_ms = np.arange(1, len(late) + 1, dtype=np.int64) * MINUTE
    known_ms = as_of_ms + np.array(late, dtype=np.int64)
    times = data.draw(st.lists(st.integers(0, 15 * MINUTE), max_size=8))
    found = newest_known_rows(
        times_ms=np.array(times, dtype=np.int64),
        as_of_ms=as_of_ms,
        known_ms=known_ms,
        allowance_ms=allowance_ms,
    )
    for time_ms, row in zip(times, found.tolist(), strict=True):
        may = [
            i for i in range(len(late)) if as_of_ms[i] <= time_ms and known_ms[i] <= time_ms + allowance_ms
        ]
        assert row == max(may, default=-1)


@pytest.mark.parametrize("bad", [{"allowance_ms": -1}, {"as_of_ms": np.array([2, 1])}])
def test_what_cannot_be_joined_is_refused(bad: dict[str, object]) -> None:
    times = np.array([1, 2])
    asked = {"times_ms": times, "as_of_ms": times, "known_ms": times, "allowance_ms": 0}
    with pytest.raises(ValueError, match="must"):
        newest_known_rows(**(asked | bad))
