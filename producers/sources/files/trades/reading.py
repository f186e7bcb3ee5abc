"""The second pass over a file of trades: the good trades of one instrument, as events."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.normalise.trades import TradeKind, VenueTrade, tick_of_trade
from producers.sources.files.trades.columns import TradeColumns
from producers.sources.files.trades.filters import TradeFilter
from producers.sources.files.trades.records import TradeFile
from schemas.errors import InvariantError
from schemas.events import TickObserved
from schemas.instruments import parse_instrument

#: The number of a line, its local time, and a trade in it.
Stamped = tuple[int, int | None, VenueTrade]
#: So many steps before a trade and after it say in which order the file is written there.
_STEPS_AROUND = 200


class ReadTrade(NamedTuple):
    """A good trade, with its known time, its id and who took it."""

    trade: VenueTrade
    known_ms: int
    trade_id: int
    is_buyer_maker: bool


def good_trades(file: TradeFile, *, instrument: str, chosen: TradeFilter) -> Iterator[ReadTrade]:
    """Return the good trades of an instrument in the order of their known times.

    Args:
        file: The file.
        instrument: Whose trades.
        chosen: Which of them are good, as the survey of the file found.
    """
    wanted = _Wanted(instrument, file.reader.venue, chosen.kind)
    stamped: Iterator[Stamped] = (
        (row, reading.local_ms, trade)
        for row, reading in file.trade_readings()
        for trade in reading.trades
        if wanted(trade)
    )
    sided = _Sides()
    reached_ms = 0
    if not chosen.is_in_order:
        stamped = _sorted(stamped, is_stamped=chosen.is_stamped)
    for number, (row, local_ms, trade) in enumerate(stamped, start=1):
        is_buyer_maker = sided(trade)
        known_ms = chosen.known_ms(local_ms, trade.time_ms)
        if known_ms is None or not chosen.accepts(row, known_ms, trade.time_ms):
            continue
        # A recorder's clock that is set back a little stands still until it has caught up.
        reached_ms = max(reached_ms, known_ms)
        yield ReadTrade(trade, reached_ms, number if chosen.is_numbered else trade.trade_id, is_buyer_maker)


def ticks_of_trades(
    file: TradeFile, *, instrument: str, chosen: TradeFilter, stream: str, source: str, from_ms: int
) -> Iterator[TickObserved]:
    """Return the good trades of an instrument that happened at or after a time, as events.

    Args:
        file: The file.
        instrument: Whose trades.
        chosen: Which of them are good, as the survey of the file found.
        stream: The id of the run.
        source: What the events say in ``source``.
        from_ms: Event time of the first.
    """
    for trade, known_ms, trade_id, is_buyer_maker in good_trades(file, instrument=instrument, chosen=chosen):
        if trade.time_ms >= from_ms:
            yield tick_of_trade(
                trade,
                instrument=instrument,
                known_time_ms=known_ms,
                stream=stream,
                source=source,
                trade_id=trade_id,
                is_buyer_maker=is_buyer_maker,
            )


class _Wanted:
    """Whether a trade is of an instrument and of a kind."""

    def __init__(self, instrument: str, venue: str, kind: TradeKind) -> None:
        self._instrument = parse_instrument(instrument)
        self._venue = venue
        self._kind = kind
        self._last: VenueTrade | None = None
        self._is_last_wanted = False

    def __call__(self, trade: VenueTrade) -> bool:
        if self._last is None or not trade.is_like(self._last):
            self._last = trade
            self._is_last_wanted = trade.kind is self._kind and self._is_of_instrument(trade)
        return self._is_last_wanted

    def _is_of_instrument(self, trade: VenueTrade) -> bool:
        try:
            return trade.instrument(self._venue, like=self._instrument) == self._instrument
        except InvariantError:
            return False


class _Sides:
    """Who took each trade; where the record does not say, by the tick test.

    Source:
        Lee and Ready (1991), "Inferring Trade Direction from Intraday Data", the tick test: a trade above the last
        different price was bought, one below it was sold.
    """

    def __init__(self) -> None:
        self._price = 0.0
        self._is_buyer_maker = False

    def __call__(self, trade: VenueTrade) -> bool:
        if trade.is_buyer_maker is not None:
            return trade.is_buyer_maker
        if self._price and trade.price != self._price:
            self._is_buyer_maker = trade.price < self._price
        self._price = trade.price
        return self._is_buyer_maker


def _sorted(stamped: Iterator[Stamped], *, is_stamped: bool) -> Iterator[Stamped]:
    """The same trades by known time; those of one time stay in the order of the file, reversed where that is reversed."""
    first = next(stamped, None)
    if first is None:
        return
    columns = TradeColumns(first[2])
    columns.add(*first)
    for each in stamped:
        columns.add(*each)
    known = columns.local_ms if is_stamped else columns.times_ms
    along = np.arange(len(known))
    order = np.lexsort((np.where(_is_newest_first(known), -along, along), known))
    local = columns.local_ms[order].tolist()
    yield from zip(columns.rows[order].tolist(), local, columns.trades(order), strict=True)


def _is_newest_first(times: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the file is written newest first around each trade: more steps go back than forward there.

    A file may be several files in any order, so neither its first and last time nor one step says it.
    """
    steps = np.concatenate(([0], np.cumsum(np.sign(np.diff(times)))))
    at = np.arange(len(times))
    balance = steps[np.minimum(at + _STEPS_AROUND, len(at) - 1)] - steps[np.maximum(at - _STEPS_AROUND, 0)]
    return np.asarray(balance < 0)
