"""Mixes different models: by averaging logits or probabilities, or with weights from a held-out tail.

Stacking and calibration are one method here: weights of the logits and an intercept, fitted by
logistic regression on the newest part of the training rows, which the members had not seen
when they made those logits. With a single member it is Platt's calibration.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainers.models.logistic import logit, ridge_weights, sigmoid
from trainers.models.recipes import OWN_HORIZON, FittedModel, TrainingSet

_MARGIN = 1e-6


class Mixture(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe of several members with equal weights.

    Attributes:
        members: The recipes of the members.
        in_logits: True averages logits; False averages probabilities, which is soft voting.
        label: The name of the mixture; None makes a name of the members' names.
    """

    members: tuple[Any, ...]
    in_logits: bool = True
    label: str | None = None

    @property
    def name(self) -> str:
        """The label, or the members' names."""
        return self.label or ("mixture" if self.in_logits else "vote") + f"({_names(self.members)})"

    @property
    def multiples(self) -> frozenset[int]:
        """The multiples of all members."""
        return _multiples(self.members)

    def fit(self, training_set: TrainingSet) -> "MixedModel":
        """Fits every member on the whole training set."""
        fitted = [member.fit(training_set) for member in self.members]
        even = np.full(len(fitted), 1 / len(fitted))
        return MixedModel(
            fitted, weights=even, intercept=0.0, in_logits=self.in_logits, names=training_set.names
        )


class Stacked(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe of several members with weights from a held-out tail; with one member, its calibration.

    Attributes:
        members: The recipes of the members.
        tail_share: The newest share of the training set, which is held out for the weights.
        ridge: The penalty that pulls the weights towards equal ones.
    """

    members: tuple[Any, ...]
    tail_share: float = 0.15
    ridge: float = 25.0

    @property
    def name(self) -> str:
        """The kind of the recipe, and the members' names."""
        return f"{'calibrated' if len(self.members) == 1 else 'stacked'}({_names(self.members)})"

    @property
    def multiples(self) -> frozenset[int]:
        """The multiples of all members, and the target's own horizon, on which the weights are fitted."""
        return _multiples(self.members) | {OWN_HORIZON}

    def fit(self, training_set: TrainingSet) -> "MixedModel":
        """Fits on what was known when the tail began, fits the weights on the tail, then fits again on all rows."""
        cut = int(len(training_set.rows) * (1 - self.tail_share))
        older = [member.fit(training_set.known_when(cut)) for member in self.members]
        weights, intercept = self._weights(older, training_set, cut)
        whole = [member.fit(training_set) for member in self.members]
        return MixedModel(
            whole, weights=weights, intercept=intercept, in_logits=True, names=training_set.names
        )

    def _weights(
        self, fitted: Sequence[FittedModel], training_set: TrainingSet, cut: int
    ) -> tuple[NDArray[np.float64], float]:
        outcome = training_set.outcomes[OWN_HORIZON]
        is_tail = outcome.rows >= cut
        logits = _logits(fitted, training_set.rows[outcome.rows[is_tail]])
        even = np.full(len(fitted), 1 / len(fitted))
        # The first input is the mean logit, which is hardly penalised; the others are the members' distances from it.
        mean = logits @ even
        scale = max(float(mean.std()), _MARGIN)
        inputs = np.column_stack([np.ones(len(mean)), mean / scale, (logits - mean[:, None]) / scale])
        found = ridge_weights(inputs, outcome.is_up[is_tail], ridge=self.ridge)
        distances = found[2:] / scale
        return even * (found[1] / scale - distances.sum()) + distances, float(found[0])


class MixedModel:
    """Fitted members, and how they are mixed."""

    def __init__(
        self,
        members: Sequence[FittedModel],
        *,
        weights: NDArray[np.float64],
        intercept: float,
        in_logits: bool,
        names: tuple[str, ...],
    ) -> None:
        self._members = members
        self._weights = weights
        self._intercept = intercept
        self._in_logits = in_logits
        self._names = names

    def native_probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the mixed probabilities of the members, computed by numpy."""
        if self._in_logits:
            mixed = sigmoid(_logits(self._members, rows) @ self._weights + self._intercept)
        else:
            mixed = _probabilities(self._members, rows) @ self._weights
        return mixed.astype(np.float32)

    def onnx(self) -> bytes:
        """Returns one ONNX graph of all members."""
        from trainers.models.onnx_graphs import mixture_graph

        return mixture_graph(
            [member.onnx() for member in self._members],
            weights=[float(weight) for weight in self._weights],
            intercept=self._intercept,
            in_logits=self._in_logits,
            feature_names=self._names,
        )


def _probabilities(members: Sequence[FittedModel], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.column_stack([member.native_probabilities(rows).astype(np.float64) for member in members])


def _logits(members: Sequence[FittedModel], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    return logit(_probabilities(members, rows), margin=_MARGIN)


def _names(members: Sequence[Any]) -> str:
    return "+".join(dict.fromkeys(member.name for member in members))


def _multiples(members: Sequence[Any]) -> frozenset[int]:
    found: frozenset[int] = frozenset()
    return found.union(*(member.multiples for member in members))
