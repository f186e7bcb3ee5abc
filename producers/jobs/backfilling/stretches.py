"""Stretches of time, and what is left of some of them without others. Pure.

A stretch is ``[start_ms, end_ms)``, like a bar and a gap, so stretches that touch have nothing in common.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Stretch(NamedTuple):
    """The times ``[start_ms, end_ms)``."""

    start_ms: int
    end_ms: int

    def within(self, other: "Stretch") -> "Stretch | None":
        """Return the part that lies in another stretch, or None."""
        start_ms, end_ms = max(self.start_ms, other.start_ms), min(self.end_ms, other.end_ms)
        return Stretch(start_ms, end_ms) if start_ms < end_ms else None

    def count(self, step_ms: int) -> int:
        """Return how many bars of a length it holds."""
        return (self.end_ms - self.start_ms) // step_ms


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the same times in as few stretches as possible, oldest first."""
    found: list[Stretch] = []
    for each in sorted(stretches):
        if found and each.start_ms <= found[-1].end_ms:
            found[-1] = Stretch(found[-1].start_ms, max(found[-1].end_ms, each.end_ms))
        else:
            found.append(each)
    return found


def without(stretches: Iterable[Stretch], taken: Iterable[Stretch]) -> list[Stretch]:
    """Return the times that lie in the first stretches and in none of the others."""
    away = joined(taken)
    found: list[Stretch] = []
    at = 0
    for each in joined(stretches):
        while at < len(away) and away[at].end_ms <= each.start_ms:
            at += 1
        found.extend(_left_of(each, away, at))
    return found


def _left_of(stretch: Stretch, away: list[Stretch], at: int) -> Iterator[Stretch]:
    start_ms = stretch.start_ms
    while at < len(away) and away[at].start_ms < stretch.end_ms:
        if start_ms < away[at].start_ms:
            yield Stretch(start_ms, away[at].start_ms)
        start_ms = max(start_ms, away[at].end_ms)
        at += 1
    if start_ms < stretch.end_ms:
        yield Stretch(start_ms, stretch.end_ms)


def inside(stretches: Iterable[Stretch], bounds: Stretch) -> list[Stretch]:
    """Return the parts of stretches that lie in another stretch."""
    parts = (each.within(bounds) for each in stretches)
    return [each for each in parts if each is not None]


def of_starts(starts: NDArray[np.int64], step_ms: int) -> list[Stretch]:
    """Return the stretches that bars fill.

    Args:
        starts: When each bar begins, shape (n,), increasing.
        step_ms: The length of each.
    """
    if not len(starts):
        return []
    breaks = np.flatnonzero(np.diff(starts) != step_ms)
    firsts = starts[np.concatenate(([0], breaks + 1))].tolist()
    lasts = starts[np.concatenate((breaks, [len(starts) - 1]))].tolist()
    return [Stretch(first, last + step_ms) for first, last in zip(firsts, lasts, strict=True)]


def total(stretches: Iterable[Stretch], step_ms: int) -> int:
    """Return how many bars of a length stretches hold together."""
    return sum(each.count(step_ms) for each in stretches)
