"""Stored data sets on disk: ``NAME.parquet`` and ``NAME.json``, named by what they hold."""

import hashlib
from pathlib import Path

import msgspec

from schemas.errors import ConfigurationError
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.stored import DatasetManifest, from_bytes, manifest_of, to_bytes


def store(decisions: DecisionSet, folder: Path, *, sources: dict[str, Path]) -> Path:
    """Write a data set and its manifest; the same query writes the same bytes under the same name.

    Returns:
        The manifest's path.
    """
    data = to_bytes(decisions)
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(sources.items())}
    manifest = manifest_of(decisions, data, sources=hashes)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{decisions.interval}-{decisions.horizon}-{manifest.data_hash[:12]}"
    (folder / f"{stem}.parquet").write_bytes(data)
    path = folder / f"{stem}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest, order="deterministic")))
    return path


def load(manifest_path: Path) -> DecisionSet:
    """The data set of a manifest, checked by hash and by rule.

    Raises:
        ConfigurationError: If a file is missing or is no manifest.
        StateError: If the data are not the manifest's, or break a rule.
    """
    try:
        manifest = msgspec.json.decode(manifest_path.read_bytes(), type=DatasetManifest)
        data = manifest_path.with_suffix(".parquet").read_bytes()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"{manifest_path.name} must be a data set's manifest beside its parquet file: {error}"
        raise ConfigurationError(message) from error
    return from_bytes(data, manifest)
