"""The rows that the second-stage join keeps: those of a target that wait, and those of its companions.

Which row of a companion may be joined at a time is decided here, by the rows alone.
"""

from bisect import bisect_right
from collections.abc import Sequence

import msgspec
import numpy as np

from schemas.time import Interval


class CompanionRow(msgspec.Struct, frozen=True, array_like=True):
    """A companion's row, which may be joined to rows of ``from_ms`` and later.

    Attributes:
        from_ms: From which as-of time on it may be joined.
        as_of_ms: The end of its bar.
        known_ms: When it was known.
        taken: The numbers that the join takes from it.
    """

    from_ms: int
    as_of_ms: int
    known_ms: int
    taken: tuple[float, ...]


class TargetRow(msgspec.Struct, frozen=True, array_like=True):
    """A row of the target that waits for its companions.

    Attributes:
        number: Numbers the rows in the order in which they came.
        as_of_ms: The end of its bar.
        known_ms: When it was known.
        is_too_late: Whether it was older than its own source's watermark by more than ``LATEST_MS``.
        values: Its market features in their order, as float64 bytes.
    """

    number: int
    as_of_ms: int
    known_ms: int
    source: str
    interval: Interval
    close: float
    is_warm: bool
    is_too_late: bool
    values: bytes

    def numbers(self) -> list[float]:
        """Return the values as numbers."""
        numbers: list[float] = np.frombuffer(self.values, dtype=np.float64).tolist()
        return numbers


def newest_joinable(others: Sequence[CompanionRow], time_ms: int) -> CompanionRow | None:
    """Return the row of the newest bar that may be joined at a time; None if there is none."""
    # No row may be joined before its own time.
    for place in range(bisect_right(others, time_ms, key=as_of) - 1, -1, -1):
        if others[place].from_ms <= time_ms:
            return others[place]
    return None


def without_needed(others: list[CompanionRow], since_ms: int) -> list[CompanionRow]:
    """Take out and return the oldest rows, which no row from a time on can need."""
    newest = newest_joinable(others, since_ms)
    n_gone = 0
    while (
        newest is not None
        and others[n_gone].as_of_ms < newest.as_of_ms
        and others[n_gone].from_ms <= since_ms
    ):
        n_gone += 1
    gone = others[:n_gone]
    del others[:n_gone]
    return gone


def as_of(other: CompanionRow) -> int:
    """Return the end of a row's bar, by which rows are sorted."""
    return other.as_of_ms
