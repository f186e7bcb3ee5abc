"""Keeps the history of a registry in git, and its files in further places if they are configured.

A :class:`~trainers.registry.folders.FolderRegistry` is the truth; readers need nothing else. What is
written to it is then recorded in a git repository of the same folder: manifests, cards and the
ledger as commits, versions and aliases as tags. Every write records all that the folder holds and the history
lacks, so a crash between the two, or a promotion by an older release, is recorded later.

A ledger that does not continue what was recorded of it is refused, by readers too: somebody
cut it, and an alias would mean an earlier version again.

Invariants: every version has a commit of its own with its version tag on it; the tags of
assignments follow from the ledger; files are in the asset store before a version's tag is pushed.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import structlog

from schemas.artifacts import Artifact, LedgerEntry, ModelManifest, ModelTarget
from schemas.errors import ConfigurationError, PlatformError, StateError, TransientError
from schemas.ports import ModelRegistry
from trainers.registry.folders import FolderRegistry
from trainers.registry.histories import RecordedHistory, disagreement, unrecorded
from trainers.registry.repositories import HistoryRepository
from trainers.registry.tags import (
    artifact_name,
    assignment_message,
    assignment_tags,
    is_version_of,
    next_number,
    version_tag,
)

_IGNORED = (
    "# Files are kept by their hashes, here or as release assets.\nobjects/\nreleased/\ntemporary/\nlock\n"
)
_LEDGER = "ledger.jsonl"
_BRANCH = "main"
_log = structlog.get_logger(__name__)


class AssetStore(Protocol):
    """A place beside the folder where the files of versions are kept.

    Both calls may be repeated; a file that is there is never replaced.
    """

    @property
    def place(self) -> str:
        """The address of the store; stores at different addresses hold different files."""

    def keep(self, tag: str, manifest: ModelManifest, files: Mapping[str, bytes]) -> None:
        """Stores the files of a version under its tag.

        Args:
            tag: The tag of the version.
            manifest: The manifest of the version.
            files: The bytes of each file, by name.

        Raises:
            TransientError: If the store does not answer; nothing or a part was stored.
        """

    def fetch(self, tag: str, name: str) -> bytes | None:
        """Returns a file of a version without verifying it; None if the store does not have it.

        Raises:
            TransientError: If the store does not answer.
        """


class RegistryRemote(NamedTuple):
    """The git remote that commits and tags are pushed to.

    Attributes:
        url: A URL or a path.
        credentials: As :meth:`~trainers.registry.repositories.HistoryRepository.push` takes them.
    """

    url: str
    credentials: Mapping[str, str]


class GitRegistry(ModelRegistry):
    """A registry in a folder, with its history in git.

    Args:
        folder: The registry that holds the truth.
        remote: The git remote; None keeps the history in the folder alone.
        assets: A further place for files; None keeps them in the folder alone.
    """

    def __init__(
        self,
        folder: FolderRegistry,
        *,
        remote: RegistryRemote | None = None,
        assets: AssetStore | None = None,
    ) -> None:
        self._folder = folder
        self._repository = HistoryRepository(folder.path)
        self._remote = remote
        self._assets = assets
        self._checked: bytes | None = None
        self._is_damage_told = False

    def publish(self, manifest: ModelManifest, files: Mapping[str, bytes]) -> None:
        """Stores a version, records it, and pushes it; see the port.

        If a remote or an asset store does not answer, a warning is logged, and the next write sends what
        is missing.
        """
        self._folder.publish(manifest, files)
        self._record_and_send()

    def promote(self, entry: LedgerEntry) -> None:
        """Appends to the ledger, records it, and pushes it; see the port.

        The folder is the truth: if the history is damaged, a warning is logged and the promotion counts.

        Raises:
            StateError: If the history has lines that the ledger lacks.
        """
        self._check_against_history()
        self._folder.promote(entry)
        self._record_and_send()

    def load(self, version: str) -> Artifact:
        """Reads a version with its files; files that are not in the folder are fetched from the asset store. See the port."""
        manifest = self._folder.manifest(version)
        missing = self._folder.missing_files(manifest)
        if missing and self._assets is not None:
            tag = self._version_tag(manifest, self._repository.tags())
            for name in missing:
                data = None if tag is None else self._assets.fetch(tag, name)
                if data is not None:
                    self._folder.keep_file(manifest, name, data)
        return self._folder.load(version)

    def manifest(self, version: str) -> ModelManifest:
        """Reads the manifest of a version, without its files; see the port."""
        return self._folder.manifest(version)

    def resolve(self, alias: str, target: ModelTarget, *, stream: str) -> LedgerEntry | None:
        """Returns the newest line of an alias; see the port.

        Raises:
            StateError: As :meth:`ledger`.
        """
        self._check_against_history()
        return self._folder.resolve(alias, target, stream=stream)

    def ledger(self) -> Sequence[LedgerEntry]:
        """Returns every line, oldest first.

        Raises:
            StateError: If a line was changed, or the history has lines that the ledger lacks.
        """
        self._check_against_history()
        return self._folder.ledger()

    def versions(self) -> Sequence[ModelManifest]:
        """Returns the manifest of every version, in the order in which they were made."""
        return self._folder.versions()

    def n_unrecorded(self) -> int:
        """Counts the lines of the ledger that its git history lacks; the next write records them."""
        recorded = self._recorded()
        return 0 if recorded is None else unrecorded(self._folder.ledger(), recorded)

    def send(self) -> None:
        """Sends files to the asset store, and commits and tags to the remote.

        Raises:
            TransientError: If the store or the remote does not answer.
            ConfigurationError: If the store or the remote refuses the token.
            StateError: If the history in the folder is damaged.
        """
        if self._assets is None and self._remote is None:
            return
        self._record()
        if self._assets is not None:
            self._send_files(self._assets)
        if self._remote is not None:
            self._repository.push(self._remote.url, credentials=self._remote.credentials)

    def _record_and_send(self) -> None:
        try:
            self._record()
            self.send()
        except (TransientError, ConfigurationError) as error:
            _log.warning("registry_not_sent", reason=str(error), remedy="driftline models push")
        except StateError as error:
            _log.warning("registry_history_damaged", reason=str(error))

    def _send_files(self, assets: AssetStore) -> None:
        tags = self._repository.tags()
        for manifest in self._folder.versions():
            mark = self._folder.path / "released" / manifest.version
            is_there = mark.exists() and mark.read_text() == assets.place
            tag = self._version_tag(manifest, tags)
            if is_there or tag is None or self._folder.missing_files(manifest):
                continue
            assets.keep(tag, manifest, self._folder.load(manifest.version).files)
            mark.parent.mkdir(exist_ok=True)
            mark.write_text(assets.place)

    # The record

    def _check_against_history(self) -> None:
        """Refuses a ledger that does not continue what was recorded of it.

        The history is read before the ledger. A writer writes the ledger first, so a ledger that is read later
        is never shorter than the history.

        Raises:
            StateError: If they differ; the message says how, and what to do.
        """
        recorded = self._recorded()
        if recorded is not None:
            self._check_continues(recorded)

    def _check_continues(self, recorded: RecordedHistory) -> None:
        content = self._folder.ledger_bytes()
        if content == self._checked:
            return
        found = disagreement(content, self._folder.ledger(), recorded)
        if found is not None:
            path = shlex.quote(str(self._folder.path))
            back = (
                f"`git -C {path} checkout {_BRANCH} -- {_LEDGER}`"
                if found.is_committed
                else "from a copy or from the remote, because the last commit lacks the lines too"
            )
            message = (
                f"{self._folder.path / _LEDGER} is not what was recorded of it: {found.words}. To restore the recorded "
                f"ledger: {back}; to keep this one: delete {path}/.git, and the next write records everything anew"
            )
            raise StateError(message)
        self._checked = content

    def _recorded(self) -> RecordedHistory | None:
        """What the history holds; None if there is none, or if it is damaged, which is logged once."""
        if not self._repository.is_there:
            return None
        try:
            return RecordedHistory(self._repository.tags(), self._repository.committed(_LEDGER))
        except Exception as error:  # noqa: BLE001  (dulwich raises many kinds of errors on a damaged repository)
            if not self._is_damage_told:
                _log.warning("registry_history_damaged", reason=repr(error))
            self._is_damage_told = True
            return None

    def _record(self) -> None:
        try:
            self._record_what_lacks()
        except PlatformError:
            raise
        except Exception as error:  # dulwich raises many kinds of errors on a damaged repository
            message = (
                f"the history in {self._folder.path / '.git'} must be a sound git repository, was not ({error!r}): "
                "delete it, and the next write records everything anew"
            )
            raise StateError(message) from error

    def _record_what_lacks(self) -> None:
        with self._folder.writing():
            self._repository.clear_locks()
            ledger, tags = self._folder.ledger(), self._repository.tags()
            self._check_continues(RecordedHistory(tags, self._repository.committed(_LEDGER)))
            ignored = self._folder.path / ".gitignore"
            if not ignored.exists():
                ignored.write_text(_IGNORED)
            for manifest in self._folder.versions():
                if self._version_tag(manifest, tags) is None:
                    self._record_version(manifest, tags)
            for tag, entry in assignment_tags(ledger):
                if tag not in tags:
                    self._record_assignment(tag, entry, tags)

    def _record_version(self, manifest: ModelManifest, tags: dict[str, str]) -> None:
        version, time_s = manifest.version, manifest.created_ms // 1000
        paths = [".gitignore", f"manifests/{version}.json"]
        if self._folder.card_path(version).exists():
            paths.append(f"cards/{version}.md")
        commit = self._repository.commit(paths, f"Publish {version}", time_s=time_s)
        self._tag_version(artifact_name(manifest.target, manifest.stream), version, commit, tags, time_s)

    def _record_assignment(self, tag: str, entry: LedgerEntry, tags: dict[str, str]) -> None:
        time_s = entry.recorded_ms // 1000
        message = assignment_message(entry)
        self._repository.commit([_LEDGER], message, time_s=time_s)
        manifest = self._folder.manifest(entry.version)
        own_tag = self._version_tag(manifest, tags)
        if own_tag is None:
            return
        commit = self._repository.commit_of(own_tag)
        artifact = artifact_name(entry.target, entry.stream)
        if not any(is_version_of(artifact, known) and said == entry.version for known, said in tags.items()):
            self._tag_version(artifact, entry.version, commit, tags, time_s)
        self._repository.tag(tag, commit, message, time_s=time_s)
        tags[tag] = message

    def _tag_version(
        self, artifact: str, version: str, commit: bytes, tags: dict[str, str], time_s: int
    ) -> None:
        tag = version_tag(artifact, next_number(artifact, tags))
        self._repository.tag(tag, commit, version, time_s=time_s)
        tags[tag] = version

    def _version_tag(self, manifest: ModelManifest, tags: Mapping[str, str]) -> str | None:
        """The tag that a version got when it was published, or None."""
        artifact = artifact_name(manifest.target, manifest.stream)
        for tag, said in tags.items():
            if said == manifest.version and is_version_of(artifact, tag):
                return tag
        return None
