"""Reads dumps of trades: text with one trade per row, with or without a heading."""

from collections.abc import Sequence

from producers.normalise.binance import VENUE as BINANCE
from producers.normalise.binance import coins_of_contracts
from producers.normalise.trades import (
    NO_ID,
    Market,
    VenueTrade,
    milliseconds_of_text,
    positive_number,
)
from producers.sources.files.trades.layouts import PRICE_NAMES, TableLayout
from producers.sources.files.trades.records import NO_RECORD, LineReading
from producers.sources.files.trades.venues import is_inverse
from schemas.errors import DecodeError

_TRUE = {"True", "true", "TRUE", "1", "t"}
_FALSE = {"False", "false", "FALSE", "0", "f"}
_COIN_MARGINED = ("_PERP", "_perp")
_SELLS = {"sell", "s"}
_BUYS = {"buy", "b"}
_LARGEST_ID = 2**63


class TableReader:
    """Reads the rows of one dump.

    Args:
        layout: Of its rows.
        venue: In capitals; an empty text where neither the rows nor the name of the file say.
        symbol: Of the trades, where the rows do not say; an empty text where nothing else does, either.
        contracts: The symbol by which the sizes may be contracts, where the rows do not say.
        exchange: What the rows must say in the column of the exchange, or None.
        market: Where the venue or the name of the file say it.
        inverse: The symbol of the instrument that the user or the name of the file states, where its sizes are contracts
            in US dollars, or None.
    """

    def __init__(
        self,
        layout: TableLayout,
        *,
        venue: str,
        symbol: str = "",
        contracts: str = "",
        exchange: str | None = None,
        market: Market | None = None,
        inverse: str | None = None,
    ) -> None:
        self.venue = venue
        self._layout = layout
        self._delimiter = layout.delimiter.decode()
        self._symbol = symbol
        self._contracts = contracts
        self._exchange = exchange
        self._market = market or layout.market
        at = layout.columns.get
        self._time, self._price, self._size = at("time"), at("price"), at("size")
        self._local, self._id, self._side, self._maker = at("local"), at("id"), at("side"), at("maker")
        self._symbol_at, self._exchange_at = at("symbol"), at("exchange")
        self._inverse = inverse
        self._coins_at = at("coins") if layout.exchange == "bitmex" else None
        self._has_contracts = venue == BINANCE or exchange is not None or inverse is not None
        self._kind = str(layout.kind)
        self._has_signed_sizes = layout.has_signed_sizes
        self._has_heading = layout.has_heading
        self._last = max(layout.columns.values())

    def may_hold_trades(self, line: bytes) -> bool:
        """Return whether a line can hold a trade; see the port."""
        return bool(line)

    def read(self, line: bytes) -> LineReading:
        """Return what a row says; see the port."""
        if not line or line.startswith(b"#"):
            return NO_RECORD
        try:
            text = line.decode("ascii")
        except UnicodeDecodeError as error:
            message = f"expected a row of trades in plain text, was {line[:60]!r}"
            raise DecodeError(message) from error
        row = text.split(self._delimiter)
        if len(row) <= self._last:
            message = f"expected a row of {self._layout.n_columns} fields, was {text[:60]!r}"
            raise DecodeError(message)
        if '"' in text or " " in text:
            row = [field.strip(' "') for field in row]
        return self._read_row(row)

    def _read_row(self, row: Sequence[str]) -> LineReading:
        if self._has_heading and self._is_heading(row):
            return NO_RECORD
        if self._exchange_at is not None and row[self._exchange_at] != self._exchange:
            message = f"expected a trade of {self._exchange}, was one of {row[self._exchange_at][:40]!r}"
            raise DecodeError(message)
        symbol = self._symbol if self._symbol_at is None else row[self._symbol_at]
        price = positive_number(row[self._price or 0], "price")
        written = row[self._size or 0]
        size = positive_number(written.removeprefix("-") if self._has_signed_sizes else written, "size")
        if self._coins_at is not None:
            coins = positive_number(row[self._coins_at], "size in coins")
        else:
            coins = self._coins(symbol or self._contracts, size, price) if self._has_contracts else size
        trade = VenueTrade(
            symbol,
            NO_ID if self._id is None else _id_of(row[self._id]),
            price,
            coins,
            milliseconds_of_text(row[self._time or 0]),
            self._is_buyer_maker(row),
            Market.SPOT if self._coins_at is not None and "_" in symbol else self._market,
            self._layout.kind,
        )
        local_ms = None if self._local is None else milliseconds_of_text(row[self._local])
        return LineReading(local_ms, self._kind, (trade,))

    def _is_heading(self, row: Sequence[str]) -> bool:
        """Whether a row names the columns; it stands first, and again where files were joined."""
        return row[self._price or 0].lower() in PRICE_NAMES

    def _coins(self, symbol: str, size: float, price: float) -> float:
        if self._inverse is not None:
            is_of_binance = self._inverse.endswith(_COIN_MARGINED)
            return coins_of_contracts(self._inverse, size, price) if is_of_binance else size / price
        if self.venue == BINANCE:
            is_of_contracts = symbol.endswith(_COIN_MARGINED)
            return coins_of_contracts(symbol, size, price) if is_of_contracts else size
        return size / price if is_inverse(self._exchange, symbol) else size

    def _is_buyer_maker(self, row: Sequence[str]) -> bool | None:
        if self._maker is not None:
            word = row[self._maker]
            if word in _TRUE:
                return True
            if word in _FALSE:
                return False
            message = (
                f"expected true or false for whether the buyer was in the book, was {row[self._maker][:40]!r}"
            )
            raise DecodeError(message)
        if self._side is None:
            return row[self._size or 0].startswith("-") if self._has_signed_sizes else None
        side = row[self._side].lower()
        return True if side in _SELLS else False if side in _BUYS else None


def _id_of(text: str) -> int:
    """A numeric id; one of another kind counts as none."""
    if not text.isdecimal():
        return NO_ID
    number = int(text)
    return number if number < _LARGEST_ID else NO_ID
