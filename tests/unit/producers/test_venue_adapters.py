"""What only one venue does: other ways where one is refused, errors of status 200, searches, times of answers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from producers.normalise.kraken_answers import read_trades
from producers.normalise.observations import VenueCandle
from producers.normalise.trades import VenueTrade
from producers.sources.binance.spot import BinanceSpot
from producers.sources.coinbase.exchange import CoinbaseExchange
from producers.sources.coingecko.prices import CoinGecko
from producers.sources.fetching import Fetched, SourceAnswerError, SourceBusyError, SourceUnreachableError
from producers.sources.http_times import answered_ms
from producers.sources.kraken.spot import KrakenSpot
from producers.sources.venues import TradesOutOfReachError
from schemas.errors import InvariantError
from tests.fakes.exchanges import FakeBinance, FakeCoinbase, FakeCoinGecko, FakeKraken
from tests.fakes.markets import MadeMarket, made_market

BINANCE, COINBASE, KRAKEN = "BTC-USDT.BINANCE", "BTC-USD.COINBASE", "BTC-USD.KRAKEN"
NOW_MS = 1_735_689_600_000


def ids(pages: Iterable[Sequence[VenueTrade]]) -> list[int]:
    return [each.trade_id for page in pages for each in page]


def binance_without_a_key() -> tuple[BinanceSpot, MadeMarket]:
    exchange = FakeBinance(made_market())
    exchange.refused["historicalTrades"] = 401
    return BinanceSpot([BINANCE], exchange), exchange.market


def test_without_a_key_the_newest_thousand_trades_of_binance_are_taken() -> None:
    venue, market = binance_without_a_key()
    known = market.trades[-1_001]

    assert ids(venue.trades_after(BINANCE, known.trade_id, time_ms=known.time_ms)) == list(
        range(1_501, 2_501)
    )


def test_without_a_key_older_trades_of_binance_are_out_of_reach() -> None:
    venue, market = binance_without_a_key()
    known = market.trades[-1_002]

    with pytest.raises(TradesOutOfReachError) as caught:
        ids(venue.trades_after(BINANCE, known.trade_id, time_ms=known.time_ms))

    assert caught.value.oldest_ms == market.trades[-1_000].time_ms


def test_without_aggregates_the_time_is_looked_for_among_the_newest_trades_of_binance() -> None:
    exchange = FakeBinance(made_market())
    exchange.refused["aggTrades"] = 404
    venue, trades = BinanceSpot([BINANCE], exchange), exchange.market.trades

    found = ids(venue.trades_from(BINANCE, trades[-500].time_ms))

    assert found == [each.trade_id for each in trades if each.time_ms >= trades[-500].time_ms]
    with pytest.raises(TradesOutOfReachError):
        ids(venue.trades_from(BINANCE, trades[-1_001].time_ms))


def test_a_time_is_found_among_a_hundred_thousand_trades_of_coinbase_in_few_requests() -> None:
    market = made_market(n_trades=100_000, n_candles=2)
    exchange = FakeCoinbase(market)
    venue = CoinbaseExchange([COINBASE], exchange)
    from_ms = market.trades[12_345].time_ms

    first = next(page for page in venue.trades_from(COINBASE, from_ms) if page)[0]

    assert first.time_ms >= from_ms
    assert market.trades[first.trade_id - 2].time_ms < from_ms
    assert len(exchange.asked) <= 30


def test_a_venue_that_ignores_the_cursor_is_no_endless_search() -> None:
    exchange = FakeCoinbase(made_market())
    newest = [{"trade_id": 7, "side": "buy", "size": "1", "price": "1", "time": "2025-01-01T00:00:00Z"}]
    exchange.edits["trades"] = lambda _: newest
    venue = CoinbaseExchange([COINBASE], exchange)

    with pytest.raises(InvariantError, match="below its cursor"):
        ids(venue.trades_from(COINBASE, 0))


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("EGeneral:Too many requests", SourceBusyError),
        ("EAPI:Rate limit exceeded", SourceBusyError),
        ("EService:Unavailable", SourceUnreachableError),
        ("EService:Busy", SourceUnreachableError),
        ("EQuery:Unknown asset pair", SourceAnswerError),
    ],
)
def test_errors_of_kraken_are_those_of_the_port(said: str, error: type[Exception]) -> None:
    exchange = FakeKraken(made_market())
    exchange.edits[""] = lambda _: {"error": [said]}
    venue = KrakenSpot([KRAKEN], exchange)

    for ask in (
        lambda: venue.latest([KRAKEN]),
        lambda: ids(venue.trades_from(KRAKEN, 0)),
        lambda: [each for page in venue.candles(KRAKEN, 0, NOW_MS) for each in page],
    ):
        with pytest.raises(error, match=said):
            ask()


def test_trades_of_one_moment_on_both_sides_of_a_page_of_kraken_come_once() -> None:
    """A thousand and some trades of one nanosecond would not fit; five hundred at the edge of a page do."""
    market = made_market()
    moment_ms = market.trades[999].time_ms
    for n in range(750, 1_250):
        market.trades[n] = market.trades[n]._replace(time_ms=moment_ms)
    for n in range(1_250, 2_500):
        market.trades[n] = market.trades[n]._replace(time_ms=max(moment_ms, market.trades[n].time_ms))
    venue = KrakenSpot([KRAKEN], FakeKraken(market))

    found = ids(venue.trades_after(KRAKEN, 1, time_ms=market.trades[0].time_ms))

    assert found == list(range(2, 2_501))


def test_times_of_kraken_are_floored_as_written_and_not_as_floats_hold_them() -> None:
    """As a float, 1735689600.1239999 is 1735689600.124 to the next microsecond."""
    row = b'["5","1",1735689600.1239999,"b","m","",1]'

    [trade] = read_trades(b'{"error":[],"result":{"XXBTZUSD":[' + row + b'],"last":"1"}}').trades

    assert trade.time_ms == NOW_MS + 123


def test_the_largest_coin_of_a_symbol_is_taken_and_known_ids_come_first() -> None:
    exchange = FakeCoinGecko(made_market())
    instruments = ["BTC-USD.COINGECKO", "BATCAT-USD.COINGECKO"]
    venue = CoinGecko(instruments, exchange)

    assert [name for name, _ in venue.latest(["BTC-USD.COINGECKO"])] == ["BTC-USD.COINGECKO"]
    assert venue.latest(["BATCAT-USD.COINGECKO"]) == []


def test_candles_of_coingecko_are_stamped_with_their_close_and_have_no_volume() -> None:
    exchange = FakeCoinGecko(made_market())
    exchange.edits["ohlc"] = lambda _: [[NOW_MS, 1, 3, 0.5, 2], [NOW_MS + 1_800_000, 2, 3, 1, 2]]

    first, _ = CoinGecko(["BTC-USD.COINGECKO"], exchange).coarse_candles("BTC-USD.COINGECKO", days=1)

    assert first == VenueCandle("bitcoin", NOW_MS - 1_800_000, 1_800_000, 1.0, 3.0, 0.5, 2.0, None)


def fetched(headers: Mapping[str, str]) -> Fetched:
    return Fetched("https://x.test", 200, b"", headers, is_new=True, received_ms=NOW_MS + 777)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"date": "Wed, 01 Jan 2025 00:00:00 GMT"}, NOW_MS),
        ({"date": "Wed, 01 Jan 2025 00:00:00 -0000"}, NOW_MS),
        ({"date": "Wed, 01 Jan 2025 00:00:30 GMT", "age": "30"}, NOW_MS),
        ({"date": "Wed, 01 Jan 2025 00:00:00 GMT", "age": "soon"}, NOW_MS),
        ({}, NOW_MS + 777),
        ({"date": ""}, NOW_MS + 777),
        ({"date": "yesterday"}, NOW_MS + 777),
        ({"date": "Thu, 01 Jan 1970 00:00:00 GMT"}, NOW_MS + 777),
        ({"date": "Wed, 99 Jan 99999 00:00:00 GMT"}, NOW_MS + 777),
    ],
)
def test_an_answer_has_the_time_of_its_venue(headers: dict[str, Any], expected: int) -> None:
    assert answered_ms(fetched(headers)) == expected


def test_trades_of_kraken_without_ids_are_an_error_and_not_nothing() -> None:
    exchange = FakeKraken(made_market())
    exchange.edits["Trades"] = lambda _: {
        "error": [],
        "result": {"XXBTZUSD": [["5", "1", 1735689600.5, "b", "m", ""]], "last": "1"},
    }

    with pytest.raises(InvariantError, match="must have ids"):
        ids(KrakenSpot([KRAKEN], exchange).trades_from(KRAKEN, 0))


def test_a_key_of_the_paid_plan_leads_to_its_own_address_and_stays_there() -> None:
    exchange = FakeCoinGecko(made_market(), host="pro-api.coingecko.com")
    venue = CoinGecko(["BTC-USD.COINGECKO"], exchange)

    found = [venue.latest(["BTC-USD.COINGECKO"]) for _ in range(2)]

    assert found[0] == found[1] != []
    assert [each.partition("/")[0] for each in exchange.asked] == [
        *("api.coingecko.com", "pro-api.coingecko.com", "pro-api.coingecko.com")
    ]


def test_a_request_that_both_addresses_refuse_has_the_first_refusal() -> None:
    exchange = FakeCoinGecko(made_market(), host="nowhere")
    venue = CoinGecko(["BTC-USD.COINGECKO"], exchange)

    for _ in range(2):
        with pytest.raises(SourceAnswerError):
            venue.latest(["BTC-USD.COINGECKO"])

    assert [each.partition("/")[0] for each in exchange.asked][::2] == ["api.coingecko.com"] * 2
