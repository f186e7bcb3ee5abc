"""How the predictions of a target turned out: the counts that the durable store keeps and the API shows."""

from typing import NamedTuple


class PredictionRecord(NamedTuple):
    """How the predictions of a target turned out so far; ties and voids are neither hit nor miss.

    Attributes:
        n_pick_hits, n_pick_misses: Of those that the model chose to make.
    """

    n_predictions: int
    n_hits: int
    n_misses: int
    n_ties: int
    n_voids: int
    n_pick_hits: int = 0
    n_pick_misses: int = 0
