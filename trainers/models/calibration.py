"""Calibration in the fold: a model's logits, stretched and shifted by what it was worth on rows it had not seen.

Apart from :class:`~trainers.models.mixtures.Stacked`, which weighs members on one short tail: here an
inner walk-forward makes out-of-sample logits of the newer part of the training set, so that the two numbers
rest on several times as many rows. Both are pulled towards "knows nothing" (slope and shift of zero):
where little was seen, a probability near one half is the honest one.

Of fourteen ways to calibrate boosted trees and others tried on 21 days of June 2025 it was the steadiest: the README has
the figures. Isotonic and beta calibration have more to fit on the same rows, and were left out.
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
#: The shift is doubted ten times as much as the slope: which way prices went in some past weeks says
#: little of the next, and a shift as large as the model's own opinions would drown them.
_SHIFT_UNIT = 10**-0.5
#: An inner fold that would learn from fewer rows is left out; without any, the model knows nothing.
LEAST_ROWS = 50


class Calibrated(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe whose probabilities are calibrated within its own training set.

    Attributes:
        members: The recipe, as the only one.
        n_folds: Of the inner walk-forward.
        first_share: What its first fold learns from.
        ridge: What the doubt of the two numbers is worth, in rows.
    """

    members: tuple[Any, ...]
    n_folds: int = 2
    first_share: float = 0.6
    ridge: float = 100.0

    @property
    def name(self) -> str:
        """What it is, and the member's name."""
        return f"cross-calibrated({self.members[0].name})"

    @property
    def multiples(self) -> frozenset[int]:
        """The member's, and the target's own, which is calibrated on."""
        found: frozenset[int] = self.members[0].multiples | {OWN_HORIZON}
        return found

    def fit(self, training_set: TrainingSet) -> "CalibratedModel":
        """Fit fold by fold, calibrate on what came next, then fit on everything."""
        answers = list(self._answers(training_set))
        logits = np.concatenate([np.empty(0), *(found.logits for found in answers)])
        is_up = np.concatenate([np.empty(0, dtype=np.bool_), *(found.is_up for found in answers)])
        as_of_ms = np.concatenate([np.empty(0, dtype=np.int64), *(found.as_of_ms for found in answers)])
        slope, shift = fitted_line(logits, is_up, ridge=self.ridge) if answers else (0.0, 0.0)
        reference = Reference(as_of_ms, sigmoid(slope * logits + shift), is_up)
        whole = self.members[0].fit(training_set)
        return CalibratedModel(whole, slope=slope, shift=shift, reference=reference, names=training_set.names)

    def _answers(self, training_set: TrainingSet) -> Iterator["_Answer"]:
        """Out-of-sample logits and what came of them, of every fold with enough before it.

        Companions' rows are learnt from, and never asked about.
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
        message = "expected a training set that says when its rows were decided, so that it can be purged"
        raise StateError(message)
    return training_set.as_of_ms


class _Answer(NamedTuple):
    as_of_ms: NDArray[np.int64]
    logits: NDArray[np.float64]
    is_up: NDArray[np.bool_]


class Reference(NamedTuple):
    """Rows of the training set as a calibrated model would have stated them without having learnt from them.

    Thresholds on a model's confidence are settled on these: two models of one recipe may be unlike in
    how sharp they are, above all where rows are few.

    Attributes:
        as_of_ms: When they were decided, increasing.
        probability: Of up, with the slope and shift that the model serves with.
        is_up: What came of them.
    """

    as_of_ms: NDArray[np.int64]
    probability: NDArray[np.float64]
    is_up: NDArray[np.bool_]


class CalibratedModel(MixedModel):
    """A fitted model with its slope and shift, and the rows that they rest on."""

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
    """Whether a fold has something to learn from, of both directions."""
    return all(
        len(outcome.rows) >= LEAST_ROWS and 0 < outcome.is_up.sum() < len(outcome.rows)
        for outcome in (training_set.outcomes[multiple] for multiple in multiples)
    )


def fitted_line(
    logits: NDArray[np.float64], is_up: NDArray[np.bool_], *, ridge: float
) -> tuple[float, float]:
    """Slope and shift of logits by logistic regression, both pulled towards zero.

    Args:
        logits: Shape (n,), out of sample.
        is_up: Shape (n,).
        ridge: On the square of the slope times the logits' own size, and ten times on that of the shift.

    Source:
        Platt (1999), with a prior on both numbers.
    """
    size = max(float(np.sqrt(np.mean(logits**2))), _MARGIN)
    ones = np.ones(len(logits))
    # The first column's weight is not penalised there, so it is one of zeros here.
    inputs = np.column_stack([np.zeros(len(logits)), ones * _SHIFT_UNIT, logits / size])
    _, shift, slope = ridge_weights(inputs, is_up, ridge=ridge)
    return float(slope) / size, float(shift) * _SHIFT_UNIT
