"""A recipe that sees only some columns and the instrument's own rows, whatever else the training set holds.

Beside members that see everything, such a member predicts differently, and a mixture gains from members that
differ.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError
from trainers.models.recipes import FittedModel, TrainingSet


class NarrowedRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe of a member that sees only some columns.

    Attributes:
        member: The recipe of the member.
        columns: The names of the columns that it may see.
    """

    member: Any
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """The member's name, with ``-alone``."""
        return f"{self.member.name}-alone"

    @property
    def multiples(self) -> frozenset[int]:
        """The multiples of the member."""
        found: frozenset[int] = self.member.multiples
        return found

    def fit(self, training_set: TrainingSet) -> "NarrowedModel":
        """Fits the member on its columns and on the instrument's own rows.

        Raises:
            StateError: If the training set has none of the columns.
        """
        columns = np.flatnonzero(np.isin(training_set.names, self.columns)).astype(np.int64)
        if not len(columns):
            message = (
                f"the training set must have columns such as {self.columns[:3]}, has {training_set.names[:3]}"
            )
            raise StateError(message)
        return NarrowedModel(
            self.member.fit(training_set.alone(columns)), columns=columns, names=training_set.names
        )


class NarrowedModel:
    """A fitted member that is given its columns out of all."""

    def __init__(self, member: FittedModel, *, columns: NDArray[np.int64], names: tuple[str, ...]) -> None:
        self._member = member
        self._columns = columns
        self._names = names

    def native_probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the probabilities of the member."""
        return self._member.native_probabilities(rows[:, self._columns])

    def onnx(self) -> bytes:
        """Returns the member's graph, with a choice of columns before it."""
        from trainers.models.onnx_graphs import narrowed_graph

        return narrowed_graph(
            self._member.onnx(),
            columns=[int(column) for column in self._columns],
            feature_names=self._names,
        )
