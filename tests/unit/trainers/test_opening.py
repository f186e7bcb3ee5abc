"""The registry that the settings ask for, and models that a process loads from it."""

import msgspec
import pytest
from dulwich.repo import Repo

from schemas.errors import ConfigurationError, NotReadyError, StateError
from tests.fakes.artifacts import TARGET, entry_of, manifest_of
from tests.fakes.backtests import small_artifact
from tests.fakes.feature_tables import simulated_table
from tests.fakes.registries import CountingRegistry
from trainers.inputs.registries import registry_of
from trainers.registry.folders import FolderRegistry
from trainers.registry.models import LoadedModels, load_onnx
from trainers.registry.opening import opened_registry
from trainers.registry.releases import GITHUB_API
from trainers.settings import TrainerSettings

NOWHERE = {"remote": None, "repository": None, "token": None, "api_url": GITHUB_API}


def test_a_registry_needs_neither_remote_nor_token(tmp_path):
    registry = opened_registry(tmp_path / "registry", **NOWHERE)
    registry.publish(manifest_of(b"model"), {"model.onnx": b"model"})
    registry.send()
    assert [found.version for found in FolderRegistry(tmp_path / "registry").versions()] == ["xgboost-a-1"]


def test_a_repository_without_a_token_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ConfigurationError, match="DRIFTLINE_REGISTRY_TOKEN must be set"):
        opened_registry(tmp_path / "registry", **(NOWHERE | {"repository": "a/b"}))
    assert not (tmp_path / "registry").exists()


@pytest.mark.parametrize("repository", ["a", "a/b/c", "/b", "a/"])
def test_a_repository_of_another_form_is_refused_by_the_variables_name(tmp_path, repository):
    with pytest.raises(ConfigurationError, match="DRIFTLINE_REGISTRY_REPOSITORY must look like owner/name"):
        opened_registry(tmp_path, **(NOWHERE | {"repository": repository, "token": "secret"}))


def test_the_settings_name_folder_and_remote(tmp_path):
    Repo.init_bare(str(tmp_path / "remote.git"), mkdir=True).close()
    settings = TrainerSettings.from_environment(
        {
            "DRIFTLINE_DATA_DIR": str(tmp_path / "data"),
            "DRIFTLINE_REGISTRY_REMOTE": str(tmp_path / "remote.git"),
        }
    )
    registry = registry_of(settings)
    manifest = manifest_of(b"model")
    registry.publish(manifest, {"model.onnx": b"model"})
    registry.promote(entry_of(manifest))
    with Repo(str(tmp_path / "remote.git")) as remote:
        tags = [name.decode() for name in remote.refs.as_dict(b"refs/tags/")]
    assert sorted(tags) == [
        "btc-usdt-binance/15m-15m/replay-1#champion#1",
        "btc-usdt-binance/15m-15m/replay-1@v0.0.1",
    ]


def test_a_token_is_not_shown_with_the_settings():
    settings = TrainerSettings.from_environment({"DRIFTLINE_REGISTRY_TOKEN": "a-secret"})
    assert "a-secret" not in repr(settings)


# Loading


@pytest.fixture(scope="module")
def versions():
    table = simulated_table(n=1_200, seed=6)
    until_ms = int(table.as_of_ms[-1])
    return [
        small_artifact(table, until_ms=until_ms, target=TARGET, n_rounds=n_rounds) for n_rounds in (2, 3, 4)
    ]


@pytest.fixture
def counting(versions):
    registry = CountingRegistry()
    for manifest, files in versions:
        registry.publish(manifest, files)
    return registry


def test_only_so_many_models_are_kept_and_one_that_was_dropped_is_loaded_again(counting, versions):
    models = LoadedModels(counting, n_kept=2)
    first, second, third = (manifest.version for manifest, _ in versions)
    for version in (first, second, first, third, first, second):
        assert models.load(version)[0].version == version
    assert counting.n_loads == {first: 1, second: 2, third: 1}


def test_a_version_that_did_not_load_is_asked_for_again(counting, versions):
    models = LoadedModels(counting)
    with pytest.raises(NotReadyError):
        models.model("xgboost-later")
    manifest, files = versions[0]
    late = manifest_of(b"no model", version="xgboost-later")
    counting.publish(late, {"model.onnx": b"no model"})
    with pytest.raises(StateError):
        models.model("xgboost-later")
    assert models.model(manifest.version).model_hash == manifest.model_hash
    assert set(files) == {"model.onnx"}


def test_a_version_without_a_model_names_the_files_that_it_has(counting):
    other = manifest_of(b"x", version="xgboost-other")
    renamed = msgspec.structs.replace(other, files={"notes.txt": other.files["model.onnx"]})
    counting.publish(renamed, {"notes.txt": b"x"})
    with pytest.raises(StateError, match=r"must have a file model.onnx or model.river, has \['notes.txt'\]"):
        load_onnx(counting, "xgboost-other")
