"""Calibrates a model inside its fold: a slope and a shift of its logits, fitted on rows that it had not seen.

:class:`~trainers.models.mixtures.Stacked` weighs members on one short tail. Here an inner walk-forward makes
out-of-sample logits of the newer part of the training set, so that the two numbers rest on several times as many
rows. Both are pulled towards zero, which means that the model knows nothing: with few rows, a probability near one half is
the honest one.

Fourteen ways to calibrate were tried on 21 days of June 2025, and this one was the steadiest; RESULTS.md has
the figures. Isotonic and beta calibration have more parameters to fit on the same rows, and were left out.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError
from trainers.models.logistic import logit, ridge_weights, sigmoid
from trainers.models.mixtures import MixedModel
from trainers.models.recipes import OWN_HORIZON, FittedModel, TrainingSet

_MARGIN = 1e-6
#: The shift is penalised ten times as much as the slope, because the direction of prices in some past weeks says
#: little about the next ones, and a large shift would hide what the model predicts.
_SHIFT_UNIT = 10**-0.5
#: An inner fold with fewer rows to learn from is left out; without any fold the slope and the shift are zero.
LEAST_ROWS = 50


class Calibrated(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe whose probabilities are calibrated within its own training set.

    Attributes:
        members: The one recipe that is calibrated.
        n_folds: The folds of the inner walk-forward.
        first_share: The share of the rows that its first fold learns from.
        ridge: The weight of the penalty on the two numbers, in rows.
    """

    members: tuple[Any, ...]
    n_folds: int = 2
    first_share: float = 0.6
    ridge: float = 100.0

    @property
    def name(self) -> str:
        """The kind of the recipe, and the member's name."""
        return f"cross-calibrated({self.members[0].name})"

    @property
    def multiples(self) -> frozenset[int]:
        """The multiples of the member, and the target's own horizon, on which it is calibrated."""
        found: frozenset[int] = self.members[0].multiples | {OWN_HORIZON}
        return found

    def fit(self, training_set: TrainingSet) -> "CalibratedModel":
        """Fits fold by fold, calibrates on the rows after each fold, then fits on all rows."""
        answers = list(self._answers(training_set))
        logits = np.concatenate([np.empty(0), *(found.logits for found in answers)])
        is_up = np.concatenate([np.empty(0, dtype=np.bool_), *(found.is_up for found in answers)])
        as_of_ms = np.concatenate([np.empty(0, dtype=np.int64), *(found.as_of_ms for found in answers)])
        slope, shift = fitted_line(logits, is_up, ridge=self.ridge) if answers else (0.0, 0.0)
        reference = Reference(as_of_ms, sigmoid(slope * logits + shift), is_up)
        whole = self.members[0].fit(training_set)
        return CalibratedModel(whole, slope=slope, shift=shift, reference=reference, names=training_set.names)

    def _answers(self, training_set: TrainingSet) -> Iterator["_Answer"]:
        """Yields the out-of-sample logits and outcomes of every fold with enough earlier rows.

        The rows of companions are learnt from and never predicted.
        """
        outcome, member = training_set.outcomes[OWN_HORIZON], self.members[0]
        n = len(training_set.rows)
        edges = np.linspace(int(n * self.first_share), n, self.n_folds + 1).astype(int)
        for start, end in pairwise(edges.tolist()):
            older = training_set.known_when(start)
            here = (outcome.rows >= start) & (outcome.rows < end)
            if training_set.is_own is not None:
                here &= training_set.is_own[outcome.rows]
            if here.any() and _is_enough(older, member.multiples):
                rows = outcome.rows[here]
                given = member.fit(older).native_probabilities(training_set.rows[rows])
                logits = logit(given.astype(np.float64), margin=_MARGIN)
                yield _Answer(_as_of_ms(training_set)[rows], logits, outcome.is_up[here])


def _as_of_ms(training_set: TrainingSet) -> NDArray[np.int64]:
    if training_set.as_of_ms is None:
        message = "the training set must state when its rows were decided, so that it can be purged"
        raise StateError(message)
    return training_set.as_of_ms


class _Answer(NamedTuple):
    as_of_ms: NDArray[np.int64]
    logits: NDArray[np.float64]
    is_up: NDArray[np.bool_]


class Reference(NamedTuple):
    """Rows of the training set, with the probabilities that a calibrated model gives to rows it has not learnt from.

    Thresholds on a model's confidence are settled on these rows, because two models of one recipe may differ in
    how sharp they are, above all if there are few rows.

    Attributes:
        as_of_ms: The times at which they were decided, increasing.
        probability: The probability of up, with the slope and shift of the served model.
        is_up: Their outcomes.
    """

    as_of_ms: NDArray[np.int64]
    probability: NDArray[np.float64]
    is_up: NDArray[np.bool_]


class CalibratedModel(MixedModel):
    """A fitted model with its slope and shift, and the rows on which these were fitted."""

    def __init__(
        self,
        member: FittedModel,
        *,
        slope: float,
        shift: float,
        reference: Reference,
        names: tuple[str, ...],
    ) -> None:
        super().__init__([member], weights=np.array([slope]), intercept=shift, in_logits=True, names=names)
        self.reference = reference


def _is_enough(training_set: TrainingSet, multiples: Iterable[int]) -> bool:
    """Whether a fold has enough rows to learn from, with both directions."""
    return all(
        len(outcome.rows) >= LEAST_ROWS and 0 < outcome.is_up.sum() < len(outcome.rows)
        for outcome in (training_set.outcomes[multiple] for multiple in multiples)
    )


def fitted_line(
    logits: NDArray[np.float64], is_up: NDArray[np.bool_], *, ridge: float
) -> tuple[float, float]:
    """Fits slope and shift of logits by logistic regression, both pulled towards zero.

    Args:
        logits: Shape (n,), out of sample.
        is_up: Shape (n,).
        ridge: The penalty on the square of the slope times the size of the logits; ten times as much on the shift.

    Source:
        Platt (1999), with a prior on both numbers.
    """
    size = max(float(np.sqrt(np.mean(logits**2))), _MARGIN)
    ones = np.ones(len(logits))
    # The first column's weight is not penalised there, so it is one of zeros here.
    inputs = np.column_stack([np.zeros(len(logits)), ones * _SHIFT_UNIT, logits / size])
    _, shift, slope = ridge_weights(inputs, is_up, ridge=ridge)
    return float(slope) / size, float(shift) * _SHIFT_UNIT
