"""Prequential evaluation: one model over all decisions, predicting each before it learns it.

Labels come with their delay. A label that becomes known at the very time of a decision is learnt first, as
in the job that learns live. No row is ever predicted by a model that has learnt its outcome, or any
outcome that was known only after its decision.

Source:
    Gama, Sebastião, Rodrigues (2013), On evaluating stream learning algorithms.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet
from trainers.evaluation.walk_forward import LEAST_ROWS
from trainers.models.online.protocols import OnlineModel

_TELL_EVERY = 500


def prequential(
    decisions: DecisionSet,
    model: OnlineModel,
    *,
    progress: Callable[[float], None] | None = None,
    least_rows: int = LEAST_ROWS,
) -> NDArray[np.float64]:
    """The probability of up for every row, by the model as it was at the row's decision.

    Args:
        decisions: Oldest first. Ties and rows without an outcome are predicted and not learnt.
        model: A new model, which this function teaches.
        progress: Called with the share of rows that is done.
        least_rows: The model predicts only after it has learnt so many rows.

    Returns:
        Shape (n,); NaN before the first prediction.
    """
    queue = _by_known_time(decisions)
    known_ms = decisions.own.known_ms[queue]
    is_up = decisions.own.is_up
    probability = np.full(len(decisions), np.nan)
    n_due = np.searchsorted(known_ms, decisions.as_of_ms, side="right")
    n_taught = 0
    for number, row in enumerate(decisions.rows):
        for learnt in queue[n_taught : n_due[number]].tolist():
            model.learn_one(decisions.rows[learnt], is_up=bool(is_up[learnt]))
        n_taught = max(n_taught, int(n_due[number]))
        if model.n_learned >= least_rows:
            probability[number] = model.predict_one(row)
        if progress is not None and number % _TELL_EVERY == 0:
            progress((number + 1) / len(decisions))
    return probability


def _by_known_time(decisions: DecisionSet) -> NDArray[np.int64]:
    """The rows that can be learnt, in the order in which their labels are known."""
    own = decisions.own
    rows = np.flatnonzero((own.known_ms >= 0) & own.is_decided)
    order: NDArray[np.int64] = rows[np.argsort(own.known_ms[rows], kind="stable")]
    return order
