"""The files of an evaluation, from files to decisions: which are read, joined, warned of and refused."""

import msgspec
import numpy as np
import pytest

from schemas.errors import ConfigurationError
from schemas.time import Interval
from stream_processors.features.declarations import SPEC
from tests.fakes.candle_files import HOUR_MS, simulated_candles, written
from trainers.inputs.evaluation_files import (
    EvaluationFiles,
    EvaluationInput,
    decisions_like,
    decisions_of_files,
)
from trainers.training.evaluating import Question

H1, H4 = Interval.ONE_HOUR, Interval.FOUR_HOURS
HOURLY = Question(H1, H1, train_until_ms=0)
OWN = frozenset({1})


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    minutes = simulated_candles(n=18_000, seed=1, step_ms=HOUR_MS // 60)
    return {
        "own": written(simulated_candles(n=900, seed=1), folder / "btcusdt_own.parquet"),
        "coin": written(simulated_candles(n=900, seed=2), folder / "ethusdt_coin.parquet"),
        "perp": written(simulated_candles(n=900, seed=1), folder / "btcusdt_perp.parquet"),
        "minutes": written(minutes, folder / "btcusdt_minutes.parquet"),
        "folder": folder,
    }


def test_only_the_files_that_were_given_are_listed(paths):
    files = EvaluationFiles(bars=paths["own"], perp=paths["perp"])
    assert files.given() == {"bars": paths["own"], "perp": paths["perp"]}


def test_a_file_alone_has_the_instruments_own_features_and_no_company(paths):
    read = EvaluationInput(EvaluationFiles(bars=paths["own"]), HOURLY)
    decisions = read.decisions(OWN)
    assert read.table.names == tuple(feature.name for feature in SPEC.features)
    assert decisions.companions == ()
    assert read.warnings == ()


def test_another_coin_brings_columns_and_rows_and_its_own_rows_are_the_other_way_round(paths):
    read = EvaluationInput(EvaluationFiles(bars=paths["own"], bars_eth=paths["coin"]), HOURLY)
    decisions = read.decisions(OWN)
    (companion,) = decisions.companions
    assert len(decisions.names) > len(SPEC.features)
    assert companion.names == decisions.names
    swapped = EvaluationInput(EvaluationFiles(bars=paths["coin"], bars_eth=paths["own"]), HOURLY)
    assert np.array_equal(companion.rows, swapped.own_decisions(OWN).rows, equal_nan=True)


def test_files_are_read_once_even_if_they_are_taken_away_after_that(tmp_path):
    """The other coin's file was read twice, and the own one again for it."""
    own = written(simulated_candles(n=900, seed=1), tmp_path / "btcusdt_a.parquet")
    coin = written(simulated_candles(n=900, seed=2), tmp_path / "ethusdt_b.parquet")
    read = EvaluationInput(EvaluationFiles(bars=own, bars_eth=coin), HOURLY)
    own.unlink()
    coin.unlink()
    assert len(read.decisions(OWN).companions) == 1


def test_an_interval_longer_than_the_bars_decides_at_its_own_ends(paths):
    decisions = EvaluationInput(
        EvaluationFiles(bars=paths["own"]), Question(H4, H4, train_until_ms=0)
    ).decisions(OWN)
    assert set(np.diff(decisions.as_of_ms).tolist()) == {4 * HOUR_MS}


def test_a_further_interval_adds_columns_that_are_known_at_the_decision(paths):
    plain = EvaluationInput(EvaluationFiles(bars=paths["own"]), HOURLY)
    wider = EvaluationInput(EvaluationFiles(bars=paths["own"]), HOURLY._replace(also=(H4,)))
    assert len(wider.table.names) > len(plain.table.names)
    assert wider.table.names[: len(plain.table.names)] == plain.table.names


def test_a_horizon_shorter_than_the_bars_needs_shorter_outcomes(paths):
    question = Question(H1, Interval.THIRTY_MINUTES, train_until_ms=0)
    with pytest.raises(ConfigurationError, match="--horizon must be a multiple of the bars"):
        EvaluationInput(EvaluationFiles(bars=paths["own"]), question)


def test_outcomes_are_read_from_the_shorter_bars_of_the_same_market(tmp_path):
    minutes = simulated_candles(n=18_000, seed=3, step_ms=HOUR_MS // 60)
    path = written(minutes, tmp_path / "btcusdt_minutes.parquet")
    question = Question(H1, Interval.THIRTY_MINUTES, train_until_ms=0)
    files = EvaluationFiles(bars=path, outcomes=path)
    decisions = EvaluationInput(files, question).decisions(OWN)
    assert (~np.isnan(decisions.own.log_return)).any()
    assert 60_000 in decisions.late


@pytest.mark.parametrize("other", ["coin", "minutes"])
def test_outcomes_of_another_market_are_refused_with_how_far_they_are_apart(paths, other):
    files = EvaluationFiles(bars=paths["own"], outcomes=paths[other])
    with pytest.raises(ConfigurationError, match="--outcomes must be bars of the same instrument"):
        EvaluationInput(files, HOURLY)


def test_the_own_file_is_no_other_coin(paths):
    read = EvaluationInput(EvaluationFiles(bars=paths["own"], bars_eth=paths["own"]), HOURLY)
    with pytest.raises(ConfigurationError, match="must be another instrument's candles"):
        read.decisions(OWN)


def test_a_companion_without_a_common_time_is_refused_by_its_option(paths, tmp_path):
    table = simulated_candles(n=900, seed=5)
    stamps = table.column("timestamp").to_numpy() + np.timedelta64(365, "D")
    later = table.set_column(0, "timestamp", [stamps])
    path = written(later, tmp_path / "ethusdt_later.parquet")
    for option, files in (
        ("--bars-eth", EvaluationFiles(bars=paths["own"], bars_eth=path)),
        ("--perp", EvaluationFiles(bars=paths["own"], perp=path)),
    ):
        with pytest.raises(ConfigurationError, match=f"{option} ethusdt_later.parquet must say something"):
            EvaluationInput(files, HOURLY)


def test_several_recipes_get_the_outcomes_that_any_of_them_needs(paths):
    question = Question(H4, H1, train_until_ms=0)
    prepared = decisions_of_files(EvaluationFiles(bars=paths["own"]), question, ["logistic", "mixture"])
    assert set(prepared.recipes) == {"logistic", "mixture"}
    needed = prepared.recipes["logistic"].multiples | prepared.recipes["mixture"].multiples
    assert set(prepared.decisions.forward_returns) >= needed
    assert (
        max(needed) == 8
    )  # a mixture learns over as many horizons as lie between decisions, and twice as many


def test_a_recipe_that_nobody_knows_is_refused(paths):
    with pytest.raises(ConfigurationError, match="--model must be one of"):
        decisions_of_files(EvaluationFiles(bars=paths["own"]), HOURLY, ["unknown"])


def test_the_decisions_of_a_stored_data_set_are_computed_again_to_the_bit(paths):
    files = EvaluationFiles(bars=paths["own"], bars_eth=paths["coin"])
    stored = EvaluationInput(files, HOURLY).decisions(OWN)
    again = decisions_like(msgspec.structs.replace(stored, companions=()), files, also=()).decisions
    assert again.companions == ()
    assert np.array_equal(again.rows, stored.rows, equal_nan=True)
    assert again.own.log_return == pytest.approx(stored.own.log_return, nan_ok=True)
