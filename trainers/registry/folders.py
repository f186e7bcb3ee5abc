"""Keeps the registry in a folder: content-addressed files, manifests, and a hash-chained ledger.

::

    objects/3f/9a1c...       a file, named by its SHA-256
    manifests/VERSION.json   a manifest, with its own SHA-256
    cards/VERSION.md         its model card, for people: a function of the manifest
    ledger.jsonl             one promotion on each line, with the hash of the line before
    temporary/               files that are not whole yet; the next writer empties it
    lock                     held by the one writer

Invariants: a file gets its name only when it is whole and on disk (it is written to ``temporary/``, synced, then
renamed). Objects are written before the manifest that names them, so a version is whole or absent. A
line of the ledger counts once its line end is written; bytes after the last line end come from a crash, are
never read, and are cut off by the next writer. Readers take no lock. A file or line that was changed
afterwards is refused with a StateError.
"""

import fcntl
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from schemas.artifacts import Artifact, LedgerEntry, ModelManifest, ModelTarget, sha256
from schemas.errors import ConfigurationError, NotReadyError, StateError, StoreUnavailableError
from schemas.ports import ModelRegistry
from trainers.registry.cards import model_card
from trainers.registry.leak_alarms import check_named, refusal
from trainers.registry.ledgers import LedgerFile
from trainers.registry.syncing import sync_file, sync_folder

_VERSION = re.compile(r"^[a-z0-9][a-z0-9._-]*$")


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest as it is stored."""

    sha256: str
    manifest: msgspec.Raw


class FolderRegistry(ModelRegistry):
    """A registry in a folder, which is created when something is first written.

    Args:
        path: The folder. Its file system must support ``flock`` and atomic renames.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ledger = LedgerFile(path / "ledger.jsonl", LedgerEntry)

    def publish(self, manifest: ModelManifest, files: Mapping[str, bytes]) -> None:
        """Stores a version; see the port.

        Raises:
            ValueError: If a file's hash is not the one in the manifest, if the version's name has another form,
                or if the name is taken by other files.
        """
        _check(manifest, files)
        with self.writing():
            existing = self._manifest(manifest.version)
            if existing is not None:
                _check_same(existing, manifest)
                return
            for data in files.values():
                self._place(self._object(sha256(data)), data)
            self._place(self.card_path(manifest.version), model_card(manifest).encode())
            self._place(self._manifest_path(manifest.version), _sealed(manifest))

    def load(self, version: str) -> Artifact:
        """Reads a version with its files; see the port."""
        manifest = self._expected(version)
        return Artifact(
            manifest=manifest, files={name: self._file(digest) for name, digest in manifest.files.items()}
        )

    def manifest(self, version: str) -> ModelManifest:
        """Reads the manifest of a version, without its files; see the port."""
        return self._expected(version)

    def promote(self, entry: LedgerEntry) -> None:
        """Appends a line to the ledger; see the port.

        Raises:
            NotReadyError: If there is no such version.
            ValueError: If the entry's hash or target is not the version's.
            ConfigurationError: If the leak alarm of the version rings, and nobody confirmed it for the alias;
                if who confirms it has no name.
        """
        with self.writing():
            manifest = self._expected(entry.version)
            if (manifest.model_hash, manifest.target) != (entry.model_hash, entry.target):
                message = f"a promotion of {entry.version} must state its hash and target, was {entry}"
                raise ValueError(message)
            check_named(entry.leak_alarm_confirmed_by)
            refused = refusal(manifest, entry.alias, [*self.ledger(), entry])
            if refused is not None:
                raise ConfigurationError(refused)
            self._ledger.append(entry)

    def resolve(self, alias: str, target: ModelTarget, *, stream: str) -> LedgerEntry | None:
        """Returns the newest line of an alias; see the port."""
        wanted = (alias, target, stream)
        for entry in reversed(self.ledger()):
            if (entry.alias, entry.target, entry.stream) == wanted:
                return entry
        return None

    def ledger(self) -> Sequence[LedgerEntry]:
        """Returns every line, oldest first.

        Raises:
            StateError: If a line was changed, or a line before the last one was inserted or removed.
        """
        return self._ledger.entries()

    def versions(self) -> Sequence[ModelManifest]:
        """Returns the manifest of every version, in the order in which they were made."""
        names = [path.name.removesuffix(".json") for path in (self._path / "manifests").glob("*.json")]
        found = [manifest for name in names if (manifest := self._manifest(name)) is not None]
        return sorted(found, key=lambda manifest: (manifest.created_ms, manifest.version))

    def stamp(self) -> tuple[int, ...]:
        """Returns numbers that change whenever a version or a line of the ledger is added."""
        found = []
        for path in (self._path / "manifests", self._ledger.path):
            try:
                status = path.stat()
            except FileNotFoundError:
                found += [0, 0]
            else:
                found += [status.st_mtime_ns, status.st_size]
        return tuple(found)

    # For registries that keep more than a folder

    @property
    def path(self) -> Path:
        """The folder."""
        return self._path

    def ledger_bytes(self) -> bytes:
        """Returns the whole lines of the ledger as they are stored."""
        return self._ledger.whole_lines()

    def card_path(self, version: str) -> Path:
        """Returns the path of a version's card."""
        return self._path / "cards" / f"{version}.md"

    def missing_files(self, manifest: ModelManifest) -> list[str]:
        """Returns the names of a version's files that are not in the folder."""
        return [name for name, digest in manifest.files.items() if not self._object(digest).is_file()]

    def keep_file(self, manifest: ModelManifest, name: str, data: bytes) -> None:
        """Puts a version's file into the folder.

        Args:
            manifest: The manifest of the version.
            name: The file's name in the manifest.
            data: The bytes of the file.

        Raises:
            StateError: If the hash of the bytes is not the one in the manifest.
        """
        if sha256(data) != manifest.files[name]:
            message = f"{name} of {manifest.version} must have the SHA-256 {manifest.files[name]}, has {sha256(data)}"
            raise StateError(message)
        with self.writing():
            self._place(self._object(sha256(data)), data)

    # Reading

    def _expected(self, version: str) -> ModelManifest:
        manifest = self._manifest(version)
        if manifest is None:
            message = f"there is no version {version!r} in {self._path}: `driftline models list` names them"
            raise NotReadyError(message)
        return manifest

    def _manifest(self, version: str) -> ModelManifest | None:
        if _VERSION.match(version) is None:
            return None
        path = self._manifest_path(version)
        try:
            sealed = msgspec.json.decode(path.read_bytes(), type=_Sealed)
            manifest = msgspec.json.decode(sealed.manifest, type=ModelManifest)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            message = f"{path} is not a manifest ({error})"
            raise StateError(message) from error
        if sha256(bytes(sealed.manifest)) != sealed.sha256 or manifest.version != version:
            message = f"{path} was changed after it was published"
            raise StateError(message)
        return manifest

    def _file(self, digest: str) -> bytes:
        path = self._object(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            message = f"{path} is missing, though a manifest names it"
            raise StateError(message) from error
        if sha256(data) != digest:
            message = f"{path} is not what its name says: its SHA-256 is {sha256(data)}"
            raise StateError(message)
        return data

    # Writing

    def _place(self, path: Path, data: bytes) -> None:
        """Writes a file whole: to ``temporary/``, synced, then renamed to its name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path / "temporary" / path.name
        unfinished.parent.mkdir(exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(data)
            sync_file(file)
        unfinished.replace(path)
        sync_folder(path.parent)
        sync_folder(path.parent.parent)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the writer's lock; files that a crashed writer left are removed first."""
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            with (self._path / "lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                for left in (self._path / "temporary").glob("*"):
                    left.unlink()
                yield
        except OSError as error:
            message = f"the registry {self._path} cannot be written: {error}"
            raise StoreUnavailableError(message) from error

    def _object(self, digest: str) -> Path:
        return self._path / "objects" / digest[:2] / digest[2:]

    def _manifest_path(self, version: str) -> Path:
        return self._path / "manifests" / f"{version}.json"


def _check(manifest: ModelManifest, files: Mapping[str, bytes]) -> None:
    if _VERSION.match(manifest.version) is None:
        message = f"a version must be of a-z, 0-9, '.', '_' and '-', was {manifest.version!r}"
        raise ValueError(message)
    found = {name: sha256(data) for name, data in files.items()}
    if found != manifest.files:
        message = f"the files of {manifest.version} must have the hashes {manifest.files}, have {found}"
        raise ValueError(message)


def _check_same(existing: ModelManifest, manifest: ModelManifest) -> None:
    if existing.files != manifest.files:
        message = f"version {manifest.version} is taken by other files"
        raise ValueError(message)


def _sealed(manifest: ModelManifest) -> bytes:
    encoded = msgspec.json.encode(manifest)
    return msgspec.json.encode(_Sealed(sha256=sha256(encoded), manifest=msgspec.Raw(encoded)))
