"""The leak alarm, from the fit to the command that confirms it, on the registry that is used."""

import json

import msgspec
import pytest
from click.testing import CliRunner

from schemas.arms import CHAMPION, SHADOW
from schemas.artifacts import MODEL_FILE, LeakAlarm, Metric, ModelTarget
from schemas.errors import ConfigurationError
from schemas.targets import TargetPair
from schemas.time import Interval
from schemas.wire.clocks import ManualClock
from tests.fakes.artifacts import TARGET, entry_of, manifest_of
from tests.fakes.backtests import small_artifact
from tests.fakes.feature_tables import simulated_table
from tests.fakes.histories import InMemoryFeatureHistory, description_of
from trainers.commands import commands
from trainers.jobs.promoting import AliasChange, promote, rollback
from trainers.jobs.train import TrainingJob, TrainingPlan
from trainers.models.gradient_boosting import Boosting, BoostingParameters
from trainers.registry.cards import model_card
from trainers.registry.folders import FolderRegistry
from trainers.registry.leak_alarms import alarm_of, held_back, is_ringing, judged_alarm, standing_words
from trainers.registry.versioned import GitRegistry
from trainers.reports.versions import versions_json
from trainers.training.fitting import FitOptions

MINUTE = Interval.ONE_MINUTE
BINANCE, SIMULATED = "BTC-USDT.BINANCE", "BTC-USDT.SIMULATED"
UNTIL_MS = 700 * 60_000


def accuracy(low, value=0.6):
    return Metric(value=value, low=low, high=0.9, n=1_000)


@pytest.mark.parametrize(
    ("low", "instrument", "source", "rings"),
    [
        (0.561, BINANCE, "binance", True),
        (0.56, BINANCE, "binance", False),
        (0.559, BINANCE, "binance", False),
        (0.9, SIMULATED, "simulated", False),
        (0.9, SIMULATED, "unknown", True),
        (0.9, BINANCE, "simulated", True),
        (0.9, BINANCE, "unknown", True),
    ],
)
def test_the_lower_end_of_the_interval_decides_and_a_simulated_market_never_rings(
    low, instrument, source, rings
):
    alarm = judged_alarm(accuracy(low), instrument=instrument, source=source)
    assert alarm.is_ringing is rings


def test_a_high_accuracy_of_few_decisions_does_not_ring():
    """Sixty of a hundred is nothing: the value alone rang, whatever its interval."""
    assert not judged_alarm(accuracy(0.5, value=0.6), instrument=BINANCE, source="binance").is_ringing


def test_where_nothing_was_measured_nothing_rings():
    assert judged_alarm(None, instrument=BINANCE, source="binance") is None
    silent = msgspec.structs.replace(manifest_of(b"model"), metrics={})
    assert standing_words(silent, []) == "not judged: nothing was measured"


@pytest.mark.parametrize("is_stated", [True, False])
def test_an_accuracy_without_an_interval_is_not_judged_and_that_is_said(is_stated):
    """It counted as judged, and the alarm never rang."""
    metric = accuracy(None, value=0.84)
    alarm = LeakAlarm(is_ringing=False, accuracy=metric, limit=0.56) if is_stated else None
    manifest = msgspec.structs.replace(manifest_of(b"model"), metrics={"accuracy": metric}, leak_alarm=alarm)
    assert alarm_of(manifest) is None
    assert standing_words(manifest, []) == "not judged: the accuracy of 84.0% has no interval"
    assert "not judged: the accuracy of 84.0% has no interval" in model_card(manifest)


def test_a_manifest_of_an_earlier_release_is_judged_by_its_accuracy():
    manifest = msgspec.structs.replace(manifest_of(b"model"), metrics={"accuracy": accuracy(0.8)})
    assert manifest.leak_alarm is None
    assert is_ringing(manifest)


# Training


class Lines:
    def __init__(self):
        self.said = []

    def say(self, line):
        self.said.append(line)

    def waited(self, *, share):
        pass


def trained(path, *, instrument=BINANCE, source="binance", continuation=0.9, n_rounds=10):
    """One run of the training job on a market of which far too much is known; what it said and announced."""
    table = simulated_table(n=700, seed=4, continuation=continuation)
    description = description_of(until_ms=UNTIL_MS, instruments=(instrument,), source=source)
    history = InMemoryFeatureHistory(
        description,
        {(instrument, MINUTE): table},
        watermarks=[UNTIL_MS],
    )
    report, announced = Lines(), []
    recipe = Boosting(parameters=BoostingParameters(n_rounds=n_rounds))
    TrainingJob(
        TrainingPlan(
            stream="simulation-1",
            targets=(TargetPair(MINUTE, MINUTE),),
            options=FitOptions("xgboost", recipe, n_folds=2),
            minimum_rows=300,
            patience_s=60.0,
            code_version="test",
        ),
        streams=history,
        features=history,
        registry=GitRegistry(FolderRegistry(path)),
        announce=announced.append,
        clock=ManualClock(now_ms=1_000),
        report=report,
        stop=lambda: False,
    ).run()
    return report.said, announced


def test_the_first_version_of_a_stream_is_stored_and_not_promoted_where_the_alarm_rings(tmp_path):
    said, announced = trained(tmp_path)
    registry = GitRegistry(FolderRegistry(tmp_path))
    (manifest,) = registry.versions()
    assert manifest.leak_alarm.is_ringing
    assert manifest.leak_alarm.accuracy == manifest.metrics["accuracy"]
    assert announced == list(registry.ledger()) == []
    assert "stored, not promoted" in said[0]
    assert "no champion serves" in said[1]
    assert f"driftline models promote {manifest.version}" in said[1]


def test_a_second_run_says_the_same_and_trains_nothing_again(tmp_path):
    first, _ = trained(tmp_path)
    again, announced = trained(tmp_path)
    assert announced == []
    assert again == first[1:]


def test_another_recipe_is_trained_though_a_version_is_held_back(tmp_path):
    trained(tmp_path)
    trained(tmp_path, n_rounds=12)
    assert len(FolderRegistry(tmp_path).versions()) == 2


def test_a_simulated_market_with_the_same_edge_gets_its_champion(tmp_path):
    said, (event,) = trained(tmp_path, instrument=SIMULATED, source="simulated")
    assert event.alias == CHAMPION
    assert "leak" not in " ".join(said)
    (manifest,) = FolderRegistry(tmp_path).versions()
    assert manifest.leak_alarm.accuracy.low > manifest.leak_alarm.limit
    assert not manifest.leak_alarm.is_ringing


def test_an_honest_market_gets_its_champion(tmp_path):
    _, announced = trained(tmp_path, continuation=0.5)
    assert len(announced) == 1


def test_what_is_held_back_is_known_by_target_until_it_is_confirmed(tmp_path):
    trained(tmp_path)
    registry = FolderRegistry(tmp_path)
    (found,) = held_back(registry.versions(), registry.ledger(), stream="simulation-1")
    assert found.target == ModelTarget(instrument=BINANCE, interval=MINUTE, horizon=MINUTE)
    assert held_back(registry.versions(), registry.ledger(), stream="replay-2") == []

    change = AliasChange(CHAMPION, "simulation-1", UNTIL_MS, 5, "the same on another venue", "Ada")
    promote(registry, found.version, change, announce=lambda _event: None)
    assert held_back(registry.versions(), registry.ledger(), stream="simulation-1") == []


def test_once_confirmed_the_next_run_announces_it(tmp_path):
    trained(tmp_path)
    registry = GitRegistry(FolderRegistry(tmp_path))
    (manifest,) = registry.versions()
    change = AliasChange(CHAMPION, "simulation-1", UNTIL_MS, 5, "looked at it", "Ada")
    promote(registry, manifest.version, change, announce=lambda _event: None)
    said, (event,) = trained(tmp_path)
    assert event.model_version == manifest.version
    assert said[0].endswith("goes on")


def test_a_champion_from_before_the_alarm_goes_on_and_the_run_says_that_nobody_confirmed_it(tmp_path):
    trained(tmp_path)
    (manifest,) = FolderRegistry(tmp_path).versions()
    line = entry_of(manifest, stream="simulation-1")
    ledger = b'{"previous":"' + b"0" * 64 + b'","entry":' + msgspec.json.encode(line) + b"}\n"
    (tmp_path / "ledger.jsonl").write_bytes(ledger)
    said, announced = trained(tmp_path)
    assert [event.model_version for event in announced] == [manifest.version]
    assert "nobody confirmed it" in said[0]


# Promoting by hand


@pytest.fixture
def folder(tmp_path):
    """A registry with a real version that is too good to be true, and an honest one."""
    registry = FolderRegistry(tmp_path / "registry")
    table = simulated_table(n=1_200, seed=6)
    until_ms = int(table.as_of_ms[-1])
    for n_rounds, metrics in ((2, {"accuracy": accuracy(0.83, 0.84)}), (3, {})):
        manifest, files = small_artifact(table, until_ms=until_ms, target=TARGET, n_rounds=n_rounds)
        registry.publish(msgspec.structs.replace(manifest, metrics=metrics, created_ms=n_rounds), files)
    return tmp_path


def invoke(folder, *arguments):
    return CliRunner().invoke(commands, ["models", *arguments], obj={"DRIFTLINE_DATA_DIR": str(folder)})


PROMOTE = ("--reason", "looked at both files", "--effective-from", "2025-06-20T12:00")


def versions(folder):
    return [manifest.version for manifest in FolderRegistry(folder / "registry").versions()]


def test_the_command_refuses_and_names_the_way_to_confirm(folder):
    suspicious, _ = versions(folder)
    refused = invoke(folder, "promote", suspicious, *PROMOTE)
    assert isinstance(refused.exception, ConfigurationError)
    assert "--leak-alarm-confirmed-by NAME" in str(refused.exception)
    assert FolderRegistry(folder / "registry").ledger() == []


def test_the_command_keeps_who_confirmed_it_and_why(folder):
    suspicious, _ = versions(folder)
    done = invoke(folder, "promote", suspicious, *PROMOTE, "--leak-alarm-confirmed-by", "Ada Lovelace")
    assert done.exit_code == 0, done.output
    assert "looked at both files (leak alarm confirmed by Ada Lovelace)" in done.output
    (line,) = FolderRegistry(folder / "registry").ledger()
    assert (line.leak_alarm_confirmed_by, line.reason) == ("Ada Lovelace", "looked at both files")

    shown = " ".join(invoke(folder, "show", suspicious).output.split())
    assert "rings, confirmed for champion by Ada Lovelace" in shown
    for command in ("list", "history"):
        assert "Lovelace" in invoke(folder, command).output


@pytest.mark.parametrize("who", ["", "  "])
def test_a_confirmation_needs_a_name(folder, who):
    refused = invoke(folder, "promote", versions(folder)[0], *PROMOTE, "--leak-alarm-confirmed-by", who)
    assert "must name who" in str(refused.exception)


def test_what_does_not_ring_is_not_confirmed(folder):
    refused = invoke(folder, "promote", versions(folder)[1], *PROMOTE, "--leak-alarm-confirmed-by", "Ada")
    assert "does not ring" in str(refused.exception)


def test_show_and_list_say_that_the_alarm_rings(folder):
    suspicious, honest = versions(folder)
    shown = " ".join(invoke(folder, "show", suspicious).output.split())
    assert "rings, and nobody confirmed it: it was right in 84.0% [83.0%, 90.0%]" in shown
    assert "nothing was measured" in invoke(folder, "show", honest).output
    assert "ALARM" in invoke(folder, "list").output
    first, second = json.loads(invoke(folder, "list", "--json").output)
    assert first["leak_alarm"]["is_ringing"]
    assert first["leak_alarm_confirmed_by"] is None
    assert second["leak_alarm"] is None


def test_a_rollback_to_a_version_that_nobody_confirmed_is_refused(folder):
    registry = FolderRegistry(folder / "registry")
    suspicious, honest = registry.versions()
    line = entry_of(suspicious)
    ledger = b'{"previous":"' + b"0" * 64 + b'","entry":' + msgspec.json.encode(line) + b"}\n"
    (folder / "registry" / "ledger.jsonl").write_bytes(ledger)
    registry.promote(entry_of(honest, at_ms=9))
    change = AliasChange(CHAMPION, "replay-1", 10, 10, "worse")
    with pytest.raises(ConfigurationError, match="leak alarm rings"):
        rollback(registry, TARGET, change, announce=lambda _event: None)
    rollback(registry, TARGET, change._replace(leak_alarm_confirmed_by="Ada"), announce=lambda _event: None)
    assert registry.resolve(CHAMPION, TARGET, stream="replay-1").version == suspicious.version


def test_a_ledger_of_an_earlier_release_is_read(tmp_path):
    manifest = manifest_of(b"model")
    registry = FolderRegistry(tmp_path)
    registry.publish(manifest, {MODEL_FILE: b"model"})
    old = json.loads(msgspec.json.encode(entry_of(manifest)))
    del old["leak_alarm_confirmed_by"]
    (tmp_path / "ledger.jsonl").write_text(json.dumps({"previous": "0" * 64, "entry": old}) + "\n")
    registry.promote(entry_of(manifest, alias=SHADOW))
    assert [line.leak_alarm_confirmed_by for line in registry.ledger()] == [None, None]


def test_the_card_states_the_judgement():
    manifest = msgspec.structs.replace(manifest_of(b"model"), metrics={"accuracy": accuracy(0.8)})
    stated = msgspec.structs.replace(manifest, leak_alarm=alarm_of(manifest))
    assert model_card(manifest) == model_card(stated)
    assert "rings: it was right in 60.0% [80.0%, 90.0%] of 1,000 decisions" in model_card(stated)
    assert b'"is_ringing": true' in versions_json([stated], [])
