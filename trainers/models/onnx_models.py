"""A model as ONNX bytes, run by ONNX Runtime: the only way a batch model predicts after fitting.

A row predicted alone and the same row predicted in a batch are bit-equal, which native XGBoost
does not promise. The bytes name their own input columns, so that no caller has to be trusted to
hand values over in the right order.
"""

from collections.abc import Mapping
from typing import Any, Self

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

from schemas.artifacts import sha256
from schemas.errors import StateError
from trainers.models.policies import Policy
from trainers.models.vectors import model_input

INPUT = "features"
OUTPUT = "probabilities"
FEATURE_NAMES = "feature_names"
#: The key of a :class:`~trainers.models.policies.Policy` among the bytes' metadata.
POLICY = "policy"
_UP = 1

_UNREADABLE = (
    runtime_errors.InvalidProtobuf,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidArgument,
    runtime_errors.Fail,
    runtime_errors.NotImplemented,
    runtime_errors.NoModel,
    runtime_errors.RuntimeException,
)


class OnnxModel:
    """A loaded model: the probability that the price goes up.

    It keeps no state between calls, and may be used from several threads.

    Attributes:
        feature_names: The input columns, in order.
        model_hash: SHA-256 of the bytes it was made from.
        policy: What is stated beside its probabilities; None of a model that was never judged.
    """

    def __init__(
        self,
        session: Any,
        *,
        feature_names: tuple[str, ...],
        model_hash: str,
        policy: Policy | None = None,
    ) -> None:
        self._session = session
        self.feature_names = feature_names
        self.model_hash = model_hash
        self.policy = policy

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """A model from its bytes.

        One thread and no memory arena: a row takes microseconds, and an arena keeps what the
        largest batch once needed.

        Raises:
            StateError: If the bytes are not a model of this project's form.
        """
        try:
            session = onnxruntime.InferenceSession(data, _options(), providers=["CPUExecutionProvider"])
        except _UNREADABLE as error:
            message = f"expected the bytes of an ONNX model: {error}"
            raise StateError(message) from error
        metadata = _metadata(session)
        names = _feature_names(metadata)
        _check_form(session, n_features=len(names))
        return cls(session, feature_names=names, model_hash=sha256(data), policy=_policy(metadata))

    def probability_up(self, values: Mapping[str, float | None]) -> np.float32:
        """The probability for one feature vector.

        Args:
            values: By feature name, in any order; None where undefined.

        Raises:
            KeyError: If a feature that the model takes is missing.
        """
        row = [np.nan if (value := values[name]) is None else value for name in self.feature_names]
        probability: np.float32 = self.probabilities_up(model_input([row]))[0]
        return probability

    def probabilities_up(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities for many vectors; those of each row alone, to the bit.

        Args:
            rows: Shape (n, k), as :func:`~trainers.models.vectors.model_input` makes them.

        Returns:
            Shape (n,).
        """
        (probabilities,) = self._session.run([OUTPUT], {INPUT: rows})
        up: NDArray[np.float32] = probabilities[:, _UP]
        return up


def _options() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    return options


def _metadata(session: Any) -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    except UnicodeDecodeError as error:
        message = f"expected an ONNX model whose metadata are text: {error}"
        raise StateError(message) from error
    return found


def _feature_names(metadata: Mapping[str, str]) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(metadata.get(FEATURE_NAMES, ""), type=tuple[str, ...])
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"expected an ONNX model with {FEATURE_NAMES!r} in its metadata, has {sorted(metadata)}"
        raise StateError(message) from error


def _policy(metadata: Mapping[str, str]) -> Policy | None:
    if POLICY not in metadata:
        return None
    try:
        return msgspec.json.decode(metadata[POLICY], type=Policy)
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"expected an ONNX model whose {POLICY!r} this release reads: {error}"
        raise StateError(message) from error


def _check_form(session: Any, *, n_features: int) -> None:
    inputs = {node.name: node.shape for node in session.get_inputs()}
    outputs = {node.name for node in session.get_outputs()}
    if set(inputs) != {INPUT} or OUTPUT not in outputs or inputs[INPUT][-1] != n_features:
        message = (
            f"expected an ONNX model from {INPUT} of width {n_features} to {OUTPUT}, "
            f"was from {inputs} to {sorted(outputs)}"
        )
        raise StateError(message)
