"""Laws of every recipe that commands offer: found out by the table, so that a new one is held to them."""

import msgspec
import numpy as np
import pytest

from schemas.errors import StateError
from tests.fakes.training_sets import HOUR_MS, NAMES, training_set
from trainers.models.gradient_boosting import Boosting, BoostingParameters
from trainers.models.light_boosting import LightBoosting, rounded_down
from trainers.models.logistic import LogisticRegression
from trainers.models.mixtures import Stacked
from trainers.models.narrowing import NarrowedRecipe
from trainers.models.recipes import Outcome, TrainingSet, exported
from trainers.training.offered import offered

FEW = {
    "n_rounds": 60,
    "n_parallel_trees": 15,
    "n_leaves": 8,
    "max_depth": 3,
    "min_rows_in_leaf": 40,
    "min_child_weight": 5.0,
}


def made_small(recipe):
    """The same kind with few trees, whatever kind it is: laws do not need many.

    What is bounded is found by its name, in the recipe, its parameters and its members, so that a
    kind that is added to the table is made small too.
    """
    changes = {}
    for name in getattr(recipe, "__struct_fields__", ()):
        value = getattr(recipe, name)
        if name in FEW:
            changes[name] = min(value, FEW[name])
        elif isinstance(value, msgspec.Struct):
            changes[name] = made_small(value)
        elif isinstance(value, tuple):
            changes[name] = tuple(map(made_small, value))
    return msgspec.structs.replace(recipe, **changes) if changes else recipe


RECIPES = {name: made_small(recipe) for name, recipe in offered().items()}
LAWFUL = {**RECIPES, "alone": NarrowedRecipe(member=RECIPES["lightgbm-extra"], columns=NAMES[:6])}
every_recipe = pytest.mark.parametrize("recipe", LAWFUL.values(), ids=LAWFUL)


@every_recipe
def test_the_exported_model_says_what_the_native_one_says(recipe):
    taught = training_set()
    assert exported(recipe.fit(taught), taught.rows).largest_difference < 2e-6


@every_recipe
def test_a_row_alone_and_in_a_batch_are_equal_to_the_bit(recipe):
    taught = training_set()
    model = exported(recipe.fit(taught), taught.rows).model
    batch = model.probabilities_up(taught.rows)
    alone = [model.probabilities_up(taught.rows[i : i + 1])[0] for i in range(100)]
    assert np.array_equal(batch[:100], alone)


@every_recipe
def test_the_same_training_set_gives_the_same_bytes_and_stays_as_it_was(recipe):
    taught = training_set(n=600)
    before = taught.rows.copy()
    assert recipe.fit(taught).onnx() == recipe.fit(training_set(n=600)).onnx()
    assert np.array_equal(taught.rows, before, equal_nan=True)


@every_recipe
def test_what_can_be_learnt_is_learnt(recipe):
    taught, unseen = training_set(), training_set(seed=2)
    says_up = exported(recipe.fit(taught), unseen.rows).model.probabilities_up(unseen.rows) >= 0.5
    assert (
        np.mean(says_up == unseen.outcomes[1].is_up) > 0.68
    )  # the best rule has 0.75 and misses a twentieth


@every_recipe
def test_a_row_without_any_value_has_a_probability(recipe):
    taught = training_set(n=600)
    empty = np.full((1, len(NAMES)), np.nan, dtype=np.float32)
    assert 0 < exported(recipe.fit(taught), empty).model.probabilities_up(empty)[0] < 1


@every_recipe
def test_one_direction_alone_teaches_nothing(recipe):
    taught = training_set(n=600)
    only_up = taught.outcomes[1]._replace(is_up=np.ones(600, dtype=np.bool_))
    with pytest.raises(StateError, match="ups and downs"):
        recipe.fit(taught._replace(outcomes={1: only_up, 2: only_up}))


def test_a_missing_value_goes_where_training_sent_it():
    """Training rows without any missing value: LightGBM then takes a missing one for zero."""
    taught = training_set()
    whole = taught._replace(rows=np.nan_to_num(taught.rows))
    exported(made_small(LightBoosting()).fit(whole), taught.rows)


def test_a_value_on_a_threshold_goes_the_same_way_in_both_forms():
    """LightGBM's thresholds are doubles; rounded to the nearest float32 some would let a value pass."""
    generator = np.random.default_rng(3)
    rows = (generator.integers(0, 40, size=(3_000, 8)) / 10).astype(np.float32)
    is_up = rows[:, 0] + generator.normal(size=3_000) > 2
    taught = TrainingSet(NAMES, rows, {1: Outcome(np.arange(3_000), is_up)})
    assert exported(LightBoosting(n_rounds=40, is_extra=False).fit(taught), rows).largest_difference < 2e-6


def test_a_threshold_is_rounded_down_to_the_nearest_float32_below():
    """It was compared as a float32 once, which is never above itself: rows on the edge went astray."""
    for threshold in np.random.default_rng(4).normal(size=2_000).tolist():
        rounded = rounded_down(threshold)
        assert rounded <= threshold < float(np.nextafter(np.float32(rounded), np.float32(np.inf)))


def test_a_threshold_that_every_number_is_below_stays_one():
    """LightGBM parts defined from undefined values so; rounding it warned of an overflow once."""
    assert rounded_down(1.7976931348623157e308) == float(np.finfo(np.float32).max)


def test_weights_matter():
    taught = training_set(n=600)
    outcome = taught.outcomes[1]
    heavy = Outcome(outcome.rows, outcome.is_up, np.where(outcome.is_up, 3.0, 1.0))
    for recipe in (Boosting(parameters=BoostingParameters(n_rounds=10)), LogisticRegression()):
        even = recipe.fit(taught).native_probabilities(taught.rows)
        tilted = recipe.fit(TrainingSet(taught.names, taught.rows, {1: heavy})).native_probabilities(
            taught.rows
        )
        assert tilted.mean() > even.mean() + 0.05


class Keeping(LogisticRegression, frozen=True, kw_only=True):
    """A logistic regression that keeps its training sets."""

    seen: list = msgspec.field(default_factory=list)

    def fit(self, training_set):
        self.seen.append(training_set)
        return LogisticRegression(multiple=self.multiple).fit(training_set)


@pytest.mark.parametrize("horizon", [0.5, 1, 4, 100])
@pytest.mark.parametrize("multiple", [1, 2])
def test_stacking_purges_by_the_time_at_which_outcomes_were_known(horizon, multiple):
    """The gap before the held-out tail was 48 rows once, too few for a horizon of 100, too many for 1.

    ::

        |---- members ----|x  x  x|-- tail: weights --|    x: known only behind the tail's beginning
    """
    taught = training_set(n=1_000)
    outcomes = {
        number: outcome._replace(known_ms=taught.as_of_ms + int(number * horizon * HOUR_MS))
        for number, outcome in taught.outcomes.items()
    }
    member = Keeping(multiple=multiple)
    Stacked(members=(member,)).fit(taught._replace(outcomes=outcomes))
    older, whole = (one.outcomes[multiple].rows for one in member.seen)
    assert older[-1] == 850 - max(1, multiple * horizon)
    assert whole[-1] == 999


def test_stacking_refuses_a_training_set_without_times():
    with pytest.raises(StateError, match="so that it can be purged"):
        Stacked(members=(LogisticRegression(),)).fit(training_set(n=600)._replace(as_of_ms=None))


def test_stacking_gives_nothing_to_a_member_that_knows_nothing():
    taught = training_set(n=6_000)
    blind = LogisticRegression(ridge=1e12)
    stacked = Stacked(members=(LogisticRegression(), blind)).fit(taught)
    alone = LogisticRegression().fit(taught)
    correlation = np.corrcoef(
        stacked.native_probabilities(taught.rows), alone.native_probabilities(taught.rows)
    )[0, 1]
    assert correlation > 0.99


def test_calibration_takes_back_overconfidence():
    taught, unseen = training_set(n=3_000, strength=0.2), training_set(n=3_000, seed=9, strength=0.2)
    wild = Boosting(
        parameters=BoostingParameters(n_rounds=150, max_depth=6, learning_rate=0.3, min_child_weight=1.0)
    )

    def brier(recipe):
        probability = recipe.fit(taught).native_probabilities(unseen.rows)
        return np.mean((probability - unseen.outcomes[1].is_up) ** 2)

    assert brier(Stacked(members=(wild,))) < brier(wild) - 0.03
