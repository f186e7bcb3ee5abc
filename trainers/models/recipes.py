"""Recipes: what every kind of batch model is to the code that fits, judges and stores it.

A recipe is a frozen description; fitting it gives a model that can state its probabilities
natively and as ONNX, and only the ONNX form ever predicts. No form is a pickle.

The calling contract: ``fit`` is a function of its argument alone (same training set, same bytes), keeps
no reference to it, and may be called from several threads at once.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError
from trainers.models.onnx_models import OnnxModel

#: The largest difference between native and exported probabilities that is accepted.
EXPORT_TOLERANCE = 2e-6
#: The target's own horizon among the outcomes of a training set.
OWN_HORIZON = 1


class Outcome(NamedTuple):
    """What happened after some rows of a training set; ties are left out.

    Attributes:
        rows: Row numbers, increasing, shape (m,).
        is_up: Shape (m,).
        weight: Shape (m,), mean about one; None weighs all alike.
        known_ms: Shape (m,): when each was known; None where nobody asks.
    """

    rows: NDArray[np.int64]
    is_up: NDArray[np.bool_]
    weight: NDArray[np.float64] | None = None
    known_ms: NDArray[np.int64] | None = None


class TrainingSet(NamedTuple):
    """The training set of a model: rows, and what happened after them over each horizon.

    Attributes:
        names: The k columns.
        rows: Shape (n, k), oldest first, NaN where undefined.
        outcomes: By multiple of the target's horizon; 1 is there always.
        as_of_ms: Shape (n,), not decreasing: when each row was decided; None where nobody asks.
        is_own: Shape (n,): whether a row is of the instrument that is predicted, and not of a
            companion; None when all are.
    """

    names: tuple[str, ...]
    rows: NDArray[np.float32]
    outcomes: Mapping[int, Outcome]
    as_of_ms: NDArray[np.int64] | None = None
    is_own: NDArray[np.bool_] | None = None

    def examples(
        self, multiple: int = OWN_HORIZON
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64] | None]:
        """Rows, ups and weights of the outcome over so many horizons.

        Raises:
            StateError: If it has no such outcome, or none of both directions.
        """
        outcome = self.outcomes.get(multiple)
        if outcome is None or not 0 < outcome.is_up.sum() < len(outcome.is_up):
            message = (
                f"expected ups and downs over {multiple} horizons to learn from, has {sorted(self.outcomes)}"
            )
            raise StateError(message)
        return self.rows[outcome.rows], outcome.is_up, outcome.weight

    def until(self, row: int) -> "TrainingSet":
        """The training set without the rows from ``row`` on; what is left must be purged by the caller."""
        return self._replace(
            outcomes={multiple: _cut(outcome, row) for multiple, outcome in self.outcomes.items()}
        )

    def alone(self, columns: NDArray[np.int64]) -> "TrainingSet":
        """The instrument's own rows with these columns only."""
        names = tuple(self.names[column] for column in columns)
        if self.is_own is None:
            return self._replace(names=names, rows=self.rows[:, columns])
        place = np.cumsum(self.is_own) - 1
        return TrainingSet(
            names,
            self.rows[self.is_own][:, columns],
            {multiple: _own(outcome, self.is_own, place) for multiple, outcome in self.outcomes.items()},
            None if self.as_of_ms is None else self.as_of_ms[self.is_own],
        )

    def known_when(self, row: int) -> "TrainingSet":
        """The training set as it was known when ``row`` was decided: every outcome purged by its own known time.

        Raises:
            StateError: If it does not say when its rows were decided and its outcomes known.
        """
        if self.as_of_ms is None:
            message = "expected a training set that says when its rows were decided, so that it can be purged"
            raise StateError(message)
        at_ms = int(self.as_of_ms[row])
        earlier = self.until(row).outcomes
        return self._replace(
            outcomes={multiple: _purged(outcome, at_ms) for multiple, outcome in earlier.items()}
        )


def _cut(outcome: Outcome, row: int) -> Outcome:
    return _kept(outcome, slice(int(np.searchsorted(outcome.rows, row))))


def _purged(outcome: Outcome, at_ms: int) -> Outcome:
    if outcome.known_ms is None:
        message = "expected outcomes that say when they were known, so that they can be purged"
        raise StateError(message)
    return _kept(outcome, outcome.known_ms <= at_ms)


def _own(outcome: Outcome, is_own: NDArray[np.bool_], place: NDArray[np.int64]) -> Outcome:
    kept = _kept(outcome, is_own[outcome.rows])
    weight = kept.weight if kept.weight is None or not len(kept.weight) else kept.weight / kept.weight.mean()
    return kept._replace(rows=place[kept.rows], weight=weight)


def _kept(outcome: Outcome, which: slice | NDArray[np.bool_]) -> Outcome:
    weight, known_ms = outcome.weight, outcome.known_ms
    return Outcome(
        outcome.rows[which],
        outcome.is_up[which],
        None if weight is None else weight[which],
        None if known_ms is None else known_ms[which],
    )


class FittedModel(Protocol):
    """A model after fitting, before export."""

    def native_probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability of up as the learning library states it, shape (n,)."""

    def onnx(self) -> bytes:
        """The model as deterministic ONNX bytes that name their input columns."""


class Recipe(Protocol):
    """How to make a model."""

    @property
    def name(self) -> str:
        """Short and telling, such as ``lightgbm-extra``."""

    @property
    def multiples(self) -> frozenset[int]:
        """Over how many horizons the outcomes that it learns from reach."""

    def fit(self, training_set: TrainingSet) -> FittedModel:
        """A model that is fitted on the training set."""


class Checked(NamedTuple):
    """An exported model that agrees with its native form."""

    onnx: bytes
    model: OnnxModel
    largest_difference: float


def exported(fitted: FittedModel, rows: NDArray[np.float32]) -> Checked:
    """The ONNX form, after checking that it says what the native form says.

    Args:
        fitted: Of any recipe.
        rows: What to check on, shape (n, k).

    Raises:
        ValueError: If they differ by more than :data:`EXPORT_TOLERANCE` or in a clear direction.
    """
    data = fitted.onnx()
    model = OnnxModel.from_bytes(data)
    difference = largest_difference(
        exported=model.probabilities_up(rows), native=fitted.native_probabilities(rows)
    )
    return Checked(data, model, difference)


def largest_difference(*, exported: NDArray[np.float32], native: NDArray[np.float32]) -> float:
    """The largest absolute difference between two forms of a model, if it is tolerable.

    Raises:
        ValueError: If it is not, or the forms are not even numbers.
    """
    difference = np.abs(exported.astype(np.float64) - native.astype(np.float64))
    largest = float(np.max(difference, initial=0.0))
    if not largest <= EXPORT_TOLERANCE:
        message = f"the exported model must agree with the native one within {EXPORT_TOLERANCE:g}, differs by {largest:g}"
        raise ValueError(message)
    is_clear = np.abs(native - 0.5) > EXPORT_TOLERANCE
    if np.any(((exported >= 0.5) != (native >= 0.5)) & is_clear):
        message = "the exported model must decide as the native one does, differs in a direction"
        raise ValueError(message)
    return largest
