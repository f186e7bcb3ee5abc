"""Decides which missing bars had no trade, and adds them: bars of no volume at the close before.

Kraken, Bitstamp, Coinbase and others leave out the bars in which nothing was traded. A short hole in their
files is such a pause; a long one is an outage, and no bar is invented for it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.frames import PRICES

Times = NDArray[np.int64]
Columns = Mapping[str, NDArray[Any]]

#: A hole that the file itself fills with empty rows is a pause if it is at most so long.
STATED_PAUSE_MS = 3_600_000
#: Bars shorter than this are added only where the file has empty rows for them: an hour would have 3,600 of a second.
SHORTEST_ADDED_MS = 60_000


class Holes(NamedTuple):
    """The holes between the bars of a file.

    Attributes:
        after: Shape (m,): the row before each hole.
        n_missing: Shape (m,): how many bars are missing in it.
        is_pause: Shape (m,): whether nothing was traded in it.
    """

    after: NDArray[np.intp]
    n_missing: Times
    is_pause: NDArray[np.bool_]

    @property
    def n_added(self) -> int:
        """How many bars without a trade are added."""
        return int(self.n_missing[self.is_pause].sum())


def holes_of(
    starts: Times,
    *,
    step_ms: int,
    pause_ms: int,
    stated_pause_ms: int,
    stated: Times,
    rejected: Times,
    breaks: NDArray[np.intp],
) -> Holes:
    """Return the holes between bars, and which of them are pauses.

    Args:
        starts: Shape (n,), increasing: the bars that are there.
        step_ms: The length of a bar.
        pause_ms: A hole at most this long is a pause; 0 for none. Without empty rows no bar shorter than a minute is
            added.
        stated_pause_ms: The same for a hole that the file's own empty rows fill.
        stated: The starts of empty rows.
        rejected: The starts of rows that were rejected: something was traded then, and nobody knows what.
        breaks: The rows at which another segment begins; what lies before them is no hole.
    """
    n_missing = np.diff(starts) // step_ms - 1
    is_hole = n_missing > 0
    is_hole[breaks[breaks > 0] - 1] = False
    after = np.flatnonzero(is_hole)
    first, last = starts[after] + step_ms, starts[after + 1] - step_ms
    missing = n_missing[after]
    is_stated = _n_within(stated, first, last) == missing
    unstated_ms = pause_ms if step_ms >= SHORTEST_ADDED_MS else 0
    longest = np.where(is_stated, np.maximum(stated_pause_ms, pause_ms), unstated_ms)
    is_pause = (missing * step_ms <= longest) & (_n_within(rejected, first, last) == 0)
    n_after = _n_after_the_end(stated, int(starts[-1]), step_ms=step_ms, longest_ms=stated_pause_ms)
    if not n_after:
        return Holes(after, missing, is_pause)
    return Holes(np.append(after, len(starts) - 1), np.append(missing, n_after), np.append(is_pause, [True]))


def _n_after_the_end(stated: Times, last_ms: int, *, step_ms: int, longest_ms: int) -> int:
    """How many empty rows follow the last bar without a hole; 0 if that is too long for a pause."""
    later = np.unique(stated[stated > last_ms])
    n = int((later == last_ms + step_ms * np.arange(1, len(later) + 1)).sum())
    return n if n * step_ms <= longest_ms else 0


def _n_within(times: Times, first: Times, last: Times) -> Times:
    """How many distinct times lie in each stretch, its ends included."""
    ordered = np.unique(times)
    return np.searchsorted(ordered, last, side="right") - np.searchsorted(ordered, first)


def with_pauses(columns: Columns, holes: Holes, *, step_ms: int) -> dict[str, NDArray[Any]]:
    """Return the columns with a bar for each missing one of a pause.

    Args:
        columns: ``start_ms``, prices and ``volume``, and what else there is, each of shape (n,).
        holes: What :func:`holes_of` found.
        step_ms: The length of a bar.
    """
    if not holes.n_added:
        return dict(columns)
    times = np.ones(len(columns["start_ms"]), dtype=np.int64)
    times[holes.after[holes.is_pause]] += holes.n_missing[holes.is_pause]
    row = np.repeat(np.arange(len(times)), times)
    k = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
    is_added = k > 0
    result = {name: values[row] for name, values in columns.items()}
    result["start_ms"] = result["start_ms"] + k * step_ms
    result.setdefault("n_trades", np.full(len(row), np.nan))
    close = columns["close"][row]
    return {
        name: values
        if name in {"start_ms", "segment"}
        else np.where(is_added, close if name in PRICES else 0, values)
        for name, values in result.items()
    }
