"""Tells the instrument of a file of candles by its name, its header and its first rows, where they say it."""

import re
from pathlib import Path

from producers.normalise.symbols import instrument_of_symbol
from producers.sources.files.candles.column_names import Role
from producers.sources.files.candles.layouts import Layout
from producers.sources.files.decompressing import FileHead
from schemas.errors import ContractError
from schemas.sources import SOURCES

_OWN = re.compile(
    r"^(?P<symbol>[a-z0-9]+)_(?P<venue>[a-z0-9]+)(_(?P<market>spot|perp|usdm|futures))?(_|\.|$)"
)
#: Venues that have no perpetual futures, so that a name without a market is understood.
_SPOT_ONLY = {"coinbase", "bitstamp", "gemini", "bitvavo", "btcmarkets", "poloniex", "binanceus"}
_PERPETUAL = {"perp", "usdm", "futures"}
_KRAKEN = re.compile(r"^(?P<symbol>[A-Z0-9]{6,12})_\d{1,5}(\.|$)")
_VENUE_FIRST = re.compile(r"^(?P<venue>[A-Za-z]+)_(?P<symbol>[A-Z0-9]{6,12})_")
_SYMBOL_FIRST = re.compile(r"^(?P<symbol>[A-Z0-9]{6,12})_(?P<venue>[A-Za-z]+)_(?P<rest>.*)")


def instrument_of_own_name(name: str) -> str | None:
    """Return the instrument that a name such as ``btcusdt_binance_spot_1m.parquet`` states, or None."""
    match = _OWN.match(name.lower())
    if match is None or match["venue"] not in SOURCES:
        return None
    if match["market"] is None and match["venue"] not in _SPOT_ONLY:
        return None
    return instrument_named(match["symbol"], match["venue"], is_perpetual=match["market"] in _PERPETUAL)


def instrument_named(symbol: str, venue: str, *, is_perpetual: bool = False) -> str | None:
    """Return the instrument of a venue's symbol, with or without a separator, or None if it is not understood.

    Args:
        symbol: Such as ``BTCUSDT``, ``BTC/USD``, ``XBT-EUR``.
        venue: Such as ``kraken``, in any case.
        is_perpetual: Whether it is a perpetual future.

    Example:
        >>> instrument_named("XBTUSD", "kraken")
        'BTC-USD.KRAKEN'
    """
    try:
        return str(instrument_of_symbol(symbol, venue=venue.upper(), is_perpetual=is_perpetual))
    except ContractError:
        return None


def instrument_of_candles(head: FileHead, layout: Layout, path: Path) -> str | None:
    """Return the instrument that a file of candles states, or None.

    Args:
        head: Its first bytes.
        layout: Its form.
        path: The file.
    """
    names = [path.name] if head.member is None else [path.name, Path(head.member).name]
    for name in names:
        found = instrument_of_own_name(name) or _of_form(name, layout)
        if found is not None:
            return found
    return _of_rows(layout)


def _of_form(name: str, layout: Layout) -> str | None:
    match layout.form:
        case "kraken-ohlcvt":
            stated = _KRAKEN.match(name)
            return None if stated is None else instrument_named(stated["symbol"], "kraken")
        case "cryptodatadownload":
            return _of_names(name)
        case _:
            return None


def _of_names(name: str) -> str | None:
    """The instrument of ``Bitstamp_BTCUSD_1h.csv`` and ``BTCUSDT_Binance_futures_UM_hour.csv``."""
    for pattern in (_VENUE_FIRST, _SYMBOL_FIRST):
        stated = pattern.match(name)
        if stated is not None and stated["venue"].lower() in SOURCES:
            return instrument_named(stated["symbol"], stated["venue"], is_perpetual="future" in name.lower())
    return None


def _of_rows(layout: Layout) -> str | None:
    """The instrument that columns of symbols and exchanges state in the first row."""
    shape, positions = layout.shape, layout.headings.positions
    if shape is None or not shape.sample or Role.SYMBOL not in positions or Role.EXCHANGE not in positions:
        return None
    first = shape.sample[0]
    exchange = first[positions[Role.EXCHANGE]].strip().lower()
    return instrument_named(first[positions[Role.SYMBOL]].strip(), exchange) if exchange in SOURCES else None
