"""The record of a target: counts of how its predictions turned out, which the durable store keeps and the API shows."""

from typing import NamedTuple


class PredictionRecord(NamedTuple):
    """How the predictions of a target have turned out so far; ties and voids are neither hits nor misses.

    Attributes:
        n_pick_hits, n_pick_misses: The hits and misses of the decisions that the model chose to make.
    """

    n_predictions: int
    n_hits: int
    n_misses: int
    n_ties: int
    n_voids: int
    n_pick_hits: int = 0
    n_pick_misses: int = 0
