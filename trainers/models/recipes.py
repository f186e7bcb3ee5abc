"""Recipes: the interface of every kind of batch model for the code that fits, judges and stores it.

A recipe is a frozen description. Fitting it gives a model that can predict natively and as ONNX, and after the
fit only the ONNX form predicts. No form is a pickle.

The calling contract: ``fit`` is a function of its argument alone (the same training set gives the same bytes), keeps
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
    """The outcomes of some rows of a training set; ties are left out.

    Attributes:
        rows: The row numbers, increasing, shape (m,).
        is_up: Shape (m,).
        weight: Shape (m,), mean about one; None weighs all alike.
        known_ms: Shape (m,), when each was known; None if no purge is needed.
    """

    rows: NDArray[np.int64]
    is_up: NDArray[np.bool_]
    weight: NDArray[np.float64] | None = None
    known_ms: NDArray[np.int64] | None = None


class TrainingSet(NamedTuple):
    """The training set of a model: rows, and their outcomes over each horizon.

    Attributes:
        names: The k columns.
        rows: Shape (n, k), oldest first, NaN where undefined.
        outcomes: The outcomes by multiple of the target's horizon; 1 is always there.
        as_of_ms: Shape (n,), not decreasing: when each row was decided; None if no purge is needed.
        is_own: Shape (n,): whether a row belongs to the instrument that is predicted, and not to a
            companion; None if all rows do.
    """

    names: tuple[str, ...]
    rows: NDArray[np.float32]
    outcomes: Mapping[int, Outcome]
    as_of_ms: NDArray[np.int64] | None = None
    is_own: NDArray[np.bool_] | None = None

    def examples(
        self, multiple: int = OWN_HORIZON
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64] | None]:
        """Returns the rows, ups and weights of the outcome over this number of horizons.

        Raises:
            StateError: If the set has no such outcome, or if one direction is missing.
        """
        outcome = self.outcomes.get(multiple)
        if outcome is None or not 0 < outcome.is_up.sum() < len(outcome.is_up):
            message = f"a training set needs ups and downs over {multiple} horizons, has outcomes over {sorted(self.outcomes)}"
            raise StateError(message)
        return self.rows[outcome.rows], outcome.is_up, outcome.weight

    def until(self, row: int) -> "TrainingSet":
        """Returns the training set without the rows from ``row`` on; the caller must purge the rest."""
        return self._replace(
            outcomes={multiple: _cut(outcome, row) for multiple, outcome in self.outcomes.items()}
        )

    def alone(self, columns: NDArray[np.int64]) -> "TrainingSet":
        """Returns the instrument's own rows with these columns only."""
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
        """Returns the training set as it was known when ``row`` was decided; each outcome is purged by its own known time.

        Raises:
            StateError: If it does not state when its rows were decided and its outcomes were known.
        """
        if self.as_of_ms is None:
            message = "the training set must state when its rows were decided, so that it can be purged"
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
        message = "the outcomes must state when they were known, so that they can be purged"
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
    """A model after the fit and before the export."""

    def native_probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the probability of up as the learning library computes it, shape (n,)."""

    def onnx(self) -> bytes:
        """Returns the model as deterministic ONNX bytes that name their input columns."""


class Recipe(Protocol):
    """How a model is fitted."""

    @property
    def name(self) -> str:
        """A short name, such as ``lightgbm-extra``."""

    @property
    def multiples(self) -> frozenset[int]:
        """The numbers of horizons over which the outcomes reach that it learns from."""

    def fit(self, training_set: TrainingSet) -> FittedModel:
        """Returns a model that is fitted on the training set."""


class CheckedExport(NamedTuple):
    """An exported model that agrees with its native form."""

    onnx: bytes
    model: OnnxModel
    largest_difference: float


def exported(fitted: FittedModel, rows: NDArray[np.float32]) -> CheckedExport:
    """Returns the ONNX form, after checking that it predicts what the native form predicts.

    Args:
        fitted: A model of any recipe.
        rows: The rows to check on, shape (n, k).

    Raises:
        ValueError: If they differ by more than :data:`EXPORT_TOLERANCE` or in a clear direction.
    """
    data = fitted.onnx()
    model = OnnxModel.from_bytes(data)
    difference = largest_difference(
        exported=model.probabilities_up(rows), native=fitted.native_probabilities(rows)
    )
    return CheckedExport(data, model, difference)


def largest_difference(*, exported: NDArray[np.float32], native: NDArray[np.float32]) -> float:
    """Returns the largest absolute difference between two forms of a model, if it is small enough.

    Raises:
        ValueError: If it is too large, or a probability is not a number.
    """
    difference = np.abs(exported.astype(np.float64) - native.astype(np.float64))
    largest = float(np.max(difference, initial=0.0))
    if not largest <= EXPORT_TOLERANCE:
        message = f"the exported model must agree with the native one within {EXPORT_TOLERANCE:g}, differs by {largest:g}"
        raise ValueError(message)
    is_clear = np.abs(native - 0.5) > EXPORT_TOLERANCE
    if np.any(((exported >= 0.5) != (native >= 0.5)) & is_clear):
        message = (
            "the exported model must predict the directions of the native one, and one direction differs"
        )
        raise ValueError(message)
    return largest
