"""The compiled fold: trades into the open bar of their instrument, until something needs a decision.

It does what :meth:`~stream_processors.operators.bars.BarBuilder.on_tick` does with a trade that
belongs to the bar at hand, comes late, or is a repeat, in the same order and so with the same
sums. It stops at whatever else: a trade that closes a bar or starts a stretch, a watermark that
some bar or the stream's clock waits for, a message that the scan did not know.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stream_processors.operators.bars import BarBuilder
from stream_processors.operators.open_bars import OpenBar
from stream_processors.operators.ticks.names import MOST_GROUPS, MOST_KEYS
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

#: Columns of ``links``: of a key, its row, its source and how late its trades may come.
_ROW, _SOURCE, _LATENESS = range(3)
#: Columns of ``wholes``: of a row, what is whole in the state of its builder.
(
    _IS_OPEN,
    _OF_SOURCE,
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
) = range(15)
#: Columns of ``reals``: prices and volumes of its open bar.
_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME, _BUY_VOLUME = range(6)

NEVER_MS = 2**62


@njit(cache=True, nogil=True)
def _add(number, amount, whole, real):  # type: ignore[no-untyped-def]
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
def _takes(number, amount, link, whole, real):  # type: ignore[no-untyped-def]
    """Take a trade in, if that needs no decision; whether it did."""
    if not whole[_IS_OPEN] or whole[_OF_SOURCE] != link[_SOURCE]:
        return False
    at, trade, next_start = number[EVENT_MS], number[TRADE_ID], whole[_NEXT_START]
    if trade <= whole[_LAST_ID]:
        whole[_N_REPEATED] += 1
        return True
    start = at - at % whole[_LENGTH]
    if at - link[_LATENESS] >= next_start + whole[_LENGTH] or start > next_start:
        return False
    whole[_LAST_ID] = trade
    if start < next_start:
        whole[_N_LATE] += 1
    elif start < whole[_JOINED]:
        whole[_N_UNBOUNDED] += 1
    else:
        _add(number, amount, whole, real)
    return True


@njit(cache=True, nogil=True)
def _fold(first, kinds, numbers, amounts, links, wholes, reals, acts_from, epochs):  # type: ignore[no-untyped-def]
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
        self._links = np.full((MOST_KEYS, 3), -1, dtype=np.int64)
        self._sources: dict[str, int] = {}
        self._wholes = np.zeros((16, _KNOWN + 1), dtype=np.int64)
        self._reals = np.zeros((16, _BUY_VOLUME + 1), dtype=np.float64)
        self.acts_from = np.full(MOST_GROUPS, -NEVER_MS, dtype=np.int64)
        self.epochs = np.zeros(MOST_GROUPS, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._builders)

    def add(self, builder: BarBuilder) -> int:
        """Hold another builder; its row."""
        row = len(self._builders)
        self._builders.append(builder)
        if row == len(self._wholes):
            self._wholes = np.concatenate([self._wholes, np.zeros_like(self._wholes)])
            self._reals = np.concatenate([self._reals, np.zeros_like(self._reals)])
        self.take(row)
        return row

    def link(self, key: int, row: int, *, source: str, allowed_lateness_ms: int) -> None:
        """Say which row the trades of a key go to."""
        self._links[key] = (row, self._number_of(source), allowed_lateness_ms)

    def fold(
        self,
        kinds: NDArray[np.int64],
        numbers: NDArray[np.int64],
        amounts: NDArray[np.float64],
        *,
        first: int,
    ) -> int:
        """Take messages in from ``first`` on; the first that needs a decision, or their number."""
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

    def take(self, row: int) -> None:
        """Hold a row as its builder is now."""
        builder, whole, real = self._builders[row], self._wholes[row], self._reals[row]
        whole[_IS_OPEN] = builder.next_start_ms is not None
        whole[_OF_SOURCE] = self._number_of(builder.source)
        whole[_LENGTH] = builder.interval.milliseconds
        whole[_NEXT_START] = builder.next_start_ms or 0
        whole[_JOINED] = builder.joined_ms
        whole[_LAST_ID] = builder.last_trade_id
        whole[_N_LATE] = builder.n_late
        whole[_N_REPEATED] = builder.n_repeated
        whole[_N_UNBOUNDED] = builder.n_unbounded
        whole[_N_TRADES] = 0
        bar = builder.open_bars.get(int(whole[_NEXT_START])) if whole[_IS_OPEN] else None
        if bar is not None:
            whole[_N_TRADES:] = (bar.n_trades, *bar.first, *bar.last, bar.known_ms)
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

    def _number_of(self, source: str) -> int:
        return self._sources.setdefault(source, len(self._sources))
