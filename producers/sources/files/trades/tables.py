"""Reads dumps of trades: text with one trade per row, with or without a heading.

Columns are found by their names in a heading, and by their number and kinds where there is none::

    id price qty quote_qty time is_buyer_maker [is_best_match]             Binance trades, of spot with the last
    id price qty first_id last_id time is_buyer_maker [is_best_match]      Binance aggTrades, the same
    time price volume                                                      Kraken's time and sales
"""

from collections.abc import Sequence
from typing import NamedTuple

from producers.normalise.binance import VENUE as BINANCE
from producers.normalise.binance import coins_of_contracts
from producers.normalise.trades import (
    NO_ID,
    Market,
    TradeKind,
    VenueTrade,
    milliseconds_of_text,
    positive_number,
)
from producers.sources.files.trades.records import NO_RECORD, LineReading
from producers.sources.files.trades.venues import is_inverse
from schemas.errors import DecodeError

_DELIMITERS = (b",", b";", b"\t", b"|")
_NAMES = {
    "time": (
        "time",
        "transact_time",
        "timestamp",
        "ts",
        "trade_time",
        "datetime",
        "date",
        "created_at",
        "unix",
    ),
    "local": ("local_timestamp", "local_time", "received", "received_at", "receipt_timestamp", "recv_ts"),
    "price": ("price", "p", "rate"),
    "size": ("qty", "quantity", "amount", "size", "volume", "vol", "last_size", "homenotional_size"),
    "id": ("id", "trade_id", "agg_trade_id", "tradeid", "tid", "trdmatchid", "aggregate_trade_id"),
    "side": ("side", "taker_side", "type", "direction", "taker_or_maker_side"),
    "maker": ("is_buyer_maker", "isbuyermaker", "buyer_maker", "was_the_buyer_the_maker", "m"),
    "symbol": ("symbol", "pair", "instrument", "product_id", "market"),
    "exchange": ("exchange", "venue"),
}
#: What the heading of a table of candles has and that of a table of trades has not.
_OF_CANDLES = {"open", "high", "low", "close", "o", "h", "l", "c"}
_TRUE = {"true", "1", "t"}
_FALSE = {"false", "0", "f"}
_SELLS = {"sell", "s", "ask"}
_BUYS = {"buy", "b", "bid"}
_LARGEST_ID = 2**63


class TableLayout(NamedTuple):
    """Where the fields of a trade stand in a row.

    Attributes:
        delimiter: Between two fields.
        columns: The position of each field that there is, by the keys of ``_NAMES``.
        n_columns: How many fields a row has.
        has_heading: Whether the first row names the columns.
        kind: Whether a row is one trade or an aggregate.
        market: None where the layout does not say.
    """

    delimiter: bytes
    columns: dict[str, int]
    n_columns: int
    has_heading: bool
    kind: TradeKind = TradeKind.SINGLE
    market: Market | None = None


def layout_of(lines: Sequence[bytes]) -> TableLayout | None:
    """Return how the rows of a table of trades are laid out, or None if these are no such rows.

    Args:
        lines: The first lines of a file, empty lines and comments left out.
    """
    if not lines:
        return None
    delimiter = max(_DELIMITERS, key=lines[0].count)
    fields = _fields(lines[0], delimiter)
    if len(fields) < 3:
        return None
    return _layout_of_heading(fields, delimiter) or _layout_of_values(lines, delimiter)


def _fields(line: bytes, delimiter: bytes) -> list[str]:
    text = line.decode("utf-8-sig", errors="replace")
    return [field.strip().strip('"').strip() for field in text.split(delimiter.decode())]


def _layout_of_heading(fields: Sequence[str], delimiter: bytes) -> TableLayout | None:
    names = [field.lower().replace(" ", "_") for field in fields]
    if _OF_CANDLES & set(names):
        return None
    columns: dict[str, int] = {}
    for field, known in _NAMES.items():
        at = next((names.index(name) for name in known if name in names), None)
        if at is not None:
            columns[field] = at
    if not {"time", "price", "size"} <= columns.keys():
        return None
    is_aggregate = "agg_trade_id" in names or "first_trade_id" in names
    is_of_binance = "maker" in columns
    market = (Market.SPOT if "is_best_match" in names else Market.PERPETUAL) if is_of_binance else None
    kind = TradeKind.AGGREGATE if is_aggregate else TradeKind.SINGLE
    return TableLayout(delimiter, columns, len(fields), has_heading=True, kind=kind, market=market)


def _layout_of_values(lines: Sequence[bytes], delimiter: bytes) -> TableLayout | None:
    """The layout of rows without a heading; half of the first ones must fit it."""
    rows = [_fields(line, delimiter) for line in lines[:50]]
    for fits, layout in (
        (_is_kraken_row, TableLayout(delimiter, {"time": 0, "price": 1, "size": 2}, 3, has_heading=False)),
        (
            _is_trade_row,
            _binance_layout(delimiter, rows, {"id": 0, "price": 1, "size": 2, "time": 4, "maker": 5}),
        ),
        (
            _is_aggregate_row,
            _binance_layout(
                delimiter, rows, {"id": 0, "price": 1, "size": 2, "time": 5, "maker": 6}, TradeKind.AGGREGATE
            ),
        ),
    ):
        if 2 * sum(map(fits, rows)) > len(rows):
            return layout
    return None


def _binance_layout(
    delimiter: bytes,
    rows: Sequence[Sequence[str]],
    columns: dict[str, int],
    kind: TradeKind = TradeKind.SINGLE,
) -> TableLayout:
    n_columns = max(map(len, rows))
    is_of_spot = n_columns > columns["maker"] + 1
    market = Market.SPOT if is_of_spot else Market.PERPETUAL
    return TableLayout(delimiter, columns, n_columns, has_heading=False, kind=kind, market=market)


def _is_kraken_row(row: Sequence[str]) -> bool:
    return len(row) == 3 and all(map(_is_number, row)) and _is_time(row[0])


def _is_trade_row(row: Sequence[str]) -> bool:
    return len(row) in {6, 7} and _is_time(row[4]) and _is_flag(row[5]) and all(map(_is_number, row[:4]))


def _is_aggregate_row(row: Sequence[str]) -> bool:
    return len(row) in {7, 8} and _is_time(row[5]) and _is_flag(row[6]) and all(map(_is_number, row[:5]))


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _is_time(text: str) -> bool:
    whole = text.partition(".")[0]
    return whole.isdecimal() and len(whole) >= 10


def _is_flag(text: str) -> bool:
    return text.lower() in {"true", "false"}


class TableReader:
    """Reads the rows of one dump.

    Args:
        layout: Of its rows.
        venue: In capitals; an empty text where neither the rows nor the name of the file say.
        symbol: Of the trades, where the rows do not say; an empty text where nothing else does, either.
        contracts: The symbol by which the sizes may be contracts, where the rows do not say.
        exchange: What the rows must say in the column of the exchange, or None.
        market: Where the venue or the name of the file say it.
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
    ) -> None:
        self.venue = venue
        self._layout = layout
        self._delimiter = layout.delimiter
        self._symbol = symbol
        self._contracts = contracts
        self._exchange = exchange
        self._market = market or layout.market
        at = layout.columns.get
        self._time, self._price, self._size = at("time"), at("price"), at("size")
        self._local, self._id, self._side, self._maker = at("local"), at("id"), at("side"), at("maker")
        self._symbol_at, self._exchange_at = at("symbol"), at("exchange")
        self._last = max(self._time or 0, self._price or 0, self._size or 0, self._maker or 0)

    def may_hold_trades(self, line: bytes) -> bool:
        """Return whether a line can hold a trade; see the port."""
        return bool(line)

    def read(self, line: bytes) -> LineReading:
        """Return what a row says; see the port."""
        if not line or line.startswith(b"#"):
            return NO_RECORD
        row = line.split(self._delimiter)
        if len(row) <= self._last:
            message = f"expected a row of {self._layout.n_columns} fields, was {line[:60]!r}"
            raise DecodeError(message)
        try:
            return self._read_row([field.strip(b' "\xef\xbb\xbf').decode("ascii") for field in row])
        except UnicodeDecodeError as error:
            message = f"expected a row of trades in plain text, was {line[:60]!r}"
            raise DecodeError(message) from error

    def _read_row(self, row: Sequence[str]) -> LineReading:
        if self._layout.has_heading and self._is_heading(row):
            return NO_RECORD
        if self._exchange_at is not None and row[self._exchange_at] != self._exchange:
            message = f"expected a trade of {self._exchange}, was one of {row[self._exchange_at][:40]!r}"
            raise DecodeError(message)
        symbol = self._symbol if self._symbol_at is None else row[self._symbol_at]
        price = positive_number(row[self._price or 0], "price")
        size = positive_number(row[self._size or 0], "size")
        trade = VenueTrade(
            symbol,
            NO_ID if self._id is None else _id_of(row[self._id]),
            price,
            self._coins(symbol or self._contracts, size, price),
            milliseconds_of_text(row[self._time or 0]),
            self._is_buyer_maker(row),
            self._market,
            self._layout.kind,
        )
        local_ms = None if self._local is None else milliseconds_of_text(row[self._local])
        return LineReading(local_ms, str(trade.kind), (trade,))

    def _is_heading(self, row: Sequence[str]) -> bool:
        """Whether a row names the columns; it stands first, and again where files were joined."""
        return row[self._price or 0].lower() in _NAMES["price"]

    def _coins(self, symbol: str, size: float, price: float) -> float:
        if self.venue == BINANCE and symbol.upper().endswith("_PERP"):
            return coins_of_contracts(symbol, size, price)
        return size / price if is_inverse(self._exchange, symbol) else size

    def _is_buyer_maker(self, row: Sequence[str]) -> bool | None:
        if self._maker is not None:
            word = row[self._maker].lower()
            if word in _TRUE:
                return True
            if word in _FALSE:
                return False
            message = (
                f"expected true or false for whether the buyer was in the book, was {row[self._maker][:40]!r}"
            )
            raise DecodeError(message)
        if self._side is None or self._side >= len(row):
            return None
        side = row[self._side].lower()
        return True if side in _SELLS else False if side in _BUYS else None


def _id_of(text: str) -> int:
    """A numeric id; one of another kind counts as none."""
    if not text.isdecimal():
        return NO_ID
    number = int(text)
    return number if number < _LARGEST_ID else NO_ID
