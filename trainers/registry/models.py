"""Loading a version ready to predict, with every hash between ledger and bytes verified."""

from schemas.artifacts import MODEL_FILE, RIVER_FILE, Artifact, ModelManifest
from schemas.errors import StateError
from schemas.ports import ModelRegistry
from trainers.models.onnx_models import OnnxModel
from trainers.models.served import ServedModel


def load_model(registry: ModelRegistry, version: str) -> tuple[ModelManifest, ServedModel]:
    """A version's manifest and its model, of whichever form its files are.

    River is imported when a version needs it.

    Raises:
        NotReadyError: If there is no such version.
        StateError: If its bytes, their hash or their input columns are not what it states.
    """
    artifact = registry.load(version)
    model = _river(artifact) if RIVER_FILE in artifact.files else _onnx(artifact)
    return artifact.manifest, model


def load_onnx(registry: ModelRegistry, version: str) -> tuple[ModelManifest, OnnxModel]:
    """A version's manifest and its model, for those who need it to be ONNX.

    Raises:
        NotReadyError: If there is no such version.
        StateError: If it is no ONNX model; its bytes, their hash or their input columns are not what it states.
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
    from trainers.models.online.frozen import FrozenModel  # noqa: PLC0415  (River loads with it)

    model = FrozenModel.from_bytes(artifact.files[RIVER_FILE])
    _check(model, artifact.manifest)
    return model


def _check(model: ServedModel, manifest: ModelManifest) -> None:
    if (model.model_hash, model.feature_names) != (manifest.model_hash, manifest.feature_names):
        message = f"the model of {manifest.version} has another hash or other input columns than its manifest states"
        raise StateError(message)
