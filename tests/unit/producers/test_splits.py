"""The warm-up of recorded candles ends at a close that the files hold."""

import numpy as np
import pytest

from producers.jobs.splits import warm_up_end_ms
from schemas.time import Interval

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def end_of(*closes, hours=101, boundary=Interval.ONE_HOUR):
    """Where the warm-up of a stretch ends, in hours."""
    arrays = [np.array(each, dtype=np.int64) for each in closes]
    return warm_up_end_ms(arrays, origin_ms=0, end_ms=hours * HOUR_MS, boundary=boundary) / HOUR_MS


def hourly(*missing, n=101):
    return [hour * HOUR_MS for hour in range(1, n + 1) if hour not in missing]


def test_whole_files_are_split_at_seventy_percent():
    assert end_of(hourly()) == 70


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ([70], 69),  # . . X . .   two neighbours at the same distance: the earlier one
        (range(69, 71), 71),
        (range(60, 90), 59),
        (range(20, 75), 75),
        (range(1, 101), 0),  # nothing before the end: the warm-up is empty
    ],
)
def test_a_missing_close_moves_the_split_to_the_nearest_one_there_is(missing, expected):
    """The split lay in the missing stretch, nothing was ever stored up to it, and the start waited for ever."""
    assert end_of(hourly(*missing)) == expected


def test_the_split_is_a_close_of_every_file():
    assert end_of(hourly(70), hourly(69)) == 71


def test_minutes_are_split_on_the_hour_so_that_the_longer_bars_end_there_too():
    minutes = [minute * MINUTE_MS for minute in range(1, 6001) if minute not in range(4200, 4203)]
    assert end_of(minutes) == 69


def test_a_stretch_shorter_than_its_boundary_has_no_warm_up():
    minutes = [minute * MINUTE_MS for minute in range(1, 31)]
    assert end_of(minutes, hours=0.5) == 0
