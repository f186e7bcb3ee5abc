"""Reads the answers of Kraken's public REST API, ``/0/public``.

An answer is ``{"error": [...], "result": {PAIR: ..., "last": ...}}``; the name of the pair is Kraken's own, such as
``XXBTZUSD`` for the request ``XBTUSD``.

Source:
    Kraken documentation, "Get Recent Trades", "Get OHLC Data", "Get Ticker Information", "Get Order Book".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from producers.normalise.candle_fields import aligned, candle_prices
from producers.normalise.fields import (
    amount,
    decoded,
    fields_of,
    note_of,
    price,
    row_of,
    rows_of,
    traded_in_quote,
    whole,
)
from producers.normalise.observations import VenueCandle, VenuePrice, VenueQuote
from producers.normalise.quotes import quote
from producers.normalise.rejects import RejectedRow, good_rows
from producers.normalise.time_fields import optional_time_ms, time_ms
from producers.normalise.trades import NO_ID, Market, VenueTrade
from schemas.errors import DecodeError, InvariantError

#: Decimals stay text: the time of a trade has seven of them, more than a float holds, and must be floored to the
#: same millisecond as in the socket.
_exact = msgspec.json.Decoder(Any, float_hook=str)
_TRADE_COLUMNS = 4
_ID_COLUMN = 6
_CANDLE_COLUMNS = 8


class TradePage(NamedTuple):
    """A page of trades.

    Attributes:
        trades: Oldest first.
        last_ns: What to ask for next as ``since``; None where it is not stated.
    """

    trades: Sequence[VenueTrade]
    last_ns: int | None


class CandlePage(NamedTuple):
    """A page of candles.

    Attributes:
        candles: Oldest first; the last one is still forming.
        last_ms: The start of the newest candle that is closed; None where it is not stated.
    """

    candles: Sequence[VenueCandle]
    last_ms: int | None


def _result(payload: bytes, expected: str) -> Mapping[str, Any]:
    answer = fields_of(decoded(_exact, payload, expected), expected)
    errors = answer.get("error")
    if errors:
        message = f"expected {expected}, Kraken answered: {_said(errors)}"
        raise DecodeError(message)
    return fields_of(answer.get("result"), expected)


def _said(errors: object) -> str:
    return note_of(", ".join(note_of(each) for each in errors[:3]) if isinstance(errors, list) else errors)


def error_of(payload: bytes) -> str | None:
    """Return the error that an answer states, such as ``EGeneral:Too many requests``; None if it states none."""
    answer = decoded(_exact, payload, "an answer of Kraken")
    errors = answer.get("error") if isinstance(answer, dict) else None
    return _said(errors) if errors else None


def _pairs(result: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, found) for name, found in result.items() if name != "last")


def read_trades(payload: bytes, *, rejected: list[RejectedRow] | None = None) -> TradePage:
    """Return the trades of ``Trades``.

    Args:
        payload: Any bytes.
        rejected: As in :func:`producers.normalise.rejects.good_rows`.

    Raises:
        ContractError: If it is no such answer.
    """
    result = _result(payload, "Kraken trades")
    rows = [(pair, row) for pair, rows in _pairs(result) for row in rows_of(rows, "Kraken trades")]
    trades = good_rows(rows, _trade_of, rejected)
    last = result.get("last")
    return TradePage(trades, None if last is None else whole(last, "last"))


def _trade_of(named: tuple[str, object]) -> VenueTrade:
    return _trade(row_of(named[1], _TRADE_COLUMNS, "a Kraken trade"), named[0])


def _trade(row: Sequence[Any], pair: str) -> VenueTrade:
    side = row[3]
    if side not in ("b", "s"):
        message = "the side of a Kraken trade must be b or s"
        raise InvariantError(message)
    return VenueTrade(
        pair,
        whole(row[_ID_COLUMN], "trade id") if len(row) > _ID_COLUMN else NO_ID,
        price(row[0], "price of a trade"),
        price(row[1], "volume of a trade"),
        time_ms(row[2], "time of a trade"),
        side == "s",
        Market.SPOT,
    )


def read_candles(payload: bytes, *, length_ms: int, rejected: list[RejectedRow] | None = None) -> CandlePage:
    """Return the candles of ``OHLC``.

    Args:
        payload: Any bytes.
        length_ms: Of the request.
        rejected: As in :func:`producers.normalise.rejects.good_rows`.

    Raises:
        ContractError: If it is no such answer.
    """
    result = _result(payload, "Kraken candles")
    rows = [(pair, row) for pair, rows in _pairs(result) for row in rows_of(rows, "Kraken candles")]

    def candle_of(named: tuple[str, object]) -> VenueCandle:
        return _candle(row_of(named[1], _CANDLE_COLUMNS, "a Kraken candle"), named[0], length_ms)

    candles = good_rows(rows, candle_of, rejected)
    return CandlePage(candles, optional_time_ms(result.get("last"), "last"))


def _candle(row: Sequence[Any], pair: str, length_ms: int) -> VenueCandle:
    return VenueCandle(
        pair,
        aligned(time_ms(row[0], "start"), length_ms),
        length_ms,
        *candle_prices(*row[1:5]),
        volume=amount(row[6], "volume"),
        n_trades=whole(row[7], "count"),
    )


def read_prices(payload: bytes) -> Sequence[VenuePrice]:
    """Return the latest prices of ``Ticker``. It states no time.

    Raises:
        ContractError: If it is no such answer.
    """
    return [
        _price(pair, fields_of(found, "a Kraken ticker"))
        for pair, found in _pairs(_result(payload, "Kraken tickers"))
    ]


def _price(pair: str, found: Mapping[str, Any]) -> VenuePrice:
    last = row_of(found.get("c"), 1, "the last trade of a Kraken ticker")
    volume, average = (row_of(found.get(name, [None, None]), 2, "a volume or average price") for name in "vp")
    return VenuePrice(pair, price(last[0], "last price"), None, traded_in_quote(volume[1], average[1]))


def read_quotes(payload: bytes) -> Sequence[VenueQuote]:
    """Return the best bids and asks of ``Ticker``.

    Raises:
        ContractError: If it is no such answer.
    """
    quotes = []
    for pair, each in _pairs(_result(payload, "Kraken tickers")):
        found = fields_of(each, "a Kraken ticker")
        bid, ask = (row_of(found.get(side), 3, "a side of a Kraken ticker") for side in "ba")
        quotes.append(quote(pair, bid=(bid[0], bid[2]), ask=(ask[0], ask[2])))
    return quotes


def read_book(payload: bytes) -> Sequence[VenueQuote]:
    """Return the best bids and asks of ``Depth``.

    Raises:
        ContractError: If it is no such answer, or a side of a book is empty.
    """
    return [
        _best(pair, fields_of(found, "a Kraken book"))
        for pair, found in _pairs(_result(payload, "a Kraken book"))
    ]


def _best(pair: str, found: Mapping[str, Any]) -> VenueQuote:
    bid, ask = (
        row_of(row_of(found.get(side), 1, f"{side} of a book")[0], 3, "a level of a book")
        for side in ("bids", "asks")
    )
    newest = [optional_time_ms(level[2], "time") for level in (bid, ask)]
    times = [each for each in newest if each is not None]
    return quote(pair, bid=(bid[0], bid[1]), ask=(ask[0], ask[1]), time_ms=max(times, default=None))
