"""The interface of a model that learns row by row, for the code that teaches, judges, stores and serves it."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class OnlineModel(Protocol):
    """A model that goes on learning.

    The calling contract: rows come oldest first. A row is predicted when it comes, and learnt at
    most once, when its label is known; labels are learnt in the order of their rows. Predicting changes nothing. The
    predictions and the snapshot of a model are functions of its recipe and of the rows that it was taught, in their
    order: the same inputs give the same bytes. Only one thread may use a model.
    """

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The k columns of a row, in order."""

    @property
    def n_learned(self) -> int:
        """The number of rows that it was taught."""

    def predict_one(self, row: NDArray[np.float32]) -> np.float32:
        """Returns the probability of up, inside (0, 1).

        Args:
            row: Shape (k,), as :func:`~trainers.models.vectors.model_input` returns it; NaN where undefined.
        """

    def learn_one(self, row: NDArray[np.float32], *, is_up: bool) -> None:
        """Learns the outcome of a row; a tie is no outcome and must not be given."""

    def snapshot(self) -> bytes:
        """Returns the whole state; a model that is restored from it predicts and learns on equally, to the bit."""


class OnlineRecipe(Protocol):
    """How a model that learns row by row is made."""

    @property
    def name(self) -> str:
        """A short name, such as ``online-logistic``."""

    @property
    def parameters(self) -> Mapping[str, float | int | str]:
        """The parameters, for people."""

    def begin(self, feature_names: tuple[str, ...]) -> OnlineModel:
        """Returns a model that has learnt nothing yet."""
