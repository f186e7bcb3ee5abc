"""Settings and the command line."""

import json
import subprocess
import sys

import msgspec
import pytest
from click.testing import CliRunner

from schemas.artifacts import MODEL_FILE, Evidence, Metric
from schemas.errors import ConfigurationError, NotReadyError
from schemas.targets import TargetPair
from schemas.time import Interval
from tests.fakes.artifacts import entry_of, manifest_of
from trainers.commands import commands
from trainers.inputs.checkouts import described_checkout
from trainers.online.learner import learner_options_of
from trainers.registry.folders import FolderRegistry
from trainers.settings import TrainerSettings


def invoke(arguments, environment):
    return CliRunner().invoke(commands, arguments, obj=environment)


@pytest.fixture
def environment(tmp_path):
    registry = FolderRegistry(tmp_path / "registry")
    manifest = manifest_of(b"model")
    registry.publish(manifest, {MODEL_FILE: b"model"})
    registry.promote(entry_of(manifest))
    return {"DRIFTLINE_DATA_DIR": str(tmp_path)}


def test_targets_are_pairs_in_their_order():
    settings = TrainerSettings.from_environment({"DRIFTLINE_TARGETS": "1h:4h, 1m:1m"})
    assert settings.parsed_targets() == (
        TargetPair(Interval.ONE_HOUR, Interval.FOUR_HOURS),
        TargetPair(Interval.ONE_MINUTE, Interval.ONE_MINUTE),
    )


@pytest.mark.parametrize("variable", ["DRIFTLINE_TARGETS", "DRIFTLINE_ONLINE_TARGETS"])
def test_targets_of_another_form_name_the_variable(variable):
    with pytest.raises(ConfigurationError, match=variable):
        TrainerSettings.from_environment({variable: "15m:15m,"})


def test_what_is_learnt_online_is_what_is_predicted_unless_it_is_said():
    said = TrainerSettings.from_environment(
        {"DRIFTLINE_TARGETS": "1h:4h", "DRIFTLINE_ONLINE_MODELS": "online-logistic"}
    )
    assert learner_options_of(said).targets == (TargetPair(Interval.ONE_HOUR, Interval.FOUR_HOURS),)
    other = TrainerSettings.from_environment(
        {
            "DRIFTLINE_ONLINE_TARGETS": "1m:1m",
            "DRIFTLINE_ONLINE_MODELS": "online-adwin-bagging, online-logistic",
        }
    )
    assert learner_options_of(other).targets == (TargetPair(Interval.ONE_MINUTE, Interval.ONE_MINUTE),)
    assert [recipe.name for recipe in learner_options_of(other).recipes] == [
        "online-adwin-bagging",
        "online-logistic",
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DRIFTLINE_ONLINE_MODELS", ""),
        ("DRIFTLINE_ONLINE_MODELS", "online-logistic,xgboost"),
        ("DRIFTLINE_ONLINE_TARGETS", "1m"),
        ("DRIFTLINE_ONLINE_ALIAS", "champion"),
        ("DRIFTLINE_ONLINE_PUBLISH_ROWS", "0"),
        ("DRIFTLINE_ONLINE_PUBLISH_HOURS", "nan"),
        ("DRIFTLINE_ONLINE_METRICS_PORT", "0"),
    ],
)
def test_learning_with_a_wrong_setting_names_the_variable(variable, value):
    environment = {"DRIFTLINE_ONLINE_MODELS": "online-logistic", variable: value}
    with pytest.raises(ConfigurationError, match=variable):
        learner_options_of(TrainerSettings.from_environment(environment))


def test_training_without_a_stream_names_the_variable():
    assert isinstance(invoke(["train"], {}).exception, ConfigurationError)


def test_training_without_servers_says_how_to_start_them(tmp_path):
    environment = {"DRIFTLINE_STREAM": "replay-1", "DRIFTLINE_DATA_DIR": str(tmp_path)}
    result = invoke(["train"], environment)
    assert isinstance(result.exception, NotReadyError)
    assert "driftline up" in str(result.exception)


def test_versions_are_listed_with_their_accuracy_and_interval_and_the_baselines(environment):
    result = invoke(["models", "list"], environment)
    assert result.exit_code == 0
    for part in ("xgboost-a-1", "champion", "51.0%", "49.0%", "50.0%"):
        assert part in result.output


def test_versions_are_listed_as_json_too(environment):
    (listed,) = json.loads(invoke(["models", "list", "--json"], environment).output)
    assert listed["version"] == "xgboost-a-1"
    assert listed["aliases"] == ["champion"]
    assert listed["baselines"]


def test_an_alias_shows_the_version_that_it_means(environment):
    shown = invoke(["models", "show", "champion"], environment)
    assert shown.output == invoke(["models", "show", "xgboost-a-1"], environment).output


def test_a_version_is_shown_with_its_facts_and_its_ledger(environment):
    result = invoke(["models", "show", "xgboost-a-1"], environment)
    assert result.exit_code == 0
    for part in ("replay-1", "0.5100 [0.4900, 0.5300]", "always up", "a test"):
        assert part in result.output


def test_the_accuracy_has_one_interval_and_its_method_is_named(tmp_path):
    """Two intervals of the accuracy over all decisions were shown, by two methods and without a word on either."""
    in_blocks = Metric(value=0.51, low=0.47, high=0.55, n=10)
    everything = Evidence(target=1.0, least_confidence=0.5, coverage=1.0, at_close=in_blocks, late={})
    manifest = msgspec.structs.replace(manifest_of(b"model"), evidence=(everything,))
    FolderRegistry(tmp_path / "registry").publish(manifest, {MODEL_FILE: b"model"})
    environment = {"DRIFTLINE_DATA_DIR": str(tmp_path)}
    shown = invoke(["models", "show", manifest.version], environment).output
    card = invoke(["models", "show", manifest.version, "--card"], environment).output
    listed = invoke(["models", "list"], environment).output
    assert "0.5100 [0.4700, 0.5500]" in shown
    assert "0.5100 [0.4700, 0.5500]" in card
    assert "51.0% [47.0%, 55.0%]" in listed
    for output in (shown, card, listed):
        assert "49.0" not in output
        assert "0.49" not in output
    for output in (shown, card):
        assert "circular blocks of seven days" in " ".join(output.split())


def test_a_version_that_is_not_there_is_said_to_be_so(environment):
    assert isinstance(invoke(["models", "show", "xgboost-b"], environment).exception, NotReadyError)


def test_the_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from trainers.commands import commands\n"
        "assert CliRunner().invoke(commands, ['--help']).exit_code == 0\n"
        "print(sorted({'xgboost', 'numpy', 'onnxruntime', 'psycopg', 'confluent_kafka', 'optuna'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_folder_that_is_no_checkout_is_not_described(tmp_path):
    assert described_checkout(tmp_path) is None
