"""Laws of price paths, outcomes and folds, over any series of times."""

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.time import Interval
from tests.fakes.decision_sets import ALWAYS_MS, labelled
from tests.fakes.feature_tables import MINUTE_MS, table_of
from trainers.datasets.folds import equal_folds, folds_between, purged
from trainers.datasets.prices import PricePath, merged
from trainers.evaluation.intervals import wilson_interval
from trainers.evaluation.training_sets import training_set_at, training_set_of

SERIES = st.lists(st.tuples(st.integers(1, 4), st.floats(1, 1e6)), min_size=10, max_size=80)
#: Steps in minutes, closes, and by how many minutes each close was known late.
LATE_SERIES = st.lists(
    st.tuples(st.integers(1, 3), st.floats(1, 1e6), st.integers(0, 9)), min_size=12, max_size=60
)


def series_of(steps):
    as_of = np.cumsum([step for step, _ in steps]).astype(np.int64) * MINUTE_MS
    return as_of, np.array([close for _, close in steps])


def path_of(as_of, close, known=None):
    known_ms = as_of if known is None else known
    return PricePath(end_ms=as_of, known_ms=known_ms, close=close, interval_ms=MINUTE_MS)


def late_table(steps):
    as_of = np.cumsum([step for step, _, _ in steps]).astype(np.int64) * MINUTE_MS
    late = np.array([late for _, _, late in steps], dtype=np.int64) * MINUTE_MS
    return table_of([close for _, close, _ in steps], as_of_ms=as_of, known_ms=as_of + late)


@given(SERIES, st.integers(1, 5))
def test_a_return_is_of_the_closes_at_exactly_its_times_or_nothing(steps, minutes):
    as_of, close = series_of(steps)
    until = as_of + minutes * MINUTE_MS
    outcome = path_of(as_of, close).forward_returns(as_of, until)
    by_time = dict(zip(as_of.tolist(), close.tolist(), strict=True))
    for end, price, found in zip(until.tolist(), close.tolist(), outcome.log_return.tolist(), strict=True):
        final = by_time.get(end)
        assert np.isnan(found) if final is None else found == np.log(np.float64(final) / np.float64(price))
    assert np.array_equal(outcome.known_ms, np.where(np.isnan(outcome.log_return), -1, until))


@given(SERIES, st.data())
def test_truncating_the_future_never_changes_a_return_that_was_known(steps, data):
    as_of, close = series_of(steps)
    cut = data.draw(st.integers(1, len(as_of)))
    whole = path_of(as_of, close).log_returns(as_of[:cut], as_of[:cut] + MINUTE_MS)
    past = path_of(as_of[:cut], close[:cut]).log_returns(as_of[:cut], as_of[:cut] + MINUTE_MS)
    known = as_of[:cut] + MINUTE_MS <= as_of[cut - 1]
    assert np.array_equal(whole[known], past[known], equal_nan=True)


@given(SERIES, st.data())
def test_any_part_of_a_path_agrees_with_the_whole_on_its_own_times(steps, data):
    as_of, close = series_of(steps)
    path = path_of(as_of, close)
    first, last = sorted((data.draw(st.integers(0, 400)), data.draw(st.integers(0, 400))))
    part = path.between(first * MINUTE_MS, last * MINUTE_MS)
    inside = (as_of >= first * MINUTE_MS) & (as_of <= last * MINUTE_MS)
    assert np.array_equal(part.end_ms, as_of[inside])
    assert np.array_equal(part.close, close[inside])


@given(SERIES, SERIES)
def test_two_paths_merge_into_all_their_times_with_the_first_ones_closes(first, second):
    one, two = path_of(*series_of(first)), path_of(*series_of(second))
    both = merged(one, two)
    assert set(both.end_ms.tolist()) == {*one.end_ms.tolist(), *two.end_ms.tolist()}
    expected = dict(zip(two.end_ms.tolist(), two.close.tolist(), strict=True))
    expected |= dict(zip(one.end_ms.tolist(), one.close.tolist(), strict=True))
    assert dict(zip(both.end_ms.tolist(), both.close.tolist(), strict=True)) == expected


@given(
    st.integers(1, 6), st.sampled_from([Interval.ONE_MINUTE, Interval.FIVE_MINUTES, Interval.FIFTEEN_MINUTES])
)
def test_no_fold_trains_on_what_was_unknown_at_its_first_decision(n_folds, horizon):
    decisions = labelled(table_of(np.linspace(1, 2, 150)), horizon=horizon)
    for fold in equal_folds(decisions, n_folds=n_folds, until_ms=ALWAYS_MS):
        assert decisions.own.known_ms[fold.train].max(initial=0) <= decisions.as_of_ms[fold.test].min()


@given(LATE_SERIES, st.lists(st.integers(0, 180), min_size=1, max_size=5, unique=True))
def test_folds_at_any_refits_test_each_later_row_once_and_train_on_earlier_ones(steps, refits):
    decisions = labelled(late_table(steps), multiples=(1, 2))
    refits_ms = [minute * MINUTE_MS for minute in sorted(refits)]
    folds = folds_between(decisions, refits_ms=refits_ms, until_ms=ALWAYS_MS)
    tested = [row for fold in folds for row in fold.test.tolist()]
    assert tested == np.flatnonzero(decisions.as_of_ms >= refits_ms[0]).tolist()
    for fold in folds:
        assert fold.train.max(initial=-1) < fold.test[0]


@given(LATE_SERIES, st.integers(3, 100), st.sampled_from([(1,), (1, 2), (2,), (1, 3)]))
def test_a_training_set_holds_each_outcome_that_was_known_and_none_besides(steps, minute, multiples):
    decisions = labelled(late_table(steps), multiples=multiples)
    time_ms = minute * MINUTE_MS
    found = training_set_at(decisions, multiples, time_ms=time_ms)
    for multiple in multiples:
        outcome, returns = found.outcomes[multiple], decisions.forward_returns[multiple]
        known = (returns.known_ms >= 0) & (returns.known_ms <= time_ms) & returns.is_decided
        assert outcome.rows.tolist() == np.flatnonzero(known).tolist()
        assert outcome.is_up.tolist() == (returns.log_return[known] > 0).tolist()


@given(LATE_SERIES, st.data())
def test_a_folds_training_set_is_what_could_be_learnt_at_its_first_decision(steps, data):
    """The training set of a walk-forward's fold and that of a backtest's refit at the same time agree."""
    decisions = labelled(late_table(steps), multiples=(1, 2))
    if len(decisions) < 2:
        return
    row = data.draw(st.integers(1, len(decisions) - 1))
    time_ms = int(decisions.as_of_ms[row])
    (fold,) = folds_between(decisions, refits_ms=[time_ms], until_ms=ALWAYS_MS)
    of_fold = training_set_of(decisions, fold, (1, 2))
    at_time = training_set_at(decisions, (1, 2), time_ms=time_ms)
    for multiple in (1, 2):
        assert of_fold.outcomes[multiple].rows.tolist() == at_time.outcomes[multiple].rows.tolist()
        assert of_fold.outcomes[multiple].is_up.tolist() == at_time.outcomes[multiple].is_up.tolist()


@given(LATE_SERIES, st.integers(0, 100))
def test_what_is_known_at_a_time_is_a_function_of_what_was_known_by_then(steps, minute):
    """Closes that were known later may be anything: what could be had before does not change."""
    table, time_ms = late_table(steps), minute * MINUTE_MS
    other = msgspec.structs.replace(
        table, close=np.where(table.known_ms > time_ms, table.close * 2 + 1, table.close)
    )
    one, two = (labelled(made, known_by_ms=time_ms, multiples=(1, 2)) for made in (table, other))
    assert np.array_equal(one.as_of_ms, two.as_of_ms)
    clean = table.known_ms[np.searchsorted(table.as_of_ms, one.as_of_ms)] <= time_ms
    for multiple in (1, 2):
        ours, theirs = (made.forward_returns[multiple].log_return[clean] for made in (one, two))
        assert np.array_equal(ours, theirs, equal_nan=True)


@given(LATE_SERIES, st.integers(0, 120))
def test_purging_keeps_rows_in_order_and_those_known_alone(steps, minute):
    known_ms = labelled(late_table(steps)).own.known_ms
    rows = np.arange(len(known_ms), dtype=np.int64)[::2]
    kept = purged(rows, known_ms=known_ms, decided_ms=minute * MINUTE_MS)
    assert kept.tolist() == [row for row in rows.tolist() if 0 <= known_ms[row] <= minute * MINUTE_MS]


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_wilson_interval_holds_its_share_and_stays_within_zero_and_one(hits, misses):
    n = hits + misses
    low, high = wilson_interval(hits, n)
    assert 0 <= low <= high <= 1
    assert n == 0 or low - 1e-12 <= hits / n <= high + 1e-12
