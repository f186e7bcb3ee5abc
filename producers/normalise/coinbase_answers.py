"""Reads the answers of Coinbase's REST APIs: of the Exchange, and of Advanced Trade.

Both give the newest first; what comes out here is oldest first. ``side`` is the side of the order that was in the
book: with ``buy`` the seller took it.

Source:
    Coinbase Exchange documentation, "Get product trades", "Get product candles", "Get product ticker"; Coinbase
    Advanced Trade documentation, "Get Public Market Trades", "Get Public Product Candles", "Get Public Product Book".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from producers.normalise.candle_fields import aligned, candle_prices
from producers.normalise.fields import (
    amount,
    fields_of,
    json_of,
    note_of,
    price,
    row_of,
    rows_of,
    text,
    whole,
)
from producers.normalise.observations import VenueCandle, VenuePrice, VenueQuote
from producers.normalise.quotes import quote
from producers.normalise.rejects import RejectedRow, good_rows
from producers.normalise.time_fields import optional_time_ms, time_ms
from producers.normalise.trades import Market, VenueTrade
from schemas.errors import DecodeError, InvariantError

_CANDLE_COLUMNS = 6


def _answer(payload: bytes, expected: str) -> Any:
    found = json_of(payload, expected)
    if isinstance(found, dict) and "message" in found:
        message = f"expected {expected}, Coinbase answered: {note_of(found['message'])}"
        raise DecodeError(message)
    return found


def read_trades(
    payload: bytes, *, symbol: str, rejected: list[RejectedRow] | None = None
) -> Sequence[VenueTrade]:
    """Return the trades of a page, oldest first.

    Args:
        payload: Any bytes.
        symbol: Of the request; the Exchange does not repeat it.
        rejected: As in :func:`producers.normalise.rejects.good_rows`.

    Raises:
        ContractError: If it is no such answer.
    """
    found = _answer(payload, "Coinbase trades")
    rows = found.get("trades") if isinstance(found, dict) else found
    trades = good_rows(
        rows_of(rows, "Coinbase trades"),
        lambda row: _trade(fields_of(row, "a Coinbase trade"), symbol),
        rejected,
    )
    return sorted(trades, key=lambda each: each.trade_id)


def advanced_trade(found: Mapping[str, Any]) -> VenueTrade:
    """Return a trade of a batch that states its own product.

    Raises:
        ContractError: If it is none.
    """
    return _trade(found, text(found.get("product_id"), "product_id"))


def _trade(found: Mapping[str, Any], symbol: str) -> VenueTrade:
    return VenueTrade(
        text(found.get("product_id", symbol), "product_id"),
        whole(found.get("trade_id"), "trade_id"),
        price(found.get("price"), "price of a trade"),
        price(found.get("size"), "size of a trade"),
        time_ms(found.get("time"), "time of a trade"),
        _is_buyer_maker(found.get("side")),
        Market.SPOT,
    )


def _is_buyer_maker(side: object) -> bool:
    word = text(side, "side of a trade").lower()
    if word not in {"buy", "sell"}:
        message = f"the side of a trade must be buy or sell, was {word!r}"
        raise InvariantError(message)
    return word == "buy"


def read_candles(
    payload: bytes, *, symbol: str, length_ms: int, rejected: list[RejectedRow] | None = None
) -> Sequence[VenueCandle]:
    """Return the candles of an answer, oldest first; the last one may still form.

    A row of the Exchange is time, low, high, open, close, volume.

    Args:
        payload: Any bytes.
        symbol: Of the request.
        length_ms: Of the request.
        rejected: As in :func:`producers.normalise.rejects.good_rows`.

    Raises:
        ContractError: If it is no such answer.
    """
    found = _answer(payload, "Coinbase candles")
    rows = found.get("candles") if isinstance(found, dict) else found
    listed = rows_of(rows, "Coinbase candles")
    candles = good_rows(listed, lambda row: _candle(row, symbol, length_ms), rejected)
    return sorted(candles, key=lambda each: each.start_ms)


def _candle(row: object, symbol: str, length_ms: int) -> VenueCandle:
    if isinstance(row, dict):
        row = [row.get(name) for name in ("start", "low", "high", "open", "close", "volume")]
    start, low, high, opened, close, volume = row_of(row, _CANDLE_COLUMNS, "a Coinbase candle")[
        :_CANDLE_COLUMNS
    ]
    return VenueCandle(
        symbol,
        aligned(time_ms(start, "start"), length_ms),
        length_ms,
        *candle_prices(opened, high, low, close),
        volume=amount(volume, "volume"),
    )


def read_price(payload: bytes, *, symbol: str) -> VenuePrice:
    """Return the latest price: of the Exchange's ticker, or the newest of the trades of Advanced Trade.

    The venue states its volume in base units alone, so it is left out.

    Raises:
        ContractError: If it is no such answer.
    """
    found = fields_of(_answer(payload, "a Coinbase ticker"), "a Coinbase ticker")
    if "trades" in found:
        trades = read_trades(payload, symbol=symbol)
        if not trades:
            message = "expected a Coinbase ticker with a trade, there is none"
            raise DecodeError(message)
        return VenuePrice(trades[-1].symbol, trades[-1].price, trades[-1].time_ms)
    return VenuePrice(
        symbol,
        price(found.get("price"), "price"),
        optional_time_ms(found.get("time"), "time"),
    )


def read_book(payload: bytes, *, symbol: str) -> VenueQuote:
    """Return the best bid and ask of a book, of both APIs.

    Raises:
        ContractError: If it is no such answer, or a side of the book is empty.
    """
    answer = fields_of(_answer(payload, "a Coinbase book"), "a Coinbase book")
    found = fields_of(answer.get("pricebook", answer), "a Coinbase book")
    bid, ask = (_level(row_of(found.get(side), 1, f"{side} of a book")[0]) for side in ("bids", "asks"))
    sequence = found.get("sequence")
    return quote(
        text(found.get("product_id", symbol), "product_id"),
        bid=bid,
        ask=ask,
        time_ms=optional_time_ms(found.get("time"), "time"),
        update_id=None if sequence is None else whole(sequence, "sequence"),
    )


def _level(found: object) -> tuple[object, object]:
    if isinstance(found, dict):
        return found.get("price"), found.get("size")
    row = row_of(found, 2, "a level of a book")
    return row[0], row[1]
