"""Laws of what evaluation and data sets compute, each against its definition, over any data."""

import io

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import parquet
from scipy import stats

from schemas.time import Interval
from tests.fakes.decision_sets import labelled
from tests.fakes.feature_tables import MINUTE_MS, table_of
from trainers.backtesting.money import daily, drawdown
from trainers.datasets.decisions import decision_set
from trainers.datasets.joining import with_columns
from trainers.datasets.prices import ForwardReturn, PricePath
from trainers.datasets.schedules import refits_by_rows
from trainers.datasets.stored import content_hash, from_bytes, manifest_of, to_bytes
from trainers.datasets.uniqueness import uniqueness
from trainers.evaluation.block_intervals import DAY_MS, circular_block_sums
from trainers.evaluation.conditioning import standard_ranks
from trainers.evaluation.intervals import bootstrap_sums, wilson_interval, wilson_lower
from trainers.evaluation.selective import GAP_MS, chosen, threshold
from trainers.evaluation.significance import benjamini_hochberg, holm
from trainers.training.workers import Workers

CLOSES = st.lists(st.floats(0.5, 1e6), min_size=3, max_size=40)
SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=12)
#: The starts of labels, each some time after the one before, and their lengths.
LABELS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 12)), min_size=1, max_size=25)


@given(st.lists(st.sampled_from([-0.1, 0.0, 0.2, np.nan]), max_size=30))
def test_every_return_is_up_or_down_or_a_tie_or_undefined(values):
    returns = ForwardReturn(log_return=np.array(values), known_ms=np.zeros(len(values), dtype=np.int64))
    is_down = returns.is_decided & ~returns.is_up
    kinds = np.array([returns.is_up, is_down, returns.is_tie, np.isnan(returns.log_return)])
    assert (kinds.sum(axis=0) == 1).all()
    assert (returns.log_return[is_down] < 0).all()


@given(CLOSES, st.lists(st.booleans(), min_size=3, max_size=40), st.integers(1, 3))
def test_a_stored_set_is_read_back_as_it_was_and_written_to_the_same_bytes(closes, warm, multiple):
    n = min(len(closes), len(warm))
    values = np.column_stack([np.arange(n) / 3, np.where(np.arange(n) % 2, np.nan, 1.0)])
    table = table_of(closes[:n], values=values, is_warm=[True, *warm[1:n]])
    path = PricePath.of_bars(table, Interval.ONE_MINUTE)
    made = decision_set(
        table,
        path,
        interval=Interval.ONE_MINUTE,
        horizon=Interval.ONE_MINUTE,
        multiples=(multiple,),
        lags_ms=(MINUTE_MS,),
    )
    data = to_bytes(made)
    manifest = manifest_of(made, data, sources={"bars": "0" * 64})
    read = from_bytes(data, manifest)
    assert to_bytes(read) == data
    assert content_hash(read) == content_hash(made)
    assert manifest.n_rows == len(read) == parquet.ParquetFile(io.BytesIO(data)).metadata.num_rows
    for key, returns in made.forward_returns.items():
        assert np.array_equal(read.forward_returns[key].log_return, returns.log_return, equal_nan=True)
        assert np.array_equal(read.forward_returns[key].known_ms, returns.known_ms)
    assert np.array_equal(read.rows, made.rows, equal_nan=True)


@given(CLOSES, st.integers(0, 39), st.sampled_from(["close", "values"]))
def test_any_change_of_what_a_set_holds_changes_its_hash(closes, row, what):
    table = table_of(closes)
    changed = getattr(table, what).copy()
    changed[row % (len(closes) - 1)] += 1.0
    other = msgspec.structs.replace(table, **{what: changed})
    one, two = labelled(table), labelled(other)
    returns_differ = not np.array_equal(one.own.log_return, two.own.log_return)
    assert (content_hash(one) != content_hash(two)) is (returns_differ or what == "values")


@given(LABELS)
def test_uniqueness_is_the_mean_share_of_each_instant(labels):
    start = np.cumsum([step for step, _ in labels]).astype(np.int64)
    end = start + np.array([length for _, length in labels])
    n_open = [int(((start <= t) & (end > t)).sum()) for t in range(int(end.max()))]
    expected = [np.mean([1 / n_open[t] for t in range(s, e)]) for s, e in zip(start, end, strict=True)]
    assert uniqueness(start_ms=start, end_ms=end) == pytest.approx(expected, rel=1e-9)


@given(st.sets(st.text("abc", min_size=1, max_size=2), max_size=4))
def test_added_columns_are_new_and_name_another_set_of_features(names):
    table = table_of([1.0, 2.0, 3.0])
    columns = {name: np.arange(3.0) for name in sorted(names)}
    taken = names & set(table.names)
    if taken:
        with pytest.raises(ValueError, match="columns must be new"):
            with_columns(table, columns)
        return
    wider = with_columns(table, columns)
    assert wider.names == (*table.names, *sorted(names))
    assert wider.values.shape == (3, 2 + len(names))
    assert wider.feature_spec_hash != table.feature_spec_hash


@given(st.integers(1, 300), st.integers(1, 20))
def test_refits_by_rows_share_the_rest_out_evenly(n, n_refits):
    as_of = np.arange(n, dtype=np.int64) * 7
    first = int(0.4 * n)
    if first < 1 or n - first < n_refits:
        with pytest.raises(ValueError, match="more rows"):
            refits_by_rows(as_of, n_refits=n_refits)
        return
    edges = [*(time // 7 for time in refits_by_rows(as_of, n_refits=n_refits)), n]
    sizes = np.diff(edges)
    assert edges[0] == first
    assert sizes.max() - sizes.min() <= 1


@given(st.lists(st.one_of(st.integers(-5, 5).map(float), st.just(np.nan)), min_size=1, max_size=40))
def test_standard_ranks_are_scipys_with_mean_nought_and_variance_one(values):
    values = np.array(values)
    found, defined = standard_ranks(values), ~np.isnan(values)
    assert (found[~defined] == 0).all()
    if len(set(values[defined].tolist())) < 2:
        assert (found == 0).all()
        return
    expected = np.zeros(len(values))
    expected[defined] = stats.rankdata(values[defined]) - (defined.sum() + 1) / 2
    assert found == pytest.approx(expected / expected.std(), abs=1e-12)


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 2**31))
def test_every_resample_has_whole_blocks_of_the_rows_in_a_circle(n, block, seed):
    block = min(block, n)
    table = np.column_stack([np.ones(n), np.arange(n)])
    sums = circular_block_sums(table, block=block, generator=np.random.default_rng(seed), n_replicates=20)
    assert (sums[:, 0] == -(-n // block) * block).all()
    assert (sums[:, 1] <= sums[:, 0] * (n - 1)).all()


@given(st.integers(1, 200), st.integers(1, 40), st.integers(0, 2**31))
def test_a_stationary_resample_has_as_many_rows_as_there_are(n, mean_rows, seed):
    generator = np.random.default_rng(seed)
    sums = bootstrap_sums(np.ones((n, 1)), mean_block_rows=mean_rows, generator=generator, n_replicates=15)
    assert sums[:, 0].tolist() == [n] * 15


@example(hits=0, misses=65, risk=0.140625)
@given(hits=st.integers(0, 300), misses=st.integers(0, 300), risk=st.floats(0.001, 0.4))
def test_a_lower_bound_lies_below_the_share_and_falls_with_the_risk(hits, misses, risk):
    n = hits + misses
    bound = wilson_lower(hits, n, risk=risk)
    assert 0 <= bound <= (hits / n if n else 0) + 1e-12
    assert wilson_lower(hits, n, risk=risk / 2) <= bound
    assert wilson_lower(hits, n, risk=0.025) == pytest.approx(wilson_interval(hits, n)[0], abs=1e-12)


@given(SHARES)
def test_adjusted_p_values_never_fall_below_and_holms_are_the_stricter(p_values):
    strict, mild = holm(p_values), benjamini_hochberg(p_values)
    for p, one, other in zip(p_values, strict, mild, strict=True):
        assert p <= other + 1e-15
        assert other <= one + 1e-15
        assert one <= 1
    order = np.argsort(p_values)
    assert (np.diff(np.array(strict)[order]) >= 0).all()
    assert (np.diff(np.array(mild)[order]) >= -1e-15).all()


@given(st.integers(0, 2**31), st.sampled_from([0.05, 0.1, 0.2, 0.5]), st.integers(20, 390))
def test_a_choice_is_a_function_of_what_was_said_a_day_before_its_stretch(seed, target, cut_day):
    generator = np.random.default_rng(seed)
    as_of_ms = np.arange(0, 400 * DAY_MS, DAY_MS // 2, dtype=np.int64)
    probability = generator.random(len(as_of_ms))
    starts = tuple(range(200 * DAY_MS, 400 * DAY_MS, 7 * DAY_MS))
    kinds = {"starts_ms": starts, "until_ms": 400 * DAY_MS, "target": target}
    changed = np.where(as_of_ms >= cut_day * DAY_MS, 1 - probability**2, probability)
    one, two = (chosen(said, as_of_ms, **kinds) for said in (probability, changed))
    before = as_of_ms < cut_day * DAY_MS
    assert one[before].tolist() == two[before].tolist()
    assert not one[as_of_ms < starts[0]].any()


@given(st.integers(0, 2**31), st.sampled_from([0.05, 0.1, 0.3]))
def test_a_threshold_is_reached_by_the_share_that_it_aims_at(seed, target):
    generator = np.random.default_rng(seed)
    as_of_ms = np.arange(0, 182 * DAY_MS, DAY_MS // 4, dtype=np.int64)
    confidence = generator.random(len(as_of_ms)) / 2
    at_ms = 182 * DAY_MS + GAP_MS
    limit = threshold(confidence, as_of_ms, at_ms=at_ms, target=target)
    assert np.mean(confidence >= limit) == pytest.approx(target, abs=2 / len(as_of_ms))


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=60))
def test_a_drawdown_is_a_share_and_nothing_at_each_new_peak(equity):
    path = np.array(equity)
    lost = drawdown(path)
    assert ((lost >= 0) & (lost <= 1)).all()
    peaks = path >= np.maximum.accumulate(np.maximum(path, 1.0))
    assert (lost[peaks] == 0).all()
    assert (lost[~peaks] > 0).all()


@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=80), st.integers(1, 30))
def test_daily_returns_compound_to_the_whole(moves, hours):
    equity = np.cumprod(1 + np.array(moves))
    end_ms = np.arange(1, len(equity) + 1, dtype=np.int64) * hours * DAY_MS // 24
    found = daily(end_ms, equity)
    assert np.prod(1 + found.returns) == pytest.approx(equity[-1], rel=1e-9)
    assert (found.day_ms % DAY_MS == 0).all()
    assert (np.diff(found.day_ms) > 0).all()
    assert found.day_ms[-1] - DAY_MS < end_ms[-1] <= found.day_ms[-1]


@given(st.lists(st.integers(-50, 50), max_size=20), st.integers(1, 4))
def test_workers_give_results_in_the_order_of_their_items(items, n_workers):
    with Workers(n_workers, None) as workers:
        assert workers.map(lambda item: item**2, items, size=abs) == [item**2 for item in items]
