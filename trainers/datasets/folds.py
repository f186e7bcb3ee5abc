"""Folds: train on what was known at a refit, test on what came before the next.

The only splits that exist here; there is no argument by which rows could be shuffled. On a
simulated martingale a shuffled split "reaches" 66-88 % where 50 % is the truth. Forward only: a
training row's label must have been known at the refit, which covers labels that overlap the test
stretch and the publication lag.

::

    fold 1   |---- train ----|purged|-- test --|
    fold 2   |---------- train ---------|purged|-- test --|
    fold 3   |--------------------- train -------- |purged|-- test --|
                                                            -> time
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet
from trainers.datasets.schedules import Refit, refit_times, refits_by_rows


class Fold(NamedTuple):
    """One refit, as it would have been made live.

    Attributes:
        train: Row numbers, increasing, all before the test stretch.
        test: Row numbers, increasing, a stretch without gaps.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]


def folds_between(decisions: DecisionSet, *, refits_ms: Sequence[int], until_ms: int) -> tuple[Fold, ...]:
    """Expanding folds: train on what was known at a refit, test until the next.

    A row is a candidate for training as soon as the outcome over one of its horizons was known; each
    horizon is then purged by itself (:func:`purged`). A label that is known at the very time of the
    refit is used, as live.

    Args:
        decisions: Oldest first; their order is their times', so it cannot be chosen.
        refits_ms: The times of the refits, increasing.
        until_ms: The end of the last test stretch.

    Returns:
        The folds with something to decide in them.
    """
    as_of_ms, known_ms = decisions.as_of_ms, decisions.first_known_ms()
    folds = []
    for start_ms, end_ms in pairwise((*refits_ms, until_ms)):
        first, last = np.searchsorted(as_of_ms, [start_ms, end_ms])
        if first < last:
            usable = np.flatnonzero((known_ms[:first] >= 0) & (known_ms[:first] <= start_ms))
            folds.append(Fold(train=usable.astype(np.int64), test=np.arange(first, last, dtype=np.int64)))
    return tuple(folds)


def calendar_folds(decisions: DecisionSet, *, from_ms: int, until_ms: int, refit: Refit) -> tuple[Fold, ...]:
    """The calendar's folds over a stretch of the decisions.

    Args:
        decisions: Oldest first.
        from_ms: The first refit, and the beginning of the first test.
        until_ms: The end of the last test.
        refit: How often the model is fitted again.
    """
    refits_ms = refit_times(from_ms=from_ms, until_ms=until_ms, refit=refit)
    return folds_between(decisions, refits_ms=refits_ms, until_ms=until_ms)


def equal_folds(decisions: DecisionSet, *, n_folds: int, until_ms: int) -> tuple[Fold, ...]:
    """Folds over the newer 60 % of the labelled rows, about as many rows in each test.

    Args:
        decisions: Oldest first.
        n_folds: How many.
        until_ms: The end of the last test.

    Raises:
        ValueError: If there are too few labelled rows for so many folds.
    """
    is_labelled = decisions.own.known_ms >= 0
    refits_ms = refits_by_rows(decisions.as_of_ms[is_labelled], n_refits=n_folds)
    return folds_between(decisions, refits_ms=refits_ms, until_ms=until_ms)


def purged(train: NDArray[np.int64], *, known_ms: NDArray[np.int64], decided_ms: int) -> NDArray[np.int64]:
    """The rows of ``train`` whose outcome over one horizon was known at a time.

    Args:
        train: Row numbers.
        known_ms: Shape (n,), when the outcome of each row was known; negative where there is none.
        decided_ms: The time by which it must be known: the first decision of the test.
    """
    kept: NDArray[np.int64] = train[(known_ms[train] >= 0) & (known_ms[train] <= decided_ms)]
    return kept
