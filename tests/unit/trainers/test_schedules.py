"""Refit schedules by the calendar and by rows; weights by uniqueness."""

import numpy as np
import pytest

from trainers.datasets.schedules import Refit, refit_times, refits_by_rows
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


def test_refits_by_rows_leave_the_first_share_to_learn_from_and_share_out_the_rest():
    as_of = np.arange(100) ** 2
    assert refits_by_rows(as_of, n_refits=3) == (40**2, 60**2, 80**2)


@pytest.mark.parametrize(("n", "n_refits"), [(4, 5), (0, 1), (2, 1), (10, 0)])
def test_too_few_rows_for_the_refits_are_refused(n, n_refits):
    with pytest.raises(ValueError, match="more rows"):
        refits_by_rows(np.arange(n), n_refits=n_refits)


def test_labels_that_do_not_overlap_are_unique_and_doubled_ones_half():
    start = np.array([0, 10, 10])
    assert uniqueness(start_ms=start, end_ms=start + 10).tolist() == [1.0, 0.5, 0.5]
    with pytest.raises(ValueError, match="end after its start"):
        uniqueness(start_ms=start, end_ms=start)


def test_a_steady_overlap_of_k_gives_about_one_over_k():
    start = np.arange(0, 1000, 10)
    weights = uniqueness(start_ms=start, end_ms=start + 40)
    assert weights[10:-10] == pytest.approx(0.25)
