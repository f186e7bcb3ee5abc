"""The folder registry: crashes at any point, tampering, readers beside a writer."""

import threading

import pytest

from schemas.arms import CHAMPION
from schemas.artifacts import MODEL_FILE, sha256
from schemas.errors import StateError, StoreUnavailableError
from tests.fakes.artifacts import TARGET, entry_of, manifest_of
from trainers.registry.folders import FolderRegistry


@pytest.fixture
def registry(tmp_path):
    return FolderRegistry(tmp_path)


def published(registry, data=b"model", version="xgboost-a-1"):
    manifest = manifest_of(data, version=version)
    registry.publish(manifest, {MODEL_FILE: data})
    return manifest


def object_of(folder, data):
    digest = sha256(data)
    return folder / "objects" / digest[:2] / digest[2:]


def test_a_changed_file_is_refused(registry, tmp_path):
    manifest = published(registry)
    object_of(tmp_path, b"model").write_bytes(b"m0del")
    with pytest.raises(StateError, match="not what its name says"):
        registry.load(manifest.version)


def test_a_missing_file_is_refused(registry, tmp_path):
    manifest = published(registry)
    object_of(tmp_path, b"model").unlink()
    with pytest.raises(StateError, match="missing"):
        registry.load(manifest.version)


def test_a_manifest_with_a_prettier_figure_is_refused(registry, tmp_path):
    manifest = published(registry)
    path = tmp_path / "manifests" / f"{manifest.version}.json"
    path.write_bytes(path.read_bytes().replace(b"0.51", b"0.71"))
    with pytest.raises(StateError, match="changed"):
        registry.load(manifest.version)


def test_a_manifest_under_another_name_is_refused(registry, tmp_path):
    manifest = published(registry)
    (tmp_path / "manifests" / f"{manifest.version}.json").rename(tmp_path / "manifests" / "xgboost-z.json")
    with pytest.raises(StateError, match="changed"):
        registry.load("xgboost-z")


def test_half_a_manifest_is_refused(registry, tmp_path):
    manifest = published(registry)
    path = tmp_path / "manifests" / f"{manifest.version}.json"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(StateError, match="not a manifest"):
        registry.versions()


@pytest.mark.parametrize("kept", [1, 20, 200])
def test_a_line_that_a_crash_cut_short_never_happened(registry, tmp_path, kept):
    """[line 1, line 2, CRASH while writing line 3] reads as two lines, and goes on behind them."""
    manifest = published(registry)
    for at_ms in (1, 2, 3):
        registry.promote(entry_of(manifest, at_ms=at_ms))
    ledger = tmp_path / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:2]) + lines[2][:kept])

    assert [entry.effective_from_ms for entry in registry.ledger()] == [1, 2]
    registry.promote(entry_of(manifest, at_ms=4))
    assert [entry.effective_from_ms for entry in registry.ledger()] == [1, 2, 4]
    assert registry.resolve(CHAMPION, TARGET, stream="replay-1").effective_from_ms == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0].replace(b"a test", b"a tale"), *lines[1:]],
        lambda lines: [lines[0], lines[2]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], lines[0], *lines[1:]],
        lambda lines: [lines[0], b"nonsense\n", *lines[1:]],
    ],
)
def test_a_ledger_that_was_rewritten_is_refused_by_readers_and_writers(registry, tmp_path, change):
    manifest = published(registry)
    for at_ms in (1, 2, 3):
        registry.promote(entry_of(manifest, at_ms=at_ms))
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_bytes(b"".join(change(ledger.read_bytes().splitlines(keepends=True))))
    with pytest.raises(StateError):
        registry.ledger()
    with pytest.raises(StateError):
        registry.promote(entry_of(manifest, at_ms=4))


def test_what_a_crash_left_before_the_manifest_is_no_version_and_is_cleared(registry, tmp_path):
    """[object, CRASH before the manifest]: absent; publishing again makes it whole."""
    (tmp_path / "temporary").mkdir()
    (tmp_path / "temporary" / "xgboost-a-1.json").write_bytes(b"{half")
    object_of(tmp_path, b"model").parent.mkdir(parents=True)
    object_of(tmp_path, b"model").write_bytes(b"model")
    assert list(registry.versions()) == []
    manifest = published(registry)
    assert registry.load(manifest.version).files[MODEL_FILE] == b"model"
    assert list((tmp_path / "temporary").iterdir()) == []


def test_an_object_that_a_crash_spoilt_is_written_anew(registry, tmp_path):
    object_of(tmp_path, b"model").parent.mkdir(parents=True)
    object_of(tmp_path, b"model").write_bytes(b"")
    manifest = published(registry)
    assert registry.load(manifest.version).files[MODEL_FILE] == b"model"


def test_readers_beside_a_writer_see_whole_lines_only(registry, tmp_path):
    manifest = published(registry)
    done = threading.Event()
    seen, failures = [], []

    def read():
        while not done.is_set():
            try:
                seen.append(len(FolderRegistry(tmp_path).ledger()))
            except StateError as error:
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for at_ms in range(40):
        registry.promote(entry_of(manifest, at_ms=at_ms))
    done.set()
    reader.join()
    assert failures == []
    assert seen == sorted(seen)


def test_two_writers_take_turns(tmp_path):
    manifest = published(FolderRegistry(tmp_path))

    def write():
        for at_ms in range(15):
            FolderRegistry(tmp_path).promote(entry_of(manifest, at_ms=at_ms))

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(FolderRegistry(tmp_path).ledger()) == 45


def test_a_folder_that_cannot_be_written_is_said_to_be_so(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailableError, match="cannot be written"):
        published(FolderRegistry(tmp_path / "file" / "registry"))


@pytest.mark.parametrize("version", ["../outside", "Upper", "", "a/b"])
def test_a_version_that_is_no_file_name_is_refused(registry, version):
    with pytest.raises(ValueError, match="version must be"):
        published(registry, version=version)
