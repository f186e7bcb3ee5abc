"""Purged walk-forward: train on what was known, test on what came next.

The only splits that exist here; there is no argument by which rows could be shuffled. On a
simulated martingale a shuffled split "reaches" 66-88 % where 50 % is the truth.

::

    fold 1   |---- train ----|purged|-- test --|
    fold 2   |---------- train ---------|purged|-- test --|
    fold 3   |--------------------- train -------- |purged|-- test --|
                                                            -> time
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.samples import Samples

#: The share of the rows that the first fold trains on, before purging.
FIRST_TRAINING_SHARE = 0.4


class Fold(NamedTuple):
    """One refit, as it would have been made live.

    Attributes:
        train: Row numbers, increasing, all before the test stretch.
        test: Row numbers, increasing, a stretch without gaps.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]


def walk_forward(samples: Samples, *, n_folds: int) -> tuple[Fold, ...]:
    """Expanding folds in the order of time.

    Every test stretch has about as many rows as the others; together they cover the last
    60 % once. A training row is purged when its label was not yet known at the stretch's first
    decision: that covers labels whose interval overlaps the stretch, and the publication lag.
    A label that is known at the very decision time is used, as live.

    Args:
        samples: Oldest first; their order is their times', so it cannot be chosen.
        n_folds: How many, > 0.

    Raises:
        ValueError: If there are too few rows for so many folds.
    """
    n = len(samples)
    first = int(n * FIRST_TRAINING_SHARE)
    if n_folds < 1 or first < 1 or n - first < n_folds:
        message = f"walk-forward over {n_folds} folds needs more rows, were {n}"
        raise ValueError(message)
    edges = np.linspace(first, n, n_folds + 1).astype(np.int64)
    return tuple(_fold(samples, int(start), int(end)) for start, end in pairwise(edges))


def _fold(samples: Samples, start: int, end: int) -> Fold:
    decided_ms = samples.as_of_ms[start]
    is_known = samples.label_known_ms[:start] <= decided_ms
    return Fold(train=np.flatnonzero(is_known).astype(np.int64), test=np.arange(start, end, dtype=np.int64))
