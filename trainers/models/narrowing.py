"""A recipe that looks at some columns and at the instrument's own rows alone, whatever the training set holds.

Beside members that see all of it, such a member is unlike them, and unlike models are what a mixture
lives on.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError
from trainers.models.recipes import FittedModel, TrainingSet


class Alone(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe.

    Attributes:
        member: A recipe.
        columns: What it may see, by name.
    """

    member: Any
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """The member's, and that it is alone."""
        return f"{self.member.name}-alone"

    @property
    def multiples(self) -> frozenset[int]:
        """The member's."""
        found: frozenset[int] = self.member.multiples
        return found

    def fit(self, training_set: TrainingSet) -> "NarrowedModel":
        """Fit the member on its part.

        Raises:
            StateError: If the training set has none of the columns.
        """
        columns = np.flatnonzero(np.isin(training_set.names, self.columns)).astype(np.int64)
        if not len(columns):
            message = f"expected a training set with columns such as {self.columns[:3]}, has {training_set.names[:3]}"
            raise StateError(message)
        return NarrowedModel(
            self.member.fit(training_set.alone(columns)), columns=columns, names=training_set.names
        )


class NarrowedModel:
    """A fitted member that is handed its columns out of all."""

    def __init__(self, member: FittedModel, *, columns: NDArray[np.int64], names: tuple[str, ...]) -> None:
        self._member = member
        self._columns = columns
        self._names = names

    def native_probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The member's own."""
        return self._member.native_probabilities(rows[:, self._columns])

    def onnx(self) -> bytes:
        """The member's graph behind a choice of columns."""
        from trainers.models.onnx_graphs import narrowed_graph

        return narrowed_graph(
            self._member.onnx(),
            columns=[int(column) for column in self._columns],
            feature_names=self._names,
        )
