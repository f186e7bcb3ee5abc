"""Logistic regression with a ridge, fitted by Newton's method; scaling and imputation are part of it.

Written on numpy alone: the fold's whole fit is a few matrix products, and scikit-learn takes
seconds to import.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainers.models.recipes import OWN_HORIZON, Lesson

_STEPS = 25
_SMALL = 1e-8
_LARGEST_LOGIT = 30.0
_CHUNK = 65_536


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

    def fit(self, lesson: Lesson) -> "LogisticModel":
        """Scale by the lesson's own rows, then fit."""
        rows, is_up, weight = lesson.examples(self.multiple)
        centre, scale = centre_and_scale(rows)
        inputs = standardised(rows, centre, scale, cut=self.cut)
        weights = ridge_weights(inputs, is_up, ridge=self.ridge, weight=weight)
        return LogisticModel(centre, scale, weights, cut=self.cut, names=lesson.names)


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
        from trainers.models.onnx_graphs import logistic_graph  # noqa: PLC0415  (onnx: only who fits pays)

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
    values = rows.astype(np.float64)
    defined = ~np.isnan(values)
    n = np.maximum(defined.sum(axis=0), 1)
    centre = np.where(defined, values, 0.0).sum(axis=0) / n
    deviation = np.sqrt((np.where(defined, values - centre, 0.0) ** 2).sum(axis=0) / n)
    return centre, np.where(deviation > 0, deviation, 1.0)


def standardised(
    rows: NDArray[np.float32], centre: NDArray[np.float64], scale: NDArray[np.float64], *, cut: float
) -> NDArray[np.float64]:
    """A column of ones, then the scaled columns, cut, 0 where undefined; shape (n, 1 + k)."""
    scaled = np.clip((rows.astype(np.float64) - centre) / scale, -cut, cut)
    return np.column_stack([np.ones(len(rows)), np.where(np.isnan(scaled), 0.0, scaled)])


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
    weights = np.zeros(inputs.shape[1])
    for _ in range(_STEPS):
        gradient, curvature = _slopes(inputs, is_up, weights, weight)
        step = np.linalg.solve(curvature + np.diag(penalty), gradient + penalty * weights)
        weights -= step
        if np.abs(step).max() < _SMALL:
            break
    return weights


def _slopes(
    inputs: NDArray[np.float64],
    is_up: NDArray[np.bool_],
    weights: NDArray[np.float64],
    row_weight: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gradient and curvature of the log-loss, by chunks that fit the processor's cache."""
    width = inputs.shape[1]
    gradient, curvature = np.zeros(width), np.zeros((width, width))
    for start in range(0, len(inputs), _CHUNK):
        part = inputs[start : start + _CHUNK]
        probability = sigmoid(part @ weights)
        importance = np.ones(len(part)) if row_weight is None else row_weight[start : start + _CHUNK]
        gradient += part.T @ (importance * (probability - is_up[start : start + _CHUNK]))
        curvature += (part.T * (importance * probability * (1 - probability))) @ part
    return gradient, curvature


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logistic function, cut at 30 logits."""
    probability: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(values, -_LARGEST_LOGIT, _LARGEST_LOGIT)))
    return probability


def logit(probability: NDArray[np.float64], *, margin: float) -> NDArray[np.float64]:
    """The log of the odds, of probabilities kept ``margin`` away from 0 and 1."""
    clipped = np.clip(probability, margin, 1 - margin)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds
