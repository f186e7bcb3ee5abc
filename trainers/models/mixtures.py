"""Mixtures of unlike models: averaged in logit space or by probability, or weighted by a held-out tail.

Stacking and calibration are one thing here: the logits' weights and an intercept, fitted by
logistic regression on the newest part of the training stretch, which the members had not seen
when they made those logits. Of a single member it is Platt's calibration.
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
    """Several recipes, each counting alike.

    Attributes:
        members: Recipes.
        in_logits: False averages probabilities: soft voting.
        label: What the mixture is called; None makes a name of the members'.
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
        """All of the members'."""
        return _multiples(self.members)

    def fit(self, training_set: TrainingSet) -> "MixedModel":
        """Fit every member on the whole training set."""
        fitted = [member.fit(training_set) for member in self.members]
        even = np.full(len(fitted), 1 / len(fitted))
        return MixedModel(
            fitted, weights=even, intercept=0.0, in_logits=self.in_logits, names=training_set.names
        )


class Stacked(msgspec.Struct, frozen=True, kw_only=True):
    """Several recipes weighted by what each is worth on a held-out tail; of one, its calibration.

    Attributes:
        members: Recipes.
        tail_share: The newest share of the training set, held out for the weights.
        ridge: Pulls the weights towards an even mixture.
    """

    members: tuple[Any, ...]
    tail_share: float = 0.15
    ridge: float = 25.0

    @property
    def name(self) -> str:
        """What it is, and the members' names."""
        return f"{'calibrated' if len(self.members) == 1 else 'stacked'}({_names(self.members)})"

    @property
    def multiples(self) -> frozenset[int]:
        """All of the members', and the target's own, which the weights are fitted on."""
        return _multiples(self.members) | {OWN_HORIZON}

    def fit(self, training_set: TrainingSet) -> "MixedModel":
        """Fit on what was known when the tail began, weigh on the tail, then fit again on everything."""
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
        # The mean logit comes first and is hardly penalised; then the members' distances from it.
        mean = logits @ even
        scale = max(float(mean.std()), _MARGIN)
        inputs = np.column_stack([np.ones(len(mean)), mean / scale, (logits - mean[:, None]) / scale])
        found = ridge_weights(inputs, outcome.is_up[is_tail], ridge=self.ridge)
        distances = found[2:] / scale
        return even * (found[1] / scale - distances.sum()) + distances, float(found[0])


class MixedModel:
    """Fitted members and how they are mixed."""

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
        """The members' own, mixed by numpy."""
        if self._in_logits:
            mixed = sigmoid(_logits(self._members, rows) @ self._weights + self._intercept)
        else:
            mixed = _probabilities(self._members, rows) @ self._weights
        return mixed.astype(np.float32)

    def onnx(self) -> bytes:
        """One graph of all members."""
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
