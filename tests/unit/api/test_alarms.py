"""Which leak alarms the API knows of, as the registry's folder changes."""

import msgspec
import pytest

from api.reading.alarms import LeakAlarms
from schemas.artifacts import MODEL_FILE, Metric
from schemas.targets import Target
from schemas.wire.clocks import ManualClock
from tests.fakes.artifacts import manifest_of
from tests.fixtures.alarms import confirm, held_back_version
from tests.unit.api.events import INSTRUMENT, M15
from trainers.registry.folders import FolderRegistry

TARGET = Target("replay-test", INSTRUMENT, M15, M15)


@pytest.fixture
def clock():
    return ManualClock(now_ms=0)


@pytest.fixture
def alarms(tmp_path, clock):
    return LeakAlarms(FolderRegistry(tmp_path / "registry"), stream="replay-test", clock=clock)


def test_without_a_registry_no_alarm_is_known(alarms):
    assert alarms.why_held_back(TARGET) is None
    assert alarms.words_of("xgboost-too-good") is None


def test_what_is_published_and_confirmed_later_is_known_soon(alarms, clock, tmp_path):
    assert alarms.why_held_back(TARGET) is None
    manifest = held_back_version(tmp_path, stream="replay-test")
    clock.sleep(3)
    assert "its leak alarm rings" in alarms.why_held_back(TARGET)
    assert "nobody confirmed it" in alarms.words_of(manifest.version)

    confirm(tmp_path, manifest)
    clock.sleep(3)
    assert alarms.why_held_back(TARGET) is None
    assert "confirmed for champion by Ada" in alarms.words_of(manifest.version)


def test_a_registry_that_cannot_be_read_costs_no_answer(alarms, tmp_path):
    manifest = held_back_version(tmp_path, stream="replay-test")
    (tmp_path / "registry" / "manifests" / f"{manifest.version}.json").write_text("no manifest")
    assert alarms.why_held_back(TARGET) is None


def test_a_version_of_another_run_holds_nothing_back(alarms, tmp_path):
    held_back_version(tmp_path, stream="replay-other")
    assert alarms.why_held_back(TARGET) is None


def test_what_the_majority_class_got_right_is_known_of_each_version(alarms, tmp_path):
    manifest = msgspec.structs.replace(
        manifest_of(b"model"),
        baselines={"majority_class": {"accuracy": Metric(value=0.55, low=0.54, high=0.56, n=900)}},
    )
    FolderRegistry(tmp_path / "registry").publish(manifest, {MODEL_FILE: b"model"})
    assert alarms.majority_of(manifest.version) == 0.55
    assert alarms.majority_of("another") is None
