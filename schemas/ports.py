"""What the platform asks of the outside, as protocols; adapters live behind them.

Each has one conformance suite in ``tests/contract`` that every adapter passes.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from schemas.artifacts import Artifact, LedgerEntry, ModelManifest, ModelTarget


class ModelRegistry(Protocol):
    """Versions, aliases and their ledger.

    Call ``publish`` before ``promote``. Publishing the same bytes again changes nothing. Reads
    see what was written before them; there is one writer at a time.
    """

    def publish(self, manifest: ModelManifest, files: Mapping[str, bytes]) -> None:
        """Keep a version; its files are stored before its manifest, so it is whole or absent.

        Raises:
            ValueError: If a file's hash is not the one in the manifest.
        """

    def load(self, version: str) -> Artifact:
        """A version with its files, every hash verified.

        Raises:
            NotReadyError: If there is no such version.
            StateError: If a stored file is not what its hash says.
        """

    def manifest(self, version: str) -> ModelManifest:
        """A version's manifest alone: its files are neither read nor verified.

        Raises:
            NotReadyError: If there is no such version.
            StateError: If it was changed after it was published.
        """

    def promote(self, entry: LedgerEntry) -> None:
        """Point an alias to a version, by a line in the ledger.

        Raises:
            NotReadyError: If there is no such version.
            ConfigurationError: If the leak alarm of the version rings, and neither this line nor an earlier
                one says who confirmed that there is no leak. The alias ``shadow`` needs no confirmation.
        """

    def resolve(self, alias: str, target: ModelTarget, *, stream: str) -> LedgerEntry | None:
        """The newest ledger line of the alias for this target and stream, or None."""

    def ledger(self) -> Sequence[LedgerEntry]:
        """Every line, oldest first."""

    def versions(self) -> Sequence[ModelManifest]:
        """Every version, oldest first."""
