"""Refits by the calendar, purge, embargo, uniqueness."""

import numpy as np
import pytest

from trainers.datasets.schedules import Refit, calendar_folds, refit_times, surrounding_fold
from trainers.datasets.uniqueness import uniqueness

HOUR_MS = 3_600_000


def ms(text):
    return int(np.datetime64(text, "ms").astype(np.int64))


def test_a_quarterly_schedule_begins_at_the_date_and_goes_on_at_quarters():
    times = refit_times(from_ms=ms("2020-02-10"), until_ms=ms("2020-10-01T05:00"), refit=Refit.QUARTERLY)
    assert times == tuple(map(ms, ["2020-02-10", "2020-04-01", "2020-07-01", "2020-10-01"]))


def test_a_date_on_a_quarters_edge_is_no_second_refit():
    times = refit_times(from_ms=ms("2020-01-01"), until_ms=ms("2020-04-01"), refit=Refit.QUARTERLY)
    assert times == (ms("2020-01-01"),)


def test_monthly_and_never():
    between = {"from_ms": ms("2019-12-15"), "until_ms": ms("2020-02-02")}
    assert refit_times(**between, refit=Refit.MONTHLY) == tuple(
        map(ms, ["2019-12-15", "2020-01-01", "2020-02-01"])
    )
    assert refit_times(**between, refit=Refit.NEVER) == (between["from_ms"],)
    with pytest.raises(ValueError, match="until_ms must be after"):
        refit_times(from_ms=1, until_ms=1, refit=Refit.NEVER)


def test_weeks_begin_on_monday():
    times = refit_times(from_ms=ms("2025-06-04"), until_ms=ms("2025-06-17"), refit=Refit.WEEKLY)
    assert times == tuple(map(ms, ["2025-06-04", "2025-06-09", "2025-06-16"]))


def test_years_begin_in_january():
    times = refit_times(from_ms=ms("2023-11-15T10:00"), until_ms=ms("2025-01-01T00:01"), refit=Refit.YEARLY)
    assert times == tuple(map(ms, ["2023-11-15T10:00", "2024-01-01", "2025-01-01"]))


def test_a_fold_knows_only_labels_that_were_known_at_its_refit():
    """
    row        0   1   2   3 | 4   5        refit at hour 4, labels two hours long, row 1 without one
    known at   2   -   4   5   6   7
    """
    as_of = np.arange(6) * HOUR_MS
    known = (np.arange(6) + 2) * HOUR_MS
    known[1] = -1
    (fold,) = calendar_folds(as_of_ms=as_of, known_ms=known, refits_ms=(4 * HOUR_MS,), until_ms=6 * HOUR_MS)
    assert fold.train.tolist() == [0, 2]
    assert fold.test.tolist() == [4, 5]


def test_stretches_without_decisions_make_no_fold():
    as_of = np.array([0, 1, 10]) * HOUR_MS
    folds = calendar_folds(
        as_of_ms=as_of, known_ms=as_of, refits_ms=(HOUR_MS, 2 * HOUR_MS, 9 * HOUR_MS), until_ms=11 * HOUR_MS
    )
    assert [fold.test.tolist() for fold in folds] == [[1], [2]]


def test_rows_after_the_test_are_embargoed():
    """
    row        0   1   2 | 3   4 | 5   6   7   8      labels of one hour, an embargo of two
    """
    as_of = np.arange(9) * HOUR_MS
    fold = surrounding_fold(
        as_of_ms=as_of, known_ms=as_of + HOUR_MS, test=np.array([3, 4]), embargo_ms=2 * HOUR_MS
    )
    assert fold.train.tolist() == [0, 1, 2, 7, 8]


def test_labels_that_do_not_overlap_are_unique_and_doubled_ones_half():
    start = np.array([0, 10, 10])
    assert uniqueness(start_ms=start, end_ms=start + 10).tolist() == [1.0, 0.5, 0.5]
    with pytest.raises(ValueError, match="end after its start"):
        uniqueness(start_ms=start, end_ms=start)


def test_a_steady_overlap_of_k_gives_about_one_over_k():
    start = np.arange(0, 1000, 10)
    weights = uniqueness(start_ms=start, end_ms=start + 40)
    assert weights[10:-10] == pytest.approx(0.25)
