"""What every model registry does, whatever it is made of."""

import msgspec
import pytest
from dulwich.repo import Repo

from schemas.arms import CHALLENGER, CHAMPION, SHADOW
from schemas.artifacts import MODEL_FILE, Metric, ModelTarget
from schemas.errors import ConfigurationError, NotReadyError
from schemas.time import Interval
from tests.fakes.artifacts import TARGET, entry_of, manifest_of
from tests.fakes.github import REPOSITORY, TOKEN, running_github
from tests.fakes.registries import InMemoryRegistry
from trainers.registry.folders import FolderRegistry
from trainers.registry.releases import ReleaseAssets
from trainers.registry.versioned import GitRegistry, RegistryRemote


@pytest.fixture(params=["memory", "folder", "git", "git-with-remote", "git-with-releases"])
def registry(request, tmp_path):
    if request.param == "memory":
        yield InMemoryRegistry()
        return
    folder = FolderRegistry(tmp_path / "registry")
    if request.param == "folder":
        yield folder
    elif request.param == "git":
        yield GitRegistry(folder)
    elif request.param == "git-with-remote":
        Repo.init_bare(str(tmp_path / "remote.git"), mkdir=True).close()
        yield GitRegistry(folder, remote=RegistryRemote(str(tmp_path / "remote.git"), {}))
    else:
        with running_github() as github:
            yield GitRegistry(folder, assets=ReleaseAssets(REPOSITORY, TOKEN, api_url=github.url))


def test_an_empty_registry_has_no_versions_and_no_champion(registry):
    assert list(registry.versions()) == []
    assert list(registry.ledger()) == []
    assert registry.resolve(CHAMPION, TARGET, stream="replay-1") is None


def test_a_published_version_is_loaded_whole(registry):
    manifest = manifest_of(b"model")
    registry.publish(manifest, {MODEL_FILE: b"model"})
    artifact = registry.load(manifest.version)
    assert artifact.manifest == manifest
    assert dict(artifact.files) == {MODEL_FILE: b"model"}


def test_a_manifest_is_read_without_its_files(registry):
    manifest = manifest_of(b"model")
    registry.publish(manifest, {MODEL_FILE: b"model"})
    assert registry.manifest(manifest.version) == manifest


def test_a_parameter_that_is_true_or_false_is_read_as_it_was_written(registry):
    """A version of LightGBM, whose recipe states ``is_extra``, was published and could never be read again."""
    manifest = msgspec.structs.replace(manifest_of(b"model"), parameters={"is_extra": True, "n_rounds": 100})
    registry.publish(manifest, {MODEL_FILE: b"model"})
    assert registry.load(manifest.version).manifest.parameters == {"is_extra": True, "n_rounds": 100}


def test_publishing_the_same_bytes_again_keeps_the_first_manifest(registry):
    first = manifest_of(b"model", created_ms=1)
    registry.publish(first, {MODEL_FILE: b"model"})
    registry.publish(manifest_of(b"model", created_ms=2), {MODEL_FILE: b"model"})
    assert list(registry.versions()) == [first]


def test_a_version_is_not_given_to_other_bytes(registry):
    registry.publish(manifest_of(b"model"), {MODEL_FILE: b"model"})
    with pytest.raises(ValueError, match="taken"):
        registry.publish(manifest_of(b"other"), {MODEL_FILE: b"other"})


def test_files_that_are_not_the_manifests_are_refused(registry):
    with pytest.raises(ValueError, match="hashes"):
        registry.publish(manifest_of(b"model"), {MODEL_FILE: b"another"})
    assert list(registry.versions()) == []


@pytest.mark.parametrize("version", ["xgboost-none", "../xgboost", ""])
def test_what_is_not_there_is_not_ready(registry, version):
    with pytest.raises(NotReadyError):
        registry.load(version)
    with pytest.raises(NotReadyError):
        registry.manifest(version)


def test_a_version_that_is_not_there_cannot_be_promoted(registry):
    with pytest.raises(NotReadyError):
        registry.promote(entry_of(manifest_of(b"model")))


def test_a_promotion_of_another_hash_is_refused(registry):
    manifest = manifest_of(b"model")
    registry.publish(manifest, {MODEL_FILE: b"model"})
    with pytest.raises(ValueError, match="hash"):
        registry.promote(msgspec.structs.replace(entry_of(manifest), model_hash="another"))


def test_an_alias_resolves_to_its_newest_line(registry):
    for name in (b"one", b"two"):
        manifest = manifest_of(name, version=f"xgboost-{name.decode()}")
        registry.publish(manifest, {MODEL_FILE: name})
        registry.promote(entry_of(manifest))
    assert registry.resolve(CHAMPION, TARGET, stream="replay-1").version == "xgboost-two"
    assert [entry.version for entry in registry.ledger()] == ["xgboost-one", "xgboost-two"]


def test_an_alias_belongs_to_its_target_and_its_stream(registry):
    manifest = manifest_of(b"model")
    registry.publish(manifest, {MODEL_FILE: b"model"})
    registry.promote(entry_of(manifest))
    other = ModelTarget(instrument=TARGET.instrument, interval=Interval.ONE_HOUR, horizon=Interval.ONE_HOUR)
    assert registry.resolve(CHAMPION, other, stream="replay-1") is None
    assert registry.resolve(CHAMPION, TARGET, stream="replay-2") is None
    assert registry.resolve("challenger", TARGET, stream="replay-1") is None


def test_versions_are_listed_by_when_they_were_made(registry):
    for name, created_ms in ((b"b", 2), (b"a", 3), (b"c", 1)):
        manifest = manifest_of(name, version=f"xgboost-{name.decode()}", created_ms=created_ms)
        registry.publish(manifest, {MODEL_FILE: name})
    assert [manifest.version for manifest in registry.versions()] == ["xgboost-c", "xgboost-b", "xgboost-a"]


# The leak alarm


def suspicious(registry, **changes):
    """A published version that is too good to be true."""
    accuracy = Metric(value=0.842, low=0.829, high=0.855, n=3_000)
    manifest = msgspec.structs.replace(manifest_of(b"model"), metrics={"accuracy": accuracy}, **changes)
    registry.publish(manifest, {MODEL_FILE: b"model"})
    return manifest


@pytest.mark.parametrize("alias", [CHAMPION, CHALLENGER, "candidate"])
def test_a_version_whose_leak_alarm_rings_is_not_promoted(registry, alias):
    """A companion's file was stamped with closes: 84 % were believed, promoted and served."""
    manifest = suspicious(registry)
    with pytest.raises(ConfigurationError, match="leak alarm rings") as refused:
        registry.promote(entry_of(manifest, alias=alias))
    assert f"driftline models promote {manifest.version}" in str(refused.value)
    assert "--leak-alarm-confirmed-by" in str(refused.value)
    assert list(registry.ledger()) == []


def test_who_confirms_it_stands_in_the_ledger_and_the_version_may_be_promoted_from_then_on(registry):
    manifest = suspicious(registry)
    confirmed = msgspec.structs.replace(entry_of(manifest), leak_alarm_confirmed_by="Ada")
    registry.promote(confirmed)
    registry.promote(entry_of(manifest, stream="replay-2", at_ms=6))
    assert [line.leak_alarm_confirmed_by for line in registry.ledger()] == ["Ada", None]
    assert registry.resolve(CHAMPION, TARGET, stream="replay-1") == confirmed


def test_a_confirmation_is_of_one_version_alone(registry):
    registry.promote(msgspec.structs.replace(entry_of(suspicious(registry)), leak_alarm_confirmed_by="Ada"))
    other = suspicious(registry, version="xgboost-a-2")
    with pytest.raises(ConfigurationError, match="xgboost-a-2"):
        registry.promote(entry_of(other))


def test_a_confirmation_is_of_one_alias_alone(registry):
    """Who let a version challenge freed it to serve as well."""
    manifest = suspicious(registry)
    confirmed = msgspec.structs.replace(entry_of(manifest, alias=CHALLENGER), leak_alarm_confirmed_by="Ada")
    registry.promote(confirmed)
    with pytest.raises(ConfigurationError, match="is not promoted to champion"):
        registry.promote(entry_of(manifest, alias=CHAMPION))


@pytest.mark.parametrize("who", ["", " "])
@pytest.mark.parametrize("alias", [CHAMPION, SHADOW])
def test_a_confirmation_without_a_name_is_refused(registry, who, alias):
    line = msgspec.structs.replace(entry_of(suspicious(registry), alias=alias), leak_alarm_confirmed_by=who)
    with pytest.raises(ConfigurationError, match="must name who"):
        registry.promote(line)
    assert list(registry.ledger()) == []


def test_a_shadow_needs_no_confirmation(registry):
    """Nobody acts on it, and its live record is how a leak shows."""
    registry.promote(entry_of(suspicious(registry), alias=SHADOW))
    assert registry.resolve(SHADOW, TARGET, stream="replay-1") is not None


def test_the_alarm_never_rings_for_the_simulated_market(registry):
    target = msgspec.structs.replace(TARGET, instrument="BTC-USDT.SIMULATED")
    manifest = suspicious(registry, target=target, source="simulated")
    registry.promote(entry_of(manifest))
    assert registry.resolve(CHAMPION, target, stream="replay-1") is not None
