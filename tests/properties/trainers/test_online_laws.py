"""Laws of every model that learns row by row, and of the snapshot that it is kept in."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.online_rows import NAMES, quick_recipes, taught, teach, turning_rows
from trainers.models.online.families import BAGGING, FAMILIES, FOREST, TREE
from trainers.models.online.frozen import FrozenModel
from trainers.models.online.river_models import RiverModel

RECIPES = quick_recipes()
ROWS, IS_UP = turning_rows(3_000)
every_recipe = pytest.mark.parametrize("name", RECIPES)


def test_every_kind_that_can_be_kept_is_held_to_the_laws():
    assert set(RECIPES) == set(FAMILIES)


@every_recipe
def test_the_same_rows_give_the_same_bytes_and_stay_as_they_were(name):
    rows = ROWS[:400].copy()
    first, second = (taught(RECIPES[name], rows, IS_UP[:400]).snapshot() for _ in range(2))
    assert first == second
    assert np.array_equal(rows, ROWS[:400], equal_nan=True)


@every_recipe
def test_predicting_changes_nothing(name):
    model = taught(RECIPES[name], ROWS[:300], IS_UP[:300])
    before = model.snapshot()
    said = [model.predict_one(row) for row in ROWS[300:400]]
    assert [model.predict_one(row) for row in ROWS[300:400]] == said
    assert model.snapshot() == before


@every_recipe
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_a_model_restored_at_any_cut_says_and_becomes_the_same(name, data):
    cut = data.draw(st.integers(0, 500))
    model = taught(RECIPES[name], ROWS[:cut], IS_UP[:cut])
    restored = RiverModel.restored(model.snapshot())
    later, ups = ROWS[cut : cut + 150], IS_UP[cut : cut + 150]
    assert teach(restored, later, ups) == teach(model, later, ups)
    assert restored.snapshot() == model.snapshot()


def n_drifts(model):
    """How often a tree, or another in the place of a branch, was begun anew."""
    inside = model._classifier
    return inside.n_alternate_trees if model.kind == TREE else inside.n_drifts_detected()


def n_branches(model):
    """How many splits there are."""
    inside = model._classifier
    return sum(tree.n_branches for tree in ([inside] if model.kind == TREE else inside))


@every_recipe
def test_restored_and_original_stay_equal_through_thousands_of_rows_with_splits_and_drifts(name):
    cut = 500
    model = taught(RECIPES[name], ROWS[:cut], IS_UP[:cut])
    restored = RiverModel.restored(model.snapshot())
    assert teach(restored, ROWS[cut:], IS_UP[cut:]) == teach(model, ROWS[cut:], IS_UP[cut:])
    assert restored.snapshot() == model.snapshot()
    if name in {TREE, FOREST}:
        assert min(n_drifts(model), n_branches(model)) >= 2


def test_bagging_replaces_its_worst_member_when_errors_rise():
    """River's replaces its best when errors fall: its detectors are fed with hits."""
    model = taught(RECIPES[BAGGING], ROWS[:1000], IS_UP[:1000])
    inside = model._classifier
    for row, up in zip(ROWS[1000:2000], IS_UP[1000:2000], strict=True):
        members = list(inside.models)
        errors = [detector.estimation for detector in inside._drift_detectors]
        model.learn_one(row, is_up=bool(up))
        fresh = [place for place, member in enumerate(members) if member is not inside.models[place]]
        if fresh:
            assert errors[fresh[0]] == pytest.approx(max(errors), abs=0.1)
            return
    pytest.fail("no member was replaced though what means up had turned round")


@every_recipe
def test_what_can_be_learnt_is_learnt(name):
    said = teach(RECIPES[name].begin(NAMES), ROWS[:1000], IS_UP[:1000])
    assert np.mean((np.array(said[300:]) >= 0.5) == IS_UP[300:1000]) > 0.8


@every_recipe
def test_a_row_without_any_value_has_a_probability_and_can_be_learnt(name):
    empty = np.full(len(NAMES), np.nan, dtype=np.float32)
    fresh = RECIPES[name].begin(NAMES)
    assert fresh.predict_one(empty) == 0.5
    fresh.learn_one(empty, is_up=True)
    assert 0 < fresh.predict_one(empty) < 1
    model = taught(RECIPES[name], ROWS[:300], IS_UP[:300])
    model.learn_one(empty, is_up=True)
    assert 0 < model.predict_one(empty) < 1


@every_recipe
def test_a_missing_value_counts_as_the_mean_of_its_column(name):
    model = taught(RECIPES[name], ROWS[:300], IS_UP[:300])
    row = np.nan_to_num(ROWS[301])
    missing, mean = row.copy(), row.copy()
    missing[3], mean[3] = np.nan, np.nanmean(ROWS[:300, 3].astype(np.float64))
    assert model.predict_one(missing) == pytest.approx(model.predict_one(mean), abs=1e-4)


@every_recipe
def test_a_frozen_row_alone_and_in_a_batch_are_equal_to_the_bit(name):
    model = taught(RECIPES[name], ROWS[:300], IS_UP[:300])
    frozen = FrozenModel.from_bytes(model.snapshot())
    batch = frozen.probabilities_up(ROWS[300:400])
    named = [{n: float(v) for n, v in zip(NAMES, row, strict=True)} for row in ROWS[300:400]]
    alone = [frozen.probability_up({n: None if v != v else v for n, v in row.items()}) for row in named]
    assert np.array_equal(batch, alone)
    assert np.array_equal(batch, [model.predict_one(row) for row in ROWS[300:400]])


def test_other_seeds_are_other_models():
    first, second = (
        taught(RECIPES[FOREST].__class__(n_models=2, seed=seed), ROWS[:200], IS_UP[:200]) for seed in (0, 1)
    )
    assert first.snapshot() != second.snapshot()


def test_a_logistic_regression_imports_no_trees():
    """A process that learns by it alone is some 50 MB smaller for that."""
    code = (
        "import sys\nimport trainers.models.online.recipes as recipes\n"
        "model = recipes.OnlineLogistic().begin(('a',))\nmodel.snapshot()\n"
        "print(sorted({'river.tree', 'river.forest', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
