"""Refits by the calendar: when a model would have been fitted anew live, and what it could have known.

Forward only. A training row's label must have been known at the refit; that covers labels that
overlap the test stretch and the publication lag. Schemes that also train on rows *after* a test
stretch must embargo as well: :func:`surrounding_fold`.
"""

from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.splits import Fold


class Refit(StrEnum):
    """How often a model is fitted anew."""

    NEVER = "never"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


_MONTHS = {Refit.MONTHLY: 1, Refit.QUARTERLY: 3, Refit.YEARLY: 12}
#: Days from 1970-01-01, a Thursday, back to the Monday before it.
_MONDAY = 3


def refit_times(*, from_ms: int, until_ms: int, refit: Refit) -> tuple[int, ...]:
    """When models are fitted: at the start, then at each beginning of a week, month, quarter or year, UTC.

    Args:
        from_ms: The first fit.
        until_ms: Nothing is decided from here on.
        refit: How often.

    Returns:
        Increasing; the first is ``from_ms``.

    Raises:
        ValueError: If the stretch is empty.

    Example:
        >>> day = 86_400_000
        >>> [time // day for time in refit_times(from_ms=45 * day, until_ms=200 * day, refit=Refit.QUARTERLY)]
        [45, 90, 181]
    """
    if until_ms <= from_ms:
        message = f"until_ms must be after from_ms, were {from_ms} and {until_ms}"
        raise ValueError(message)
    if refit is Refit.NEVER:
        return (from_ms,)
    between = (
        _weeks(from_ms, until_ms) if refit is Refit.WEEKLY else _months(from_ms, until_ms, _MONTHS[refit])
    )
    starts = between.astype("datetime64[ms]").astype(np.int64)
    return (from_ms, *(int(time) for time in starts if from_ms < time < until_ms))


def _weeks(from_ms: int, until_ms: int) -> NDArray[np.datetime64]:
    """The Mondays from the week of one time to the week of another."""
    days = np.array([from_ms, until_ms], dtype="datetime64[ms]").astype("datetime64[D]").astype(np.int64)
    first, last = (days + _MONDAY) // 7
    return (np.arange(first, last + 1) * 7 - _MONDAY).astype("datetime64[D]")


def _months(from_ms: int, until_ms: int, step: int) -> NDArray[np.datetime64]:
    """The beginnings of every ``step``-th month of a year from the one of one time to that of another."""
    months = np.array([from_ms, until_ms], dtype="datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    first, last = months // step
    return (np.arange(first, last + 1) * step).astype("datetime64[M]")


def calendar_folds(
    *, as_of_ms: NDArray[np.int64], known_ms: NDArray[np.int64], refits_ms: tuple[int, ...], until_ms: int
) -> tuple[Fold, ...]:
    """Expanding folds: train on what was known at a refit, test until the next.

    Args:
        as_of_ms: Shape (n,), strictly increasing: the decision times.
        known_ms: Shape (n,): when each row's label was known; a row without one has -1.
        refits_ms: Increasing.
        until_ms: The end of the last stretch.

    Returns:
        The folds with something to decide in them.
    """
    folds = []
    for start_ms, end_ms in pairwise((*refits_ms, until_ms)):
        first, last = np.searchsorted(as_of_ms, [start_ms, end_ms])
        if first < last:
            usable = np.flatnonzero((known_ms[:first] >= 0) & (known_ms[:first] <= start_ms))
            folds.append(Fold(train=usable.astype(np.int64), test=np.arange(first, last, dtype=np.int64)))
    return tuple(folds)


def surrounding_fold(
    *,
    as_of_ms: NDArray[np.int64],
    known_ms: NDArray[np.int64],
    test: NDArray[np.int64],
    embargo_ms: int,
) -> Fold:
    """A fold whose training rows lie before and after the test stretch, purged and embargoed.

    Not what live would have done: for the distribution of a score only. The embargo is to be the
    longer of the horizon and the longest feature memory.

    Args:
        as_of_ms: Shape (n,), strictly increasing.
        known_ms: Shape (n,), when each label was known.
        test: Row numbers of one stretch without gaps, not empty.
        embargo_ms: How long after the stretch's last label no row is trained on.
    """
    starts_ms = as_of_ms[test[0]]
    free_ms = int(known_ms[test].max()) + embargo_ms
    usable = (known_ms >= 0) & ((known_ms <= starts_ms) | (as_of_ms >= free_ms))
    usable[test] = False
    return Fold(train=np.flatnonzero(usable).astype(np.int64), test=test)


def purged(train: NDArray[np.int64], *, known_ms: NDArray[np.int64], decided_ms: int) -> NDArray[np.int64]:
    """The rows of ``train`` whose label was known at a time; of another horizon than the fold's too.

    Args:
        train: Row numbers.
        known_ms: Shape (n,), when the label of each row was known; negative where there is none.
        decided_ms: The time by which it must be known: the first decision of the test.
    """
    kept: NDArray[np.int64] = train[(known_ms[train] >= 0) & (known_ms[train] <= decided_ms)]
    return kept
