"""Labels by exact time, samples of what was known, splits in the order of time."""

import inspect

import numpy as np
import pytest

from schemas.time import Interval
from tests.fakes.feature_tables import MINUTE_MS, table_of
from trainers.datasets.joining import interval_columns
from trainers.datasets.labels import labels, trailing_log_return
from trainers.datasets.samples import labelled_samples
from trainers.datasets.splits import walk_forward

ONE_MINUTE = Interval.ONE_MINUTE


def minutes(*numbers):
    return np.array(numbers, dtype=np.int64) * MINUTE_MS


def labelled(table, *, horizon=ONE_MINUTE, known_by_ms=2**62):
    return labelled_samples(table, interval=ONE_MINUTE, horizon=horizon, known_by_ms=known_by_ms)


def test_a_label_over_a_gap_is_undefined_and_never_the_next_row():
    """A "1 hour" label once was the next row of an irregular series.

    ::

        minute    1    2    3    .    .    6    7
        close    10   11   12              9   10
        label    up   up    ?              up   ?
    """
    as_of = minutes(1, 2, 3, 6, 7)
    outcome = labels(
        as_of_ms=as_of, known_ms=as_of, close=np.array([10.0, 11, 12, 9, 10]), horizon_ms=MINUTE_MS
    )
    assert np.sign(outcome.log_return).tolist()[:2] == [1, 1]
    assert np.isnan(outcome.log_return[[2, 4]]).all()
    assert outcome.log_return[3] == np.log(10 / 9)


def test_a_horizon_is_time_and_not_a_number_of_rows():
    as_of = minutes(1, 2, 4, 6, 16)
    outcome = labels(
        as_of_ms=as_of, known_ms=as_of, close=np.array([1.0, 2, 3, 4, 5]), horizon_ms=5 * MINUTE_MS
    )
    assert outcome.log_return[0] == np.log(4)
    assert np.isnan(outcome.log_return[1:]).all()


def test_a_tie_is_exactly_zero_and_neither_up_nor_undefined():
    samples = labelled(table_of([7.3, 7.3, 7.4, 7.2]))
    assert samples.is_tie.tolist() == [True, False, False]
    assert samples.is_up.tolist() == [False, True, False]


def test_a_trailing_return_over_a_gap_is_undefined():
    trailing = trailing_log_return(
        as_of_ms=minutes(1, 2, 5), close=np.array([10.0, 11, 12]), horizon_ms=MINUTE_MS
    )
    assert np.isnan(trailing[[0, 2]]).all()
    assert trailing[1] == pytest.approx(np.log(11 / 10), abs=1e-15)


@pytest.mark.parametrize("times", [(1, 1, 2), (2, 1, 3)])
def test_times_that_do_not_increase_are_refused(times):
    with pytest.raises(ValueError, match="strictly increasing"):
        labels(as_of_ms=minutes(*times), known_ms=minutes(*times), close=np.ones(3), horizon_ms=MINUTE_MS)


def test_a_horizon_of_nothing_is_refused():
    with pytest.raises(ValueError, match="positive"):
        labels(as_of_ms=minutes(1), known_ms=minutes(1), close=np.ones(1), horizon_ms=0)


def test_rows_that_are_not_warm_are_no_samples_but_end_labels():
    samples = labelled(table_of([1, 2, 3, 4], is_warm=[False, True, False, True]))
    assert samples.as_of_ms.tolist() == minutes(2).tolist()


def test_a_label_that_was_known_too_late_is_left_out():
    late = table_of([1, 2, 3, 4], known_ms=minutes(1, 2, 5, 6))
    assert labelled(late, known_by_ms=4 * MINUTE_MS).as_of_ms.tolist() == minutes(1).tolist()


def test_undefined_features_stay_and_infinite_ones_are_undefined():
    table = table_of([1, 2, 3], values=[[np.nan, 1], [np.inf, 2], [0, 1e300]])
    rows = labelled(table).rows
    assert rows.dtype == np.float32
    assert np.isnan(rows[:, 0]).all()
    assert rows[:, 1].tolist() == [1, 2]


def test_an_empty_table_has_no_samples():
    assert len(labelled(table_of([]))) == 0


def test_a_training_label_never_reaches_into_the_test_stretch():
    samples = labelled(table_of(np.arange(1.0, 201)), horizon=Interval.FIFTEEN_MINUTES)
    for fold in walk_forward(samples, n_folds=3):
        first_decision = samples.as_of_ms[fold.test[0]]
        assert (samples.label_known_ms[fold.train] <= first_decision).all()
        assert fold.train[-1] == fold.test[0] - 15


def test_a_label_published_late_is_purged_though_its_interval_is_over():
    as_of = np.arange(1, 201, dtype=np.int64) * MINUTE_MS
    samples = labelled(table_of(np.arange(1.0, 201), known_ms=as_of + 10 * MINUTE_MS))
    fold = walk_forward(samples, n_folds=1)[0]
    assert fold.train[-1] == fold.test[0] - 11


def test_folds_expand_and_their_tests_cover_the_rest_once():
    samples = labelled(table_of(np.arange(1.0, 502)))
    folds = walk_forward(samples, n_folds=4)
    assert np.concatenate([fold.test for fold in folds]).tolist() == list(range(200, 500))
    assert [len(fold.train) for fold in folds] == sorted(len(fold.train) for fold in folds)
    assert all(fold.train[-1] < fold.test[0] for fold in folds)


def test_too_few_rows_for_the_folds_are_refused():
    with pytest.raises(ValueError, match="more rows"):
        walk_forward(labelled(table_of([1, 2, 3, 4])), n_folds=5)


def test_there_is_no_way_to_ask_for_a_shuffled_split():
    """A shuffled split "reached" 66-88 % on a martingale."""
    assert set(inspect.signature(walk_forward).parameters) == {"samples", "n_folds"}


def test_another_interval_gives_what_was_known_and_nothing_across_a_gap():
    """Two-minute decisions beside bars of five.

    ::

        decided   2    4    6    8   10   12   14   16
        five               5         10             (15 is missing)
    """
    own = table_of(np.ones(8), as_of_ms=minutes(2, 4, 6, 8, 10, 12, 14, 16))
    five = table_of(np.ones(2), as_of_ms=minutes(5, 10), values=[[0.5, 5.0], [1.0, 10.0]])
    columns = interval_columns(own, five, Interval.FIVE_MINUTES)
    nan = np.nan
    assert np.array_equal(columns["5m_b"], [nan, nan, 5, 5, 10, 10, 10, nan], equal_nan=True)


def test_another_interval_that_was_known_late_is_not_joined_before():
    own = table_of(np.ones(3), as_of_ms=minutes(6, 7, 8))
    five = table_of(np.ones(1), as_of_ms=minutes(5), known_ms=minutes(7), values=[[0.0, 5.0]])
    columns = interval_columns(own, five, Interval.FIVE_MINUTES)
    assert np.array_equal(columns["5m_b"], [np.nan, 5, 5], equal_nan=True)


def test_another_interval_without_bars_is_undefined():
    columns = interval_columns(table_of(np.ones(3)), table_of([]), Interval.FIVE_MINUTES)
    assert np.isnan(columns["5m_b"]).all()
