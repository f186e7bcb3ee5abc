"""What the names of exchanges and of files say: the venue, the market and the symbol of the trades in them."""

import re
from typing import NamedTuple

from producers.normalise.symbols import instrument_of_symbol
from producers.normalise.trades import Market
from producers.sources.files.decompressing import FileHead
from producers.sources.files.trades.layouts import TableLayout
from schemas.errors import ConfigurationError, InvariantError
from schemas.instruments import Instrument

#: The names that Tardis gives the exchanges, with the venue and the market; None where the symbol tells.
_EXCHANGES: dict[str, tuple[str, Market | None]] = {
    "binance": ("BINANCE", Market.SPOT),
    "binance-us": ("BINANCEUS", Market.SPOT),
    "binance-futures": ("BINANCE", Market.PERPETUAL),
    "binance-delivery": ("BINANCE", Market.PERPETUAL),
    "bitfinex": ("BITFINEX", Market.SPOT),
    "bitfinex-derivatives": ("BITFINEX", Market.PERPETUAL),
    "bitmex": ("BITMEX", Market.PERPETUAL),
    "bitstamp": ("BITSTAMP", Market.SPOT),
    "bybit": ("BYBIT", Market.PERPETUAL),
    "bybit-spot": ("BYBIT", Market.SPOT),
    "coinbase": ("COINBASE", Market.SPOT),
    "cryptofacilities": ("KRAKEN", Market.PERPETUAL),
    "deribit": ("DERIBIT", Market.PERPETUAL),
    "gate-io": ("GATEIO", Market.SPOT),
    "gate-io-futures": ("GATEIO", Market.PERPETUAL),
    "gemini": ("GEMINI", Market.SPOT),
    "huobi": ("HUOBI", Market.SPOT),
    "kraken": ("KRAKEN", Market.SPOT),
    "kucoin": ("KUCOIN", Market.SPOT),
    "okex": ("OKX", Market.SPOT),
    "okex-swap": ("OKX", Market.PERPETUAL),
    "poloniex": ("POLONIEX", Market.SPOT),
    "upbit": ("UPBIT", Market.SPOT),
}
#: Exchanges whose contracts in US dollars are counted in dollars, one each, by what the symbols of them look like.
_INVERSE = {
    "bitmex": re.compile(r"XBTUSD"),
    "bybit": re.compile(r"[A-Z0-9]+USD"),
    "cryptofacilities": re.compile(r"PI_[A-Z0-9]+USD"),
    "deribit": re.compile(r"(BTC|ETH)-PERPETUAL"),
}
#: Venues whose perpetuals count contracts that are worth a different number of coins for each symbol.
_OF_CONTRACTS = frozenset({"GATEIO", "HUOBI", "KUCOIN", "OKX"})
_BINANCE_NAME = re.compile(r"^(?P<symbol>[A-Z0-9]+(_PERP|_\d{6})?)-(aggTrades|trades)-\d{4}")
_OWN_NAME = re.compile(
    r"^(?P<symbol>[a-z0-9]+)_(?P<venue>[a-z0-9]+)_(?P<market>spot|perp|usdm|coinm|futures)(_|\.|$)",
    re.IGNORECASE,
)
_PAIR_NAME = re.compile(r"^(?P<symbol>(?=[A-Z0-9]*[A-Z])[A-Z0-9]{5,12})(_trades)?(\.|$)")
_BITCOINCHARTS_NAME = re.compile(
    r"^\.?(?P<exchange>bitstamp|coinbase|kraken|bitfinex|gemini)(?P<quote>[A-Z]{3})\.csv"
)
#: The symbols of perpetuals whose sizes are contracts in US dollars, by venue; the names of the coins stand in braces.
_INVERSE_SYMBOLS = {
    "BINANCE": "{}USD_PERP",
    "BITMEX": "{}USD",
    "BYBIT": "{}USD",
    "DERIBIT": "{}-PERPETUAL",
}
_INVERSE_COINS = {"BITMEX": {"BTC"}, "DERIBIT": {"BTC", "ETH"}}


class NamedTrades(NamedTuple):
    """What the name of a file says of its trades."""

    venue: str
    symbol: str
    market: Market | None = None


def venue_of_exchange(exchange: str) -> str:
    """Return the venue of an exchange as it stands in the names of instruments.

    Example:
        >>> venue_of_exchange("binance-futures"), venue_of_exchange("some-exchange")
        ('BINANCE', 'SOMEEXCHANGE')
    """
    known = _EXCHANGES.get(exchange.lower())
    return re.sub(r"[^A-Z0-9]", "", exchange.upper()) if known is None else known[0]


def market_of_exchange(exchange: str) -> Market | None:
    """Return the market of an exchange, or None for one that is unknown."""
    known = _EXCHANGES.get(exchange.lower())
    return None if known is None else known[1]


def is_inverse(exchange: str | None, symbol: str) -> bool:
    """Return whether the amounts of an exchange's symbol are US dollars and not coins."""
    pattern = None if exchange is None else _INVERSE.get(exchange.lower())
    return pattern is not None and pattern.fullmatch(symbol.upper()) is not None


def check_contracts(name: str, venue: str, market: Market | None) -> None:
    """Refuse trades whose sizes are contracts of a worth that no file of trades states.

    Args:
        name: The file's name.
        venue: In capitals.
        market: Of the trades, or None.

    Raises:
        ConfigurationError: If the trades are of perpetuals of a venue that counts contracts.
    """
    if market is Market.PERPETUAL and venue in _OF_CONTRACTS:
        message = (
            f"{name} holds trades of perpetuals of {venue}, whose sizes are contracts, and a file of trades does not say how "
            "many coins a contract is: give trades of the spot market, or candles with volumes in coins"
        )
        raise ConfigurationError(message)


def inverse_symbol(instrument: Instrument) -> str | None:
    """Return the symbol of a perpetual whose sizes its venue counts in US dollars, or None for any other instrument.

    Example:
        >>> inverse_symbol(Instrument(base="BTC", quote="USD", venue="BINANCE", is_perpetual=True))
        'BTCUSD_PERP'
    """
    symbol = _INVERSE_SYMBOLS.get(instrument.venue)
    coins = _INVERSE_COINS.get(instrument.venue, {instrument.base})
    is_inverse_there = instrument.is_perpetual and instrument.quote == "USD" and instrument.base in coins
    return symbol.format(instrument.base) if symbol is not None and is_inverse_there else None


def named_trades(name: str, *, is_time_and_sales: bool) -> NamedTrades | None:
    """Return the venue and the symbol that the name of a file of trades states, or None.

    Args:
        name: The name of the file, without its folder.
        is_time_and_sales: Whether the rows are those of Kraken's time and sales, whose files are named by the pair alone.

    Example:
        >>> named_trades("BTCUSDT-aggTrades-2025-01-01.csv", is_time_and_sales=False)[:2]
        ('BINANCE', 'BTCUSDT')
        >>> named_trades("XBTUSD.csv", is_time_and_sales=True)[:2]
        ('KRAKEN', 'XBTUSD')
    """
    if match := _OWN_NAME.match(name):
        market = Market.SPOT if match["market"].lower() == "spot" else Market.PERPETUAL
        return NamedTrades(match["venue"].upper(), match["symbol"].upper(), market)
    if match := _BINANCE_NAME.match(name):
        return NamedTrades("BINANCE", match["symbol"])
    if match := _BITCOINCHARTS_NAME.match(name):
        return NamedTrades(match["exchange"].upper(), "BTC" + match["quote"], Market.SPOT)
    if is_time_and_sales and (match := _PAIR_NAME.match(name)):
        return NamedTrades("KRAKEN", match["symbol"], Market.SPOT)
    return None


def named_perpetual(named: NamedTrades | None) -> Instrument | None:
    """Return the perpetual that the name of a file states, such as ``btcusd_bybit_perp.csv``, or None."""
    if named is None or named.market is not Market.PERPETUAL:
        return None
    try:
        return instrument_of_symbol(named.symbol, venue=named.venue, is_perpetual=True)
    except InvariantError:
        return None


def names_of_head(head: FileHead, layout: TableLayout) -> NamedTrades | None:
    """Return what the name of a file says, or the name of the one file inside an archive.

    Args:
        head: The beginning of the file, with its names.
        layout: Of its rows.
    """
    names = [head.name] if head.member is None else [head.member.rpartition("/")[2], head.name]
    found = (named_trades(name, is_time_and_sales=layout.is_time_and_sales) for name in names)
    return next((named for named in found if named is not None), None)
