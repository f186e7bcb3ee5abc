"""Judges the clock of a recorder against that of the venue, so that no boundary of a run hangs on one line.

::

    lead = venue's time - local time        1273 1270 1275 | -3598727 -3598730 ...   a step of the recorder's clock
                                            1273 1270 86400000 1274                  one garbled time

The level of the leads is that of the largest group of trades that agree within :data:`LARGEST_CHANGE_MS`. Trades
away from it are set aside: single ones as garbled, stretches of them because the recorder's clock had
been changed there. Local times of other messages are held against their neighbours in the file.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.sources import LARGEST_LEAD_MS
from schemas.streams import Silence

#: Trades whose leads differ by no more than this are stamped by one clock: more than any queue delays a
#: message, and less than a change of a clock by hand, by NTP's step, or by a laptop that slept.
LARGEST_CHANGE_MS = 10_000
#: Depth differences come every 100 ms: 10 s without any message is an outage of the recorder.
LONGEST_PAUSE_MS = 10_000
#: Trades alone pause when the market does: up to a hundred times their usual distance, from a minute to an hour.
_LEAST_PAUSE_OF_TRADES_MS = 60_000
_LARGEST_PAUSE_OF_TRADES_MS = 3_600_000
_USUAL_DISTANCES = 100
#: Fewer records than this that lie away from their neighbours are garbled; as many are a stretch.
_LEAST_STRETCH = 5
#: In a file of at least so many records, this share of which stands in long stretches, a few at an end do not
#: decide where the run begins or ends.
_MANY = 50
_DENSE_SHARE = 0.95
_MUCH_LATER_MS = 1_000
_FAR_FROM_END_MS = 3_600_000

Times = NDArray[np.int64]
Mask = NDArray[np.bool_]


class ClockSkew(NamedTuple):
    """How a venue's clock stands to the recorder's.

    Attributes:
        skew_ms: The median of event time minus known time.
        lateness_ms: How far a trade may lie below that: the largest such distance among good trades.
    """

    skew_ms: int
    lateness_ms: int

    @property
    def lead_ms(self) -> int:
        """The least by which an event time is ahead of its known time."""
        return self.skew_ms - self.lateness_ms


def estimate_clock_skew(event_minus_known_ms: Times) -> ClockSkew:
    """Return the skew and the lateness of a source, from the differences of its trades' two times.

    The lateness is such that no trade is later than its watermark: a watermark at known time K
    stands at ``K + skew - lateness``, and a trade known at or after K happened no earlier. Fewer than five trades
    that came much later than all others do not count: they are too late for their bars, as in a live run.

    Args:
        event_minus_known_ms: One difference per good trade; known time floored to milliseconds.

    Raises:
        ValueError: If there is none.

    Example:
        >>> estimate_clock_skew(np.array([1270, 1273, 1275]))
        ClockSkew(skew_ms=1273, lateness_ms=3)
    """
    if not len(event_minus_known_ms):
        message = "a clock skew needs at least one trade"
        raise ValueError(message)
    skew_ms = int(np.floor(np.median(event_minus_known_ms)))
    n_late = n_too_late(event_minus_known_ms)
    return ClockSkew(skew_ms, skew_ms - int(np.partition(event_minus_known_ms, n_late)[n_late]))


def n_too_late(event_minus_known_ms: Times) -> int:
    """Return how many trades came so much later than all others that the lateness is not theirs; less than five.

    Args:
        event_minus_known_ms: One difference per good trade.
    """
    if len(event_minus_known_ms) < _MANY:
        return 0
    latest = np.sort(np.partition(event_minus_known_ms, _LEAST_STRETCH)[: _LEAST_STRETCH + 1])
    gaps = np.flatnonzero(np.diff(latest) > _MUCH_LATER_MS)
    return int(gaps[-1]) + 1 if len(gaps) and gaps[-1] + 1 < _LEAST_STRETCH else 0


def level_of_leads(leads_ms: Times) -> int | None:
    """Return the median lead of the largest group that agrees, or None if that lead is more than a minute.

    Of groups of nearly one size it is the one whose clocks differ least.
    """
    ordered = np.sort(leads_ms)
    ends = np.searchsorted(ordered, ordered + LARGEST_CHANGE_MS, side="right")
    sizes = ends - np.arange(len(ordered))
    large = np.flatnonzero(sizes >= 0.9 * sizes.max())
    levels = (ordered[large] + ordered[ends[large] - 1]) // 2
    best = large[np.argmin(np.abs(levels))]
    level = int(np.median(ordered[best : ends[best]]))
    return level if abs(level) <= LARGEST_LEAD_MS else None


def stretches_of(flags: Mask) -> list[tuple[int, int]]:
    """Return the first and the last index of each stretch of at least :data:`_LEAST_STRETCH` flags.

    Example:
        >>> stretches_of(np.array([False, True, True, True, True, True, False]))
        [(1, 5)]
    """
    edges = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return [
        (int(begin), int(end))
        for begin, end in zip(begins, ends, strict=True)
        if end - begin + 1 >= _LEAST_STRETCH
    ]


def stamps_ahead(local_ms: Times) -> Mask:
    """Return which local times are ahead of those after them by more than a second, and are too few to be a correction.

    Args:
        local_ms: Of the trades, in the order of the file.
    """
    ahead = local_ms - np.minimum.accumulate(local_ms[::-1])[::-1] > _MUCH_LATER_MS
    for begin, end in stretches_of(ahead):
        ahead[begin : end + 1] = False
    return ahead


def longest_pause_ms(times: Times, *, is_of_trades: bool) -> int:
    """Return how long records may pause before that is an outage of the recorder, and no quiet market.

    Args:
        times: When each record came, ascending.
        is_of_trades: Whether nothing but trades was recorded, which pause when the market does.
    """
    if not is_of_trades:
        return LONGEST_PAUSE_MS
    distances = np.diff(times)
    distances = distances[distances > 0]
    usual_ms = int(np.median(distances)) if len(distances) else 0
    return min(max(_USUAL_DISTANCES * usual_ms, _LEAST_PAUSE_OF_TRADES_MS), _LARGEST_PAUSE_OF_TRADES_MS)


def stray_times(times: Times, pause_ms: int) -> Mask:
    """Return which times, in the order of the file, do not fit between those before and after them.

    A stretch of times ends where the next differs by more than the pause, in either direction. A short stretch is
    stray if it does not lie between the long stretches around it; at an end of a dense file it
    is stray, too, if it is far from the rest.

    Args:
        times: In the order of the file, which may be ascending or descending.
        pause_ms: The longest distance of two neighbours of one stretch.
    """
    stray = np.zeros(len(times), dtype=np.bool_)
    breaks = np.flatnonzero(np.abs(np.diff(times)) > pause_ms)
    if not len(breaks):
        return stray
    begins = np.concatenate(([0], breaks + 1))
    ends = np.concatenate((breaks, [len(times) - 1]))
    lengths = ends - begins + 1
    is_long = lengths >= _LEAST_STRETCH
    if not is_long.any():
        return stray
    is_dense = len(times) >= _MANY and lengths[is_long].sum() >= _DENSE_SHARE * len(times)
    is_ascending = bool(times[ends[is_long][-1]] >= times[begins[is_long][0]])
    along = times if is_ascending else -times
    for i in np.flatnonzero(~is_long):
        part = slice(begins[i], ends[i] + 1)
        before, after = np.flatnonzero(is_long[:i]), np.flatnonzero(is_long[i + 1 :])
        floor = along[ends[before[-1]]] - pause_ms if len(before) else None
        ceiling = along[begins[i + 1 + after[0]]] + pause_ms if len(after) else None
        stray[part] = _does_not_fit(along[part], floor, ceiling, is_dense=is_dense)
    return stray


def _does_not_fit(part: Times, floor: int | None, ceiling: int | None, *, is_dense: bool) -> bool:
    if floor is not None and part.min() < floor:
        return True
    if ceiling is not None and part.max() > ceiling:
        return True
    if floor is None and ceiling is not None:
        return bool(is_dense and part.max() < ceiling - _FAR_FROM_END_MS)
    return bool(ceiling is None and floor is not None and is_dense and part.min() > floor + _FAR_FROM_END_MS)


def silences_of(times: Times, pause_ms: int) -> tuple[Silence, ...]:
    """Return the stretches in which nothing was recorded for longer than the pause.

    Args:
        times: When each record came, in the order of the file.
        pause_ms: The longest pause that is none.
    """
    reached = np.maximum.accumulate(times)
    pauses = np.flatnonzero(np.diff(reached) > pause_ms)
    return tuple(Silence(int(reached[i]) + 1, int(reached[i + 1])) for i in pauses)
