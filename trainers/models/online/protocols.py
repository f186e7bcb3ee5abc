"""What a model that learns row by row is to the code that teaches, judges, keeps and serves it."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class OnlineModel(Protocol):
    """A model that is never finished.

    The calling contract: rows come oldest first; a row is predicted when it comes, and learnt, at
    most once, when its label is known, which is later and never in between its prediction and
    that of an older row whose label came first. Predicting changes nothing. What a model says and
    what its snapshot holds are functions of its recipe and of what it was taught, in that order:
    same inputs, same bytes. Not for several threads.
    """

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The k columns of a row, in order."""

    @property
    def n_learned(self) -> int:
        """How many rows it was taught."""

    def predict_one(self, row: NDArray[np.float32]) -> np.float32:
        """The probability of up, inside (0, 1).

        Args:
            row: Shape (k,), as :func:`~trainers.models.vectors.model_input` makes it; NaN where undefined.
        """

    def learn_one(self, row: NDArray[np.float32], *, is_up: bool) -> None:
        """Take over how a row turned out; a tie is no outcome and must not be handed over."""

    def snapshot(self) -> bytes:
        """All of it, such that what is restored from it predicts and learns on to the bit."""


class OnlineRecipe(Protocol):
    """How to make a model that learns row by row."""

    @property
    def name(self) -> str:
        """Short and telling, such as ``online-logistic``."""

    @property
    def parameters(self) -> Mapping[str, float | int | str]:
        """What it is made with, for people."""

    def begin(self, feature_names: tuple[str, ...]) -> OnlineModel:
        """A model that knows nothing yet."""
