"""Loading a version ready to predict, with every hash between ledger and bytes verified."""

from schemas.artifacts import MODEL_FILE, ModelManifest
from schemas.errors import StateError
from schemas.ports import ModelRegistry
from trainers.models.onnx_models import OnnxModel


def load_onnx(registry: ModelRegistry, version: str) -> tuple[ModelManifest, OnnxModel]:
    """A version's manifest and its model.

    Raises:
        NotReadyError: If there is no such version.
        StateError: If its bytes, their hash or their input columns are not what it states.
    """
    artifact = registry.load(version)
    manifest = artifact.manifest
    if MODEL_FILE not in artifact.files:
        message = f"{version} must have a file {MODEL_FILE}, has {sorted(artifact.files)}"
        raise StateError(message)
    model = OnnxModel.from_bytes(artifact.files[MODEL_FILE])
    if (model.model_hash, model.feature_names) != (manifest.model_hash, manifest.feature_names):
        message = f"the model of {version} has another hash or other input columns than its manifest states"
        raise StateError(message)
    return manifest, model
