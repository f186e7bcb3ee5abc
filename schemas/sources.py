"""What each source of events promises about its times.

``event_time_ms`` is the venue's clock and ``known_time_ms`` ours, and the two may differ either
way. What may be relied on is stated here, per source, and nowhere else: how much later than the
newest event an older one may still come (``allowed_lateness_ms``) before it counts as late.

Which source an instrument belongs to is stated here too: the source is named after the venue of the
instrument, unless ``DRIFTLINE_SOURCES`` says otherwise. Events carry the result in ``source``, and the
description of a stream lists it (:class:`schemas.streams.StreamSource`).
"""

from collections.abc import Mapping

import msgspec

from schemas.errors import ConfigurationError
from schemas.instruments import parse_instrument

VARIABLE = "DRIFTLINE_SOURCES"
_FORM = "binance-futures:BTC-USDT-PERP.BINANCE,ETH-USDT-PERP.BINANCE, several sources separated by semicolons"
#: No source's clock runs farther ahead of ours than this. A record that claims more is wrong: taken
#: as it is, it would make everything after it late.
LARGEST_LEAD_MS = 60_000


class SourceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One source of events.

    Attributes:
        name: What its events say in ``source``.
        is_simulated: Whether it is invented; such data is marked on every screen.
        allowed_lateness_ms: An event at most this much older than the newest one is on time.
        description: One line for people.
        longest_pause_ms: A hole in a file of its candles that is at most this long had no trade; 0 where the
            source gives a candle of no volume instead, so that every hole is an outage.
    """

    name: str
    is_simulated: bool
    allowed_lateness_ms: int
    description: str
    longest_pause_ms: int = 0


_HOUR_MS = 3_600_000

BINANCE = SourceSpec(
    name="binance",
    is_simulated=False,
    allowed_lateness_ms=0,
    description="Binance trades and candles; trades come in order among themselves",
)
BINANCE_FUTURES = SourceSpec(
    name="binance-futures",
    is_simulated=False,
    allowed_lateness_ms=0,
    description="Binance's USD-margined futures, where they are a source of their own; another clock than spot",
)
KRAKEN = SourceSpec(
    name="kraken",
    is_simulated=False,
    allowed_lateness_ms=0,
    description="Kraken trades and candles; candles without a trade are left out",
    longest_pause_ms=_HOUR_MS,
)
COINBASE = SourceSpec(
    name="coinbase",
    is_simulated=False,
    allowed_lateness_ms=0,
    description="Coinbase trades and candles; candles without a trade are left out",
    longest_pause_ms=_HOUR_MS,
)
SIMULATED = SourceSpec(
    name="simulated",
    is_simulated=True,
    allowed_lateness_ms=0,
    description="the seeded simulated market; not real prices",
)


def _recorded(name: str, title: str, *, longest_pause_ms: int = 0) -> SourceSpec:
    """A source of which only recorded files are read.

    Args:
        name: What its events say in ``source``.
        title: The venue, for people.
        longest_pause_ms: As in :class:`SourceSpec`.
    """
    return SourceSpec(
        name=name,
        is_simulated=False,
        allowed_lateness_ms=0,
        description=f"recorded files of {title}",
        longest_pause_ms=longest_pause_ms,
    )


#: Venues that leave out the candles in which nothing was traded, and those that do not.
RECORDED = (
    KRAKEN,
    COINBASE,
    *(
        _recorded(name, title, longest_pause_ms=_HOUR_MS)
        for name, title in (
            ("bitstamp", "Bitstamp"),
            ("bitfinex", "Bitfinex"),
            ("bitvavo", "Bitvavo"),
            ("gemini", "Gemini"),
            ("kucoin", "KuCoin"),
            ("poloniex", "Poloniex"),
            ("bitflyer", "bitFlyer"),
            ("btcmarkets", "BTC Markets"),
        )
    ),
    *(
        _recorded(name, title)
        for name, title in (
            ("binanceus", "Binance.US"),
            ("bybit", "Bybit"),
            ("okx", "OKX"),
            ("okex", "OKX under its former name"),
            ("bitmex", "BitMEX"),
            ("deribit", "Deribit"),
            ("bitget", "Bitget"),
            ("gateio", "Gate"),
            ("huobi", "HTX, formerly Huobi"),
            ("htx", "HTX"),
            ("mexc", "MEXC"),
            ("cryptocom", "Crypto.com"),
            ("hyperliquid", "Hyperliquid"),
            ("dydx", "dYdX"),
            ("ftx", "FTX, which closed in 2022"),
            ("investing", "Investing.com"),
            ("yahoo", "Yahoo Finance"),
            ("coinmarketcap", "CoinMarketCap"),
            ("cryptocompare", "CryptoCompare"),
        )
    ),
)

#: The sources of trades, candles and quotes, by name.
SOURCES = {spec.name: spec for spec in (BINANCE, BINANCE_FUTURES, SIMULATED, *RECORDED)}


def _collected(name: str, description: str) -> SourceSpec:
    """A source whose items are not ordered among themselves, so that nothing waits for its watermark."""
    return SourceSpec(name=name, is_simulated=False, allowed_lateness_ms=0, description=description)


#: The sources of latest prices, by name. Their candles, if any, are too coarse to be candles of the platform.
PRICE_SOURCES = {
    spec.name: spec for spec in (_collected("coingecko", "latest prices of any coin by CoinGecko"),)
}
#: The sources of articles that are known by name; further feeds may be configured.
NEWS_SOURCES = {
    name: _collected(name, f"news of {title}")
    for name, title in (
        ("coindesk", "CoinDesk"),
        ("cryptoslate", "CryptoSlate"),
        ("cointelegraph", "Cointelegraph"),
        ("decrypt", "Decrypt"),
        ("bitcoinmagazine", "Bitcoin Magazine"),
        ("theblock", "The Block"),
    )
}


def parse_sources(text: str | None) -> dict[str, str]:
    """Returns the source of each instrument whose source is not named after its venue.

    Args:
        text: The setting ``DRIFTLINE_SOURCES``, such as ``binance-futures:BTC-USDT-PERP.BINANCE``; sources are
            separated by semicolons and instruments by commas. None and an empty text state nothing.

    Raises:
        ConfigurationError: If the text has another form, or an instrument has two sources.

    Example:
        >>> parse_sources("binance-futures:BTC-USDT-PERP.BINANCE")
        {'BTC-USDT-PERP.BINANCE': 'binance-futures'}
    """
    found: dict[str, str] = {}
    for part in (text or "").split(";"):
        if not part.strip():
            continue
        source, separator, names = (piece.strip() for piece in part.partition(":"))
        for name in (name.strip() for name in names.split(",")):
            if not separator or not source or name in found:
                message = f"{VARIABLE} must look like {_FORM}, each instrument once; was {text!r}"
                raise ConfigurationError(message)
            try:
                found[str(parse_instrument(name))] = source
            except ConfigurationError as error:
                message = f"{VARIABLE}: {error}"
                raise ConfigurationError(message) from error
    return found


def source_of(instrument: str, stated: Mapping[str, str]) -> str:
    """Returns the name of the source to which an instrument belongs.

    Args:
        instrument: Such as ``BTC-USDT.BINANCE``.
        stated: What :func:`parse_sources` returned; an instrument that is not in it belongs to the source
            that is named after its venue.

    Example:
        >>> source_of("BTC-USDT.BINANCE", {})
        'binance'
    """
    return stated.get(instrument) or parse_instrument(instrument).venue.lower()
