"""Every recorded payload of a venue is read, by the parser that is meant for it."""

import gzip
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from producers.normalise import binance_answers, coinbase_answers, coingecko, kraken_answers
from producers.normalise.binance_messages import read_binance_message
from producers.normalise.coinbase_messages import read_coinbase_message
from producers.normalise.kraken_messages import read_kraken_message
from producers.normalise.listings import read_listings
from producers.normalise.observations import Message
from producers.normalise.trades import Market

HOUR_MS = 3_600_000
SPOT = {"symbol": "BTCUSDT", "market": Market.SPOT}
READERS: dict[str, Callable[[bytes], Any]] = {
    "binance_http_spot_market_agg_trades": partial(binance_answers.read_aggregate_trades, **SPOT),
    "binance_http_spot_market_book_ticker": binance_answers.read_quotes,
    "binance_http_spot_market_depth": partial(binance_answers.read_depth, symbol="BTCUSDT"),
    "binance_http_spot_market_historical_trades": partial(binance_answers.read_trades, **SPOT),
    "binance_http_spot_market_klines": partial(binance_answers.read_candles, symbol="BTCUSDT"),
    "binance_http_spot_market_ticker_price": binance_answers.read_prices,
    "binance_http_spot_market_trades": partial(binance_answers.read_trades, **SPOT),
    "binance_ws_spot_agg_trade": read_binance_message,
    "binance_ws_spot_ticker_24hr": read_binance_message,
    "binance_ws_spot_trade": read_binance_message,
    "coinbase_http_candles": partial(coinbase_answers.read_candles, symbol="BTC-USD", length_ms=HOUR_MS),
    "coinbase_http_product_book": partial(coinbase_answers.read_book, symbol="BTC-USD"),
    "coinbase_http_ticker": partial(coinbase_answers.read_price, symbol="BTC-USD"),
    "kraken_http_ohlc": partial(kraken_answers.read_candles, length_ms=60_000),
    "kraken_http_order_book": kraken_answers.read_book,
    "kraken_http_ticker": kraken_answers.read_prices,
    "kraken_http_trades": kraken_answers.read_trades,
    "kraken_ws_ohlc_update": read_kraken_message,
    "kraken_ws_ticker_snapshot": read_kraken_message,
    "kraken_ws_trade_update": read_kraken_message,
}


@pytest.fixture
def messages(recorded_data: Path) -> Path:
    return recorded_data / "venue_messages"


def test_every_recorded_answer_and_message_is_read(messages: Path) -> None:
    for path in sorted((messages / "rest_and_ws").iterdir()):
        found = READERS[path.stem](path.read_bytes())
        assert found, path
        assert not getattr(found, "notices", ()), path


def test_the_recorded_trades_of_kraken_have_ids_in_sequence(messages: Path) -> None:
    page = kraken_answers.read_trades((messages / "rest_and_ws" / "kraken_http_trades.json").read_bytes())

    ids = [each.trade_id for each in page.trades]
    assert ids == list(range(10_218_208, 10_219_208))
    assert page.last_ns == 1_762_820_035_982_277_754
    assert page.trades[0].time_ms == 1_762_795_433_971


def test_the_recorded_candles_of_kraken_end_with_one_that_is_still_forming(messages: Path) -> None:
    path = messages / "rest_and_ws" / "kraken_http_ohlc.json"

    page = kraken_answers.read_candles(path.read_bytes(), length_ms=60_000)

    assert len(page.candles) == 721
    assert page.last_ms == page.candles[-2].start_ms


def test_the_recorded_klines_of_binance_keep_what_buyers_took(messages: Path) -> None:
    path = messages / "rest_and_ws" / "binance_http_spot_market_klines.json"

    first = binance_answers.read_candles(path.read_bytes(), symbol="BTCUSDT")[0]

    assert (first.volume, first.taker_buy_volume, first.n_trades) == (21.63272, 12.28492, 617)
    assert (first.start_ms, first.length_ms) == (1_634_943_780_000, 60_000)


def test_the_recorded_trades_of_coinbase_state_the_side_of_the_book(messages: Path) -> None:
    path = messages / "rest_and_ws" / "coinbase_http_ticker.json"

    trades = coinbase_answers.read_trades(path.read_bytes(), symbol="BTC-USD")

    assert [(each.trade_id, each.is_buyer_maker) for each in trades] == [
        (995_098_661, True),
        (995_098_662, False),
        (995_098_663, False),
    ]


def test_the_recorded_answers_of_coingecko_have_prices_with_times(messages: Path) -> None:
    folder = messages / "coingecko"
    markets = coingecko.read_markets((folder / "coins_markets.json").read_bytes())
    coin = coingecko.read_coin((folder / "coins_bitcoin.json").read_bytes(), currency="usd")
    chart = coingecko.read_market_chart(
        (folder / "coins_bitcoin_market_chart.json").read_bytes(), coin="bitcoin"
    )

    assert (markets[0].symbol, markets[0].price, markets[0].time_ms) == (
        "bitcoin",
        21_109.0,
        1_673_839_741_058,
    )
    assert all(each.time_ms is not None for each in markets)
    assert coin.price == 20_789.0
    assert len(chart) == 1_445
    assert [each.time_ms for each in chart] == sorted(each.time_ms or 0 for each in chart)


def answers(path: Path) -> list[bytes]:
    """The answers of REST in a capture: an address, an arrow, a local time, a colon, and the body."""
    with gzip.open(path) as lines:
        return [line.strip().split(b": ", 1)[1] for line in lines if line.startswith(b"https://")]


def test_the_recorded_lists_of_markets_are_read(messages: Path) -> None:
    folder = messages / "captures_2021-04"
    [products], [pairs] = answers(folder / "COINBASE.0.gz"), answers(folder / "KRAKEN.0.gz")

    of_coinbase = {each.symbol: each.is_trading for each in read_listings(products)}
    of_kraken = {each.symbol: each.is_trading for each in read_listings(pairs)}

    assert (len(of_coinbase), of_coinbase["BTC-USD"]) == (162, True)
    assert (len(of_kraken), of_kraken["XBT/USD"]) == (304, True)


def test_the_recorded_figures_of_the_whole_market_are_read(messages: Path) -> None:
    path = messages / "coingecko" / "market_stat.json"

    found = coingecko.read_whole_market(path.read_bytes(), currency="usd")

    assert (found.time_ms, round(found.shares["BTC"], 2)) == (1_674_693_929_000, 40.93)
    assert found.market_cap == pytest.approx(1_089_038_097_970.88)


def session(path: Path) -> Iterator[bytes]:
    """The messages of a session that a venue sent: a local time, a colon, and the payload."""
    with gzip.open(path) as lines:
        for line in lines:
            found = re.match(rb"[\d.]+: (.*)", line.strip())
            if found is not None:
                yield found[1]


def counted(read: Callable[[bytes], Message], path: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    for payload in session(path):
        message = read(payload)
        counts.update({name: len(getattr(message, name)) for name in message.__struct_fields__})
        counts.update(str(each.kind) for each in message.notices)
    return +counts


def test_the_recorded_session_of_binance_is_read(messages: Path) -> None:
    found = counted(read_binance_message, messages / "captures_2021-04" / "BINANCE.ws.1.0.gz")

    assert found == {"trades": 2, "quotes": 84, "candles": 2, "notices": 177, "other": 177}


def test_the_recorded_session_of_coinbase_is_read_with_last_matches_apart(messages: Path) -> None:
    found = counted(read_coinbase_message, messages / "captures_2021-04" / "COINBASE.ws.28.0.gz")

    assert found == {
        "trades": 97,
        "repeated": 10,
        "prices": 107,
        "notices": 9_735,
        "other": 9_729,
        "subscribed": 6,
    }


def test_the_recorded_session_of_kraken_is_read_with_its_status(messages: Path) -> None:
    found = counted(read_kraken_message, messages / "captures_2021-04" / "KRAKEN.ws.50.0.gz")

    assert found == {"notices": 4_321, "other": 4_279, "heartbeat": 31, "subscribed": 10, "online": 1}


def test_the_recorded_books_of_binance_have_a_best_bid_and_ask(messages: Path) -> None:
    """The answers of REST in the captures, each on a line after its address."""
    bodies = answers(messages / "captures_2021-04" / "BINANCE.http.0.0.gz")
    books = [binance_answers.read_depth(body, symbol="X") for body in bodies]

    assert books
    assert all(each.bid < each.ask for each in books)
