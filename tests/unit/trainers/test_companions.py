"""Learning from a companion: another instrument's decisions beside own ones, known in time, never tested on."""

import msgspec
import numpy as np
import pytest
from scipy.special import ndtr

from schemas.errors import StateError
from schemas.time import Interval
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold
from trainers.datasets.prices import ForwardReturn
from trainers.evaluation.training_sets import COMPANION_WEIGHT, training_set_of
from trainers.evaluation.walk_forward import out_of_sample
from trainers.models.logistic import LogisticRegression
from trainers.models.narrowing import NarrowedRecipe

HOUR_MS = 3_600_000


def decision_set(*, n=8, first_hour=0, seed=1, names=("a", "b"), log_return=None):
    rows = np.random.default_rng(seed).normal(size=(n, len(names))).astype(np.float32)
    as_of_ms = (first_hour + np.arange(n, dtype=np.int64)) * HOUR_MS
    forward_returns = {
        multiple: ForwardReturn(
            log_return=rows[:, 0].astype(np.float64)
            if log_return is None
            else np.asarray(log_return, dtype=float),
            known_ms=as_of_ms + multiple * HOUR_MS,
        )
        for multiple in (1, 2)
    }
    return DecisionSet(
        names=names,
        feature_spec_hash="f" * 64,
        interval=Interval.ONE_HOUR,
        horizon=Interval.ONE_HOUR,
        as_of_ms=as_of_ms,
        rows=rows,
        forward_returns=forward_returns,
        late={},
        trailing_log_return=np.zeros(n),
    )


def beside(own, *others):
    return msgspec.structs.replace(own, companions=others)


def fold_at(row, n):
    """Trained on what was known when ``row`` was decided."""
    return Fold(train=np.arange(row, dtype=np.int64), test=np.arange(row, n, dtype=np.int64))


def test_rows_of_both_stand_by_time_and_the_companions_count_for_less():
    own, other = decision_set(), decision_set(seed=2)
    training_set = training_set_of(beside(own, other), fold_at(5, 8), [1])
    # own:        0 1 2 3 4 | 5        a row's outcome is known an hour later
    # companion:  0 1 2 3 4 |
    assert np.array_equal(training_set.rows[0::2], own.rows[:5])
    assert np.array_equal(training_set.rows[1::2], other.rows[:5])
    outcome = training_set.outcomes[1]
    assert outcome.rows.tolist() == list(range(10))
    assert outcome.weight[1::2] / outcome.weight[0::2] == pytest.approx(COMPANION_WEIGHT)
    assert outcome.weight.mean() == pytest.approx(1.0)


def test_an_outcome_of_the_companion_that_was_not_known_yet_is_not_learnt():
    own, other = decision_set(), decision_set(seed=2)
    training_set = training_set_of(beside(own, other), fold_at(5, 8), [2])
    # Over two hours: what was decided at 4 is known at 6, and the refit is at 5.
    assert training_set.outcomes[2].rows.tolist() == list(range(8))


def test_what_the_companion_does_later_changes_nothing():
    own, other = decision_set(n=600), decision_set(n=600, seed=2)
    later = np.concatenate([other.own.log_return[:400], -other.own.log_return[400:]])
    changed = msgspec.structs.replace(
        other, forward_returns={1: ForwardReturn(log_return=later, known_ms=other.own.known_ms)}
    )
    folds = [fold_at(400, 600)]
    first, second = (
        out_of_sample(beside(own, one), LogisticRegression(), folds=folds) for one in (other, changed)
    )
    assert np.array_equal(first, second, equal_nan=True)


def test_a_companion_that_began_later_has_nothing_to_teach_yet():
    own, other = decision_set(), decision_set(first_hour=6)
    training_set = training_set_of(beside(own, other), fold_at(5, 8), [1])
    assert np.array_equal(training_set.rows, own.rows[:5])
    assert training_set.outcomes[1].rows.tolist() == [0, 1, 2, 3, 4]


def test_a_tie_of_the_companion_is_left_out():
    other = decision_set(log_return=[0.1, 0.0, -0.1, 0.1, -0.1, 0.1, 0.1, 0.1])
    training_set = training_set_of(beside(decision_set(), other), fold_at(5, 8), [1])
    assert training_set.outcomes[1].rows.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_a_column_that_the_companion_lacks_is_undefined_there():
    other = decision_set(seed=2, names=("b",))
    training_set = training_set_of(beside(decision_set(), other), fold_at(5, 8), [1])
    assert np.isnan(training_set.rows[1::2, 0]).all()
    assert np.array_equal(training_set.rows[1::2, 1], other.rows[:5, 0])


def test_a_companion_of_the_same_kind_makes_a_better_model():
    """A few own rows and many of the companion's, of one truth: the pooled model is nearer to it."""
    own, other = decision_set(n=1_500), decision_set(n=1_500, seed=2)
    noise = np.random.default_rng(3)
    own, other = (
        msgspec.structs.replace(
            one,
            forward_returns={
                1: ForwardReturn(
                    log_return=one.rows[:, 0] + 3 * noise.normal(size=len(one)), known_ms=one.own.known_ms
                )
            },
        )
        for one in (own, other)
    )
    fold = Fold(train=np.arange(280, dtype=np.int64), test=np.arange(1_400, 1_500, dtype=np.int64))
    truth = ndtr(own.rows[fold.test, 0] / 3)
    alone, pooled = (
        out_of_sample(one, LogisticRegression(ridge=1.0), folds=[fold])[fold.test]
        for one in (own, beside(own, other))
    )
    distance = {name: np.mean((p - truth) ** 2) for name, p in (("alone", alone), ("pooled", pooled))}
    assert distance["pooled"] < distance["alone"]


def test_a_member_that_is_alone_sees_own_rows_and_columns_only():
    own, other = decision_set(n=600), decision_set(n=600, seed=2)
    fold = fold_at(400, 600)
    narrow = msgspec.structs.replace(own, names=("a",), rows=np.ascontiguousarray(own.rows[:, :1]))
    expected = out_of_sample(narrow, LogisticRegression(), folds=[fold])
    found = out_of_sample(
        beside(own, other), NarrowedRecipe(member=LogisticRegression(), columns=("a", "c")), folds=[fold]
    )
    assert np.array_equal(expected, found, equal_nan=True)


def test_a_member_without_any_of_its_columns_says_so():
    training_set = training_set_of(decision_set(), fold_at(5, 8), [1])
    with pytest.raises(StateError, match="columns such as"):
        NarrowedRecipe(member=LogisticRegression(), columns=("x",)).fit(training_set)
