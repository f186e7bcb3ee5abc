"""How the rows of a table of trades are laid out.

Columns are found by their names in a heading, and by their number and kinds where there is none::

    id price qty quote_qty time is_buyer_maker [is_best_match]             Binance trades, of spot with the last
    id price qty first_id last_id time is_buyer_maker [is_best_match]      Binance aggTrades, the same
    time price volume                                                      Kraken's time and sales

BitMEX and Bybit name the same columns in their dumps, ``homeNotional`` and ``tickDirection`` among them. Bybit's times
are counts of seconds and no symbol of it begins with XBT.
"""

from collections.abc import Sequence
from typing import NamedTuple

from producers.normalise.trades import Market, TradeKind
from producers.sources.files.trades.coin_sizes import SIZES_BESIDE, size_in_coins

_DELIMITERS = (b",", b";", b"\t", b"|")
PRICE_NAMES = ("price", "p", "rate")
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
        "mts",
    ),
    "local": ("local_timestamp", "local_time", "received", "received_at", "receipt_timestamp", "recv_ts"),
    "price": PRICE_NAMES,
    "size": ("qty", "quantity", "amount", "size", "volume", "vol", "last_size", "homenotional_size"),
    "id": ("id", "trade_id", "agg_trade_id", "tradeid", "tid", "trdmatchid", "aggregate_trade_id"),
    "side": ("side", "taker_side", "type", "direction", "taker_or_maker_side"),
    "maker": ("is_buyer_maker", "isbuyermaker", "buyer_maker", "was_the_buyer_the_maker", "m"),
    "symbol": ("symbol", "pair", "instrument", "product_id", "market"),
    "exchange": ("exchange", "venue"),
    "coins": ("homenotional",),
}
_ROWS_LOOKED_AT = 200
#: What a heading of trades of the market has not: candles have the first, books, funding and series of prices the
#: next, and the trades of one account the last.
_OF_OTHERS = {
    *("open", "high", "low", "close", "o", "h", "l", "c"),
    *(
        "is_snapshot",
        "level",
        "bid",
        "ask",
        "bid_price",
        "ask_price",
        "bids",
        "asks",
        "funding_rate",
        "open_interest",
    ),
    *("market_cap", "marketcap", "total_volume", "change"),
    *(
        "fee",
        "fees",
        "commission",
        "order_id",
        "orderid",
        "ordertxid",
        "txid",
        "executed",
        "pnl",
        "realized_pnl",
    ),
}
#: What the headings of BitMEX's and of Bybit's dumps of trades hold.
_OF_NOTIONALS = {
    "timestamp",
    "symbol",
    "side",
    "size",
    "price",
    "tickdirection",
    "homenotional",
    "foreignnotional",
}
#: The headings of Binance's dumps of futures; its dumps of spot trades have none.
_OF_FUTURES = (
    {"id", "price", "qty", "quote_qty", "time", "is_buyer_maker"},
    {"id", "price", "qty", "base_qty", "time", "is_buyer_maker"},
    {
        *(
            "agg_trade_id",
            "price",
            "quantity",
            "first_trade_id",
            "last_trade_id",
            "transact_time",
            "is_buyer_maker",
        ),
    },
)


class TableLayout(NamedTuple):
    """Where the fields of a trade stand in a row.

    Attributes:
        delimiter: Between two fields.
        columns: The position of each field that there is, by the keys of ``_NAMES``.
        n_columns: How many fields a row has.
        has_heading: Whether the first row names the columns.
        kind: Whether a row is one trade or an aggregate.
        market: None where the layout does not say.
        exchange: The exchange whose own dumps have these columns, or None.
        has_signed_sizes: Whether the sizes of sells are negative, as at Bitfinex.
    """

    delimiter: bytes
    columns: dict[str, int]
    n_columns: int
    has_heading: bool
    kind: TradeKind = TradeKind.SINGLE
    market: Market | None = None
    exchange: str | None = None
    has_signed_sizes: bool = False

    @property
    def is_time_and_sales(self) -> bool:
        """Whether the rows are those of Kraken's time and sales: three columns without a heading."""
        return not self.has_heading and self.n_columns == 3


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
    found = _layout_of_heading(fields, delimiter)
    if found is not None and {field.lower() for field in fields} >= _OF_NOTIONALS:
        found = found._replace(exchange=_exchange_of_notionals(found, lines))
    if found is not None:
        rows = [_fields(line, delimiter) for line in lines[1:_ROWS_LOOKED_AT]]
        others = [i for i, field in enumerate(fields) if _plain(field) in (*_NAMES["size"], *SIZES_BESIDE)]
        found.columns["size"] = size_in_coins(found.columns["size"], found.columns["price"], others, rows)
    found = found or _layout_of_values(lines, delimiter)
    return None if found is None else found._replace(has_signed_sizes=_has_signed_sizes(found, lines))


def _has_signed_sizes(layout: TableLayout, lines: Sequence[bytes]) -> bool:
    """Whether more than a tenth of the sizes are negative; fewer are garbled."""
    rows = [_fields(line, layout.delimiter) for line in lines]
    sizes = [row[layout.columns["size"]] for row in rows if len(row) == layout.n_columns]
    return 10 * sum(size.startswith("-") for size in sizes) > len(sizes)


def _exchange_of_notionals(layout: TableLayout, lines: Sequence[bytes]) -> str | None:
    rows = [_fields(line, layout.delimiter) for line in lines[1:50]]
    rows = [row for row in rows if len(row) == layout.n_columns]
    if not rows:
        return None
    of_bitmex = [
        row[layout.columns["symbol"]].startswith("XBT") or not _is_time(row[layout.columns["time"]])
        for row in rows
    ]
    return "bitmex" if any(of_bitmex) else "bybit"


def _fields(line: bytes, delimiter: bytes) -> list[str]:
    text = line.decode("utf-8-sig", errors="replace")
    return [field.strip().strip('"').strip() for field in text.split(delimiter.decode())]


def _plain(name: str) -> str:
    return name.lower().replace(" ", "_")


def _layout_of_heading(fields: Sequence[str], delimiter: bytes) -> TableLayout | None:
    names = [_plain(field) for field in fields]
    if _OF_OTHERS & set(names):
        return None
    columns: dict[str, int] = {}
    for field, known in _NAMES.items():
        at = next((names.index(name) for name in known if name in names), None)
        if at is not None:
            columns[field] = at
    if not {"time", "price", "size"} <= columns.keys():
        return None
    is_aggregate = "agg_trade_id" in names or "first_trade_id" in names
    if set(names) in _OF_FUTURES:
        market: Market | None = Market.PERPETUAL
    else:
        market = Market.SPOT if "is_best_match" in names else None
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
    return len(row) == 3 and all(map(_is_number, (*row[:2], row[2].removeprefix("-")))) and _is_time(row[0])


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
