"""What is recorded: the kinds, the columns of each, and the rows that one message of a venue gives.

A row says who stated it (``source``), of what (``instrument``), when we had it (``received_ms``, by our clock), and then
what the venue said, as it said it: nothing is rounded, thinned out or filled.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from producers.normalise.observations import (
    FundingSettled,
    Liquidation,
    MarkPrice,
    OpenInterest,
    PerpetualFact,
    VenueQuote,
)
from producers.normalise.trades import TradeKind, VenueTrade
from producers.sources.venues import Reading

Row = tuple[Any, ...]


class RecordedKind(StrEnum):
    """A kind of rows, each with files of its own."""

    QUOTES = "quotes"
    TRADES = "trades"
    MARKS = "marks"
    FUNDINGS = "fundings"
    OPEN_INTEREST = "open_interest"
    LIQUIDATIONS = "liquidations"


#: The columns that every kind has, with the names of their types in pyarrow. A quote of Binance's spot market has no time.
_COMMON = {"source": "string", "instrument": "string", "received_ms": "int64", "time_ms": "int64"}
_QUOTE = {"bid": "double", "bid_size": "double", "ask": "double", "ask_size": "double", "update_id": "int64"}
_TRADE = {
    "trade_id": "int64",
    "price": "double",
    "size": "double",
    "is_buyer_maker": "bool",
    "is_aggregate": "bool",
}
_MARK = {"mark": "double", "index": "double", "funding_rate": "double", "next_funding_ms": "int64"}
_LIQUIDATION = {
    "is_sell": "bool",
    "price": "double",
    "average_price": "double",
    "size": "double",
    "filled_size": "double",
    "status": "string",
}

#: By kind, the columns in the order of the rows.
COLUMNS: Final[Mapping[RecordedKind, Mapping[str, str]]] = {
    RecordedKind.QUOTES: _COMMON | _QUOTE,
    RecordedKind.TRADES: _COMMON | _TRADE,
    RecordedKind.MARKS: _COMMON | _MARK,
    RecordedKind.FUNDINGS: _COMMON | {"rate": "double", "mark": "double"},
    RecordedKind.OPEN_INTEREST: _COMMON | {"base_units": "double"},
    RecordedKind.LIQUIDATIONS: _COMMON | _LIQUIDATION,
}
#: The place of ``received_ms`` in a row.
RECEIVED_COLUMN = 2


def rows_of(
    reading: Reading, *, source: str, received_ms: int, kinds: Collection[RecordedKind]
) -> Iterator[tuple[RecordedKind, Row]]:
    """Yield the rows of one message.

    Trades that the venue repeats after a subscription are left out, because they were made before it.

    Args:
        reading: What the message says.
        source: Who said it.
        received_ms: When it was received.
        kinds: Those that are wanted.
    """
    if RecordedKind.QUOTES in kinds:
        for instrument, quote in reading.quotes:
            yield RecordedKind.QUOTES, (source, instrument, received_ms, *_of_quote(quote))
    if RecordedKind.TRADES in kinds:
        for instrument, trade in reading.trades:
            yield RecordedKind.TRADES, row_of_trade(instrument, trade, source=source, received_ms=received_ms)
    for instrument, fact in reading.perpetual:
        kind, row = row_of_fact(instrument, fact, source=source, received_ms=received_ms)
        if kind in kinds:
            yield kind, row


def _of_quote(quote: VenueQuote) -> Row:
    return quote.time_ms, quote.bid, quote.bid_size, quote.ask, quote.ask_size, quote.update_id


def row_of_trade(instrument: str, trade: VenueTrade, *, source: str, received_ms: int) -> Row:
    """Return the row of a trade.

    Args:
        instrument: That was traded.
        trade: As the venue reported it.
        source: Who reported it.
        received_ms: When it was received.
    """
    is_aggregate = trade.kind is TradeKind.AGGREGATE
    stated = (trade.time_ms, trade.trade_id, trade.price, trade.size, trade.is_buyer_maker, is_aggregate)
    return (source, instrument, received_ms, *stated)


def row_of_fact(
    instrument: str, fact: PerpetualFact, *, source: str, received_ms: int
) -> tuple[RecordedKind, Row]:
    """Return the kind and the row of a fact about a perpetual future.

    Args:
        instrument: The perpetual.
        fact: As the venue stated it.
        source: Who stated it.
        received_ms: When it was received.
    """
    kind, stated = _kind_and_values(fact)
    return kind, (source, instrument, received_ms, fact.time_ms, *stated)


def _kind_and_values(fact: PerpetualFact) -> tuple[RecordedKind, Row]:
    match fact:
        case MarkPrice():
            return RecordedKind.MARKS, (fact.mark, fact.index, fact.funding_rate, fact.next_funding_ms)
        case FundingSettled():
            return RecordedKind.FUNDINGS, (fact.rate, fact.mark)
        case OpenInterest():
            return RecordedKind.OPEN_INTEREST, (fact.base_units,)
        case Liquidation():
            sizes = (fact.price, fact.average_price, fact.size, fact.filled_size)
            return RecordedKind.LIQUIDATIONS, (fact.is_sell, *sizes, fact.status)
