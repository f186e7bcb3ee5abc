"""Reads the market data of version 1 of Kraken's WebSocket API: arrays that end in a channel and a pair.

Source:
    Kraken documentation, "Spot WebSocket v1": trade, ticker, spread, ohlc.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from producers.normalise.candle_fields import candle_prices
from producers.normalise.fields import (
    amount,
    fields_of,
    json_of,
    note_of,
    price,
    row_of,
    text,
    traded_in_quote,
    whole,
)
from producers.normalise.kraken import EXPECTED, read_message
from producers.normalise.observations import Message, Notice, NoticeKind, VenueCandle, VenuePrice
from producers.normalise.quotes import quote
from producers.normalise.time_fields import in_time, optional_time_ms, time_ms

_LEAST_PARTS = 4
_MINUTE_MS = 60_000


def read_array(payload: bytes) -> Message:
    """Return what a message of version 1 holds.

    Raises:
        ContractError: If it is none.
    """
    parts = row_of(json_of(payload, EXPECTED), 2, EXPECTED)
    channel, pair = text(parts[-2], "channel"), text(parts[-1], "pair")
    kind, _, minutes = channel.partition("-")
    if kind == "trade":
        _, trades = read_message(payload)
        for each in trades:
            in_time(each.time_ms, "time of a trade")
        return Message(trades=tuple(trades))
    reader = _READERS.get(kind)
    if reader is None or len(parts) < _LEAST_PARTS:
        return Message(notices=(Notice(NoticeKind.OTHER, note_of(channel), pair),))
    return reader(parts[1], pair, minutes)


def _ticker(body: object, pair: str, _: str) -> Message:
    """Best ask and bid as price, whole lots and size; the latest trade; the volume of today and of 24 hours."""
    found = fields_of(body, "a Kraken ticker")
    bid, ask = (row_of(found.get(side), 3, "a side of a Kraken ticker") for side in "ba")
    last = row_of(found.get("c"), 1, "the last trade")
    volume, average = (row_of(found.get(name, [None, None]), 2, "a volume or average price") for name in "vp")
    return Message(
        quotes=(quote(pair, bid=(bid[0], bid[2]), ask=(ask[0], ask[2])),),
        prices=(
            VenuePrice(pair, price(last[0], "last price"), None, traded_in_quote(volume[1], average[1])),
        ),
    )


def _spread(body: object, pair: str, _: str) -> Message:
    row = row_of(body, 5, "a Kraken spread")
    at_ms = optional_time_ms(row[2], "time")
    return Message(quotes=(quote(pair, bid=(row[0], row[3]), ask=(row[1], row[4]), time_ms=at_ms),))


def _candle(body: object, pair: str, minutes: str) -> Message:
    """A candle is stated by its end, which is the whole minute after it; its start follows from the interval."""
    row: Sequence[Any] = row_of(body, 9, "a Kraken candle")
    length_ms = (whole(minutes, "interval") if minutes else 1) * _MINUTE_MS
    end_ms = time_ms(row[1], "end time")
    candle = VenueCandle(
        pair,
        -(-end_ms // length_ms) * length_ms - length_ms if length_ms else end_ms,
        length_ms,
        *candle_prices(*row[2:6]),
        volume=amount(row[7], "volume"),
        n_trades=whole(row[8], "count"),
    )
    return Message(candles=(candle,))


_READERS: Mapping[str, Callable[[object, str, str], Message]] = {
    "ticker": _ticker,
    "spread": _spread,
    "ohlc": _candle,
}
