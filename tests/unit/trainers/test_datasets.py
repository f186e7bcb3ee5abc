"""What a decision set holds of a feature table: warm rows, outcomes by exact time, and what was known when."""

import numpy as np
import pytest

from schemas.time import Interval
from tests.fakes.decision_sets import ALWAYS_MS, labelled
from tests.fakes.feature_tables import MINUTE_MS, table_of
from trainers.datasets.decisions import decision_set
from trainers.datasets.joining import interval_columns
from trainers.datasets.prices import PricePath

ONE_MINUTE = Interval.ONE_MINUTE


def minutes(*numbers):
    return np.array(numbers, dtype=np.int64) * MINUTE_MS


def decided(table, *, prices=None, **kinds):
    path = PricePath.of_bars(table, ONE_MINUTE) if prices is None else prices
    return decision_set(table, path, interval=ONE_MINUTE, horizon=ONE_MINUTE, **kinds)


def test_a_label_over_a_gap_is_undefined_and_never_the_next_row():
    """A "1 hour" label once was the next row of an irregular series.

    ::

        minute    1    2    3    .    .    6    7
        close    10   11   12              9   10
        label    up   up    ?              up   ?
    """
    outcome = decided(table_of([10.0, 11, 12, 9, 10], as_of_ms=minutes(1, 2, 3, 6, 7))).own
    assert outcome.is_up.tolist() == [True, True, False, True, False]
    assert outcome.is_decided.tolist() == [True, True, False, True, False]
    assert outcome.known_ms.tolist() == [*minutes(2, 3), -1, *minutes(7), -1]
    assert outcome.log_return[3] == np.log(10 / 9)


def test_a_horizon_is_time_and_not_a_number_of_rows():
    table = table_of([1.0, 2, 3, 4, 5], as_of_ms=minutes(1, 2, 4, 6, 16))
    own = decision_set(
        table, PricePath.of_bars(table, ONE_MINUTE), interval=ONE_MINUTE, horizon=Interval.FIVE_MINUTES
    ).own
    assert own.log_return[0] == np.log(4)
    assert np.isnan(own.log_return[1:]).all()


def test_a_tie_is_exactly_zero_and_neither_up_nor_undefined():
    own = labelled(table_of([7.3, 7.3, 7.4, 7.2])).own
    assert own.is_tie.tolist() == [True, False, False]
    assert own.is_up.tolist() == [False, True, False]
    assert own.is_decided.tolist() == [False, True, True]


def test_a_trailing_return_over_a_gap_is_undefined():
    trailing = decided(table_of([10.0, 11, 12], as_of_ms=minutes(1, 2, 5))).trailing_log_return
    assert np.isnan(trailing[[0, 2]]).all()
    assert trailing[1] == pytest.approx(np.log(11 / 10), abs=1e-15)


def test_rows_that_are_not_warm_are_no_decisions_but_end_outcomes():
    found = labelled(table_of([1, 2, 3, 4], is_warm=[False, True, False, True]))
    assert found.as_of_ms.tolist() == minutes(2).tolist()


def test_a_label_that_was_known_too_late_is_left_out():
    late = table_of([1, 2, 3, 4], known_ms=minutes(1, 2, 5, 6))
    assert labelled(late, known_by_ms=4 * MINUTE_MS).as_of_ms.tolist() == minutes(1).tolist()


def test_a_decision_whose_outcome_is_unknown_is_decided_all_the_same():
    found = decided(table_of([1.0, 2, 3]))
    assert (len(found), len(found.labelled(ALWAYS_MS))) == (3, 2)
    assert np.isnan(found.own.log_return[-1])


def test_of_a_labelled_row_an_outcome_known_later_is_undefined():
    """
    minute     1   2   3   4   5        labels known by minute 3 of one and of two minutes
    one        .   .                    rows 1 and 2
    two        .                        row 1 only
    """
    found = labelled(table_of([1.0, 2, 3, 4, 5]), multiples=(2,), known_by_ms=3 * MINUTE_MS)
    assert found.as_of_ms.tolist() == minutes(1, 2).tolist()
    assert found.forward_returns[2].known_ms.tolist() == [3 * MINUTE_MS, -1]
    assert found.first_known_ms().tolist() == minutes(2, 3).tolist()


def test_late_entries_are_read_where_closes_come_more_often_and_labels_are_not():
    """
    minute     1       2       3        closes of minutes, and of half minutes beside them
    half       1  1.5  2  2.5  3
    """
    table = table_of([10.0, 20, 40])
    halves = np.arange(2, 7) * MINUTE_MS // 2
    finer = PricePath(
        end_ms=halves, known_ms=halves, close=np.array([1.0, 2, 3, 5, 8]), interval_ms=MINUTE_MS // 2
    )
    lag_ms = MINUTE_MS // 2
    found = decided(table, lags_ms=(lag_ms,), late_prices=finer)
    assert found.late[lag_ms].log_return[0] == np.log(np.float64(5) / np.float64(2))
    assert np.isnan(found.late[lag_ms].log_return[1:]).all()
    assert found.own.log_return[0] == np.log(2)


def test_undefined_features_stay_and_infinite_ones_are_undefined():
    table = table_of([1, 2, 3], values=[[np.nan, 1], [np.inf, 2], [0, 1e300]])
    rows = labelled(table).rows
    assert rows.dtype == np.float32
    assert np.isnan(rows[:, 0]).all()
    assert rows[:, 1].tolist() == [1, 2]


def test_an_empty_table_has_no_decisions():
    assert len(labelled(table_of([]))) == 0


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
