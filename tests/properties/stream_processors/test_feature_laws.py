"""Laws that every declared feature keeps: parity, truncation, memory, warm-up, gaps."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.time import Interval
from stream_processors.features import kernel
from stream_processors.features.bars import BarTable, bar_table
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import CALENDAR, SPEC
from stream_processors.features.stepping import FeatureStepper
from stream_processors.features.tables import BLOCK
from tests.fixtures.bar_tables import random_walk, recorded_minutes
from tests.fixtures.market_events import MINUTE, T0

LAWS = settings(max_examples=25, deadline=None)
N = 200
every_feature = pytest.mark.parametrize("i", range(kernel.N_FEATURES), ids=SPEC.names)


def live(bars: BarTable, stepper: FeatureStepper | None = None) -> NDArray[np.float64]:
    held = FeatureStepper() if stepper is None else stepper
    steps = [
        held.step(
            (row[0], row[1], row[2], row[3], row[4]),
            start_ms=int(start),
            end_ms=int(row[5]),
            buy_volume=None if np.isnan(row[6]) else row[6],
        )
        for start, row in zip(bars.start_ms, bars.rows.tolist(), strict=True)
    ]
    return np.array(steps).reshape(len(steps), kernel.N_FEATURES)


def part(bars: BarTable, rows: slice | NDArray[np.bool_]) -> BarTable:
    return BarTable(start_ms=bars.start_ms[rows], rows=bars.rows[rows], known_ms=bars.known_ms[rows])


def bits(values: NDArray[np.float64]) -> bytes:
    return np.where(np.isnan(values), np.nan, values).tobytes()


@st.composite
def tables(draw: st.DrawFn) -> BarTable:
    """A walk with holes, stretches without volume, flat stretches, and bars whose buyers are not known."""
    bars = random_walk(N, seed=draw(st.integers(0, 2**31)))
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, N - 1))
        stretch = slice(start, start + draw(st.integers(1, 80)))
        bars.rows[stretch, :4] = bars.rows[start, 3]
        bars.rows[stretch, 4] = bars.rows[stretch, 6] = 0.0
    unknown = draw(st.integers(0, N))
    bars.rows[unknown : unknown + 20, 6] = np.nan
    present = np.ones(N, dtype=np.bool_)
    for hole in draw(st.sets(st.integers(0, N - 1), max_size=3)):
        present[hole : hole + 2] = False
    return part(bars, present)


@LAWS
@given(tables())
def test_stepping_live_gives_the_bits_of_the_batch(bars: BarTable) -> None:
    assert bits(live(bars)) == bits(compute_table(bars).values)


@pytest.mark.parametrize("n", [1, 2_047, 2_048, 5_000])
@pytest.mark.parametrize("every_minutes", [1, 7, 15])
def test_rows_that_are_kept_are_those_of_the_whole_table(n: int, every_minutes: int) -> None:
    """A backtest keeps the rows that it decides on; parts of the table end between them."""
    walk = random_walk(n, seed=3)
    present = np.ones(n, dtype=np.bool_)
    present[n // 3 : n // 3 + n // 20] = False
    bars = part(walk, present)
    whole, kept = compute_table(bars), compute_table(bars, every_ms=every_minutes * MINUTE)
    rows = whole.as_of_ms % (every_minutes * MINUTE) == 0
    assert bits(kept.values) == bits(whole.values[rows])
    for name in ("as_of_ms", "known_ms", "close", "is_warm"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(whole, name)[rows])


@LAWS
@given(tables(), st.integers(0, N))
def test_every_prefix_gives_what_the_whole_table_gives(bars: BarTable, cut: int) -> None:
    assert bits(compute_table(part(bars, slice(cut))).values) == bits(compute_table(bars).values[:cut])


@LAWS
@given(tables(), st.integers(0, N))
def test_stepper_restored_at_any_cut_goes_on_to_the_same_bits(bars: BarTable, cut: int) -> None:
    held, restored = FeatureStepper(), FeatureStepper()
    live(part(bars, slice(cut)), held)
    restored.restore_state(held.state())
    rest = part(bars, slice(cut, None))
    assert bits(live(rest, restored)) == bits(live(rest, held))
    assert len(rest.start_ms) == 0 or restored.is_warm == held.is_warm


@LAWS
@given(tables(), st.integers(0, N - 1), st.integers(1, N))
def test_stepper_restored_before_some_bars_and_stepped_again_goes_on_to_the_same_bits(
    bars: BarTable, cut: int, n: int
) -> None:
    assume(cut < len(bars.start_ms))  # a table with holes has fewer than N bars
    held, restored = FeatureStepper(), FeatureStepper()
    live(part(bars, slice(cut)), held)
    restored.restore_state(held.state())
    again = part(bars, slice(cut, cut + n))
    live(again, held)
    restored.step_again(again.rows)
    assert bits(np.array(restored.values)) == bits(np.array(held.values))
    assert restored.is_warm == held.is_warm
    rest = part(bars, slice(cut + n, None))
    assert bits(live(rest, restored)) == bits(live(rest, held))


@LAWS
@given(tables())
def test_inputs_are_left_as_they_were(bars: BarTable) -> None:
    before = bars.rows.tobytes()
    compute_table(bars)
    assert bars.rows.tobytes() == before


@LAWS
@given(tables())
def test_no_value_is_ever_infinite(bars: BarTable) -> None:
    assert not np.isinf(compute_table(bars).values).any()


@every_feature
def test_feature_sees_only_the_bars_of_its_memory(i: int) -> None:
    declared = SPEC.features[i]
    if declared.memory_bars == 0:
        return  # its older bars fade but never vanish: the law of fading is the next one
    bars = random_walk(N, seed=i)
    whole = compute_table(bars).values[:, i]
    for end in range(N - BLOCK, N + 1):  # wherever the window lies in the blocks of the sums
        short = compute_table(part(bars, slice(end - declared.memory_bars, end))).values[-1, i]
        assert np.float64(short).tobytes() == np.float64(whole[end - 1]).tobytes()
        assert not np.isnan(short)


@every_feature
def test_feature_is_the_same_when_everything_later_is_removed(i: int) -> None:
    bars = random_walk(N, seed=i)
    whole = compute_table(bars).values[:, i]
    for end in (1, 13, 61, 62, 100, N - 1):
        assert bits(compute_table(part(bars, slice(end))).values[:, i]) == bits(whole[:end])


@every_feature
def test_feature_forgets_what_lies_long_before_its_warm_up(i: int) -> None:
    bars, other = random_walk(2000, seed=i), random_walk(2000, seed=i)
    other.rows[:500, :4] *= 1.5
    a, b = compute_table(bars).values[-1, i], compute_table(other).values[-1, i]
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@every_feature
def test_feature_is_defined_from_its_declared_warm_up_on(i: int) -> None:
    values = compute_table(random_walk(N, seed=i)).values[:, i]
    assert not np.isnan(values[SPEC.features[i].warm_up_bars - 1 :]).any()


@every_feature
def test_windowed_feature_is_undefined_before_its_memory_is_full(i: int) -> None:
    declared = SPEC.features[i]
    values = compute_table(random_walk(N, seed=i)).values[: max(declared.memory_bars - 1, 0), i]
    assert np.isnan(values).all()


@every_feature
def test_gap_begins_anew(i: int) -> None:
    bars = random_walk(N, seed=i)
    present = np.ones(N, dtype=np.bool_)
    present[100] = False
    behind = compute_table(part(bars, present)).values[100:, i]
    anew = compute_table(part(bars, slice(101, None))).values[:, i]
    assert bits(behind) == bits(anew)


def test_table_is_warm_when_every_feature_is_that_is_not_optional() -> None:
    table = compute_table(random_walk(N, seed=1))
    warm_up = SPEC.warm_up_bars
    assert table.is_warm.tolist() == [False] * (warm_up - 1) + [True] * (N - warm_up + 1)
    required = [not feature.is_optional for feature in SPEC.features]
    assert not np.isnan(table.values[table.is_warm][:, required]).any()


def test_bars_that_do_not_increase_are_refused() -> None:
    with pytest.raises(ValueError, match="increasing"):
        bar_table(
            start_ms=np.array([T0, T0]),
            prices=np.ones((2, 4)),
            volume=np.ones(2),
            interval=Interval.ONE_MINUTE,
        )


FLAT_IS_UNDEFINED = {
    "bollinger_position_20",
    "directional_difference_14",
    "jump_share_60",
    "realised_skewness_60",
    "relative_range_15",
    "relative_range_60",
    "relative_strength_index_14",
    "relative_strength_index_6",
    "return_autocorrelation_30",
    "return_autocorrelation_60",
    "signed_jumps_15",
    "signed_jumps_60",
    "slow_stochastic_14_3",
    "standardised_return_1",
    "standardised_return_15",
    "standardised_return_5",
    "standardised_return_60",
    "stochastic_14",
    "stochastic_60",
    "trend_efficiency_15",
    "trend_efficiency_168",
    "trend_efficiency_60",
    "variance_ratio_5_60",
    "volatility_ratio_15_60",
    "volatility_ratio_5_60",
    "volatility_state_60_168",
    "z_score_168",
    "z_score_60",
}
NO_VOLUME_IS_UNDEFINED = {
    "amihud_illiquidity_15",
    "amihud_illiquidity_60",
    "buy_volume_imbalance_1",
    "buy_volume_imbalance_15",
    "buy_volume_imbalance_5",
    "buy_volume_imbalance_60",
    "chaikin_money_flow_20",
    "illiquidity_ratio_15_60",
    "money_flow_index_14",
    "relative_volume_15_60",
    "relative_volume_5_60",
    "relative_volume_60",
    "relative_volume_60_168",
    "signed_volume_15",
    "signed_volume_168",
    "signed_volume_5",
    "signed_volume_60",
    "vwap_distance_15",
    "vwap_distance_60",
}
OF_TIME = {feature.name for feature in CALENDAR}


@pytest.mark.parametrize("price", [0.1, 0.3, 59_123.45, 1.0])
def test_flat_market_without_volume_is_zero_or_undefined(price: float) -> None:
    """Distances in deviations came out as -1 and 1: the quotient of two rounding errors."""
    bars = bar_table(
        start_ms=T0 + np.arange(N, dtype=np.int64) * MINUTE,
        prices=np.full((N, 4), price),
        volume=np.zeros(N),
        buy_volume=np.zeros(N),
        interval=Interval.ONE_MINUTE,
    )
    last = dict(zip(SPEC.names, compute_table(bars).values[-1].tolist(), strict=True))
    undefined = {name for name, value in last.items() if np.isnan(value)}
    assert undefined == FLAT_IS_UNDEFINED | NO_VOLUME_IS_UNDEFINED
    assert {
        name: value for name, value in last.items() if name not in undefined | OF_TIME and value != 0.0
    } == {}


@every_feature
def test_one_minute_without_a_trade_leaves_windows_defined(i: int) -> None:
    """A minute without volume made the illiquidity of every window over it undefined."""
    bars = random_walk(N, seed=i)
    bars.rows[-5, 4] = bars.rows[-5, 6] = 0.0
    bars.rows[-5, :4] = bars.rows[-6, 3]
    assert not np.isnan(compute_table(bars).values[-1, i])


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_prices_and_volumes_of_any_scale_give_finite_values(scale: float) -> None:
    bars = random_walk(N, seed=3)
    bars.rows[:, :5] *= scale
    bars.rows[:, 6] *= scale
    values = compute_table(bars).values
    assert np.isfinite(values[-1]).all()


def test_state_of_an_instrument_and_interval_stays_small() -> None:
    """It is written whole now and then, of every instrument and interval."""
    assert 8 * kernel.STATE_SIZE <= 21_000


@pytest.mark.recorded
def test_recorded_minutes_over_a_border_of_segments_step_to_the_bits_of_the_batch(
    recorded_data: Path,
) -> None:
    bars = recorded_minutes(recorded_data, n=4000)
    table = compute_table(bars)
    assert bits(live(bars)) == bits(table.values)
    required = [not feature.is_optional for feature in SPEC.features]
    assert np.isnan(table.values[table.is_warm][:, required]).mean() < 0.01
    assert not np.isinf(table.values).any()
    assert (~table.is_warm).sum() == 2 * (SPEC.warm_up_bars - 1)
