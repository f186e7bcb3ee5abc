"""Folds: what each trains on was known at its refit, and its test comes after."""

import inspect

import numpy as np
import pytest

from schemas.time import Interval
from tests.fakes.decision_sets import ALWAYS_MS, labelled
from tests.fakes.feature_tables import MINUTE_MS, table_of
from trainers.datasets import folds as module
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import calendar_folds, equal_folds, folds_between, purged
from trainers.datasets.prices import ForwardReturn
from trainers.datasets.schedules import Refit

HOUR_MS = 3_600_000


def hours(*numbers):
    return np.array(numbers, dtype=np.int64) * HOUR_MS


def decisions_of(as_of_ms, known_ms):
    """Decisions of which only the times matter; one number is the known time of both directions."""
    n = len(as_of_ms)
    own = ForwardReturn(log_return=np.where(known_ms >= 0, 0.1, np.nan), known_ms=known_ms)
    return DecisionSet(
        names=("a",),
        feature_spec_hash="spec",
        interval=Interval.ONE_HOUR,
        horizon=Interval.ONE_HOUR,
        as_of_ms=as_of_ms,
        rows=np.zeros((n, 1), dtype=np.float32),
        forward_returns={1: own},
        late={},
        trailing_log_return=np.zeros(n),
    )


def test_a_fold_knows_only_labels_that_were_known_at_its_refit():
    """
    row        0   1   2   3 | 4   5        refit at hour 4, labels two hours long, row 1 without one
    known at   2   -   4   5   6   7
    """
    decisions = decisions_of(np.arange(6) * HOUR_MS, np.array([2, -1, 4, 5, 6, 7]) * HOUR_MS)
    (fold,) = folds_between(decisions, refits_ms=[4 * HOUR_MS], until_ms=6 * HOUR_MS)
    assert fold.train.tolist() == [0, 2]
    assert fold.test.tolist() == [4, 5]


def test_stretches_without_decisions_make_no_fold():
    decisions = decisions_of(hours(0, 1, 10), hours(0, 1, 10))
    folds = folds_between(decisions, refits_ms=hours(1, 2, 9).tolist(), until_ms=11 * HOUR_MS)
    assert [fold.test.tolist() for fold in folds] == [[1], [2]]


def test_a_row_is_a_candidate_as_soon_as_one_of_its_outcomes_was_known():
    """Row 0's own close is missing (an outage), while that two horizons ahead is there."""
    longer = ForwardReturn(log_return=np.full(3, 0.1), known_ms=hours(2, 3, 4))
    decisions = decisions_of(hours(0, 1, 2), hours(-1, 2, 3))
    both = DecisionSet(
        **{field: getattr(decisions, field) for field in decisions.__struct_fields__}
        | {"forward_returns": {1: decisions.own, 2: longer}}
    )
    (fold,) = folds_between(both, refits_ms=[2 * HOUR_MS], until_ms=3 * HOUR_MS)
    assert fold.train.tolist() == [0, 1]
    assert purged(fold.train, known_ms=both.own.known_ms, decided_ms=2 * HOUR_MS).tolist() == [1]
    assert purged(fold.train, known_ms=longer.known_ms, decided_ms=2 * HOUR_MS).tolist() == [0]


def test_a_training_label_never_reaches_into_the_test_stretch():
    decisions = labelled(table_of(np.arange(1.0, 201)), horizon=Interval.FIFTEEN_MINUTES)
    for fold in equal_folds(decisions, n_folds=3, until_ms=ALWAYS_MS):
        first_decision = decisions.as_of_ms[fold.test[0]]
        assert (decisions.own.known_ms[fold.train] <= first_decision).all()
        assert fold.train[-1] == fold.test[0] - 15


def test_a_label_published_late_is_purged_though_its_interval_is_over():
    as_of = np.arange(1, 201, dtype=np.int64) * MINUTE_MS
    decisions = labelled(table_of(np.arange(1.0, 201), known_ms=as_of + 10 * MINUTE_MS))
    (fold,) = equal_folds(decisions, n_folds=1, until_ms=ALWAYS_MS)
    assert fold.train[-1] == fold.test[0] - 11


def test_equal_folds_expand_and_their_tests_cover_the_rest_once():
    decisions = labelled(table_of(np.arange(1.0, 502)))
    folds = equal_folds(decisions, n_folds=4, until_ms=ALWAYS_MS)
    assert np.concatenate([fold.test for fold in folds]).tolist() == list(range(200, 500))
    assert [len(fold.train) for fold in folds] == sorted(len(fold.train) for fold in folds)
    assert all(fold.train[-1] < fold.test[0] for fold in folds)


def test_calendar_folds_begin_at_the_date_and_at_each_month():
    as_of = np.arange(0, 24 * 75, 6) * HOUR_MS
    folds = calendar_folds(
        decisions_of(as_of, as_of + HOUR_MS),
        from_ms=24 * 20 * HOUR_MS,
        until_ms=24 * 70 * HOUR_MS,
        refit=Refit.MONTHLY,
    )
    starts = [int(as_of[fold.test[0]]) // (24 * HOUR_MS) for fold in folds]
    assert starts == [20, 31, 59]
    assert int(as_of[folds[-1].test[-1]]) == 24 * 70 * HOUR_MS - 6 * HOUR_MS


def test_too_few_rows_for_the_folds_are_refused():
    with pytest.raises(ValueError, match="more rows"):
        equal_folds(labelled(table_of([1, 2, 3, 4])), n_folds=5, until_ms=ALWAYS_MS)


@pytest.mark.parametrize("maker", [folds_between, calendar_folds, equal_folds])
def test_there_is_no_way_to_ask_for_a_shuffled_split(maker):
    """A shuffled split "reached" 66-88 % on a martingale."""
    asked = set(inspect.signature(maker).parameters)
    assert asked <= {"decisions", "refits_ms", "from_ms", "until_ms", "refit", "n_folds"}
    assert "random" not in inspect.getsource(module)
