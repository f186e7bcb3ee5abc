"""Laws of labels and splits, over any series of times."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.time import Interval
from tests.fakes.feature_tables import MINUTE_MS, table_of
from trainers.datasets.labels import labels
from trainers.datasets.samples import labelled_samples
from trainers.datasets.splits import walk_forward
from trainers.evaluation.intervals import wilson_interval

SERIES = st.lists(st.tuples(st.integers(1, 4), st.floats(1, 1e6)), min_size=10, max_size=80)


def series_of(steps):
    as_of = np.cumsum([step for step, _ in steps]).astype(np.int64) * MINUTE_MS
    return as_of, np.array([close for _, close in steps])


@given(SERIES, st.integers(1, 5))
def test_a_label_is_the_close_at_exactly_its_horizon_or_nothing(steps, minutes):
    as_of, close = series_of(steps)
    outcome = labels(as_of_ms=as_of, known_ms=as_of, close=close, horizon_ms=minutes * MINUTE_MS)
    by_time = dict(zip(as_of.tolist(), close.tolist(), strict=True))
    for time, price, found in zip(as_of.tolist(), close.tolist(), outcome.log_return.tolist(), strict=True):
        final = by_time.get(time + minutes * MINUTE_MS)
        assert np.isnan(found) if final is None else found == np.log(np.float64(final) / np.float64(price))


@given(SERIES, st.data())
def test_truncating_the_future_never_changes_a_label_that_was_known(steps, data):
    as_of, close = series_of(steps)
    cut = data.draw(st.integers(1, len(as_of)))
    whole = labels(as_of_ms=as_of, known_ms=as_of, close=close, horizon_ms=MINUTE_MS)
    past = labels(as_of_ms=as_of[:cut], known_ms=as_of[:cut], close=close[:cut], horizon_ms=MINUTE_MS)
    known = whole.end_ms[:cut] <= as_of[cut - 1]
    assert np.array_equal(whole.log_return[:cut][known], past.log_return[known], equal_nan=True)


@given(
    st.integers(1, 6), st.sampled_from([Interval.ONE_MINUTE, Interval.FIVE_MINUTES, Interval.FIFTEEN_MINUTES])
)
def test_no_fold_trains_on_what_was_unknown_at_its_first_decision(n_folds, horizon):
    table = table_of(np.linspace(1, 2, 150))
    samples = labelled_samples(table, interval=Interval.ONE_MINUTE, horizon=horizon, known_by_ms=2**62)
    for fold in walk_forward(samples, n_folds=n_folds):
        assert samples.label_known_ms[fold.train].max(initial=0) <= samples.as_of_ms[fold.test].min()


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_wilson_interval_holds_its_share_and_stays_within_zero_and_one(hits, misses):
    n = hits + misses
    low, high = wilson_interval(hits, n)
    assert 0 <= low <= high <= 1
    assert n == 0 or low - 1e-12 <= hits / n <= high + 1e-12
