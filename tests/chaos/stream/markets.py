"""An endless market, thin enough that a machine that is busy with faults keeps up with it.

The ticks are those of the stream benchmark, stretch by stretch, of which few are kept; bars close at
a steady flow all the same, so that it shows when the flow comes back. The same seed makes the same
records, however much of them a run uses.
"""

from collections.abc import Iterator

import msgspec
import numpy as np

from schemas.topics import MARKET_TICK
from tests.benchmarks.stream.markets import (
    LISTINGS,
    MINUTE_MS,
    ORIGIN_MS,
    TICKS_PER_MINUTE,
    Market,
    make_market,
)
from tests.benchmarks.stream.records import SOURCE, Piece, records

__all__ = ["MINUTE_MS", "N_INSTRUMENTS", "ORIGIN_MS", "Piece", "endless", "minutes_per_s"]

#: Minutes that are made at a time.
STRETCH = 120
N_INSTRUMENTS = len(LISTINGS)
_ONE_OF = 12
#: A minute of each of more instruments than the usual ones, at least.
_FEWEST_TICKS = 4
_MINUTES_PER_S = 5.0
_CLOSES_PER_S = 1_000.0
_WATERMARK_EVERY_MS = 10_000
_SOURCE_KEY = SOURCE.encode()


def endless(seed: int, n_instruments: int = N_INSTRUMENTS) -> Iterator[Piece]:
    """Ticks and watermarks by event time, from :data:`ORIGIN_MS` on.

    Of the watermarks only the first of every ten seconds are kept, in each partition; the first of
    a minute says so in ``closes_ms``.
    """
    number = 0
    said: dict[int, int] = {}
    while True:
        market = _moved(_stretch(seed + number, n_instruments), number)
        for piece in records(market, 0, len(market.trades), n_partitions=MARKET_TICK.n_partitions):
            if piece.key != _SOURCE_KEY:
                yield piece
            elif piece.event_ms // _WATERMARK_EVERY_MS > said.get(piece.partition, -1):
                before, said[piece.partition] = (
                    said.get(piece.partition, -1),
                    piece.event_ms // _WATERMARK_EVERY_MS,
                )
                minute_ms = piece.event_ms - piece.event_ms % MINUTE_MS
                closes = before * _WATERMARK_EVERY_MS < minute_ms
                yield piece._replace(closes_ms=minute_ms if closes else None)
        number += 1


def minutes_per_s(n_instruments: int) -> float:
    """Of event time: with many instruments fewer, so that some thousand bars a second close at most."""
    return min(_MINUTES_PER_S, _CLOSES_PER_S / n_instruments)


def _stretch(seed: int, n_instruments: int) -> Market:
    if n_instruments == N_INSTRUMENTS:
        return _thinned(make_market(STRETCH, seed=seed))
    ticks_per_minute = max(_FEWEST_TICKS, N_INSTRUMENTS * TICKS_PER_MINUTE // _ONE_OF // n_instruments)
    return make_market(
        STRETCH, seed=seed, n_instruments=n_instruments, ticks_per_minute=ticks_per_minute
    ).without_end()


def _thinned(market: Market) -> Market:
    """Few trades, but the first of every minute, without the ones on the end: those begin the next stretch."""
    trades = market.trades
    is_inside = trades.event_ms < market.end_ms
    minute = (trades.event_ms - ORIGIN_MS) // MINUTE_MS
    is_first = np.zeros(len(trades), dtype=np.bool_)
    for listing in np.unique(trades.listing):
        mine = np.flatnonzero(trades.listing == listing)
        is_first[mine[np.unique(minute[mine], return_index=True)[1]]] = True
    return _where(market, is_inside & (is_first | (np.arange(len(trades)) % _ONE_OF == 0)))


def _where(market: Market, is_kept: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Market:
    columns = {name: getattr(market.trades, name)[is_kept] for name in market.trades.__struct_fields__}
    return msgspec.structs.replace(market, trades=type(market.trades)(**columns))


def _moved(market: Market, number: int) -> Market:
    """The stretch of a number: later, with later ids."""
    trades = msgspec.structs.replace(
        market.trades,
        event_ms=market.trades.event_ms + number * STRETCH * MINUTE_MS,
        trade_id=market.trades.trade_id + number * STRETCH * 1_000,
    )
    return msgspec.structs.replace(market, trades=trades)
