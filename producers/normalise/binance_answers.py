"""Reads the answers of Binance's REST API, of the spot market and of USD-margined futures.

Source:
    Binance documentation, "Market Data endpoints" of the spot API (``/api/v3``) and of USD-margined futures
    (``/fapi/v1``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from producers.normalise.candle_fields import aligned, candle_prices
from producers.normalise.fields import (
    amount,
    fields_of,
    json_of,
    note_of,
    optional_amount,
    price,
    row_of,
    rows_of,
    text,
    turnover,
    whole,
)
from producers.normalise.observations import VenueCandle, VenuePrice, VenueQuote
from producers.normalise.quotes import quote
from producers.normalise.rejects import RejectedRow, good_rows
from producers.normalise.time_fields import optional_time_ms, time_ms
from producers.normalise.trades import Market, TradeKind, VenueTrade
from schemas.errors import DecodeError, InvariantError

_KLINE_COLUMNS = 9
_TAKER_BUY_COLUMN = 9


def answer(payload: bytes, expected: str) -> Any:
    """Return an answer as JSON.

    Raises:
        DecodeError: If it is no JSON, or an error of Binance.
    """
    found = json_of(payload, expected)
    if isinstance(found, dict) and "code" in found and "msg" in found:
        message = f"expected {expected}, Binance answered: {note_of(found['msg'])}"
        raise DecodeError(message)
    return found


def one_or_more(payload: bytes, expected: str) -> Sequence[Mapping[str, Any]]:
    """Return the objects of an answer: one where one symbol was asked for, or a list of them.

    Raises:
        DecodeError: If it is another form of JSON.
    """
    found = answer(payload, expected)
    rows = found if isinstance(found, list) else [found]
    return [fields_of(each, expected) for each in rows]


def read_trades(
    payload: bytes, *, symbol: str, market: Market, rejected: list[RejectedRow] | None = None
) -> Sequence[VenueTrade]:
    """Return the trades of ``trades`` and ``historicalTrades``, oldest first, in the venue's order.

    Args:
        payload: Any bytes.
        symbol: Of the request; the answer does not repeat it.
        market: Of the request.
        rejected: As in :func:`producers.normalise.rejects.good_rows`.

    Raises:
        ContractError: If it is no such answer.
    """
    rows = rows_of(answer(payload, "a list of Binance trades"), "a list of Binance trades")
    return good_rows(rows, lambda row: _trade(fields_of(row, "a Binance trade"), symbol, market), rejected)


def _trade(found: Mapping[str, Any], symbol: str, market: Market) -> VenueTrade:
    return VenueTrade(
        symbol,
        whole(found.get("id"), "trade id"),
        _positive(found.get("price"), "price"),
        _positive(found.get("qty"), "qty"),
        time_ms(found.get("time"), "time"),
        _flag(found.get("isBuyerMaker"), "isBuyerMaker"),
        market,
    )


def _positive(value: object, field: str) -> float:
    return price(value, f"{field} of a trade")


def _flag(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        message = f"{field} must be true or false"
        raise InvariantError(message)
    return value


def read_aggregate_trades(
    payload: bytes, *, symbol: str, market: Market, rejected: list[RejectedRow] | None = None
) -> Sequence[VenueTrade]:
    """Return the trades of ``aggTrades``, which have ids of their own, as :func:`read_trades` does.

    Args:
        payload: Any bytes.
        symbol: Of the request.
        market: Of the request.
        rejected: As in :func:`producers.normalise.rejects.good_rows`.

    Raises:
        ContractError: If it is no such answer.
    """
    rows = rows_of(answer(payload, "a list of Binance aggTrades"), "a list of Binance aggTrades")
    return good_rows(
        rows, lambda row: _aggregate(fields_of(row, "a Binance aggTrade"), symbol, market), rejected
    )


def read_first_ids(payload: bytes) -> Sequence[int]:
    """Return the ids of the first single trades (``f``) of the answer of ``aggTrades``."""
    rows = rows_of(answer(payload, "a list of Binance aggTrades"), "a list of Binance aggTrades")
    return [whole(fields_of(each, "a Binance aggTrade").get("f"), "first trade id f") for each in rows]


def _aggregate(found: Mapping[str, Any], symbol: str, market: Market) -> VenueTrade:
    return VenueTrade(
        symbol,
        whole(found.get("a"), "trade id a"),
        _positive(found.get("p"), "price p"),
        _positive(found.get("q"), "size q"),
        time_ms(found.get("T"), "time T"),
        _flag(found.get("m"), "m"),
        market,
        TradeKind.AGGREGATE,
    )


def read_candles(
    payload: bytes, *, symbol: str, rejected: list[RejectedRow] | None = None
) -> Sequence[VenueCandle]:
    """Return the candles of ``klines``, oldest first; the last one may still form.

    Args:
        payload: Any bytes.
        symbol: Of the request.
        rejected: As in :func:`producers.normalise.rejects.good_rows`.

    Raises:
        ContractError: If it is no such answer.
    """
    rows = rows_of(answer(payload, "a list of Binance klines"), "a list of Binance klines")
    return good_rows(
        rows, lambda row: _candle(row_of(row, _KLINE_COLUMNS, "a Binance kline"), symbol), rejected
    )


def _candle(row: Sequence[Any], symbol: str) -> VenueCandle:
    start_ms = time_ms(row[0], "open time")
    length_ms = max(0, time_ms(row[6], "close time") + 1 - start_ms)
    taker_buy_volume = row[_TAKER_BUY_COLUMN] if len(row) > _TAKER_BUY_COLUMN else None
    return VenueCandle(
        symbol,
        aligned(start_ms, length_ms),
        length_ms,
        *candle_prices(*row[1:5]),
        volume=amount(row[5], "volume"),
        n_trades=whole(row[8], "number of trades"),
        taker_buy_volume=optional_amount(taker_buy_volume, "taker buy volume"),
    )


def read_prices(payload: bytes) -> Sequence[VenuePrice]:
    """Return the latest prices of ``ticker/24hr``, ``ticker/price`` and the like.

    Raises:
        ContractError: If it is no such answer.
    """
    return [_price(each) for each in one_or_more(payload, "a Binance ticker")]


def _price(found: Mapping[str, Any]) -> VenuePrice:
    return VenuePrice(
        text(found.get("symbol"), "symbol"),
        price(found.get("lastPrice", found.get("price")), "price"),
        optional_time_ms(found.get("closeTime", found.get("time")), "time"),
        turnover(found.get("quoteVolume"), "quoteVolume"),
    )


def read_quotes(payload: bytes) -> Sequence[VenueQuote]:
    """Return the best bids and asks of ``ticker/bookTicker``.

    Raises:
        ContractError: If it is no such answer.
    """
    return [_quote(each) for each in one_or_more(payload, "a Binance book ticker")]


def _quote(found: Mapping[str, Any]) -> VenueQuote:
    update_id = found.get("lastUpdateId")
    return quote(
        text(found.get("symbol"), "symbol"),
        bid=(found.get("bidPrice"), found.get("bidQty")),
        ask=(found.get("askPrice"), found.get("askQty")),
        time_ms=optional_time_ms(found.get("time"), "time"),
        update_id=None if update_id is None else whole(update_id, "lastUpdateId"),
    )


def read_depth(payload: bytes, *, symbol: str) -> VenueQuote:
    """Return the best bid and ask of a snapshot of the book, ``depth``.

    Raises:
        ContractError: If it is no such answer, or a side of the book is empty.
    """
    found = fields_of(answer(payload, "a Binance depth"), "a Binance depth")
    bid, ask = (
        row_of(row_of(found.get(side), 1, f"{side} of a book")[0], 2, "a level of a book")
        for side in ("bids", "asks")
    )
    return quote(
        symbol,
        bid=(bid[0], bid[1]),
        ask=(ask[0], ask[1]),
        time_ms=optional_time_ms(found.get("T"), "time T"),
        update_id=whole(found.get("lastUpdateId"), "lastUpdateId"),
    )
