"""Loads versions ready to predict, and verifies every hash between the ledger and the bytes."""

from functools import lru_cache, partial

from schemas.artifacts import MODEL_FILE, RIVER_FILE, Artifact, ModelManifest
from schemas.errors import InvariantError, StateError
from schemas.ports import ModelRegistry
from trainers.models.decisions import check_probabilities
from trainers.models.onnx_models import OnnxModel, probe_rows
from trainers.models.served import ServedModel


def load_model(registry: ModelRegistry, version: str) -> tuple[ModelManifest, ServedModel]:
    """Returns the manifest and the model of a version, whether its files are ONNX or a River snapshot.

    River is imported when a version needs it.

    Raises:
        NotReadyError: If there is no such version.
        StateError: If its bytes, their hash or their input columns are not what the manifest states.
    """
    artifact = registry.load(version)
    model = _river(artifact) if RIVER_FILE in artifact.files else _onnx(artifact)
    return artifact.manifest, model


class LoadedModels:
    """The versions that a process has loaded; each is loaded and verified once while it is needed.

    A version that was dropped is loaded again when it is asked for, so the number kept bounds the memory and changes
    no result. A failure to load is not remembered.

    Args:
        registry: The registry that holds the versions.
        n_kept: How many of the versions asked for last are kept; each takes a few megabytes.
    """

    def __init__(self, registry: ModelRegistry, *, n_kept: int = 16) -> None:
        self._load = lru_cache(maxsize=n_kept)(partial(load_model, registry))

    def load(self, version: str) -> tuple[ModelManifest, ServedModel]:
        """Returns the manifest and the model of a version, as :func:`load_model` does.

        Raises:
            NotReadyError: If there is no such version.
            StateError: If its bytes, their hash or their input columns are not what the manifest states.
        """
        return self._load(version)

    def model(self, version: str) -> ServedModel:
        """Returns the model of a version without the manifest; see :meth:`load`."""
        return self.load(version)[1]


def load_onnx(registry: ModelRegistry, version: str) -> tuple[ModelManifest, OnnxModel]:
    """Returns the manifest and the model of a version that must be ONNX.

    Raises:
        NotReadyError: If there is no such version.
        StateError: If it is not an ONNX model, or its bytes, their hash or their input columns are not what the
            manifest states.
    """
    artifact = registry.load(version)
    return artifact.manifest, _onnx(artifact)


def _onnx(artifact: Artifact) -> OnnxModel:
    if MODEL_FILE not in artifact.files:
        message = (
            f"{artifact.manifest.version} must have a file {MODEL_FILE} or {RIVER_FILE}, "
            f"has {sorted(artifact.files)}"
        )
        raise StateError(message)
    model = OnnxModel.from_bytes(artifact.files[MODEL_FILE])
    _check(model, artifact.manifest)
    return model


def _river(artifact: Artifact) -> ServedModel:
    from trainers.models.online.frozen import FrozenModel

    model = FrozenModel.from_bytes(artifact.files[RIVER_FILE])
    _check(model, artifact.manifest)
    try:
        check_probabilities(
            model.probabilities_up(probe_rows(len(model.feature_names))),
            model_version=artifact.manifest.version,
        )
    except InvariantError as error:
        raise StateError(str(error)) from error
    return model


def _check(model: ServedModel, manifest: ModelManifest) -> None:
    if (model.model_hash, model.feature_names) != (manifest.model_hash, manifest.feature_names):
        message = f"the model of {manifest.version} has another hash or other input columns than its manifest states"
        raise StateError(message)
