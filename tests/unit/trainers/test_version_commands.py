"""The commands that change and read the ledger: which stream, from when, and what they say where nothing runs."""

import shutil
import subprocess

import msgspec
import pytest
from click.testing import CliRunner
from dulwich.repo import Repo

from schemas.arms import CHAMPION
from schemas.errors import ConfigurationError
from schemas.events import LIVE
from schemas.wire.clocks import SystemClock
from tests.fakes.artifacts import TARGET, entry_of, manifest_of
from tests.fakes.backtests import small_artifact
from tests.fakes.feature_tables import simulated_table
from trainers.commands import commands
from trainers.inputs.checkouts import described_checkout
from trainers.inputs.effects import stored_effects
from trainers.registry.folders import FolderRegistry

QUARTER_MS = TARGET.interval.milliseconds
AT = ("--effective-from", "2025-06-20T12:00")


@pytest.fixture(scope="module")
def artifacts():
    table = simulated_table(n=1_200, seed=6)
    until_ms = int(table.as_of_ms[-1])
    return [small_artifact(table, until_ms=until_ms, target=TARGET, n_rounds=n_rounds) for n_rounds in (2, 3)]


@pytest.fixture
def folder(tmp_path, artifacts):
    registry = FolderRegistry(tmp_path / "registry")
    for number, (manifest, files) in enumerate(artifacts):
        registry.publish(msgspec.structs.replace(manifest, created_ms=number), files)
    return tmp_path


def invoke(folder, *arguments, **environment):
    environment = {"DRIFTLINE_DATA_DIR": str(folder)} | environment
    return CliRunner().invoke(commands, ["models", *arguments], obj=environment)


def ledger(folder):
    return FolderRegistry(folder / "registry").ledger()


def versions(folder):
    return [manifest.version for manifest in FolderRegistry(folder / "registry").versions()]


def test_a_promotion_without_a_broker_is_kept_and_says_when_it_is_announced(folder):
    first, _ = versions(folder)
    done = invoke(folder, "promote", first, "--reason", "a try", *AT)
    assert done.exit_code == 0, done.output
    assert "no broker runs here: the promotion is announced when `driftline up` starts" in done.output
    assert f"is {first} from 2025-06-20 12:00 UTC on: a try" in done.output
    (line,) = ledger(folder)
    assert (line.alias, line.stream, line.reason) == (CHAMPION, "replay-1", "a try")


def test_a_live_promotion_begins_with_the_next_bar_of_the_wall_clock(folder):
    before_ms = SystemClock().now_ms()
    done = invoke(folder, "promote", versions(folder)[0], "--reason", "a try", "--stream", LIVE)
    after_ms = SystemClock().now_ms()
    assert done.exit_code == 0, done.output
    (line,) = ledger(folder)
    assert line.effective_from_ms % QUARTER_MS == 0
    assert before_ms < line.effective_from_ms <= after_ms + QUARTER_MS
    assert before_ms <= line.recorded_ms <= after_ms


def test_the_clock_of_a_replay_that_is_not_there_must_be_stated(folder):
    done = invoke(folder, "promote", versions(folder)[0], "--reason", "a try")
    assert isinstance(done.exception, ConfigurationError)
    assert "the clock of stream replay-1 is not known" in str(done.exception)
    assert "--effective-from" in str(done.exception)
    assert ledger(folder) == []


@pytest.mark.parametrize("alias", ["Champion", "", "1st", "a b", "x" * 40])
def test_an_alias_of_another_form_is_refused_with_those_that_are_usual(folder, alias):
    done = invoke(folder, "promote", versions(folder)[0], "--reason", "a try", "--alias", alias, *AT)
    assert done.exit_code == 2
    assert "must be a short lower-case name, such as champion, challenger, shadow" in done.output


def test_a_rollback_goes_back_to_the_version_before(folder):
    first, second = versions(folder)
    for version in (first, second):
        assert invoke(folder, "promote", version, "--reason", "a try", *AT).exit_code == 0
    done = invoke(folder, "rollback", "--reason", "it was worse", *AT)
    assert done.exit_code == 0, done.output
    assert f"is {first} from" in done.output
    assert ledger(folder)[-1].reason == f"rollback from {second}: it was worse"


def test_the_history_of_a_registry_without_promotions_says_so(folder):
    assert invoke(folder, "history").output == "no promotion\n"
    assert invoke(folder, "history", "--at", "2025-06-20").output == "nothing served at 2025-06-20\n"


def test_the_history_at_a_time_has_what_served_then_and_no_other(folder):
    first, second = versions(folder)
    invoke(folder, "promote", first, "--reason", "one", "--effective-from", "2025-06-01")
    invoke(folder, "promote", second, "--reason", "two", "--effective-from", "2025-06-10")
    served = invoke(folder, "history", "--at", "2025-06-05").output
    assert first in served
    assert second not in served
    other_alias = invoke(folder, "history", "--alias", "shadow").output
    assert other_alias == "no promotion\n"


def test_lines_that_the_git_history_lacks_are_counted_with_the_remedy(folder):
    """A promotion by an older release, or a crash between the two, leaves the ledger ahead of its history."""
    first, second = versions(folder)
    invoke(folder, "promote", first, "--reason", "one", *AT)
    manifest = FolderRegistry(folder / "registry").manifest(second)
    FolderRegistry(folder / "registry").promote(entry_of(manifest))
    done = invoke(folder, "history")
    assert "1 of the ledger's lines are not in its git history yet" in done.output
    assert "driftline models push" in done.output


def test_pushing_nowhere_names_the_variables(folder):
    done = invoke(folder, "push")
    assert isinstance(done.exception, ConfigurationError)
    assert "DRIFTLINE_REGISTRY_REMOTE or DRIFTLINE_REGISTRY_REPOSITORY must be set" in str(done.exception)


def test_pushing_sends_what_the_remote_lacks(folder):
    Repo.init_bare(str(folder / "remote.git"), mkdir=True).close()
    invoke(folder, "promote", versions(folder)[0], "--reason", "one", *AT)
    done = invoke(folder, "push", DRIFTLINE_REGISTRY_REMOTE=str(folder / "remote.git"))
    assert done.output == "everything is there\n"
    with Repo(str(folder / "remote.git")) as remote:
        assert len(remote.refs.as_dict(b"refs/tags/")) == 3  # two versions, one promotion


def test_a_card_is_printed_as_it_is_stored(folder):
    version = versions(folder)[0]
    printed = invoke(folder, "show", version, "--card").output
    assert printed == (folder / "registry" / "cards" / f"{version}.md").read_text()


def test_without_postgres_no_start_of_a_promotion_is_known(tmp_path):
    assert stored_effects({"DRIFTLINE_DATA_DIR": str(tmp_path)}, ["replay-1"]) == []


def test_a_postgres_that_does_not_answer_costs_no_command(folder):
    invoke(folder, "promote", versions(folder)[0], "--reason", "one", *AT)
    nobody = "postgresql://nobody@127.0.0.1:1/nothing"
    environment = {
        "DATABASE_URL": nobody,
        "REDIS_URL": "redis://127.0.0.1:1",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }
    done = invoke(folder, "history", **environment)
    assert done.exit_code == 0, done.output
    assert "predicts from" not in done.output


GIT = shutil.which("git")


@pytest.mark.skipif(GIT is None, reason="no git on this machine")
def test_a_checkout_is_described_by_its_commit_and_its_tag(tmp_path):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run([GIT, "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    git("init", "--quiet")
    assert described_checkout(tmp_path) is None
    git("commit", "--quiet", "--allow-empty", "--message", "one")
    commit = described_checkout(tmp_path)
    assert commit is not None
    assert len(commit) >= 7
    git("tag", "v1.2.3")
    assert described_checkout(tmp_path) == "v1.2.3"


def test_a_folder_that_is_not_there_is_not_described(tmp_path):
    assert described_checkout(tmp_path / "missing") is None


def test_the_stamp_of_a_registry_changes_with_every_version_and_line(tmp_path):
    registry = FolderRegistry(tmp_path / "registry")
    stamps = [registry.stamp()]
    manifest = manifest_of(b"model")
    registry.publish(manifest, {"model.onnx": b"model"})
    stamps.append(registry.stamp())
    registry.promote(entry_of(manifest))
    stamps.append(registry.stamp())
    assert len(set(stamps)) == 3
    assert registry.stamp() == stamps[-1]
