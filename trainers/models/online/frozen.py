"""A published snapshot, as scoring and backtests use it: it predicts and no longer learns."""

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import sha256
from trainers.models.online.river_models import RiverModel
from trainers.models.policies import Policy
from trainers.models.vectors import model_input


class FrozenModel:
    """The model of a snapshot, as it was when the snapshot was taken.

    Attributes:
        feature_names: The input columns, in order.
        model_hash: The SHA-256 of its bytes.
        policy: Always None: the running record says how good the model is, and nothing is stated beside a probability.
    """

    policy: Policy | None = None

    def __init__(self, model: RiverModel, *, model_hash: str) -> None:
        self._model = model
        self.feature_names = model.feature_names
        self.model_hash = model_hash

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Loads the model of a snapshot.

        Raises:
            StateError: If the bytes are not a snapshot.
        """
        return cls(RiverModel.restored(data), model_hash=sha256(data))

    def probability_up(self, values: Mapping[str, float | None]) -> np.float32:
        """Returns the probability for one feature vector.

        Args:
            values: The values by feature name, in any order; None where undefined.

        Raises:
            KeyError: If a feature that the model takes is missing.
        """
        row = [np.nan if (value := values[name]) is None else value for name in self.feature_names]
        return self._model.predict_one(model_input(row))

    def probabilities_up(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the probabilities for many vectors, equal to the bit to those of each row alone.

        Args:
            rows: Shape (n, k), as :func:`~trainers.models.vectors.model_input` makes them.

        Returns:
            Shape (n,).
        """
        return np.array([self._model.predict_one(row) for row in rows], dtype=np.float32)
