"""Every parser of outside payloads, by name: the readers of venues and those of news.

A parser is a function of bytes. It may return anything, and raise a ContractError and nothing else.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from producers.normalise import (
    binance,
    binance_answers,
    binance_perpetual_answers,
    bybit,
    coinbase,
    coinbase_answers,
    coingecko,
    kraken,
    kraken_answers,
)
from producers.normalise.binance_messages import read_binance_message
from producers.normalise.coinbase_messages import read_coinbase_message
from producers.normalise.kraken_messages import read_kraken_message
from producers.normalise.listings import read_listings
from producers.normalise.trades import Market
from tests.fuzzing.parsers.news import NEWS_PARSERS

Parser = Callable[[bytes], Any]
_MINUTE_MS = 60_000


def _leaving_out(read: Callable[..., Any], **fields: Any) -> Parser:
    """A parser that leaves bad rows out."""
    return lambda payload: read(payload, rejected=[], **fields)


_SPOT = {"symbol": "BTCUSDT", "market": Market.SPOT}
SOCKETS: Mapping[str, Parser] = {
    "binance messages": read_binance_message,
    "coinbase messages": read_coinbase_message,
    "kraken messages": read_kraken_message,
    "binance captures": binance.read_message,
    "binance trades of captures": binance.read_trade,
    "bybit captures": bybit.read_message,
    "coinbase captures": coinbase.read_message,
    "kraken captures": kraken.read_message,
}
ANSWERS: Mapping[str, Parser] = {
    "binance trades": partial(binance_answers.read_trades, **_SPOT),
    "binance trades, leaving out": _leaving_out(binance_answers.read_trades, **_SPOT),
    "binance aggregate trades": partial(binance_answers.read_aggregate_trades, **_SPOT),
    "binance first ids": binance_answers.read_first_ids,
    "binance candles": partial(binance_answers.read_candles, symbol="BTCUSDT"),
    "binance candles, leaving out": _leaving_out(binance_answers.read_candles, symbol="BTCUSDT"),
    "binance prices": binance_answers.read_prices,
    "binance quotes": binance_answers.read_quotes,
    "binance depth": partial(binance_answers.read_depth, symbol="BTCUSDT"),
    "binance mark prices": binance_perpetual_answers.read_mark_prices,
    "binance open interest": binance_perpetual_answers.read_open_interest,
    "binance fundings": binance_perpetual_answers.read_fundings,
    "coinbase trades": partial(coinbase_answers.read_trades, symbol="BTC-USD"),
    "coinbase trades, leaving out": _leaving_out(coinbase_answers.read_trades, symbol="BTC-USD"),
    "coinbase candles": partial(coinbase_answers.read_candles, symbol="BTC-USD", length_ms=_MINUTE_MS),
    "coinbase candles, leaving out": _leaving_out(
        coinbase_answers.read_candles, symbol="BTC-USD", length_ms=_MINUTE_MS
    ),
    "coinbase price": partial(coinbase_answers.read_price, symbol="BTC-USD"),
    "coinbase book": partial(coinbase_answers.read_book, symbol="BTC-USD"),
    "kraken trades": kraken_answers.read_trades,
    "kraken trades, leaving out": _leaving_out(kraken_answers.read_trades),
    "kraken candles": partial(kraken_answers.read_candles, length_ms=_MINUTE_MS),
    "kraken candles, leaving out": _leaving_out(kraken_answers.read_candles, length_ms=_MINUTE_MS),
    "kraken prices": kraken_answers.read_prices,
    "kraken quotes": kraken_answers.read_quotes,
    "kraken book": kraken_answers.read_book,
    "kraken error": kraken_answers.error_of,
    "listings": read_listings,
    "listings, leaving out": _leaving_out(read_listings),
    "coingecko whole market": partial(coingecko.read_whole_market, currency="usd"),
    "coingecko markets": coingecko.read_markets,
    "coingecko symbols": coingecko.read_symbols,
    "coingecko simple prices": partial(coingecko.read_simple_prices, currency="usd"),
    "coingecko coin": partial(coingecko.read_coin, currency="usd"),
    "coingecko chart": partial(coingecko.read_market_chart, coin="bitcoin"),
    "coingecko coarse candles": partial(coingecko.read_coarse_candles, coin="bitcoin"),
}
PARSERS: Mapping[str, Parser] = {**SOCKETS, **ANSWERS, **NEWS_PARSERS}
