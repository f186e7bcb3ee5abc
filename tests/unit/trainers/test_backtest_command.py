"""`driftline backtest` and `driftline models` on files, from the command line to what they leave behind."""

import json

import msgspec
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from schemas.arms import CHAMPION
from schemas.artifacts import LedgerEntry, ModelTarget, RecipeStatement
from schemas.companions import Companions
from schemas.errors import ConfigurationError, NotReadyError
from schemas.time import Interval
from stream_processors.features.vector_declarations import FeatureGroup, spec_of
from tests.fakes.backtests import small_artifact
from tests.fixtures.bar_tables import random_walk
from tests.fixtures.market_events import T0
from trainers.commands import commands
from trainers.inputs.materials import from_file
from trainers.models.descriptions import described
from trainers.models.light_boosting import LightBoosting
from trainers.models.logistic import LogisticRegression
from trainers.models.mixtures import Mixture
from trainers.registry.folders import FolderRegistry

N = 6_000
TARGET = ModelTarget(
    instrument="BTC-USDT.BINANCE", interval=Interval.FIVE_MINUTES, horizon=Interval.FIFTEEN_MINUTES
)
UNTIL_MS = T0 + N // 2 * 60_000


def write_candles(path, seed=9):
    bars = random_walk(N, seed=seed)
    columns = {"timestamp": pa.array(bars.start_ms.astype("datetime64[ms]"))}
    for place, name in enumerate(("open", "high", "low", "close", "volume")):
        columns[name] = bars.rows[:, place]
    parquet.write_table(pa.table(columns), path)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A data directory with a champion, and the file that it was trained on half of."""
    folder = tmp_path_factory.mktemp("data")
    candles = folder / "btcusdt_binance_spot_1m.parquet"
    write_candles(candles)
    registry = FolderRegistry(folder / "registry")
    table = from_file(candles, TARGET, instrument=None, begin_ms=None).table
    manifest, files = small_artifact(table, until_ms=UNTIL_MS, target=TARGET)
    registry.publish(manifest, files)
    registry.promote(
        LedgerEntry(
            alias=CHAMPION,
            target=TARGET,
            version=manifest.version,
            model_hash=manifest.model_hash,
            stream="replay-1",
            effective_from_ms=UNTIL_MS,
            recorded_ms=1,
            reason="the first",
        )
    )
    return folder


def run(place, *arguments):
    environment = {"DRIFTLINE_DATA_DIR": str(place), "DRIFTLINE_TRAIN_MINIMUM_ROWS": "50"}
    return CliRunner().invoke(commands, list(arguments), obj=environment)


def backtest(place, *arguments, model="champion", data=None):
    bars = ("--bars", str(place / "btcusdt_binance_spot_1m.parquet"))
    return run(data or place, "backtest", "--model", model, *bars, *arguments)


def found(place, tmp_path, *arguments, model="champion", data=None):
    result = backtest(place, "--json", str(tmp_path / "out.json"), *arguments, model=model, data=data)
    assert result.exit_code == 0, result.output or repr(result.exception)
    return json.loads((tmp_path / "out.json").read_bytes()), result.output


def test_a_champion_is_backtested_from_where_its_training_ended(place, tmp_path):
    report, output = found(place, tmp_path)
    results = report["results"]
    assert results["from_ms"] >= UNTIL_MS
    assert report["n_in_sample"] == 0
    assert results["terms"]["every_ms"] == 15 * 60_000
    assert results["terms"]["lag_ms"] == 60_000
    assert results["n_decisions"] == 201
    assert results["all_decisions"]["hit_rate"]["low"] is not None
    assert [lag["lag_ms"] // 60_000 for lag in results["lags"]] == [0, 1, 5]
    for part in ("break-even", "buy and hold", "Before costs each unit traded earned"):
        assert part in output


def test_a_version_is_asked_for_by_its_name_and_the_same_twice_is_the_same(place, tmp_path):
    version = FolderRegistry(place / "registry").versions()[0].version
    first, _ = found(place, tmp_path, model=version)
    second, _ = found(place, tmp_path)
    assert first["versions"] == [version]
    assert first["parity_hash"] == second["parity_hash"]
    assert first["results"] == second["results"]


def test_times_in_training_are_said_to_be_in_sample(place, tmp_path):
    report, output = found(place, tmp_path, "--from", "2025-06-02")
    assert report["n_in_sample"] > 0
    assert "in sample" in output


def test_refits_on_the_way_never_see_ahead(place, tmp_path):
    report, _ = found(
        place, tmp_path, "--refit", "weekly", "--from", "2025-06-01T12:00", "--to", "2025-06-04"
    )
    assert report["n_in_sample"] == 0
    assert len(report["versions"]) == 2
    assert [version[:22] for version in report["versions"]] == [
        "xgboost-refit-20250601",
        "xgboost-refit-20250602",
    ]


def test_refits_use_the_recipe_that_the_manifest_states(place, tmp_path):
    """The mixture learns from outcomes over three horizons; the version's own kind does not matter."""
    recipe = Mixture(members=(LightBoosting(n_rounds=3, multiple=3), LogisticRegression()), label="pair")
    stated = RecipeStatement(name="pair", parameters=described(recipe))
    version = restated(place, tmp_path, recipe=stated, kind="pair", configurations_tried=40)
    report, output = found(
        place,
        tmp_path,
        *("--refit", "weekly", "--from", "2025-06-01T12:00", "--to", "2025-06-04"),
        *("--rule", "sign", "--rule", "volatility", "--rule", "sign"),
        model=version,
        data=tmp_path,
    )
    assert [name[:13] for name in report["versions"]] == ["pair-refit-20"] * 2
    assert [tried["rule"]["rule"] for tried in report["rules"]] == ["sign", "volatility"]
    assert report["results"]["terms"]["n_tried"] == 41
    assert "position rules tried" in output


def test_a_manifest_that_states_no_recipe_is_not_refitted(place, tmp_path):
    version = restated(place, tmp_path, recipe=None)
    error = backtest(place, "--refit", "weekly", model=version, data=tmp_path).exception
    assert isinstance(error, ConfigurationError), repr(error)
    assert version in str(error)
    assert "states none" in str(error)


def restated(place, tmp_path, **changes):
    """The version in a registry of its own, with another manifest."""
    source = FolderRegistry(place / "registry")
    artifact = source.load(source.versions()[0].version)
    manifest = msgspec.structs.replace(artifact.manifest, version="restated-1", **changes)
    FolderRegistry(tmp_path / "registry").publish(manifest, artifact.files)
    return manifest.version


def test_the_tear_sheet_is_one_page(place, tmp_path):
    result = backtest(place, "--html", str(tmp_path / "sheet.html"))
    assert result.exit_code == 0
    assert (tmp_path / "sheet.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (("--model", "champion"), ConfigurationError, "--bars"),
        (("--model", "champion", "--bars", "nothing.parquet"), ConfigurationError, "existing file"),
        (("--model", "champion", "--over", "topics"), ConfigurationError, "--stream"),
        (
            ("--model", "champion", "--over", "postgres", "--stream", "s", "--bars", "b"),
            ConfigurationError,
            "one of",
        ),
        (
            ("--model", "champion", "--over", "postgres", "--stream", "replay-1"),
            NotReadyError,
            "driftline up",
        ),
        (("--model", "xgboost-none", "--bars", "b"), NotReadyError, "models list"),
        (("--model", "shadow", "--bars", "b", "--target", "1h:1h"), NotReadyError, "of 1h:1h"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_one_line(place, arguments, kind, words):
    error = run(place, "backtest", *arguments).exception
    assert isinstance(error, kind), repr(error)
    assert words in str(error)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (("--from", "2030-01-01"), NotReadyError, "warm rows from"),
        (("--from", "June"), ConfigurationError, "--from"),
        (("--from", "2025-06-03", "--to", "2025-06-02"), ConfigurationError, "before --to"),
        (("--every", "2m"), ConfigurationError, "--every"),
        (("--every", "1m"), ConfigurationError, "multiple"),
        (("--threshold", "0.3"), ConfigurationError, "threshold"),
        (("--fee-bps", "-1"), ConfigurationError, "fee_bps"),
        (("--instrument", "ETH-USDT.BINANCE"), NotReadyError, "of the model's instrument"),
        (("--refit", "monthly", "--from", "2025-06-01T01:00"), NotReadyError, "needs 50 labelled rows"),
        (("--json", "/dev/null/out.json"), ConfigurationError, "--json"),
    ],
)
def test_options_that_do_not_fit_the_data_are_said_in_one_line(place, arguments, kind, words):
    error = backtest(place, *arguments).exception
    assert isinstance(error, kind), repr(error)
    assert words in str(error)


# Models


def test_promote_history_and_rollback_on_one_data_directory(place, tmp_path):
    source = FolderRegistry(place / "registry")
    table = from_file(place / "btcusdt_binance_spot_1m.parquet", TARGET, instrument=None, begin_ms=None).table
    registry = FolderRegistry(tmp_path / "registry")
    names = []
    for n_rounds in (3, 4):
        manifest, files = small_artifact(table, until_ms=UNTIL_MS, target=TARGET, n_rounds=n_rounds)
        registry.publish(manifest, files)
        names.append(manifest.version)
    assert len(source.versions()) == 1

    for version, day in zip(names, ("01", "02"), strict=True):
        result = run(
            tmp_path,
            "models",
            "promote",
            version,
            "--reason",
            f"day {day}",
            "--effective-from",
            f"2025-07-{day}",
        )
        assert result.exit_code == 0, repr(result.exception)
        assert "announced when" in result.output
    result = run(tmp_path, "models", "rollback", "--reason", "it lost", "--effective-from", "2025-07-03")
    assert result.exit_code == 0, repr(result.exception)

    for day, version in (("01T12:00", names[0]), ("02T12:00", names[1]), ("03T12:00", names[0])):
        assert version in run(tmp_path, "models", "history", "--at", f"2025-07-{day}").output.replace(
            "\n", ""
        )
    assert "nothing served" in run(tmp_path, "models", "history", "--at", "2025-06-30").output
    assert "it lost" in run(tmp_path, "models", "history").output
    assert "Leakage sheet" in run(tmp_path, "models", "show", names[0], "--card").output


def test_without_a_history_the_time_of_a_replay_must_be_said(place):
    version = FolderRegistry(place / "registry").versions()[0].version
    error = run(place, "models", "promote", version, "--reason", "x", "--alias", "shadow").exception
    assert isinstance(error, ConfigurationError)
    assert "--effective-from" in str(error)


def test_pushing_nowhere_names_the_variables(place):
    error = run(place, "models", "push").exception
    assert isinstance(error, ConfigurationError)
    assert "DRIFTLINE_REGISTRY_REMOTE" in str(error)


@pytest.fixture(scope="module")
def joined_place(tmp_path_factory):
    """A data directory with a version that sees another coin, and both coins' files."""
    folder = tmp_path_factory.mktemp("joined")
    bars, ether = (folder / f"{coin}usdt_binance_spot_1m.parquet" for coin in ("btc", "eth"))
    write_candles(bars)
    write_candles(ether, seed=10)
    beside = {FeatureGroup.COIN: ether}
    table = from_file(bars, TARGET, instrument=None, begin_ms=None, beside=beside).table
    assert table.feature_spec_hash == spec_of(Companions(coin="ETH-USDT.BINANCE")).hash
    manifest, files = small_artifact(table, until_ms=UNTIL_MS, target=TARGET)
    FolderRegistry(folder / "registry").publish(manifest, files)
    return folder, manifest.version


def test_a_model_that_sees_another_coin_is_backtested_with_its_file(joined_place, tmp_path):
    folder, version = joined_place
    ether = ("--bars-eth", str(folder / "ethusdt_binance_spot_1m.parquet"))
    report, _ = found(folder, tmp_path, *ether, model=version)
    assert "beside it ethusdt_binance_spot_1m.parquet" in report["data"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "sees features of the coin companion: give its file, --bars-eth"),
        (("--perp", "ethusdt_binance_spot_1m.parquet"), "give its file, --bars-eth"),
        (("--bars-eth", "nowhere.parquet"), "--bars-eth must be an existing file"),
        (("--bars-eth", "unnamed.parquet"), "cannot tell the instrument"),
        (("--bars-eth", "solusdt_binance_spot_1m.parquet"), "takes features"),
    ],
)
def test_companions_other_than_the_models_are_refused(joined_place, options, said):
    folder, version = joined_place
    for name in ("unnamed.parquet", "solusdt_binance_spot_1m.parquet"):
        (folder / name).write_bytes((folder / "ethusdt_binance_spot_1m.parquet").read_bytes())
    given = [str(folder / part) if part.endswith("parquet") else part for part in options]
    result = backtest(folder, *given, model=version)
    assert said in str(result.exception)


def test_a_model_without_companions_takes_no_file_of_theirs(place):
    result = backtest(place, "--bars-eth", str(place / "btcusdt_binance_spot_1m.parquet"))
    assert "does not see features of the coin companion: leave it out, --bars-eth" in str(result.exception)
