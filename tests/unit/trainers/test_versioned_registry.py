"""The registry's own git repository: what it records, whom it leaves alone, where it is sent."""

import shutil
import warnings

import pytest
from dulwich import porcelain
from dulwich.object_store import iter_tree_contents
from dulwich.repo import Repo

from schemas.arms import CHAMPION
from schemas.artifacts import MODEL_FILE
from schemas.errors import ConfigurationError, StateError, TransientError
from tests.fakes.artifacts import TARGET, entry_of, manifest_of
from tests.fakes.github import REPOSITORY, TOKEN, running_github
from trainers.registry.folders import FolderRegistry
from trainers.registry.opening import opened_registry
from trainers.registry.releases import ReleaseAssets
from trainers.registry.tags import artifact_name, assignment_tags
from trainers.registry.versioned import GitRegistry, RegistryRemote

ARTIFACT = "btc-usdt-binance/15m-15m/replay-1"
EVERYTHING = [f"{ARTIFACT}#champion#1", f"{ARTIFACT}#shadow#2", f"{ARTIFACT}@v0.0.1", f"{ARTIFACT}@v0.0.2"]


def publish(registry, name):
    manifest = manifest_of(name, version=f"xgboost-{name.decode()}", created_ms=1_700_000_000_000)
    registry.publish(manifest, {MODEL_FILE: name})
    return manifest


def fill(registry):
    first, second = publish(registry, b"one"), publish(registry, b"two")
    registry.promote(entry_of(first))
    registry.promote(entry_of(second, alias="shadow"))
    return first, second


def tags_of(path):
    with Repo(str(path)) as repository:
        return sorted(name.decode() for name in repository.refs.as_dict(b"refs/tags"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "registry"


@pytest.fixture
def registry(path):
    return GitRegistry(FolderRegistry(path))


def test_versions_and_aliases_are_tags_in_gtos_form(registry, path):
    fill(registry)
    assert tags_of(path) == EVERYTHING


def test_gto_itself_reads_them(registry, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that gto imports
        api = pytest.importorskip("gto.api")
    fill(registry)
    (found,) = api.show(str(path)).items()
    assert found[0] == ARTIFACT
    assert found[1]["stage"] == {"champion": "v0.0.1", "shadow": "v0.0.2"}
    assert found[1]["version"] == "v0.0.2"


def test_a_commit_holds_manifest_card_and_ledger_and_no_files(registry, path):
    fill(registry)
    with Repo(str(path)) as repository:
        tree = repository[repository.head()].tree
        names = {entry.path.decode() for entry in iter_tree_contents(repository.object_store, tree)}
    assert names == {
        ".gitignore",
        "ledger.jsonl",
        *(f"{kind}/xgboost-{name}.{end}" for name in ("one", "two") for kind, end in (("cards", "md"), ("manifests", "json"))),
    }  # fmt: skip


def test_a_writer_that_was_killed_leaves_nothing_locked(registry, path):
    """A kill in the middle of a commit left git's own lock file, and no version could be published any more."""
    publish(registry, b"one")
    tags = path / ".git" / "refs" / "tags"
    for locked in (
        path / ".git" / "index",
        path / ".git" / "refs" / "heads" / "main",
        tags / f"{ARTIFACT}@v0.0.2",
    ):
        locked.with_name(f"{locked.name}.lock").write_bytes(b"half")
    publish(registry, b"two")
    assert tags_of(path) == [f"{ARTIFACT}@v0.0.1", f"{ARTIFACT}@v0.0.2"]


def test_a_repository_that_was_half_made_is_made_anew(registry, path):
    (path / ".git-beside" / ".git").mkdir(parents=True)
    publish(registry, b"one")
    assert tags_of(path) == [f"{ARTIFACT}@v0.0.1"]
    assert not (path / ".git-beside").exists()


def test_nothing_is_recorded_twice(registry, path):
    first, _ = fill(registry)
    before = tags_of(path)
    registry.publish(first, {MODEL_FILE: b"one"})
    assert tags_of(path) == before


def test_what_a_crash_left_unrecorded_is_caught_up_with(registry, path):
    """[publish, promote, CRASH before the record, publish]: both are recorded by the second."""
    folder = FolderRegistry(path)
    first = publish(folder, b"one")
    folder.promote(entry_of(first))
    assert not (path / ".git").exists()
    publish(registry, b"two")
    assert tags_of(path) == [f"{ARTIFACT}#champion#1", f"{ARTIFACT}@v0.0.1", f"{ARTIFACT}@v0.0.2"]


def test_an_alias_in_another_stream_has_a_version_there(registry, path):
    first, _ = fill(registry)
    registry.promote(entry_of(first, stream="live"))
    other = artifact_name(TARGET, "live")
    assert {f"{other}@v0.0.1", f"{other}#champion#1"} <= set(tags_of(path))


def test_assignments_are_counted_by_artifact_as_gto_does():
    one, two = manifest_of(b"1"), manifest_of(b"2")
    lines = [entry_of(one), entry_of(two, alias="shadow"), entry_of(two), entry_of(one, stream="Live 2")]
    assert [tag for tag, _ in assignment_tags(lines)] == [
        f"{ARTIFACT}#champion#1",
        f"{ARTIFACT}#shadow#2",
        f"{ARTIFACT}#champion#3",
        "btc-usdt-binance/15m-15m/live-2#champion#1",
    ]


def test_the_users_own_clone_is_left_alone(tmp_path):
    with Repo.init(str(tmp_path)) as clone:
        (tmp_path / "work.py").write_text("x")
        clone.get_worktree().stage(["work.py"])
        before = (clone.refs.as_dict(), clone.index_path(), (tmp_path / ".git" / "index").read_bytes())
        fill(GitRegistry(FolderRegistry(tmp_path / ".driftline" / "registry")))
        assert (
            clone.refs.as_dict(),
            clone.index_path(),
            (tmp_path / ".git" / "index").read_bytes(),
        ) == before


def test_the_users_git_settings_are_not_read(registry, path, tmp_path, monkeypatch):
    """Settings that would sign, rewrite line ends and demand an identity."""
    (tmp_path / ".gitconfig").write_text(
        "[commit]\n gpgsign = true\n[tag]\n gpgsign = true\n[core]\n autocrlf = true\n"
        "[user]\n useConfigOnly = true\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    first, _ = fill(registry)
    with Repo(str(path)) as repository:
        commit = repository[repository.head()]
        assert commit.gpgsig is None
        assert b"Driftline" in commit.author
        (blob,) = [
            repository[entry.sha].data
            for entry in iter_tree_contents(repository.object_store, commit.tree)
            if entry.path == f"cards/{first.version}.md".encode()
        ]
    assert blob == (path / "cards" / f"{first.version}.md").read_bytes()


# Sending


def test_a_remote_gets_the_branch_and_every_tag(path, tmp_path):
    remote = tmp_path / "remote.git"
    Repo.init_bare(str(remote), mkdir=True).close()
    fill(GitRegistry(FolderRegistry(path), remote=RegistryRemote(str(remote), {})))
    assert tags_of(remote) == EVERYTHING
    with Repo(str(remote)) as sent, Repo(str(path)) as own:
        assert sent.refs[b"refs/heads/main"] == own.refs[b"refs/heads/main"]


def test_a_remote_that_is_away_costs_no_promotion_and_gets_everything_later(path, tmp_path):
    remote = tmp_path / "remote.git"
    registry = GitRegistry(FolderRegistry(path), remote=RegistryRemote(str(remote), {}))
    fill(registry)
    assert registry.resolve(CHAMPION, TARGET, stream="replay-1") is not None
    with pytest.raises(TransientError, match="pushed"):
        registry.send()
    Repo.init_bare(str(remote), mkdir=True).close()
    registry.send()
    assert tags_of(remote) == EVERYTHING


@pytest.fixture
def github():
    with running_github() as server:
        yield server


def with_releases(path, github, token=TOKEN):
    return GitRegistry(FolderRegistry(path), assets=ReleaseAssets(REPOSITORY, token, api_url=github.url))


def test_files_are_uploaded_once_to_a_release_of_the_version(path, github):
    registry = with_releases(path, github)
    fill(registry)
    assert sorted(github.releases) == [f"{ARTIFACT}@v0.0.1", f"{ARTIFACT}@v0.0.2"]
    assert sorted(github.files.values()) == [b"one", b"two"]
    assert "Leakage sheet" in github.releases[f"{ARTIFACT}@v0.0.1"]["body"]
    registry.send()
    assert github.n_uploads == 2


def test_a_clone_without_files_fetches_them_verified_and_without_showing_the_token(path, github, tmp_path):
    first, _ = fill(with_releases(path, github))
    clone = tmp_path / "clone"
    porcelain.clone(str(path), str(clone), errstream=porcelain.NoneStream()).close()
    assert with_releases(clone, github).load(first.version).files[MODEL_FILE] == b"one"
    assert not github.storage_saw_token
    github.is_down = True
    assert with_releases(clone, github).load(first.version).files[MODEL_FILE] == b"one"


def test_an_asset_that_was_changed_is_refused(path, github, tmp_path):
    first, _ = fill(with_releases(path, github))
    clone = tmp_path / "clone"
    porcelain.clone(str(path), str(clone), errstream=porcelain.NoneStream()).close()
    github.files = dict.fromkeys(github.files, b"evil")
    with pytest.raises(StateError, match="SHA-256"):
        with_releases(clone, github).load(first.version)


def test_a_service_that_is_down_costs_no_promotion_and_gets_the_files_later(path, github):
    github.is_down = True
    registry = with_releases(path, github)
    fill(registry)
    github.is_down = False
    registry.send()
    assert len(github.files) == 2


def test_a_token_that_is_refused_is_a_wrong_setting(path, github):
    registry = with_releases(path, github, token="another")  # noqa: S106
    fill(registry)
    with pytest.raises(ConfigurationError, match="DRIFTLINE_REGISTRY_TOKEN"):
        registry.send()


@pytest.mark.parametrize("repository", ["models", "a/b/c", "/b", ""])
def test_a_repository_of_another_form_names_the_variable(repository):
    with pytest.raises(ConfigurationError, match="DRIFTLINE_REGISTRY_REPOSITORY"):
        ReleaseAssets(repository, TOKEN)


def test_a_repository_without_a_token_names_the_variable(path):
    with pytest.raises(ConfigurationError, match="DRIFTLINE_REGISTRY_TOKEN"):
        opened_registry(path, remote=None, repository=REPOSITORY, token=None, api_url="http://localhost")


def emptied(path):
    path.write_bytes(b"")


def gone(path):
    shutil.rmtree(path)


@pytest.mark.parametrize(
    ("place", "harm"),
    [
        ("index", emptied),
        ("refs/heads/main", emptied),
        ("HEAD", emptied),
        ("config", emptied),
        ("objects", gone),
    ],
)
def test_a_damaged_history_costs_no_promotion_and_comes_anew_when_deleted(registry, path, place, harm):
    """Promoting took effect once and then ended with dulwich's own error; a power loss can empty files."""
    first, second = fill(registry)
    harm(path / ".git" / place)
    registry.promote(entry_of(second))
    assert registry.resolve(CHAMPION, TARGET, stream=first.stream).version == second.version
    if (path / ".git").exists():
        shutil.rmtree(path / ".git")
    registry.promote(entry_of(first))
    assert len(tags_of(path)) == len(EVERYTHING) + 2


# The ledger against its history


def lines_of(path):
    return (path / "ledger.jsonl").read_bytes().splitlines(keepends=True)


def cut(path, n_kept):
    (path / "ledger.jsonl").write_bytes(b"".join(lines_of(path)[:n_kept]))


def asking(registry, path):
    """Everything that reads the ledger, each with a registry of its own, as each command has."""
    yield registry.ledger
    yield GitRegistry(FolderRegistry(path)).ledger
    yield lambda: GitRegistry(FolderRegistry(path)).resolve(CHAMPION, TARGET, stream="replay-1")
    yield lambda: GitRegistry(FolderRegistry(path)).promote(
        entry_of(FolderRegistry(path).versions()[0], at_ms=9)
    )
    yield GitRegistry(FolderRegistry(path), remote=RegistryRemote(str(path.parent / "remote.git"), {})).send


@pytest.mark.parametrize("n_kept", [0, 1])
def test_a_ledger_that_was_cut_short_is_refused_with_what_to_do(registry, path, n_kept):
    """Cutting off the newest whole lines is what the ledger's own hashes cannot show, and nobody looked at git."""
    fill(registry)
    cut(path, n_kept)
    for ask in asking(registry, path):
        with pytest.raises(StateError, match=f"cut after line {n_kept}.*checkout main -- ledger.jsonl"):
            ask()
    assert len(lines_of(path)) == n_kept


def test_a_ledger_that_was_cut_and_went_on_otherwise_is_refused(registry, path):
    first, _ = fill(registry)
    cut(path, 1)
    FolderRegistry(path).promote(entry_of(first, alias="shadow", at_ms=77))
    for ask in asking(registry, path):
        with pytest.raises(
            StateError, match=r"line 2 is not the one in its git history.*other lines were written"
        ):
            ask()


@pytest.mark.parametrize(
    ("n_kept", "complaint"),
    [(1, "#shadow#2 that no line.*from a copy"), (0, "#champion#1 that no line.*from a copy")],
)
def test_tags_alone_tell_of_a_cut(registry, path, n_kept, complaint):
    """Somebody who knows of git takes the commits back too."""
    fill(registry)
    with Repo(str(path)) as repository:
        commits = [entry.commit.id for entry in repository.get_walker()]
        repository.refs[b"refs/heads/main"] = commits[2 - n_kept]
    cut(path, n_kept)
    with pytest.raises(StateError, match=complaint):
        GitRegistry(FolderRegistry(path)).ledger()


def test_a_tag_that_says_something_else_tells_of_a_fork(registry, path):
    first, second = fill(registry)
    with Repo(str(path)) as repository:
        repository.refs[b"refs/heads/main"] = [entry.commit.id for entry in repository.get_walker()][1]
    cut(path, 1)
    FolderRegistry(path).promote(entry_of(first, alias="shadow", at_ms=77))
    with pytest.raises(
        StateError, match=f"#shadow#2 says '.*{second.version}', the ledger says '.*{first.version}'"
    ):
        GitRegistry(FolderRegistry(path)).ledger()


def test_what_the_error_says_mends_it(registry, path):
    _, second = fill(registry)
    whole = lines_of(path)
    cut(path, 1)
    with pytest.raises(StateError):
        registry.ledger()
    porcelain.checkout(str(path), paths=["ledger.jsonl"])
    assert lines_of(path) == whole
    cut(path, 1)
    shutil.rmtree(path / ".git")
    again = GitRegistry(FolderRegistry(path))
    again.promote(entry_of(second, alias="shadow", at_ms=9))
    assert len(again.ledger()) == 2
    assert tags_of(path) == EVERYTHING


def test_lines_that_the_history_has_not_yet_are_no_fault_and_are_counted(registry, path):
    first, _ = fill(registry)
    FolderRegistry(path).promote(entry_of(first, at_ms=9))
    reader = GitRegistry(FolderRegistry(path))
    assert len(reader.ledger()) == 3
    assert reader.n_unrecorded() == 1
    publish(reader, b"three")
    assert reader.n_unrecorded() == 0


def test_a_reader_makes_no_history(path):
    FolderRegistry(path).publish(manifest_of(b"one"), {MODEL_FILE: b"one"})
    assert list(GitRegistry(FolderRegistry(path)).ledger()) == []
    assert not (path / ".git").exists()
