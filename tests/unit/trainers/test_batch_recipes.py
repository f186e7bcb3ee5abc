"""The parts of batch models: training sets as they were known, scaling, weights, mixtures, and ranges of searches."""

import msgspec
import numpy as np
import pytest

from schemas.errors import StateError
from tests.fakes.training_sets import HOUR_MS, NAMES, training_set
from trainers.models.gradient_boosting import Boosting, BoostingParameters
from trainers.models.light_boosting import LightBoosting, rounded_down
from trainers.models.logistic import (
    LogisticRegression,
    centre_and_scale,
    logit,
    ridge_weights,
    sigmoid,
    standardised,
)
from trainers.models.mixtures import Mixture, Stacked
from trainers.models.narrowing import NarrowedRecipe
from trainers.models.recipes import Outcome, TrainingSet, exported, largest_difference
from trainers.models.spaces import ParameterRange, declared_parameters, space_of, with_parameters
from trainers.training.offered import offered

ROWS = np.arange(6, dtype=np.int64)


def small(*, known_ms=None, is_own=None, weight=None, as_of=True):
    """Six rows of two columns; the outcome of each is known an hour later."""
    as_of_ms = HOUR_MS * ROWS
    return TrainingSet(
        ("a", "b"),
        np.arange(12, dtype=np.float32).reshape(6, 2),
        {
            1: Outcome(
                ROWS,
                ROWS % 2 == 0,
                weight,
                as_of_ms + HOUR_MS if known_ms is None else known_ms,
            )
        },
        as_of_ms if as_of else None,
        is_own,
    )


# Training sets


def test_examples_are_the_rows_that_have_the_outcome():
    rows, is_up, weight = small().examples()
    assert rows.tolist() == small().rows.tolist()
    assert is_up.tolist() == [True, False] * 3
    assert weight is None


@pytest.mark.parametrize("multiple", [2, 7])
def test_an_outcome_that_a_training_set_lacks_is_refused_with_those_it_has(multiple):
    with pytest.raises(StateError, match=rf"over {multiple} horizons, has outcomes over \[1\]"):
        small().examples(multiple)


@pytest.mark.parametrize("is_up", [np.ones(6, np.bool_), np.zeros(6, np.bool_)])
def test_one_direction_alone_cannot_be_learnt(is_up):
    outcome = small().outcomes[1]._replace(is_up=is_up)
    with pytest.raises(StateError, match="ups and downs"):
        small()._replace(outcomes={1: outcome}).examples()


def test_what_was_known_when_a_row_was_decided_ends_before_it_by_known_time():
    """Row 3 is decided at hour 3. The outcome of row 2 is known then; with a slow label it is not."""
    assert small().known_when(3).outcomes[1].rows.tolist() == [0, 1, 2]
    slow = HOUR_MS * (ROWS + 2)
    assert small(known_ms=slow).known_when(3).outcomes[1].rows.tolist() == [0, 1]


def test_each_outcome_is_purged_by_its_own_known_time_and_not_by_its_place():
    late = HOUR_MS * np.array([9, 2, 3, 4, 5, 6])
    assert small(known_ms=late).known_when(3).outcomes[1].rows.tolist() == [1, 2]


def test_a_training_set_that_does_not_say_when_is_not_purged_but_refused():
    with pytest.raises(StateError, match="must state when its rows were decided"):
        small(as_of=False).known_when(3)
    untimed = small()._replace(outcomes={1: small().outcomes[1]._replace(known_ms=None)})
    with pytest.raises(StateError, match="must state when they were known"):
        untimed.known_when(3)


def test_alone_are_own_rows_with_new_numbers_and_weights_of_mean_one():
    is_own = np.array([True, False, True, True, False, True])
    weight = np.array([2.0, 9.0, 2.0, 4.0, 9.0, 8.0])
    alone = small(is_own=is_own, weight=weight).alone(np.array([1]))
    assert alone.names == ("b",)
    assert alone.rows[:, 0].tolist() == [1, 5, 7, 11]
    assert alone.outcomes[1].rows.tolist() == [0, 1, 2, 3]
    assert alone.outcomes[1].is_up.tolist() == [True, True, False, False]
    assert alone.outcomes[1].weight == pytest.approx([0.5, 0.5, 1.0, 2.0])
    assert alone.as_of_ms.tolist() == [0, 2 * HOUR_MS, 3 * HOUR_MS, 5 * HOUR_MS]


# Logistic regression


def test_scaling_leaves_out_what_is_undefined_and_cuts_what_is_far():
    rows = np.array([[1.0, np.nan, 5.0], [3.0, np.nan, 5.0], [np.nan, np.nan, 5.0]], dtype=np.float32)
    centre, scale = centre_and_scale(rows)
    assert centre.tolist() == [2.0, 0.0, 5.0]
    assert scale.tolist() == [1.0, 1.0, 1.0]
    inputs = standardised(np.array([[100.0, 7.0, np.nan]], dtype=np.float32), centre, scale, cut=5.0)
    assert inputs.tolist() == [[1.0, 5.0, 5.0, 0.0]]


def test_scaling_in_parts_is_scaling_at_once():
    rows = np.random.default_rng(1).normal(3.0, 2.0, size=(10_000, 3)).astype(np.float32)
    centre, scale = centre_and_scale(rows)
    assert centre == pytest.approx(rows.astype(np.float64).mean(axis=0))
    assert scale == pytest.approx(rows.astype(np.float64).std(axis=0))


def test_weights_are_where_the_penalised_loss_has_no_slope():
    generator = np.random.default_rng(2)
    inputs = np.column_stack([np.ones(3_000), generator.normal(size=(3_000, 3))])
    is_up = sigmoid(inputs @ np.array([0.2, 1.0, -0.5, 0.0])) > generator.random(3_000)
    weight = generator.uniform(0.5, 1.5, size=3_000)
    found = ridge_weights(inputs, is_up, ridge=10.0, weight=weight)
    slope = inputs.T @ (weight * (sigmoid(inputs @ found) - is_up)) + np.array([0, 10, 10, 10]) * found
    assert np.abs(slope).max() < 1e-4
    assert found[1:3] == pytest.approx([1.0, -0.5], abs=0.15)


def test_a_greater_penalty_pulls_the_weights_towards_zero_and_not_the_intercept():
    inputs = np.column_stack([np.ones(500), np.random.default_rng(3).normal(size=500)])
    is_up = inputs[:, 1] > -1.0
    sizes = [np.abs(ridge_weights(inputs, is_up, ridge=ridge)[1]) for ridge in (1.0, 100.0, 1e6)]
    assert sizes == sorted(sizes, reverse=True)
    intercept = ridge_weights(inputs, is_up, ridge=1e9)[0]
    assert sigmoid(np.array([intercept]))[0] == pytest.approx(is_up.mean(), abs=1e-3)


@pytest.mark.parametrize("probability", [0.01, 0.5, 0.99])
def test_logit_and_sigmoid_are_inverse(probability):
    assert sigmoid(logit(np.array([probability]), margin=1e-6))[0] == pytest.approx(probability)


def test_probabilities_of_zero_and_one_have_a_finite_logit():
    assert np.isfinite(logit(np.array([0.0, 1.0]), margin=1e-6)).all()
    assert np.isfinite(sigmoid(np.array([-1e9, 1e9]))).all()


# Mixtures


def probabilities(recipe, of):
    return exported(recipe.fit(of), of.rows).model.probabilities_up(of.rows)


def test_an_even_vote_is_the_mean_of_its_members():
    of = training_set(n=600)
    members = (LogisticRegression(ridge=1.0), LogisticRegression(ridge=1_000.0))
    mixed = probabilities(Mixture(members=members, in_logits=False), of)
    each = [probabilities(member, of) for member in members]
    assert mixed == pytest.approx(np.mean(each, axis=0), abs=1e-5)


def test_a_mixture_in_logits_is_the_mean_of_the_logits():
    of = training_set(n=600)
    members = (LogisticRegression(ridge=1.0), LogisticRegression(ridge=1_000.0))
    mixed = probabilities(Mixture(members=members), of).astype(np.float64)
    each = [logit(probabilities(member, of).astype(np.float64), margin=1e-6) for member in members]
    assert logit(mixed, margin=1e-6) == pytest.approx(np.mean(each, axis=0), abs=1e-3)


def test_a_mixture_is_named_by_its_members_each_once_or_by_its_label():
    members = (LogisticRegression(), LogisticRegression(ridge=1.0), LightBoosting())
    assert Mixture(members=members).name == "mixture(logistic+lightgbm-extra)"
    assert Mixture(members=members, in_logits=False).name == "vote(logistic+lightgbm-extra)"
    assert Mixture(members=members, label="mine").name == "mine"
    assert Stacked(members=members[:1]).name == "calibrated(logistic)"


def test_stacking_gives_the_member_that_knows_more_the_greater_say():
    """One member sees the column that tells the direction; the other sees noise."""
    of = training_set(n=4_000)
    knowing = NarrowedRecipe(member=LogisticRegression(ridge=1.0), columns=("a",))
    guessing = NarrowedRecipe(member=LogisticRegression(ridge=1.0), columns=("e",))
    stacked = probabilities(Stacked(members=(guessing, knowing), ridge=1.0), of)
    alone = probabilities(knowing, of)
    assert np.corrcoef(stacked, alone)[0, 1] > 0.98


def test_the_outcomes_that_a_recipe_needs_are_those_of_its_members_and_what_weighs_them():
    far = LogisticRegression(multiple=2)
    assert Mixture(members=(far,)).multiples == {2}
    assert Stacked(members=(far,)).multiples == {1, 2}
    assert NarrowedRecipe(member=far, columns=NAMES).multiples == {2}


def test_a_narrowed_member_does_not_see_the_other_columns():
    of = training_set(n=600)
    model = exported(NarrowedRecipe(member=LogisticRegression(), columns=("a",)).fit(of), of.rows).model
    spoilt = of.rows.copy()
    spoilt[:, 1:] = 1e6
    assert np.array_equal(model.probabilities_up(of.rows), model.probabilities_up(spoilt))


# Exports


def test_the_largest_difference_is_of_all_rows_and_none_of_none():
    one = np.array([0.2, 0.7], dtype=np.float32)
    assert largest_difference(exported=one, native=one) == 0.0
    empty = np.empty(0, dtype=np.float32)
    assert largest_difference(exported=empty, native=empty) == 0.0


@pytest.mark.parametrize(("exported_up", "complaint"), [(0.7001, "differs by"), (np.nan, "differs by")])
def test_an_export_that_differs_is_refused(exported_up, complaint):
    native = np.array([0.2, 0.7], dtype=np.float32)
    with pytest.raises(ValueError, match=complaint):
        largest_difference(exported=np.array([0.2, exported_up], dtype=np.float32), native=native)


@pytest.mark.parametrize("threshold", [0.1, -0.1, 1e-40, 1e300, -1e300, 3.0, 1 / 3])
def test_a_rounded_threshold_parts_every_float32_as_the_double_did(threshold):
    rounded = rounded_down(threshold)
    assert rounded <= threshold
    near = np.float32(rounded)
    with np.errstate(over="ignore"):
        above, below = (np.nextafter(near, np.float32(limit)) for limit in (np.inf, -np.inf))
    for value in (near, above, below):
        assert (float(value) <= threshold) == (float(value) <= rounded)


# Ranges of searches


SEARCHABLE = [name for name, recipe in offered().items() if space_of(recipe)]


@pytest.mark.parametrize("name", SEARCHABLE)
def test_the_declared_parameters_lie_in_their_own_ranges(name):
    recipe = offered()[name]
    declared = declared_parameters(recipe)
    assert declared.keys() == space_of(recipe).keys()
    assert all(space_of(recipe)[parameter].holds(value) for parameter, value in declared.items())
    assert with_parameters(recipe, declared) == recipe


@pytest.mark.parametrize("name", SEARCHABLE)
def test_every_end_of_every_range_makes_a_recipe_that_states_it(name):
    recipe = offered()[name]
    for parameter, limits in space_of(recipe).items():
        for value in (limits.low, limits.high):
            changed = with_parameters(recipe, {parameter: value})
            assert declared_parameters(changed)[parameter] == value


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"seed": 1}, "must be one of n_rounds"),
        ({"max_depth": 99}, "must lie in 2 to 6, was 99"),
        ({"max_depth": 2.5}, "must lie in 2 to 6, was 2.5"),
        ({"subsample": 0.0}, "subsample must lie in 0.3 to 1"),
    ],
)
def test_parameters_outside_their_range_are_refused_by_name(parameters, complaint):
    with pytest.raises(ValueError, match=complaint):
        with_parameters(Boosting(), parameters)


def test_mixtures_have_nothing_to_search():
    assert space_of(Mixture(members=(LogisticRegression(),))) == {}


def test_whole_parameters_become_whole_numbers():
    changed = with_parameters(Boosting(), {"n_rounds": 75.0})
    assert changed.parameters.n_rounds == 75
    assert type(changed.parameters.n_rounds) is int
    assert changed.parameters == msgspec.structs.replace(BoostingParameters(), n_rounds=75)


def test_a_range_holds_both_ends_and_whole_numbers_only_if_it_must():
    limits = ParameterRange(low=1, high=3, why="a test")
    assert [limits.holds(value) for value in (0.9, 1, 2.5, 3, 3.1)] == [False, True, True, True, False]
    whole = msgspec.structs.replace(limits, is_whole=True)
    assert [whole.holds(value) for value in (1, 2.5, 3)] == [True, False, True]
