"""Runs models from ONNX bytes by ONNX Runtime: after fitting, a batch model predicts in no other way.

A row predicted alone and the same row predicted in a batch are equal to the bit, which native XGBoost
does not promise. The bytes name their own input columns, so that the order of values does not depend on the
caller.
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
#: The key of a :class:`~trainers.models.policies.Policy` in the metadata of the bytes.
POLICY = "policy"
_UP = 1
#: The columns of the answer: down and up.
_WIDTH = 2
_FLOATS = "tensor(float)"
#: The largest accepted difference between one and the sum of the probabilities of down and up.
_SUM_TOLERANCE = 1e-3

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
    """A loaded model, which returns the probability that the price goes up.

    It keeps no state between calls, and several threads may use it.

    Attributes:
        feature_names: The input columns, in order.
        model_hash: The SHA-256 of its bytes.
        policy: What is stated beside its probabilities; None for a model that was never judged.
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
        """Loads a model from its bytes.

        It runs with one thread and without a memory arena, because a row takes microseconds, and an arena keeps the
        memory that the largest batch needed.

        Raises:
            StateError: If the bytes are not a model of this project's form, or its answers to a
                few rows, alone and together, are not probabilities.
        """
        try:
            session = onnxruntime.InferenceSession(data, _options(), providers=["CPUExecutionProvider"])
        except _UNREADABLE as error:
            message = f"expected the bytes of an ONNX model: {error}"
            raise StateError(message) from error
        metadata = _metadata(session)
        names = _feature_names(metadata)
        _check_form(session, n_features=len(names))
        model = cls(session, feature_names=names, model_hash=sha256(data), policy=_policy(metadata))
        _check_answers(model._session, n_features=len(names))
        return model

    def probability_up(self, values: Mapping[str, float | None]) -> np.float32:
        """Returns the probability for one feature vector.

        Args:
            values: The values by feature name, in any order; None where undefined.

        Raises:
            KeyError: If a feature that the model takes is missing.
        """
        row = [np.nan if (value := values[name]) is None else value for name in self.feature_names]
        probability: np.float32 = self.probabilities_up(model_input([row]))[0]
        return probability

    def probabilities_up(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the probabilities for many vectors, equal to the bit to those of each row alone.

        Args:
            rows: Shape (n, k), as :func:`~trainers.models.vectors.model_input` returns them.

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
    """Refuses a graph that declares other inputs or outputs than this project's form."""
    inputs = {node.name: _declared(node) for node in session.get_inputs()}
    outputs = {node.name: _declared(node) for node in session.get_outputs()}
    widths = {node.name: node.shape[-1:] for node in (*session.get_inputs(), *session.get_outputs())}
    is_input = set(inputs) == {INPUT} and inputs[INPUT].startswith(_FLOATS) and widths[INPUT] == [n_features]
    if not is_input or not outputs.get(OUTPUT, "").startswith(_FLOATS):
        message = (
            f"expected an ONNX model from {INPUT} of width {n_features} to {OUTPUT} of width {_WIDTH}, both float32, "
            f"was from {_listed(inputs)} to {_listed(outputs)}"
        )
        raise StateError(message)


def _declared(node: Any) -> str:
    return f"{node.type}{node.shape}"


def _listed(nodes: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {declared}" for name, declared in sorted(nodes.items())) or "nothing"


def _check_answers(session: Any, *, n_features: int) -> None:
    """Runs the model on a few rows, because a graph may declare one thing and answer another.

    The parts of a graph do not tell what it answers: a regressor under the name of
    a classifier is found only by running it.
    """
    rows = probe_rows(n_features)
    together = _answers(session, rows)
    alone = np.concatenate([_answers(session, row[None, :]) for row in rows])
    if not np.array_equal(together, alone):
        message = "expected an ONNX model that answers a row alone as in a batch, answers it differently"
        raise StateError(message)


def _answers(session: Any, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    try:
        (found,) = session.run([OUTPUT], {INPUT: rows})
    except _UNREADABLE as error:
        message = f"expected an ONNX model that takes {len(rows)} rows of {rows.shape[1]} features: {error}"
        raise StateError(message) from error
    answers = np.asarray(found)
    if answers.shape != (len(rows), _WIDTH) or answers.dtype != np.float32:
        message = (
            f"expected an ONNX model whose {OUTPUT} are float32 of shape ({len(rows)}, {_WIDTH}), down and up, "
            f"were {answers.dtype} of shape {answers.shape}"
        )
        raise StateError(message)
    is_apart = ~(np.abs(answers.astype(np.float64).sum(axis=1) - 1) <= _SUM_TOLERANCE)
    wrong = np.flatnonzero(~((answers >= 0) & (answers <= 1)).all(axis=1) | is_apart)
    if len(wrong):
        down, up = answers[wrong[0]].tolist()
        message = f"expected an ONNX model whose {OUTPUT} lie within 0 and 1 and add up to 1, were {down:g} and {up:g}"
        raise StateError(message)
    return answers


def probe_rows(n_features: int) -> NDArray[np.float32]:
    """Returns rows that every model must answer: undefined, zero, ordinary and very large values."""
    ordinary = np.random.default_rng(0).normal(size=(4, n_features))
    half = np.where(np.arange(n_features) % 2 == 0, np.nan, ordinary[0])
    edges = [np.full(n_features, value) for value in (np.nan, 0.0, 1.0, -1.0, 1e6, -1e6)]
    return model_input(np.vstack([*edges, half, ordinary]))
