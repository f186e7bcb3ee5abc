"""What a loaded model is to those who ask it: scoring, and backtests by the batch."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainers.models.policies import Policy


class ServedModel(Protocol):
    """A version of the registry, ready to predict: ONNX, or the frozen snapshot of a River model.

    It never changes: the same row gives the same probability, alone or in a batch, to the bit.

    Attributes:
        feature_names: The input columns, in order.
        model_hash: SHA-256 of the bytes it was made from.
        policy: What is stated beside its probabilities; None of a model that was never judged.
    """

    feature_names: tuple[str, ...]
    model_hash: str
    policy: Policy | None

    def probability_up(self, values: Mapping[str, float | None]) -> np.float32:
        """The probability for one feature vector, by name in any order; None where undefined.

        Raises:
            KeyError: If a feature that the model takes is missing.
        """

    def probabilities_up(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities for many vectors, shape (n, k), as ``vectors.model_input`` makes them."""
