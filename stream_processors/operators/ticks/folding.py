"""The compiled fold: trades into the open bar of their instrument, until something needs a decision.

It does what :meth:`~stream_processors.operators.bars.BarBuilder.on_tick` does with a trade that
belongs to the bar at hand, comes late, or is a repeat, in the same order and so with the same
sums. It stops at whatever else: a trade that closes a bar or starts a stretch, a watermark that
some bar or the stream's clock waits for, a message that the scan did not know.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_processors.operators.bars import BarBuilder
from stream_processors.operators.open_bars import OpenBar
from stream_processors.operators.ticks.names import doubled
from stream_processors.operators.ticks.scanning import (
    BOUGHT,
    EPOCH,
    EVENT_MS,
    FIRST_GROUP,
    KNOWN_MS,
    PRICE,
    SIZE,
    TRADE_ID,
    UNKNOWN,
)

#: Columns of ``links``: of a key, its row, its group and how late its trades may come.
_ROW, _GROUP, _LATENESS = range(3)
#: Columns of ``wholes``: of a row, what is whole in the state of its builder.
(
    _IS_OPEN,
    _IS_CHANGED,
    _OF_GROUP,
    _LENGTH,
    _NEXT_START,
    _JOINED,
    _LAST_ID,
    _N_LATE,
    _N_REPEATED,
    _N_UNBOUNDED,
    _N_TRADES,
    _FIRST_MS,
    _FIRST_ID,
    _LAST_MS,
    _LAST_TRADE,
    _KNOWN,
) = range(16)
#: Columns of ``reals``: prices and volumes of its open bar.
_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME, _BUY_VOLUME = range(6)

NEVER_MS = 2**62


@njit(cache=True, nogil=True)
def _add(number, amount, whole, real):
    """A trade into the open bar; first and last are by event time, then trade id."""
    at, trade, price = number[EVENT_MS], number[TRADE_ID], amount[PRICE]
    if whole[_N_TRADES] == 0:
        whole[_FIRST_MS] = whole[_LAST_MS] = at
        whole[_FIRST_ID] = whole[_LAST_TRADE] = trade
        whole[_KNOWN] = number[KNOWN_MS]
        real[_OPEN] = real[_HIGH] = real[_LOW] = real[_CLOSE] = price
        real[_VOLUME], real[_BUY_VOLUME] = amount[SIZE], amount[BOUGHT]
    else:
        if at < whole[_FIRST_MS] or (at == whole[_FIRST_MS] and trade < whole[_FIRST_ID]):
            whole[_FIRST_MS], whole[_FIRST_ID], real[_OPEN] = at, trade, price
        if at > whole[_LAST_MS] or (at == whole[_LAST_MS] and trade >= whole[_LAST_TRADE]):
            whole[_LAST_MS], whole[_LAST_TRADE], real[_CLOSE] = at, trade, price
        real[_HIGH] = max(real[_HIGH], price)
        real[_LOW] = min(real[_LOW], price)
        real[_VOLUME] += amount[SIZE]
        real[_BUY_VOLUME] += amount[BOUGHT]
        whole[_KNOWN] = max(whole[_KNOWN], number[KNOWN_MS])
    whole[_N_TRADES] += 1


@njit(cache=True, nogil=True)
def _takes(number, amount, link, whole, real):
    """Take a trade in, if that needs no decision; whether it did."""
    if not whole[_IS_OPEN] or whole[_OF_GROUP] != link[_GROUP]:
        return False
    at, trade, next_start = number[EVENT_MS], number[TRADE_ID], whole[_NEXT_START]
    if trade <= whole[_LAST_ID]:
        whole[_IS_CHANGED] = 1
        whole[_N_REPEATED] += 1
        return True
    start = at - at % whole[_LENGTH]
    if at - link[_LATENESS] >= next_start + whole[_LENGTH] or start > next_start:
        return False
    whole[_IS_CHANGED] = 1
    whole[_LAST_ID] = trade
    if start < next_start:
        whole[_N_LATE] += 1
    elif start < whole[_JOINED]:
        whole[_N_UNBOUNDED] += 1
    else:
        _add(number, amount, whole, real)
    return True


@njit(cache=True, nogil=True)
def _fold(first, kinds, numbers, amounts, links, wholes, reals, acts_from, epochs):
    """Go on from a message; the number of the first that needs a decision, or how many there are."""
    for i in range(first, kinds.shape[0]):
        kind = kinds[i]
        if kind == UNKNOWN:
            return i
        if kind <= FIRST_GROUP:
            group = FIRST_GROUP - kind
            if numbers[i, EVENT_MS] >= acts_from[group] or numbers[i, EPOCH] != epochs[group]:
                return i
            continue
        row = links[kind, _ROW]
        if row < 0 or not _takes(numbers[i], amounts[i], links[kind], wholes[row], reals[row]):
            return i
    return kinds.shape[0]


@njit(cache=True, nogil=True)
def _due(wholes, n, group, watermark):
    """The rows of a group whose bar ends by a watermark."""
    found = np.empty(n, np.int64)
    n_found = 0
    for row in range(n):
        whole = wholes[row]
        if whole[_OF_GROUP] == group and whole[_IS_OPEN] and whole[_NEXT_START] + whole[_LENGTH] <= watermark:
            found[n_found] = row
            n_found += 1
    return found[:n_found]


@njit(cache=True, nogil=True)
def _outlook(wholes, n, group):
    """The shortest bar of a group's rows, and when the first of their open bars ends."""
    shortest, earliest = NEVER_MS, NEVER_MS
    for row in range(n):
        whole = wholes[row]
        if whole[_OF_GROUP] == group:
            shortest = min(shortest, whole[_LENGTH])
            if whole[_IS_OPEN]:
                earliest = min(earliest, whole[_NEXT_START] + whole[_LENGTH])
    return shortest, earliest


class Outlook(NamedTuple):
    """What lies ahead for the rows of a group, :data:`NEVER_MS` where nothing does.

    Attributes:
        shortest_ms: Their shortest bar.
        earliest_end_ms: When the first of their open bars ends.
    """

    shortest_ms: int
    earliest_end_ms: int


class Folder:
    """The open bars of several builders as arrays, and the builders brought up to date on demand.

    While a row is held here, its builder is behind; :meth:`give_back` brings it up to date, and
    :meth:`take` holds it again.

    Attributes:
        acts_from: Shape (groups,): from which watermark of a group on a decision is needed.
        epochs: Shape (groups,): of the session of a group; a watermark of another one needs a decision.
    """

    def __init__(self) -> None:
        self._builders: list[BarBuilder] = []
        self._links = np.full((16, 3), -1, dtype=np.int64)
        self._wholes = np.zeros((16, _KNOWN + 1), dtype=np.int64)
        self._reals = np.zeros((16, _BUY_VOLUME + 1), dtype=np.float64)
        self.acts_from = np.full(16, -NEVER_MS, dtype=np.int64)
        self.epochs = np.zeros(16, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._builders)

    def add(self, builder: BarBuilder, *, group: int) -> int:
        """Hold another builder; its row."""
        row = len(self._builders)
        self._builders.append(builder)
        if row == len(self._wholes):
            self._wholes, self._reals = doubled(self._wholes), doubled(self._reals)
        self.take(row, group=group)
        return row

    def link(self, key: int, row: int, *, group: int, allowed_lateness_ms: int) -> None:
        """Set the row into which the trades of a key are folded.

        Args:
            key: The number of an instrument in a group.
            row: The row of its open bar.
            group: The number of its source in its stream.
            allowed_lateness_ms: How late a trade of the source may come.
        """
        while key >= len(self._links):
            self._links = doubled(self._links, -1)
        self._links[key] = (row, group, allowed_lateness_ms)

    def act_from(self, group: int, watermark_ms: int, *, epoch: int) -> None:
        """Set from which watermark of a group on a decision is needed.

        Args:
            group: The number of a source in a stream.
            watermark_ms: The first watermark that needs a decision.
            epoch: The session of the group. A watermark of another session needs a decision too.
        """
        self._make_room(group + 1)
        self.acts_from[group], self.epochs[group] = watermark_ms, epoch

    def _make_room(self, n_groups: int) -> None:
        while n_groups > len(self.acts_from):
            self.acts_from = doubled(self.acts_from, -NEVER_MS)
            self.epochs = doubled(self.epochs, 0)

    def fold(
        self,
        kinds: NDArray[np.int64],
        numbers: NDArray[np.int64],
        amounts: NDArray[np.float64],
        *,
        first: int,
        n_keys: int,
        n_groups: int,
    ) -> int:
        """Take messages in from ``first`` on; the first that needs a decision, or their number.

        Args:
            n_keys, n_groups: How many are known, and may be among the kinds.
        """
        while n_keys > len(self._links):
            self._links = doubled(self._links, -1)
        self._make_room(n_groups)
        stopped: int = _fold(
            first,
            kinds,
            numbers,
            amounts,
            self._links,
            self._wholes,
            self._reals,
            self.acts_from,
            self.epochs,
        )
        return stopped

    def due(self, group: int, watermark_ms: int) -> list[int]:
        """The rows of a group whose bar ends by a watermark."""
        rows: list[int] = _due(self._wholes, len(self._builders), group, watermark_ms).tolist()
        return rows

    def outlook(self, group: int) -> Outlook:
        """What lies ahead for the rows of a group."""
        return Outlook(*_outlook(self._wholes, len(self._builders), group))

    def begun(self, group: int) -> list[int]:
        """The rows of a group that have an open bar."""
        wholes = self._wholes[: len(self._builders)]
        is_begun = (wholes[:, _OF_GROUP] == group) & (wholes[:, _IS_OPEN] == 1)
        rows: list[int] = np.flatnonzero(is_begun).tolist()
        return rows

    def changed(self) -> list[int]:
        """The rows that took something in since this was last asked."""
        is_changed = self._wholes[: len(self._builders), _IS_CHANGED]
        rows: list[int] = np.flatnonzero(is_changed).tolist()
        is_changed[:] = 0
        return rows

    def mark(self, row: int) -> None:
        """Count a row as changed."""
        self._wholes[row, _IS_CHANGED] = 1

    def take(self, row: int, *, group: int) -> None:
        """Hold a row as its builder is now."""
        builder, whole, real = self._builders[row], self._wholes[row], self._reals[row]
        next_start_ms = builder.next_start_ms
        bar = None if next_start_ms is None else builder.open_bars.get(next_start_ms)
        whole[_OF_GROUP:] = (
            group,
            builder.interval.milliseconds,
            next_start_ms or 0,
            builder.joined_ms,
            builder.last_trade_id,
            builder.n_late,
            builder.n_repeated,
            builder.n_unbounded,
            *((0, 0, 0, 0, 0, 0) if bar is None else (bar.n_trades, *bar.first, *bar.last, bar.known_ms)),
        )
        whole[_IS_OPEN] = next_start_ms is not None
        if bar is not None:
            real[:] = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.buy_volume)

    def give_back(self, row: int) -> None:
        """Bring a row's builder up to date."""
        builder, whole = self._builders[row], self._wholes[row].tolist()
        builder.last_trade_id = whole[_LAST_ID]
        builder.n_late = whole[_N_LATE]
        builder.n_repeated = whole[_N_REPEATED]
        builder.n_unbounded = whole[_N_UNBOUNDED]
        if whole[_IS_OPEN] and whole[_N_TRADES]:
            real = self._reals[row].tolist()
            builder.open_bars[whole[_NEXT_START]] = OpenBar(
                start_ms=whole[_NEXT_START],
                first=(whole[_FIRST_MS], whole[_FIRST_ID]),
                last=(whole[_LAST_MS], whole[_LAST_TRADE]),
                open=real[_OPEN],
                high=real[_HIGH],
                low=real[_LOW],
                close=real[_CLOSE],
                volume=real[_VOLUME],
                buy_volume=real[_BUY_VOLUME],
                n_trades=whole[_N_TRADES],
                known_ms=whole[_KNOWN],
            )
