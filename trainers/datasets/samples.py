"""Samples: what a model is fitted and judged on; warm feature rows with a label that is known."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.features import FeatureTable
from schemas.time import Interval
from trainers.datasets.labels import labels, trailing_log_return
from trainers.models.vectors import model_input


class Samples(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Labelled feature vectors of one instrument, oldest first.

    Attributes:
        names: The k columns of ``rows``.
        as_of_ms: Shape (n,), int64, strictly increasing: the decision times.
        label_known_ms: Shape (n,), int64: when the label's interval was over and its end known.
        rows: Shape (n, k), float32, NaN where undefined.
        log_return: Shape (n,), float64: over the horizon ahead; exactly 0 for a tie.
        trailing_log_return: Shape (n,), float64: over the horizon behind, NaN where undefined.
    """

    names: tuple[str, ...]
    feature_spec_hash: str
    interval: Interval
    horizon: Interval
    as_of_ms: NDArray[np.int64]
    label_known_ms: NDArray[np.int64]
    rows: NDArray[np.float32]
    log_return: NDArray[np.float64]
    trailing_log_return: NDArray[np.float64]

    def __len__(self) -> int:
        """How many."""
        return len(self.as_of_ms)

    @property
    def is_up(self) -> NDArray[np.bool_]:
        """Shape (n,): whether the price rose; False for ties too."""
        return np.greater(self.log_return, 0)

    @property
    def is_tie(self) -> NDArray[np.bool_]:
        """Shape (n,): whether the price did not change, which is neither up nor down."""
        return np.equal(self.log_return, 0)


def labelled_samples(
    table: FeatureTable, *, interval: Interval, horizon: Interval, known_by_ms: int
) -> Samples:
    """The rows of a table that can be learnt from.

    Left out are rows that are not warm (their closes still serve as ends of labels), and rows
    whose label is undefined or was not known by ``known_by_ms``. Undefined features stay, as NaN.

    Args:
        table: Oldest first.
        interval: Of the table's bars.
        horizon: How far ahead the label looks.
        known_by_ms: When the model is fitted, in the stream's time.
    """
    outcome = labels(
        as_of_ms=table.as_of_ms, known_ms=table.known_ms, close=table.close, horizon_ms=horizon.milliseconds
    )
    known = np.maximum(outcome.end_ms, outcome.known_ms)
    keep = table.is_warm & ~np.isnan(outcome.log_return) & (known <= known_by_ms)
    trailing = trailing_log_return(
        as_of_ms=table.as_of_ms, close=table.close, horizon_ms=horizon.milliseconds
    )
    return Samples(
        names=table.names,
        feature_spec_hash=table.feature_spec_hash,
        interval=interval,
        horizon=horizon,
        as_of_ms=table.as_of_ms[keep],
        label_known_ms=known[keep],
        rows=model_input(table.values[keep]),
        log_return=outcome.log_return[keep],
        trailing_log_return=trailing[keep],
    )
