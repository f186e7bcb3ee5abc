"""Versions of scorers: kept by content, promoted, rolled back."""

import pytest
from click.testing import CliRunner

from schemas.errors import ConfigurationError, NotReadyError, StateError
from stream_processors.sentiment.opening import open_named
from tests.fixtures.tiny_encoders import write_tiny_encoder
from trainers.commands import commands
from trainers.sentiment.heads import HeadRegistry


@pytest.fixture
def heads(tmp_path):
    return HeadRegistry(tmp_path / "scorers")


@pytest.fixture
def folders(tmp_path):
    """Three exported scorers that differ."""
    made = []
    for number in range(3):
        folder = tmp_path / f"exported {number}"
        write_tiny_encoder(folder, max_length=16 + number)
        made.append(folder)
    return made


def test_the_same_content_is_the_same_version(heads, folders):
    first, again, other = (heads.keep("encoder", folder) for folder in (folders[0], folders[0], folders[1]))
    assert first == again != other
    assert len(heads.versions()) == 2


def test_promotions_are_rolled_back_one_by_one(heads, folders):
    first, second, third = (heads.keep("encoder", folder) for folder in folders)
    for version in (first, second, third):
        heads.promote(version, reason="better", now_ms=1)
    assert heads.roll_back("encoder", reason="worse", now_ms=2).version == second
    assert heads.roll_back("encoder", reason="worse still", now_ms=3).version == first
    with pytest.raises(ConfigurationError):
        heads.roll_back("encoder", reason="none left", now_ms=4)
    assert [line.version for line in heads.ledger()] == [first, second, third, second, first]
    assert heads.current("encoder").resolve().name == first


def test_what_serves_is_opened_through_the_link(heads, folders):
    heads.promote(heads.keep("encoder", folders[0]), reason="first", now_ms=1)
    before = open_named(("encoder",), {"encoder": heads.current("encoder")}).scorers[0].id
    heads.promote(heads.keep("encoder", folders[1]), reason="second", now_ms=2)
    after = open_named(("encoder",), {"encoder": heads.current("encoder")}).scorers[0].id
    assert before != after


def test_a_version_that_was_changed_is_not_promoted(heads, folders):
    version = heads.keep("encoder", folders[0])
    (heads.current("encoder").parent.parent / "versions" / version / "scorer.json").write_text("{}")
    with pytest.raises(StateError):
        heads.promote(version, reason="changed", now_ms=1)


def test_a_ledger_that_was_changed_is_refused(heads, folders, tmp_path):
    for turn, folder in enumerate(folders[:2]):
        heads.promote(heads.keep("encoder", folder), reason=f"number {turn}", now_ms=turn)
    ledger = tmp_path / "scorers" / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b"number 0", b"number 9"))
    with pytest.raises(StateError):
        heads.ledger()


def test_a_missing_version_and_a_folder_that_is_no_scorer_are_refused(heads, tmp_path):
    with pytest.raises(NotReadyError):
        heads.promote("encoder-0123456789abcdef", reason="missing", now_ms=1)
    with pytest.raises(ConfigurationError):
        heads.keep("encoder", tmp_path)


def test_the_commands_keep_promote_and_list(tmp_path, folders):
    def run(*words):
        environment = {"DRIFTLINE_DATA_DIR": str(tmp_path / "data")}
        return CliRunner().invoke(commands, ["sentiment", *map(str, words)], obj=environment).output

    version = run("keep", folders[0]).split()[-1]
    assert "DRIFTLINE_SCORER_ENCODER=" in run("promote", version, "--reason", "first")
    assert "serves" in run("list")
