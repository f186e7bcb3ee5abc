"""The suite of the port of venues: the fake and each adapter, the latter against a fake exchange in its own form."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import pytest

from producers.normalise.trades import VenueTrade
from producers.sources.venue_table import VENUES, venue_of
from producers.sources.venues import TradesOutOfReachError, Venue
from schemas.errors import ConfigurationError, ContractError
from schemas.time import Interval
from tests.fakes.exchanges import (
    FakeBinance,
    FakeBinanceFutures,
    FakeCoinbase,
    FakeCoinGecko,
    FakeExchange,
    FakeKraken,
)
from tests.fakes.markets import MINUTE_MS, START_MS, MadeMarket, made_market
from tests.fakes.venues import FakeVenue

INSTRUMENTS = {
    "binance": "BTC-USDT.BINANCE",
    "binance-futures": "BTC-USDT-PERP.BINANCE",
    "coinbase": "BTC-USD.COINBASE",
    "kraken": "BTC-USD.KRAKEN",
    "coingecko": "BTC-USD.COINGECKO",
    "fake": "BTC-USD.FAKE",
}
EXCHANGES: dict[str, type[FakeExchange]] = {
    "binance": FakeBinance,
    "binance-futures": FakeBinanceFutures,
    "coinbase": FakeCoinbase,
    "kraken": FakeKraken,
    "coingecko": FakeCoinGecko,
}
#: Messages of each venue: one with a trade of its instrument, and one of a kind that nobody asked for.
TRADES = {
    "binance": b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1735689600001,"s":"BTCUSDT","t":7,"p":"100.5","q":"0.25","T":1735689600000,"m":true,"M":true}}',
    "binance-futures": b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1735689600001,"s":"BTCUSDT","a":7,"p":"100.5","q":"0.25","nq":"0.25","f":9,"l":9,"T":1735689600000,"m":true}}',
    "coinbase": b'{"type":"match","trade_id":7,"side":"buy","size":"0.25","price":"100.5","product_id":"BTC-USD","sequence":1,"time":"2025-01-01T00:00:00.000000Z"}',
    "kraken": b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":100.5,"qty":0.25,"ord_type":"limit","trade_id":7,"timestamp":"2025-01-01T00:00:00.000000Z"}]}',
    "fake": b'{"trades":[{"symbol":"BTC/USD","trade_id":7,"price":100.5,"size":0.25,"time_ms":1735689600000,"is_buyer_maker":true}]}',
}
OTHERS = {
    "binance": b'{"stream":"btcusdt@new","data":{"e":"new"}}',
    "binance-futures": b'{"e":"new","s":"BTCUSDT"}',
    "coinbase": b'{"type":"new"}',
    "kraken": b'{"channel":"new","type":"update","data":[]}',
    "fake": b'{"word":"new"}',
}
OF_ANOTHER_MARKET = {name: payload.replace(b"BTC", b"ETH") for name, payload in TRADES.items()}

Row = TypeVar("Row")


class Case(NamedTuple):
    """A venue, its market, and the exchange behind it if there is one."""

    venue: Venue
    market: MadeMarket
    instrument: str
    exchange: FakeExchange | None


def made(name: str, market: MadeMarket | None = None) -> Case:
    market = made_market() if market is None else market
    instrument = INSTRUMENTS[name]
    if name == "fake":
        return Case(FakeVenue([instrument], market), market, instrument, None)
    exchange = EXCHANGES[name](market)
    return Case(venue_of(name, [instrument], exchange), market, instrument, exchange)


@pytest.fixture(params=["fake", "binance", "binance-futures", "coinbase", "kraken"])
def case(request: pytest.FixtureRequest) -> Case:
    return made(request.param)


@pytest.fixture(params=["fake", "binance", "binance-futures", "coinbase", "kraken", "coingecko"])
def any_case(request: pytest.FixtureRequest) -> Case:
    return made(request.param)


def all_of(pages: Iterable[Sequence[Row]]) -> list[Row]:
    return [each for page in pages for each in page]


def shown(trades: Iterable[Any]) -> list[tuple[int, int, float, bool]]:
    return [(each.trade_id, each.time_ms, round(each.price, 6), each.is_buyer_maker) for each in trades]


@pytest.mark.parametrize("n_known", [1, 2, 999, 1000, 1001, 1499, 1500, 2001, 2498, 2499])
def test_every_trade_after_one_comes_once_and_in_order(case: Case, n_known: int) -> None:
    newest = case.market.trades[n_known - 1]

    pages = case.venue.trades_after(case.instrument, newest.trade_id, time_ms=newest.time_ms)

    assert shown(all_of(pages)) == shown(case.market.trades[n_known:])


def test_there_is_nothing_after_the_newest_trade(case: Case) -> None:
    newest = case.market.trades[-1]

    assert all_of(case.venue.trades_after(case.instrument, newest.trade_id, time_ms=newest.time_ms)) == []


@pytest.mark.parametrize("at", [0, 1, 2, 3, 500, 1498, 1501, 2400, 2499])
@pytest.mark.parametrize("shift_ms", [-1, 0, 1])
def test_trades_from_a_time_begin_with_the_first_one_at_it(case: Case, at: int, shift_ms: int) -> None:
    from_ms = case.market.trades[at].time_ms + shift_ms

    found = all_of(case.venue.trades_from(case.instrument, from_ms))

    assert shown(found) == shown(each for each in case.market.trades if each.time_ms >= from_ms)


def test_trades_from_before_the_first_one_are_all_trades(case: Case) -> None:
    found = all_of(case.venue.trades_from(case.instrument, case.market.trades[0].time_ms - 1))

    assert shown(found) == shown(case.market.trades)


def test_there_are_no_trades_from_the_future(case: Case) -> None:
    assert all_of(case.venue.trades_from(case.instrument, case.market.now_ms + 1)) == []


def test_an_answer_says_by_the_clock_of_the_venue_until_when_it_holds_everything(case: Case) -> None:
    assert case.venue.take_answered_ms() is None
    all_of(case.venue.trades_from(case.instrument, case.market.now_ms + 1))

    assert case.venue.take_answered_ms() == case.market.now_ms // 1000 * 1000
    assert case.venue.take_answered_ms() is None


def test_a_trade_that_the_venue_has_forgotten_is_out_of_reach(case: Case) -> None:
    forgotten = case.market.trades[:600]
    del case.market.trades[:600]
    known = forgotten[400]

    with pytest.raises(TradesOutOfReachError):
        next(iter(case.venue.trades_after(case.instrument, known.trade_id, time_ms=known.time_ms)))


def test_a_venue_without_trades_yields_none(case: Case) -> None:
    case.market.trades.clear()

    assert all_of(case.venue.trades_after(case.instrument, 5, time_ms=START_MS)) == []
    assert all_of(case.venue.trades_from(case.instrument, START_MS)) == []


def test_candles_are_those_of_the_stretch_that_the_venue_has_closed(case: Case) -> None:
    """The receiver's clock is an hour ahead of the venue's, and the last candle is still forming."""
    from_ms, until_ms = case.market.candles[-700].start_ms, case.market.candles[-1].start_ms + MINUTE_MS

    found = all_of(case.venue.candles(case.instrument, from_ms, until_ms))

    expected = case.market.candles[-700:-1]
    assert [(each.start_ms, each.open, each.high, each.low, each.close) for each in found] == expected
    assert {each.length_ms for each in found} == {MINUTE_MS}
    assert {each.volume for each in found} == {2.5}


@pytest.mark.parametrize(("first", "n"), [(-5, 1), (-5, 2), (-400, 300), (-400, 301), (-2, 5)])
def test_candles_lie_in_the_half_open_stretch(case: Case, first: int, n: int) -> None:
    from_ms = case.market.candles[first].start_ms
    until_ms = from_ms + n * MINUTE_MS

    found = all_of(case.venue.candles(case.instrument, from_ms, until_ms))

    closed = [each for each in case.market.candles[:-1] if from_ms <= each.start_ms < until_ms]
    assert [each.start_ms for each in found] == [each.start_ms for each in closed]


def test_an_empty_stretch_has_no_candles(case: Case) -> None:
    assert all_of(case.venue.candles(case.instrument, START_MS, START_MS)) == []


def test_minutes_without_candles_are_left_out_and_do_not_end_the_pages(case: Case) -> None:
    del case.market.candles[-600:-250]
    from_ms = case.market.candles[-320].start_ms

    found = all_of(case.venue.candles(case.instrument, from_ms, case.market.now_ms))

    assert [each.start_ms for each in found] == [each.start_ms for each in case.market.candles[-320:-1]]


def test_candles_reach_as_far_as_the_venue_says(case: Case) -> None:
    reach_ms = case.venue.candles_reach_ms(Interval.ONE_MINUTE, now_ms=case.market.now_ms)

    found = all_of(case.venue.candles(case.instrument, START_MS, case.market.now_ms))

    assert found[0].start_ms == (START_MS if reach_ms is None else reach_ms)


def test_an_interval_that_the_venue_has_not_is_a_mistake(any_case: Case) -> None:
    for interval in set(Interval) - any_case.venue.traits.candle_intervals:
        with pytest.raises(ValueError, match="has no candles"):
            any_case.venue.candles(any_case.instrument, START_MS, START_MS + 1, interval=interval)


def test_the_latest_price_is_that_of_the_newest_trade_with_a_time_of_the_venue(any_case: Case) -> None:
    [(instrument, latest)] = any_case.venue.latest([any_case.instrument])

    newest = any_case.market.trades[-1]
    assert (instrument, latest.price) == (any_case.instrument, newest.price)
    assert latest.time_ms is not None
    assert newest.time_ms <= latest.time_ms <= any_case.market.now_ms


def test_every_instrument_is_carried_by_a_connection(case: Case) -> None:
    addresses = case.venue.sockets()

    assert {each for address in addresses for each in address.instruments} == {case.instrument}
    assert all(address.url.startswith("wss://") for address in addresses)


def test_a_trade_is_read_with_its_instrument(case: Case) -> None:
    payload = TRADES[case.venue.name]

    [(instrument, trade)] = case.venue.read(payload, received_ms=1).trades

    assert instrument == case.instrument
    assert (trade.trade_id, trade.price, trade.size, trade.time_ms) == (7, 100.5, 0.25, 1_735_689_600_000)
    assert trade.is_buyer_maker is True


def test_the_same_message_always_says_the_same(case: Case) -> None:
    for payload in (TRADES[case.venue.name], OTHERS[case.venue.name]):
        assert case.venue.read(payload, received_ms=1) == case.venue.read(payload, received_ms=2)


def test_a_market_that_was_not_asked_for_is_left_out(case: Case) -> None:
    assert not case.venue.read(OF_ANOTHER_MARKET[case.venue.name], received_ms=1).trades


def test_a_message_of_an_unknown_kind_is_a_notice(case: Case) -> None:
    reading = case.venue.read(OTHERS[case.venue.name], received_ms=1)

    assert reading.notices
    assert not reading.trades


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff\xfe", b"null", b"7", b'"x"', b"[" * 100_000, b'{"type":', b"<html>", b'{"a":' * 50_000],
)
def test_bytes_that_are_no_message_break_the_contract(case: Case, payload: bytes) -> None:
    with pytest.raises(ContractError):
        case.venue.read(payload, received_ms=1)


def test_a_foreign_instrument_is_a_mistake(case: Case) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        all_of(case.venue.trades_after("DOGE-USD.KRAKEN", 1, time_ms=1))
    with pytest.raises(ValueError, match="expected one of"):
        all_of(case.venue.candles("DOGE-USD.KRAKEN", START_MS, START_MS + MINUTE_MS))


def _rows(answer: Any) -> Any:
    return answer["result"]["XXBTZUSD"] if isinstance(answer, dict) else answer


CANDLE_PATHS = {"binance": "klines", "binance-futures": "klines", "coinbase": "candles", "kraken": "OHLC"}
TRADE_PATHS = {
    "binance": "historicalTrades",
    "binance-futures": "aggTrades",
    "coinbase": "trades",
    "kraken": "Trades",
}


def _without_numbers(n: int) -> Callable[[Any], Any]:
    def edit(answer: Any) -> Any:
        rows = _rows(answer)
        rows[n] = dict.fromkeys(rows[n]) if isinstance(rows[n], dict) else [None for _ in rows[n]]
        return answer

    return edit


@pytest.mark.parametrize("name", CANDLE_PATHS)
def test_one_bad_candle_is_left_out_and_reported(name: str) -> None:
    case = made(name)
    assert case.exchange is not None
    case.exchange.edits[CANDLE_PATHS[name]] = _without_numbers(2)
    from_ms = case.market.candles[-6].start_ms

    found = all_of(case.venue.candles(case.instrument, from_ms, case.market.now_ms))

    assert len(found) == 4
    assert len(case.venue.take_rejected()) == 1
    assert not case.venue.take_rejected()


@pytest.mark.parametrize("name", TRADE_PATHS)
def test_one_bad_trade_of_a_full_page_does_not_end_the_pages(name: str) -> None:
    case = made(name)
    assert case.exchange is not None
    case.exchange.edits[TRADE_PATHS[name]] = _without_numbers(2)
    known = case.market.trades[10]

    found = all_of(case.venue.trades_after(case.instrument, known.trade_id, time_ms=known.time_ms))

    ids = {each.trade_id for each in found}
    n_missing = len({each.trade_id for each in case.market.trades[11:]} - ids)
    assert found[-1].trade_id == case.market.trades[-1].trade_id
    assert 0 < n_missing <= len(case.venue.take_rejected())


@pytest.mark.parametrize("name", CANDLE_PATHS)
@pytest.mark.parametrize(
    "body", [{"message": "no"}, {"code": -1, "msg": "no"}, [[1]], ["x"], {"result": 5}, 7, None]
)
def test_an_answer_of_another_form_breaks_the_contract(name: str, body: Any) -> None:
    case = made(name)
    assert case.exchange is not None
    case.exchange.edits[""] = lambda _: body
    known: list[Callable[[], Any]] = [
        lambda: all_of(case.venue.candles(case.instrument, START_MS, START_MS + MINUTE_MS)),
        lambda: all_of(case.venue.trades_after(case.instrument, 1, time_ms=START_MS)),
        lambda: all_of(case.venue.trades_from(case.instrument, START_MS)),
        lambda: case.venue.latest([case.instrument]),
    ]
    for ask in known:
        with pytest.raises(ContractError):
            ask()


def test_every_source_of_the_table_has_an_adapter_of_its_name() -> None:
    for name in VENUES:
        assert made(name).venue.name == name


def test_an_unknown_source_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match="binance, binance-futures, coinbase, kraken, coingecko"):
        venue_of("mtgox", ["BTC-USD.MTGOX"], FakeKraken(made_market()))


def test_trades_are_pairs_of_one_id_space(case: Case) -> None:
    """What the socket calls 7 is what REST calls 7."""
    [(_, live)] = case.venue.read(TRADES[case.venue.name], received_ms=1).trades
    asked: list[VenueTrade] = all_of(
        case.venue.trades_after(case.instrument, 6, time_ms=case.market.trades[5].time_ms)
    )

    assert asked[0].trade_id == live.trade_id
    assert asked[0].kind is live.kind
