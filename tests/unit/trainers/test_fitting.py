"""From a table to a version: which rows it learns from, what is judged, and what its manifest states."""

import msgspec
import numpy as np
import pytest

from schemas.artifacts import ModelManifest, ModelTarget
from schemas.time import Interval
from tests.fakes.feature_tables import MINUTE_MS, simulated_table
from trainers.datasets.prices import PricePath
from trainers.models.calibration import Calibrated
from trainers.models.gradient_boosting import Boosting, BoostingParameters
from trainers.models.light_boosting import LightBoosting
from trainers.models.logistic import LogisticRegression
from trainers.models.mixtures import Mixture
from trainers.training.evidence import LEAST_FOLD_ROWS
from trainers.training.fitting import (
    FitOptions,
    Origin,
    seeded,
    trained,
    training_decisions,
    version_name,
)

INSTRUMENT = "BTC-USDT.SIMULATED"
TARGET = ModelTarget(instrument=INSTRUMENT, interval=Interval.ONE_MINUTE, horizon=Interval.ONE_MINUTE)
SMALL = Boosting(parameters=BoostingParameters(n_rounds=5))
N = 1_000
UNTIL_MS = N * MINUTE_MS


@pytest.fixture(scope="module")
def table():
    return simulated_table(n=N, seed=11, continuation=0.6)


def version_of(table, recipe, *, name="small", n_folds=2, seed=0, until_ms=UNTIL_MS):
    decisions = training_decisions(table, recipe, target=TARGET, known_by_ms=until_ms)
    origin = Origin(
        instrument=INSTRUMENT,
        stream="simulation-1",
        source="simulated",
        trained_until_ms=until_ms,
        created_ms=0,
        code_version="test",
    )
    return trained(decisions, FitOptions(name, recipe, n_folds=n_folds, seed=seed), origin)


def test_rows_have_the_outcomes_that_the_recipe_learns_from_and_the_targets_own(table):
    recipe = Boosting(parameters=SMALL.parameters, multiple=3)
    decisions = training_decisions(table, recipe, target=TARGET, known_by_ms=UNTIL_MS)
    assert set(decisions.forward_returns) == {1, 3}
    assert (decisions.own.known_ms >= 0).all()
    assert decisions.forward_returns[3].known_ms[-2:].tolist() == [-1, -1]


def test_rows_know_nothing_that_was_not_known_by_the_end_of_training(table):
    half_ms = UNTIL_MS // 2
    decisions = training_decisions(table, SMALL, target=TARGET, known_by_ms=half_ms)
    assert decisions.own.known_ms.max() == half_ms
    assert max(late.known_ms.max() for late in decisions.late.values()) <= half_ms


def test_late_entries_of_a_longer_bar_are_judged_in_finer_closes_and_labels_in_its_own(table):
    """The closes of minutes say what came of entering a minute late; the label stays the bar's."""
    quarter = msgspec.structs.replace(
        table,
        **{
            name: getattr(table, name)[14::15]
            for name in ("as_of_ms", "known_ms", "close", "is_warm", "values")
        },
    )
    target = msgspec.structs.replace(
        TARGET, interval=Interval.FIFTEEN_MINUTES, horizon=Interval.FIFTEEN_MINUTES
    )
    minutes = PricePath.of_bars(table, Interval.ONE_MINUTE)
    alone = training_decisions(quarter, SMALL, target=target, known_by_ms=UNTIL_MS)
    beside = training_decisions(quarter, SMALL, target=target, known_by_ms=UNTIL_MS, finer=minutes)
    assert set(alone.late) == {15 * MINUTE_MS}
    assert set(beside.late) == {MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS}
    assert np.array_equal(alone.own.log_return, beside.own.log_return)
    late = beside.late[MINUTE_MS]
    expected = minutes.log_returns(beside.as_of_ms + MINUTE_MS, beside.as_of_ms + 16 * MINUTE_MS)
    known = late.known_ms >= 0
    assert known.sum() > 30
    assert np.array_equal(late.log_return[known], expected[known])


@pytest.mark.parametrize(
    "recipe",
    [
        SMALL,
        LightBoosting(n_rounds=5),
        LogisticRegression(),
        Mixture(members=(LightBoosting(n_rounds=5), LogisticRegression()), label="two"),
        Calibrated(members=(SMALL,)),
    ],
    ids=lambda recipe: recipe.name,
)
def test_the_manifest_of_every_recipe_can_be_read_back(table, recipe):
    """A mixture's was not: a switch among its parameters was written as true, which is no number."""
    manifest = version_of(table, recipe).manifest
    assert msgspec.json.decode(msgspec.json.encode(manifest), type=ModelManifest) == manifest


def test_a_fold_with_too_few_rows_is_left_out_of_the_evidence(table):
    """The first of four folds has too few rows to learn from, so that only the later ones are judged."""
    manifest = version_of(table, SMALL, n_folds=4, until_ms=420 * MINUTE_MS).manifest
    decisions = training_decisions(table, SMALL, target=TARGET, known_by_ms=420 * MINUTE_MS)
    n = len(decisions)
    tested = [n - first for first in np.linspace(int(0.4 * n), n, 4, endpoint=False).astype(int)]
    assert int(0.4 * n) < LEAST_FOLD_ROWS
    assert tested[3] <= manifest.metrics["accuracy"].n < tested[0]


def test_no_fold_with_enough_rows_gives_a_manifest_that_states_no_accuracy():
    table = simulated_table(n=350, seed=12)
    manifest = version_of(table, SMALL, n_folds=1, until_ms=350 * MINUTE_MS).manifest
    assert set(manifest.metrics) == {"export_difference"}
    assert manifest.baselines == {}
    assert manifest.evidence == ()


def test_the_evidence_of_a_calibrated_model_rests_on_its_own_calibration_rows(table):
    """Thresholds of an uncalibrated model come from earlier folds and a day before, which this history has not."""
    plain, calibrated = version_of(table, SMALL), version_of(table, Calibrated(members=(SMALL,)))
    assert plain.manifest.picks_from is None
    assert calibrated.manifest.picks_from is not None
    assert calibrated.manifest.picks_from > 0.5


def test_a_seed_moves_every_seed_of_a_recipe_and_nothing_else():
    recipe = Mixture(
        members=(LightBoosting(seed=3), Boosting(parameters=BoostingParameters(seed=5))), label="m"
    )
    moved = seeded(recipe, 10)
    assert [moved.members[0].seed, moved.members[1].parameters.seed] == [13, 15]
    assert seeded(recipe, 0) is recipe
    assert seeded(moved, -10) == recipe


def test_another_seed_is_another_version_with_the_same_rows(table):
    one, two = (version_of(table, SMALL, seed=seed).manifest for seed in (0, 1))
    assert one.version != two.version
    assert (one.n_rows, one.trained_from_ms) == (two.n_rows, two.trained_from_ms)


def test_a_version_is_named_by_recipe_target_and_bytes():
    found = version_name("xgboost", TARGET, "3f9a1c02" + 56 * "0")
    assert found == "xgboost-btc-usdt.simulated-1m-1m-3f9a1c02"
