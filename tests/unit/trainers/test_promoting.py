"""Promoting and rolling back: loaded and checked before anything changes; who served when."""

import msgspec
import pytest

from api.scoring.jobs import check_promotion
from schemas.arms import CHAMPION
from schemas.artifacts import MODEL_FILE
from schemas.errors import ConfigurationError, InvariantError, NotReadyError, StateError
from tests.fakes.artifacts import TARGET, entry_of, manifest_of
from tests.fakes.backtests import small_artifact
from tests.fakes.feature_tables import simulated_table
from tests.fakes.registries import CountingRegistry, InMemoryRegistry
from trainers.commands import promotion_requests
from trainers.commands.promotion_requests import PromotionOptions, promoted_version
from trainers.jobs.promoting import AliasChange, promote, rollback
from trainers.registry.cards import model_card
from trainers.registry.models import LoadedModels
from trainers.registry.serving import before, serving_at


@pytest.fixture(scope="module")
def artifacts():
    """Three real models of one target."""
    table = simulated_table(n=1_200, seed=6)
    until_ms = int(table.as_of_ms[-1])
    return [
        small_artifact(table, until_ms=until_ms, target=TARGET, n_rounds=n_rounds) for n_rounds in (2, 3, 4)
    ]


@pytest.fixture
def registry(artifacts):
    filled = InMemoryRegistry()
    for manifest, files in artifacts:
        filled.publish(manifest, files)
    return filled


def change(at_ms=100, reason="better", stream="replay-1"):
    return AliasChange(CHAMPION, stream, at_ms, at_ms, reason)


def test_a_promotion_is_in_the_ledger_and_announced(registry, artifacts):
    said = []
    entry = promote(registry, artifacts[0][0].version, change(), announce=said.append)
    assert registry.resolve(CHAMPION, TARGET, stream="replay-1") == entry
    (event,) = said
    assert (event.model_version, event.model_hash) == (entry.version, entry.model_hash)
    assert (event.stream, event.effective_from_ms, event.alias) == ("replay-1", 100, CHAMPION)


def test_what_does_not_load_changes_nothing_and_is_not_announced(registry):
    spoilt = manifest_of(b"no model", version="xgboost-spoilt")
    registry.publish(spoilt, {MODEL_FILE: b"no model"})
    said = []
    with pytest.raises(StateError):
        promote(registry, spoilt.version, change(), announce=said.append)
    assert list(registry.ledger()) == said == []


def test_what_serves_already_is_not_promoted_again(registry, artifacts):
    promote(registry, artifacts[0][0].version, change(), announce=lambda _event: None)
    with pytest.raises(ConfigurationError, match="already"):
        promote(registry, artifacts[0][0].version, change(200), announce=lambda _event: None)


def promoted(registry, artifacts, n):
    for number, (manifest, _) in enumerate(artifacts[:n]):
        promote(registry, manifest.version, change(100 * (number + 1)), announce=lambda _event: None)


def test_a_rollback_goes_to_the_version_before_and_says_from_which(registry, artifacts):
    promoted(registry, artifacts, 3)
    said = []
    entry = rollback(registry, TARGET, change(400, "it lost"), announce=said.append)
    assert entry.version == artifacts[1][0].version == said[0].model_version
    assert entry.reason == f"rollback from {artifacts[2][0].version}: it lost"


def test_a_second_rollback_goes_one_further_and_not_back_again(registry, artifacts):
    promoted(registry, artifacts, 3)
    rollback(registry, TARGET, change(400), announce=lambda _event: None)
    entry = rollback(registry, TARGET, change(500), announce=lambda _event: None)
    assert entry.version == artifacts[0][0].version
    with pytest.raises(NotReadyError, match="never anything but"):
        rollback(registry, TARGET, change(600), announce=lambda _event: None)


def test_a_rollback_to_what_does_not_load_switches_nothing(registry, artifacts):
    spoilt = manifest_of(b"no model", version="xgboost-spoilt")
    registry.publish(spoilt, {MODEL_FILE: b"no model"})
    registry.promote(entry_of(spoilt))
    promoted(registry, artifacts, 1)
    said = []
    with pytest.raises(StateError):
        rollback(registry, TARGET, change(400), announce=said.append)
    assert said == []
    assert registry.resolve(CHAMPION, TARGET, stream="replay-1").version == artifacts[0][0].version


def test_without_a_champion_there_is_nothing_to_roll_back(registry):
    with pytest.raises(NotReadyError, match="to roll back"):
        rollback(registry, TARGET, change(), announce=lambda _event: None)


def line(version, at_ms, **changes):
    return msgspec.structs.replace(entry_of(manifest_of(b"x", version=version), at_ms=at_ms), **changes)


def test_who_served_is_the_line_that_took_effect_last_and_of_two_the_later_one():
    ledger = [line("a", 100), line("b", 300), line("c", 200), line("d", 300)]
    served = {at: [found.version for found in serving_at(ledger, at).values()] for at in (99, 100, 250, 300)}
    assert served == {99: [], 100: ["a"], 250: ["c"], 300: ["d"]}


def test_aliases_and_streams_serve_side_by_side():
    ledger = [line("a", 1), line("b", 1, alias="shadow"), line("c", 1, stream="live")]
    assert sorted(found.version for found in serving_at(ledger, 5).values()) == ["a", "b", "c"]


def test_before_looks_at_the_same_post_only():
    ledger = [line("a", 1), line("b", 1, alias="shadow"), line("c", 2)]
    found = before(ledger, ledger[-1])
    assert found is not None
    assert found.version == "a"


# Cards


def test_a_card_has_span_features_figures_baselines_leakage_and_use():
    card = model_card(manifest_of(b"model"))
    for part in (
        "1970-01-01 00:15 UTC",
        "`a`, `b`",
        "0.5100 [0.4900, 0.5300]",
        "always up",
        "Leakage sheet",
        "does not ring at 0.5100 [0.4900, 0.5300]",
        "Intended use",
        "Not for:",
    ):
        assert part in card


def test_a_card_without_figures_says_that_nothing_is_known():
    bare = msgspec.structs.replace(manifest_of(b"model"), metrics={}, baselines={})
    assert "nothing is known of how good" in model_card(bare)


def test_a_figure_that_is_too_good_is_an_alarm_on_the_card():
    manifest = manifest_of(b"model")
    metric = msgspec.structs.replace(manifest.metrics["accuracy"], value=0.65, low=0.6, high=0.7)
    card = model_card(msgspec.structs.replace(manifest, metrics={"accuracy": metric}))
    assert "rings: it was right in 65.0% [60.0%, 70.0%]" in card


def test_a_version_is_loaded_once_by_who_promotes_it_and_once_by_who_serves_it(artifacts):
    """One promotion loaded and verified a version four times: for its manifest and its model, on both sides."""
    registry = CountingRegistry()
    (manifest, files), (other, other_files), _ = artifacts
    registry.publish(manifest, files)
    registry.publish(other, other_files)
    said = []
    promote(registry, manifest.version, change(), announce=said.append)
    assert registry.n_loads == {manifest.version: 1}

    models = LoadedModels(registry)
    check_promotion(models, said[0])
    for _ in range(3):
        models.model(manifest.version)
    assert registry.n_loads == {manifest.version: 2}

    promote(registry, other.version, change(200), announce=said.append)
    rollback(registry, TARGET, change(300, "worse"), announce=said.append)
    for promoted in said:
        check_promotion(models, promoted)
    assert registry.n_loads == {manifest.version: 3, other.version: 2}


def test_the_command_reads_a_version_once(artifacts, tmp_path, monkeypatch):
    """`driftline models promote` needs the manifest first, to know the stream, and no file for that."""
    manifest, files = artifacts[0]
    registry = CountingRegistry()
    registry.publish(manifest, files)
    monkeypatch.setattr(promotion_requests, "registry_of", lambda _settings: registry)
    options = PromotionOptions(CHAMPION, None, "2025-06-20T12:00", "a try")
    promoted_version(
        {"DRIFTLINE_DATA_DIR": str(tmp_path)}, manifest.version, options, say=lambda _words: None
    )
    assert registry.n_loads == {manifest.version: 1}


def test_a_promotion_of_what_does_not_load_is_dead_lettered_and_the_champion_goes_on(artifacts):
    """A damaged file ended the scoring job for good; the promotion is what is wrong, and is put aside."""
    registry = InMemoryRegistry()
    manifest, files = artifacts[0]
    registry.publish(manifest, files)
    promote(registry, manifest.version, change(), announce=(said := []).append)
    spoilt = manifest_of(b"no model", version="xgboost-spoilt")
    registry.publish(spoilt, {MODEL_FILE: b"no model"})
    models = LoadedModels(registry)
    wrong = msgspec.structs.replace(said[0], model_version=spoilt.version, model_hash=spoilt.model_hash)
    with pytest.raises(InvariantError, match="must name a version that loads"):
        check_promotion(models, wrong)
    check_promotion(models, said[0])
