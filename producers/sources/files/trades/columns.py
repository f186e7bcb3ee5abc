"""Trades of a file as columns, so that millions of them can be judged and sorted at once."""

from array import array
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.normalise.trades import NO_ID, Market, TradeKind, VenueTrade

#: What stands for a local time that a line does not state.
NO_LOCAL_MS = -(2**62)
_SIDES = {None: -1, False: 0, True: 1}


class GroupKey(NamedTuple):
    """What trades of one kind and one instrument have in common."""

    symbol: str
    market: Market | None
    kind: TradeKind


class TradeColumns:
    """The trades of one group, in the order of the file."""

    def __init__(self, example: VenueTrade) -> None:
        self.example = example
        self._rows, self._local, self._times, self._ids = (array("q") for _ in range(4))
        self._prices, self._sizes = array("d"), array("d")
        self._sides = array("b")

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: int, local_ms: int | None, trade: VenueTrade) -> None:
        """Take one more trade.

        Args:
            row: The number of its line.
            local_ms: When the recorder had it, or None.
            trade: The trade.
        """
        self._rows.append(row)
        self._local.append(NO_LOCAL_MS if local_ms is None else local_ms)
        self._times.append(trade.time_ms)
        self._ids.append(trade.trade_id)
        self._prices.append(trade.price)
        self._sizes.append(trade.size)
        self._sides.append(_SIDES[trade.is_buyer_maker])

    @property
    def rows(self) -> NDArray[np.int64]:
        """The numbers of the lines, shape (n,)."""
        return np.frombuffer(self._rows, dtype=np.int64)

    @property
    def local_ms(self) -> NDArray[np.int64]:
        """When the recorder had each, shape (n,); :data:`NO_LOCAL_MS` where the line does not say."""
        return np.frombuffer(self._local, dtype=np.int64)

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """When each happened, by the venue, shape (n,)."""
        return np.frombuffer(self._times, dtype=np.int64)

    @property
    def ids(self) -> NDArray[np.int64]:
        """The ids, shape (n,)."""
        return np.frombuffer(self._ids, dtype=np.int64)

    @property
    def prices(self) -> NDArray[np.float64]:
        """The prices, shape (n,)."""
        return np.frombuffer(self._prices, dtype=np.float64)

    @property
    def sizes(self) -> NDArray[np.float64]:
        """How many coins each traded, shape (n,)."""
        return np.frombuffer(self._sizes, dtype=np.float64)

    @property
    def has_unknown_sides(self) -> bool:
        """Whether a trade does not say who took it."""
        return _SIDES[None] in self._sides

    def are_told_apart(self) -> bool:
        """Return whether the ids tell the trades apart: every trade has one, and not half of them are another trade's."""
        ids = self.ids
        if NO_ID in ids:
            return False
        if bool((ids[1:] > ids[:-1]).all()):
            return True
        n_shared = len(ids) - len(np.unique(ids)) - self.n_repeats()
        return 2 * n_shared <= len(ids)

    def n_repeats(self) -> int:
        """Return how many trades have the id, the time, the price and the size of one before them."""
        ids = self.ids
        if len(ids) < 2 or bool((ids[1:] > ids[:-1]).all()):
            return 0
        values = (self._prices, self._sizes)
        keys = (ids, self.times_ms, *(np.frombuffer(column, dtype=np.float64) for column in values))
        order = np.lexsort(keys)
        same = [column[order[1:]] == column[order[:-1]] for column in keys]
        return int(np.logical_and.reduce(same).sum())

    def trades(self, order: NDArray[np.intp]) -> Iterator[VenueTrade]:
        """Return trades in an order, given by their numbers in the columns."""
        example, sides = self.example, (None, False, True)
        for i in order.tolist():
            yield VenueTrade(
                example.symbol,
                self._ids[i],
                self._prices[i],
                self._sizes[i],
                self._times[i],
                sides[self._sides[i] + 1],
                example.market,
                example.kind,
            )


def joined(groups: Sequence[TradeColumns]) -> TradeColumns:
    """Return the trades of several groups of one instrument as one, in the order of the file."""
    if len(groups) == 1:
        return groups[0]
    whole = TradeColumns(groups[0].example)
    every = [
        (row, local, trade)
        for group in groups
        for row, local, trade in zip(
            group.rows.tolist(), group.local_ms.tolist(), group.trades(np.arange(len(group))), strict=True
        )
    ]
    for row, local_ms, trade in sorted(every, key=itemgetter(0)):
        whole.add(row, None if local_ms == NO_LOCAL_MS else local_ms, trade)
    return whole
