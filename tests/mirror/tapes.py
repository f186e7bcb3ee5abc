"""A tape without end, made of a recording of some minutes.

::

    recorded           |-- a --|
    played    ... |-- a --|-- a' --|-- a --|-- a' --|-- a --| ...

Every second pass plays the recording in a mirror: each price is a constant divided by the recorded one, and who
bought sells. So the price at the end of a pass is that at the beginning of the next, with one factor for all even and
one for all odd passes, and it neither drifts away nor jumps. Passes are counted from the recording's own time, so that
the same moment has the same trades with the same ids in every run, and ids have no gap.
"""

from typing import NamedTuple

import numpy as np

from tests.mirror.recordings import RecordedQuotes, RecordedTrades


class Trades(NamedTuple):
    """Trades of a tape, as a venue states them.

    ``rank`` counts the trades within one millisecond; ``first_id`` and ``last_id`` are those of the trades that an
    aggregated one stands for.
    """

    id: np.ndarray
    time_ms: np.ndarray
    rank: np.ndarray
    price: np.ndarray
    size: np.ndarray
    is_buyer_maker: np.ndarray
    first_id: np.ndarray
    last_id: np.ndarray

    def __len__(self) -> int:
        """Return how many trades they are."""
        return len(self.id)


class Quotes(NamedTuple):
    """Best bids and asks of a tape."""

    update_id: np.ndarray
    time_ms: np.ndarray
    bid: np.ndarray
    bid_size: np.ndarray
    ask: np.ndarray
    ask_size: np.ndarray


class Loop:
    """Where each entry of a recording lies in time, again and again.

    Args:
        anchor_ms: When the pass with number 0 begins.
        length_ms: How long a pass takes.
        time_ms: The recorded times, in order; those outside the first pass are put on its edge.
    """

    def __init__(self, anchor_ms: int, length_ms: int, time_ms: np.ndarray) -> None:
        self.anchor_ms = anchor_ms
        self.length_ms = length_ms
        self.offsets = np.maximum.accumulate(np.clip(time_ms - anchor_ms, 0, length_ms - 1))

    def first_at(self, at_ms: int) -> int:
        """Return the number of the first entry at or after a time."""
        turn, offset = divmod(at_ms - self.anchor_ms, self.length_ms)
        return int(turn * len(self.offsets) + np.searchsorted(self.offsets, offset))

    def places(self, first: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return passes, positions in the recording, and times of the entries numbered [first, end)."""
        turns, places = np.divmod(np.arange(first, end), len(self.offsets))
        return turns, places, self.anchor_ms + turns * self.length_ms + self.offsets[places]


class Scale(NamedTuple):
    """The factors of even and of odd passes."""

    even: float
    odd: float

    def times(self, basis: float) -> "Scale":
        """Return the scale of a venue whose price stands at a basis to this one's."""
        return Scale(self.even * basis, self.odd * basis)

    def prices(self, recorded: np.ndarray, is_odd: np.ndarray) -> np.ndarray:
        """Return the played prices of recorded ones."""
        return np.where(is_odd, self.odd / recorded, self.even * recorded)


def aggregated(trades: RecordedTrades) -> RecordedTrades:
    """Return trades of one millisecond, price and side put together, as aggregated trades are."""
    keys = np.stack([trades.time_ms, trades.price, trades.is_buyer_maker])
    starts = np.flatnonzero(np.concatenate(([True], np.any(keys[:, 1:] != keys[:, :-1], axis=0))))
    ends = np.append(starts[1:], len(trades.time_ms)) - 1
    return RecordedTrades(
        first_id=trades.first_id // 2,
        time_ms=trades.time_ms[starts],
        price=trades.price[starts],
        size=np.add.reduceat(trades.size, starts),
        is_buyer_maker=trades.is_buyer_maker[starts],
        first=starts,
        last=ends,
    )


def _ranks(offsets: np.ndarray) -> np.ndarray:
    starts = np.searchsorted(offsets, offsets)
    return np.arange(len(offsets)) - starts


class TradeTape:
    """The trades of one venue without end.

    Args:
        loop: When they happen.
        recorded: The trades that are played.
        scale: The factors of the prices.
        decimals: Of the venue's prices.
        first_id: The id of the first trade of pass 0.
        n_single: How many single trades a pass has, and the id of the first; for aggregated trades.
    """

    def __init__(
        self, loop: Loop, recorded: RecordedTrades, scale: Scale, *, decimals: int, first_id: int,
        single: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        self.loop = loop
        self.first_id = first_id
        self._recorded = recorded
        self._scale = scale
        self._decimals = decimals
        self._single_id, self._n_single = single or (first_id, len(recorded.time_ms))
        self._rank = _ranks(loop.offsets)

    def first_at(self, at_ms: int) -> int:
        """Return the id of the first trade at or after a time."""
        return self.first_id + self.loop.first_at(at_ms)

    def numbered(self, first_id: int, end_id: int) -> Trades:
        """Return the trades with the ids [first, end)."""
        turns, places, times = self.loop.places(
            first_id - self.first_id, max(end_id, first_id) - self.first_id
        )
        is_odd = turns % 2 == 1
        recorded = self._recorded
        single = self._single_id + turns * self._n_single
        return Trades(
            id=np.arange(first_id, max(end_id, first_id)),
            time_ms=times,
            rank=self._rank[places],
            price=np.round(self._scale.prices(recorded.price[places], is_odd), self._decimals),
            size=recorded.size[places],
            is_buyer_maker=recorded.is_buyer_maker[places] ^ is_odd,
            first_id=single + recorded.first[places],
            last_id=single + recorded.last[places],
        )

    def between(self, from_ms: int, until_ms: int) -> Trades:
        """Return the trades of [from, until)."""
        return self.numbered(self.first_at(from_ms), self.first_at(until_ms))


class QuoteTape:
    """The best bids and asks of one venue without end."""

    def __init__(self, loop: Loop, recorded: RecordedQuotes, scale: Scale, *, decimals: int) -> None:
        self._loop = loop
        self._recorded = recorded
        self._scale = scale
        self._decimals = decimals
        self._span = int(recorded.update_id[-1] - recorded.update_id[0]) + 1

    def between(self, from_ms: int, until_ms: int) -> Quotes:
        """Return the quotes of [from, until)."""
        return self._numbered(self._loop.first_at(from_ms), self._loop.first_at(until_ms))

    def latest(self, at_ms: int) -> Quotes:
        """Return the last quote before a time, as quotes of length one."""
        end = self._loop.first_at(at_ms)
        return self._numbered(end - 1, end)

    def _numbered(self, first: int, end: int) -> Quotes:
        turns, places, times = self._loop.places(first, end)
        is_odd = turns % 2 == 1
        of = self._recorded
        sides = [np.where(is_odd, second[places], one[places])
                 for one, second in ((of.bid, of.ask), (of.bid_size, of.ask_size), (of.ask, of.bid), (of.ask_size, of.bid_size))]  # fmt: skip
        bid, ask = (np.round(self._scale.prices(sides[side], is_odd), self._decimals) for side in (0, 2))
        step = 10.0**-self._decimals
        ask = np.maximum(ask, np.round(bid + step, self._decimals))
        return Quotes(of.update_id[places] + turns * self._span, times, bid, sides[1], ask, sides[3])
