"""Loading a version ready to predict, with every hash between ledger and bytes verified."""

from functools import lru_cache, partial

from schemas.artifacts import MODEL_FILE, RIVER_FILE, Artifact, ModelManifest
from schemas.errors import InvariantError, StateError
from schemas.ports import ModelRegistry
from trainers.models.decisions import check_probabilities
from trainers.models.onnx_models import OnnxModel, probe_rows
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


class LoadedModels:
    """Versions that a process has loaded, each loaded and verified once while it is needed.

    A version that was let go is loaded again when it is asked for: the number kept bounds memory, and
    decides nothing. What did not load is not remembered either.

    Args:
        registry: Where they are.
        n_kept: How many of those asked for last are kept, a few megabytes each.
    """

    def __init__(self, registry: ModelRegistry, *, n_kept: int = 16) -> None:
        self._load = lru_cache(maxsize=n_kept)(partial(load_model, registry))

    def load(self, version: str) -> tuple[ModelManifest, ServedModel]:
        """A version's manifest and its model, as :func:`load_model` has it.

        Raises:
            NotReadyError: If there is no such version.
            StateError: If its bytes, their hash or their input columns are not what it states.
        """
        return self._load(version)

    def model(self, version: str) -> ServedModel:
        """A version's model alone; see :meth:`load`."""
        return self.load(version)[1]


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
