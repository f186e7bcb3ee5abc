"""The ports of the platform: protocols of what lies outside, which adapters implement.

Each port has one conformance suite in ``tests/contract``, which every adapter passes.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from schemas.artifacts import Artifact, LedgerEntry, ModelManifest, ModelTarget


class ModelRegistry(Protocol):
    """Keeps the versions of models, their aliases, and the ledger of promotions.

    Call ``publish`` before ``promote``. Publishing the same bytes again changes nothing. Reads
    see everything that was written before them. There is one writer at a time.
    """

    def publish(self, manifest: ModelManifest, files: Mapping[str, bytes]) -> None:
        """Keep a version. Its files are stored before its manifest, so a version is whole or absent.

        Raises:
            ValueError: If a file's hash is not the one in the manifest.
        """

    def load(self, version: str) -> Artifact:
        """Return a version with its files, after every hash was verified.

        Raises:
            NotReadyError: If there is no such version.
            StateError: If a stored file is not what its hash says.
        """

    def manifest(self, version: str) -> ModelManifest:
        """Return the manifest of a version; its files are neither read nor verified.

        Raises:
            NotReadyError: If there is no such version.
            StateError: If it was changed after it was published.
        """

    def promote(self, entry: LedgerEntry) -> None:
        """Point an alias to a version, by a new line in the ledger.

        Raises:
            NotReadyError: If there is no such version.
            ConfigurationError: If the leak alarm of the version rings, and neither this line nor an earlier
                one of the same alias says who confirmed that there is no leak; if it says so without a name. The alias ``shadow`` needs no confirmation.
        """

    def resolve(self, alias: str, target: ModelTarget, *, stream: str) -> LedgerEntry | None:
        """Return the newest ledger line of an alias for a target and a stream, or None.

        Args:
            alias: Such as ``champion``.
            target: What is predicted.
            stream: The run.
        """

    def ledger(self) -> Sequence[LedgerEntry]:
        """Return every line, oldest first."""

    def versions(self) -> Sequence[ModelManifest]:
        """Return the manifest of every version, oldest first."""
