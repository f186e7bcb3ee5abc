"""Refit schedules: when a model is fitted again, by the calendar or by equally many rows.

Evaluations and backtests refit by the calendar, as a live model would be. A version that is made
now is judged on what little history it has, so that its walk-forward shares the rows out evenly.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

#: The share of the labelled rows that the first model learns from, before purging.
FIRST_TRAINING_SHARE = 0.4


class Refit(StrEnum):
    """How often a model is fitted again."""

    NEVER = "never"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


_MONTHS = {Refit.MONTHLY: 1, Refit.QUARTERLY: 3, Refit.YEARLY: 12}
#: Days from 1970-01-01, a Thursday, back to the Monday before it.
_MONDAY = 3


def refit_times(*, from_ms: int, until_ms: int, refit: Refit) -> tuple[int, ...]:
    """The times at which models are fitted: at the start, and when a week, month, quarter or year begins (UTC).

    Args:
        from_ms: The first fit.
        until_ms: The end of the stretch; no decision is made from here on.
        refit: How often the model is fitted again.

    Returns:
        The times, increasing; the first is ``from_ms``.

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


def refits_by_rows(as_of_ms: NDArray[np.int64], *, n_refits: int) -> tuple[int, ...]:
    """The times at which models are fitted so that about equally many labelled rows follow each refit.

    The first model learns from the first 40 % of the rows; the test stretches cover the others once.

    Args:
        as_of_ms: Shape (n,), increasing: the decision times of rows that have a label.
        n_refits: How many refits there are, > 0.

    Raises:
        ValueError: If there are too few rows for so many refits.
    """
    n = len(as_of_ms)
    first = int(n * FIRST_TRAINING_SHARE)
    if n_refits < 1 or first < 1 or n - first < n_refits:
        message = f"walk-forward over {n_refits} folds needs more rows, were {n}"
        raise ValueError(message)
    rows = np.linspace(first, n, n_refits, endpoint=False).astype(np.int64)
    return tuple(int(time) for time in as_of_ms[rows])
