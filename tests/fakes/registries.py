"""A registry in memory: the twin of the folder, held to the same conformance suite."""

from collections import Counter
from collections.abc import Mapping, Sequence

from schemas.artifacts import Artifact, LedgerEntry, ModelManifest, ModelTarget, sha256
from schemas.errors import ConfigurationError, NotReadyError
from schemas.ports import ModelRegistry
from trainers.registry.leak_alarms import check_named, refusal


class InMemoryRegistry(ModelRegistry):
    """Keeps everything in dictionaries."""

    def __init__(self) -> None:
        self._artifacts: dict[str, Artifact] = {}
        self._ledger: list[LedgerEntry] = []

    def publish(self, manifest: ModelManifest, files: Mapping[str, bytes]) -> None:
        if {name: sha256(data) for name, data in files.items()} != manifest.files:
            raise ValueError("the files must have the manifest's hashes")
        existing = self._artifacts.get(manifest.version)
        if existing is not None and existing.manifest.files != manifest.files:
            raise ValueError("the version is taken by other files")
        self._artifacts.setdefault(manifest.version, Artifact(manifest=manifest, files=dict(files)))

    def load(self, version: str) -> Artifact:
        if version not in self._artifacts:
            raise NotReadyError(f"there is no version {version}")
        return self._artifacts[version]

    def manifest(self, version: str) -> ModelManifest:
        if version not in self._artifacts:
            raise NotReadyError(f"there is no version {version}")
        return self._artifacts[version].manifest

    def promote(self, entry: LedgerEntry) -> None:
        manifest = self.manifest(entry.version)
        if (manifest.model_hash, manifest.target) != (entry.model_hash, entry.target):
            raise ValueError("a promotion must state its version's hash and target")
        check_named(entry.leak_alarm_confirmed_by)
        refused = refusal(manifest, entry.alias, [*self._ledger, entry])
        if refused is not None:
            raise ConfigurationError(refused)
        self._ledger.append(entry)

    def resolve(self, alias: str, target: ModelTarget, *, stream: str) -> LedgerEntry | None:
        wanted = (alias, target, stream)
        return next((e for e in reversed(self._ledger) if (e.alias, e.target, e.stream) == wanted), None)

    def ledger(self) -> Sequence[LedgerEntry]:
        return list(self._ledger)

    def versions(self) -> Sequence[ModelManifest]:
        manifests = [artifact.manifest for artifact in self._artifacts.values()]
        return sorted(manifests, key=lambda manifest: (manifest.created_ms, manifest.version))


class CountingRegistry(InMemoryRegistry):
    """Counts how often each version was loaded with its files, each time with every hash verified."""

    def __init__(self) -> None:
        super().__init__()
        self.n_loads: Counter[str] = Counter()

    def load(self, version: str) -> Artifact:
        self.n_loads[version] += 1
        return super().load(version)
