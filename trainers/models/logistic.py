"""Logistic regression with a ridge penalty, fitted by Newton's method; scaling and imputation are part of it.

It uses numpy alone: the whole fit of a fold is a few matrix products, and scikit-learn takes
seconds to import.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainers.models.recipes import OWN_HORIZON, TrainingSet

_STEPS = 25
_SMALL = 1e-8
_LARGEST_LOGIT = 30.0
#: The number of rows that stay in the processor's cache between the two products of a step.
_CHUNK = 4_096
#: If a step is more than this share of the step before, the curvature is computed again.
_ENOUGH = 0.1


class LogisticRegression(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe of the logistic regression.

    Attributes:
        ridge: The penalty on the squared weights of scaled columns; the intercept has none. It weighs
            as much as this number of rows, so its effect falls as rows are added.
        cut: Scaled values are cut at plus and minus this.
        multiple: The number of horizons over which the outcome reaches.
    """

    ridge: float = 100.0
    cut: float = 5.0
    multiple: int = OWN_HORIZON

    @property
    def name(self) -> str:
        """The kind, and the multiple of the horizon if it is not one."""
        return "logistic" if self.multiple == OWN_HORIZON else f"logistic-x{self.multiple}"

    @property
    def multiples(self) -> frozenset[int]:
        """The one multiple of this recipe."""
        return frozenset({self.multiple})

    def fit(self, training_set: TrainingSet) -> "LogisticModel":
        """Scales the columns by the rows of the training set, then fits."""
        rows, is_up, weight = training_set.examples(self.multiple)
        centre, scale = centre_and_scale(rows)
        inputs = standardised(rows, centre, scale, cut=self.cut)
        weights = ridge_weights(inputs, is_up, ridge=self.ridge, weight=weight)
        return LogisticModel(centre, scale, weights, cut=self.cut, names=training_set.names)


class LogisticModel:
    """A fitted logistic regression."""

    def __init__(
        self,
        centre: NDArray[np.float64],
        scale: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        cut: float,
        names: tuple[str, ...],
    ) -> None:
        self._centre = centre
        self._scale = scale
        self._weights = weights
        self._cut = cut
        self._names = names

    def native_probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the probabilities, computed by numpy."""
        inputs = standardised(rows, self._centre, self._scale, cut=self._cut)
        return sigmoid(inputs @ self._weights).astype(np.float32)

    def onnx(self) -> bytes:
        """Returns the model as ONNX bytes, with scaling and imputation inside."""
        from trainers.models.onnx_graphs import logistic_graph

        return logistic_graph(
            centre=self._centre,
            scale=self._scale,
            cut=self._cut,
            weights=self._weights[1:],
            intercept=float(self._weights[0]),
            feature_names=self._names,
        )


def centre_and_scale(rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns mean and standard deviation of the defined values of each column; (0, 1) for a column without any."""
    n, total = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for part in _parts(len(rows)):
        defined = ~np.isnan(rows[part])
        n += defined.sum(axis=0)
        total += np.where(defined, rows[part], 0.0).sum(axis=0, dtype=np.float64)
    n = np.maximum(n, 1)
    centre, squares = total / n, np.zeros(rows.shape[1])
    for part in _parts(len(rows)):
        distance = rows[part] - centre
        squares += (np.where(np.isnan(distance), 0.0, distance) ** 2).sum(axis=0)
    deviation = np.sqrt(squares / n)
    return centre, np.where(deviation > 0, deviation, 1.0)


def standardised(
    rows: NDArray[np.float32], centre: NDArray[np.float64], scale: NDArray[np.float64], *, cut: float
) -> NDArray[np.float64]:
    """Returns a column of ones, then the scaled and cut columns, 0 where undefined; shape (n, 1 + k).

    Args:
        rows: Shape (n, k), NaN where undefined.
        centre: Shape (k,), subtracted from each column.
        scale: Shape (k,), > 0, that each column is divided by.
        cut: Scaled values are cut at plus and minus this.
    """
    inputs = np.ones((len(rows), 1 + rows.shape[1]))
    for part in _parts(len(rows)):
        scaled = np.clip((rows[part] - centre) / scale, -cut, cut)
        inputs[part, 1:] = np.where(np.isnan(scaled), 0.0, scaled)
    return inputs


def ridge_weights(
    inputs: NDArray[np.float64],
    is_up: NDArray[np.bool_],
    *,
    ridge: float,
    weight: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Returns the weights of the columns. The first is the intercept, which is not penalised.

    Args:
        inputs: Shape (n, 1 + k), as :func:`standardised` returns them.
        is_up: Shape (n,).
        ridge: The factor of the penalty ``ridge / 2 * sum of squares``.
        weight: The weights of the rows; None weighs all alike.
    """
    penalty = np.full(inputs.shape[1], ridge)
    penalty[0] = _SMALL
    importance = np.ones(len(inputs)) if weight is None else weight
    weights, before, curvature = np.zeros(inputs.shape[1]), np.inf, None
    for _ in range(_STEPS):
        if curvature is None:
            curvature = _curvature(inputs, weights, importance) + np.diag(penalty)
        slope = _gradient(inputs, is_up, weights, importance) + penalty * weights
        step = np.linalg.solve(curvature, slope)
        weights -= step
        size = float(np.abs(step).max())
        if size < _SMALL:
            break
        # A curvature costs as much as fifty gradients, and changes little while probabilities stay near one half.
        curvature = curvature if size <= _ENOUGH * before else None
        before = size
    return weights


def _gradient(
    inputs: NDArray[np.float64],
    is_up: NDArray[np.bool_],
    weights: NDArray[np.float64],
    importance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The gradient of the log loss."""
    gradient = np.zeros(inputs.shape[1])
    for part in _parts(len(inputs)):
        probability = sigmoid(inputs[part] @ weights)
        gradient += inputs[part].T @ (importance[part] * (probability - is_up[part]))
    return gradient


def _curvature(
    inputs: NDArray[np.float64], weights: NDArray[np.float64], importance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The curvature of the log loss: a matrix times its own transpose, of which half is computed."""
    curvature = np.zeros((inputs.shape[1], inputs.shape[1]))
    for part in _parts(len(inputs)):
        probability = sigmoid(inputs[part] @ weights)
        doubts = inputs[part] * np.sqrt(importance[part] * probability * (1 - probability))[:, None]
        curvature += doubts.T @ doubts
    return curvature


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, n, _CHUNK))


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the logistic function of values, which are cut at 30 logits."""
    probability: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(values, -_LARGEST_LOGIT, _LARGEST_LOGIT)))
    return probability


def logit(probability: NDArray[np.float64], *, margin: float) -> NDArray[np.float64]:
    """Returns the log of the odds of probabilities, which are kept ``margin`` away from 0 and 1."""
    clipped = np.clip(probability, margin, 1 - margin)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds
