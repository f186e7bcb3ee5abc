"""The interface of a loaded model for scoring and for backtests."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainers.models.policies import Policy


class ServedModel(Protocol):
    """A version of the registry that is ready to predict: ONNX, or the frozen snapshot of a River model.

    It never changes: the same row gives the same probability to the bit, alone or in a batch.

    Attributes:
        feature_names: The input columns, in order.
        model_hash: The SHA-256 of its bytes.
        policy: What is stated beside its probabilities; None for a model that was never judged.
    """

    feature_names: tuple[str, ...]
    model_hash: str
    policy: Policy | None

    def probability_up(self, values: Mapping[str, float | None]) -> np.float32:
        """Returns the probability for one feature vector, by name in any order; None where undefined.

        Raises:
            KeyError: If a feature that the model takes is missing.
        """

    def probabilities_up(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the probabilities for many vectors, shape (n, k), as ``vectors.model_input`` returns them."""
