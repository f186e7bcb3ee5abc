"""Stored data sets on disk: ``NAME.parquet`` and ``NAME.json``, named by what they hold."""

import hashlib
from pathlib import Path

import msgspec

from schemas.errors import ConfigurationError
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.stored import DatasetManifest, from_bytes, manifest_of, to_bytes


def store(decisions: DecisionSet, folder: Path, *, sources: dict[str, Path]) -> Path:
    """Write a data set and its manifest; the same query writes the same bytes under the same name.

    Args:
        decisions: The data set.
        folder: Where both files are written; it is made where it is missing.
        sources: By name of an input: its file, whose hash the manifest keeps.

    Returns:
        The manifest's path.
    """
    data = to_bytes(decisions)
    hashes = {name: source_hash(path) for name, path in sorted(sources.items())}
    manifest = manifest_of(decisions, data, sources=hashes)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{decisions.interval}-{decisions.horizon}-{manifest.data_hash[:12]}"
    (folder / f"{stem}.parquet").write_bytes(data)
    path = folder / f"{stem}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest, order="deterministic")))
    return path


def source_hash(path: Path) -> str:
    """SHA-256 of a file that a data set is made of, as its manifest has it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest_at(path: Path) -> DatasetManifest:
    """A data set's manifest.

    Raises:
        ConfigurationError: If it is missing or is something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=DatasetManifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"{path.name} must be a data set's manifest: {error}"
        raise ConfigurationError(message) from error


def load(manifest_path: Path) -> DecisionSet:
    """The data set of a manifest, checked by hash and by rule.

    Raises:
        ConfigurationError: If a file is missing or is no manifest.
        StateError: If the data are not the manifest's, or break a rule.
    """
    manifest = manifest_at(manifest_path)
    try:
        data = manifest_path.with_suffix(".parquet").read_bytes()
    except OSError as error:
        message = f"{manifest_path.name} must be a data set's manifest beside its parquet file: {error}"
        raise ConfigurationError(message) from error
    return from_bytes(data, manifest)
