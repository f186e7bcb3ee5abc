"""The records of a market: ticks by our codec, with the watermarks that our sources say.

A watermark before the first tick of every second of event time, into every partition; other
libraries' programs skip them. Keys, headers and partitions are those of the product.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas import codec
from schemas.events import TickObserved, WatermarkAdvanced
from tests.benchmarks.stream.markets import MINUTE_MS, Market, known_ms, partitions

SOURCE = "binance"
STREAM = "replay-5d41402abc4b"
SECOND_MS = 1_000
_CHUNK = 50_000


class Piece(NamedTuple):
    """One record of the log.

    Attributes:
        closes_ms: The minute's end that a watermark vouches for; None for any other record.
    """

    partition: int
    key: bytes
    value: bytes
    headers: codec.Headers
    event_ms: int
    closes_ms: int | None = None


def records(market: Market, start: int, stop: int, *, n_partitions: int) -> Iterator[Piece]:
    """The records of the trades at positions ``[start, stop)``, watermarks between them.

    What lies before ``start`` is taken as said: cutting a market leaves the records the same.
    """
    times = market.trades.event_ms
    said_ms = -1 if start == 0 else int(times[start - 1]) // SECOND_MS * SECOND_MS
    names = [listing.instrument for listing in market.listings]
    here = dict(zip(names, partitions(n_partitions, names), strict=True))
    everywhere = range(n_partitions)
    for at in range(start, stop, _CHUNK):
        for tick in _ticks(market, at, min(stop, at + _CHUNK)):
            second_ms = tick.event_time_ms // SECOND_MS * SECOND_MS
            minute_ms = second_ms // MINUTE_MS * MINUTE_MS
            for passed_ms in (minute_ms, second_ms):  # a minute's end, though no second of it has a trade
                if passed_ms > said_ms:
                    said_ms = passed_ms
                    yield from watermarks(passed_ms, everywhere)
            value = codec.encode(tick)
            yield Piece(
                here[tick.instrument],
                tick.instrument.encode(),
                value,
                codec.headers(TickObserved, codec.trace_id(value)),
                tick.event_time_ms,
            )


def _ticks(market: Market, start: int, stop: int) -> Iterator[TickObserved]:
    trades = market.trades.between(start, stop)
    columns = (
        trades.listing.tolist(),
        trades.event_ms.tolist(),
        trades.trade_id.tolist(),
        trades.price.tolist(),
        trades.size.tolist(),
        trades.is_buyer_maker.tolist(),
    )
    for listing, event_ms, trade_id, price, size, is_buyer_maker in zip(*columns, strict=True):
        yield TickObserved(
            event_time_ms=event_ms,
            known_time_ms=known_ms(event_ms),
            source=SOURCE,
            stream=STREAM,
            instrument=market.listings[listing].instrument,
            trade_id=trade_id,
            price=price,
            size=size,
            is_buyer_maker=is_buyer_maker,
        )


def watermarks(second_ms: int, everywhere: Sequence[int]) -> Iterator[Piece]:
    """What the source says in every partition when it has said all before a time."""
    event = WatermarkAdvanced(
        event_time_ms=second_ms, known_time_ms=known_ms(second_ms), source=SOURCE, stream=STREAM
    )
    value = codec.encode(event)
    headers = codec.headers(WatermarkAdvanced, codec.trace_id(value))
    closes_ms = second_ms if second_ms % MINUTE_MS == 0 else None
    for partition in everywhere:
        yield Piece(partition, SOURCE.encode(), value, headers, second_ms, closes_ms)
