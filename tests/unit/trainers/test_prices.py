"""The one price path: look-ups by exact time, stretches without a silence, and two paths as one."""

import numpy as np
import pytest

from schemas.time import Interval
from tests.fakes.feature_tables import MINUTE_MS, table_of
from trainers.datasets.prices import LONGEST_SILENCE_MS, ForwardReturn, PricePath, merged


def minutes(*numbers):
    return np.array(numbers, dtype=np.int64) * MINUTE_MS


def path_of(numbers, closes, *, known=None, interval_ms=MINUTE_MS):
    ends = minutes(*numbers)
    return PricePath(
        end_ms=ends,
        known_ms=ends if known is None else minutes(*known),
        close=np.array(closes, dtype=np.float64),
        interval_ms=interval_ms,
    )


@pytest.mark.parametrize("times", [(1, 1, 2), (2, 1, 3)])
def test_times_that_do_not_increase_are_refused(times):
    with pytest.raises(ValueError, match="strictly increasing"):
        path_of(times, [1, 1, 1])


def test_a_row_is_found_at_exactly_its_time_or_not_at_all():
    path = path_of([2, 4, 8], [1, 2, 3])
    assert path.rows_at(minutes(1, 2, 3, 4, 8, 9)).tolist() == [-1, 0, -1, 1, 2, -1]
    assert path.rows_at_or_after(minutes(1, 2, 3, 8, 9)).tolist() == [0, 0, 1, 2, 3]


def test_an_empty_path_has_no_row_and_no_return():
    path = path_of([], [])
    assert path.rows_at(minutes(1, 2)).tolist() == [-1, -1]
    assert np.isnan(path.log_returns(minutes(1), minutes(2))).all()
    assert path.forward_returns(minutes(1), minutes(2)).known_ms.tolist() == [-1]


def test_a_return_is_known_once_its_later_close_was_known_and_not_before_that_close():
    """A clock skew can have a close known before its own end; the outcome is not known then."""
    path = path_of([1, 2, 3, 4], [1, 2, 4, 8], known=[1, 5, 2, 4])
    found = path.forward_returns(minutes(1, 2, 3), minutes(2, 3, 4))
    assert found.known_ms.tolist() == minutes(5, 3, 4).tolist()
    assert found.log_return.tolist() == [np.log(2)] * 3


def test_between_includes_both_ends_and_keeps_known_times():
    path = path_of([1, 2, 3, 4], [10, 20, 30, 40], known=[2, 3, 4, 5])
    found = path.between(2 * MINUTE_MS, 3 * MINUTE_MS)
    assert found.close.tolist() == [20, 30]
    assert found.known_ms.tolist() == minutes(3, 4).tolist()
    assert len(path.between(5 * MINUTE_MS, 9 * MINUTE_MS)) == 0


def test_a_stretch_ends_before_a_silence_of_more_than_a_day():
    day = LONGEST_SILENCE_MS // MINUTE_MS
    path = path_of([1, 2, 2 + day, 3 + 2 * day], [1, 1, 1, 1])
    assert path.stretch_ends().tolist() == [2, 3]


def test_of_two_paths_the_first_has_its_way_where_both_have_a_close():
    hourly = path_of([60, 120], [1, 2], interval_ms=60 * MINUTE_MS)
    found = merged(hourly, path_of([59, 60, 61], [7, 8, 9], known=[59, 62, 61]))
    assert found.end_ms.tolist() == minutes(59, 60, 61, 120).tolist()
    assert found.close.tolist() == [7, 1, 9, 2]
    assert found.known_ms.tolist() == minutes(59, 60, 61, 120).tolist()
    assert found.interval_ms == MINUTE_MS


@pytest.mark.parametrize(
    ("prices", "decisions", "lags"),
    [
        (Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES, (1, 5, 15)),
        (Interval.ONE_MINUTE, Interval.FIVE_MINUTES, (1, 5)),
        (Interval.FIVE_MINUTES, Interval.ONE_HOUR, (5, 60)),
        (Interval.ONE_HOUR, Interval.ONE_HOUR, (60,)),
    ],
)
def test_late_entries_are_judged_as_far_as_the_closes_tell(prices, decisions, lags):
    path = path_of([], [], interval_ms=prices.milliseconds)
    assert path.entry_lags_ms(decisions) == tuple(minutes(*lags).tolist())


def test_the_path_of_a_table_is_its_closes():
    table = table_of([5.0, 6.0], known_ms=minutes(3, 4))
    path = PricePath.of_bars(table, Interval.ONE_MINUTE)
    assert path.close.tolist() == [5, 6]
    assert path.known_ms.tolist() == minutes(3, 4).tolist()
    assert path.interval_ms == MINUTE_MS


def test_a_return_is_undefined_where_it_was_not_known_by_a_time():
    returns = ForwardReturn(log_return=np.array([0.1, -0.1, np.nan]), known_ms=minutes(1, 2, -1))
    found = returns.known_by(MINUTE_MS)
    assert found.known_ms.tolist() == [MINUTE_MS, -1, -1]
    assert np.array_equal(found.log_return, [0.1, np.nan, np.nan], equal_nan=True)
