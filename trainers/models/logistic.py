"""Logistic regression with a ridge, fitted by Newton's method; scaling and imputation are part of it.

Written on numpy alone: the fold's whole fit is a few matrix products, and scikit-learn takes
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
#: Rows of inputs that stay in the processor's cache between the two products of a step.
_CHUNK = 4_096
#: A step that is not this much smaller than the one before asks for the curvature anew.
_ENOUGH = 0.1


class LogisticRegression(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe.

    Attributes:
        ridge: Penalty on the squared weights of scaled columns; the intercept has none. It is
            worth as much as so many rows' doubts, so it fades as rows grow.
        cut: Scaled values are cut at plus and minus this.
        multiple: Over how many horizons the outcome reaches.
    """

    ridge: float = 100.0
    cut: float = 5.0
    multiple: int = OWN_HORIZON

    @property
    def name(self) -> str:
        """Its kind, and its horizon where that is another."""
        return "logistic" if self.multiple == OWN_HORIZON else f"logistic-x{self.multiple}"

    @property
    def multiples(self) -> frozenset[int]:
        """Its own."""
        return frozenset({self.multiple})

    def fit(self, training_set: TrainingSet) -> "LogisticModel":
        """Scale by the training set's own rows, then fit."""
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
        """By numpy."""
        inputs = standardised(rows, self._centre, self._scale, cut=self._cut)
        return sigmoid(inputs @ self._weights).astype(np.float32)

    def onnx(self) -> bytes:
        """With scaling and imputation inside."""
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
    """Mean and deviation of the defined values per column; (0, 1) for a column without any."""
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
    """A column of ones, then the scaled columns, cut, 0 where undefined; shape (n, 1 + k).

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
    """The weights of the columns, the first being the intercept's, which is not penalised.

    Args:
        inputs: Shape (n, 1 + k), as :func:`standardised` gives them.
        is_up: Shape (n,).
        ridge: Of the penalty ``ridge / 2 * sum of squares``.
        weight: Of the rows; None weighs all alike.
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
        # A curvature costs as much as fifty gradients, and changes little where doubts stay near one half.
        curvature = curvature if size <= _ENOUGH * before else None
        before = size
    return weights


def _gradient(
    inputs: NDArray[np.float64],
    is_up: NDArray[np.bool_],
    weights: NDArray[np.float64],
    importance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Of the log-loss."""
    gradient = np.zeros(inputs.shape[1])
    for part in _parts(len(inputs)):
        probability = sigmoid(inputs[part] @ weights)
        gradient += inputs[part].T @ (importance[part] * (probability - is_up[part]))
    return gradient


def _curvature(
    inputs: NDArray[np.float64], weights: NDArray[np.float64], importance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of the log-loss: a matrix times its own transpose, of which half needs to be computed."""
    curvature = np.zeros((inputs.shape[1], inputs.shape[1]))
    for part in _parts(len(inputs)):
        probability = sigmoid(inputs[part] @ weights)
        doubts = inputs[part] * np.sqrt(importance[part] * probability * (1 - probability))[:, None]
        curvature += doubts.T @ doubts
    return curvature


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, n, _CHUNK))


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logistic function, cut at 30 logits."""
    probability: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(values, -_LARGEST_LOGIT, _LARGEST_LOGIT)))
    return probability


def logit(probability: NDArray[np.float64], *, margin: float) -> NDArray[np.float64]:
    """The log of the odds, of probabilities kept ``margin`` away from 0 and 1."""
    clipped = np.clip(probability, margin, 1 - margin)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds
