"""Each adapter through the polite client, against the mirror: recorded trades and candles in the form of each venue."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

import pytest

from producers.normalise.observations import MarkPrice, NoticeKind, OpenInterest
from producers.normalise.trades import VenueTrade
from producers.sources.binance.futures import BinanceFutures
from producers.sources.fetching import SourceBusyError, SourceRefusedError
from producers.sources.sockets import Sockets
from producers.sources.venue_table import venue_of
from producers.sources.venues import Reading, SocketAddress, TradesOutOfReachError, Venue
from producers.sources.web.mirrors import Mirror
from producers.sources.web.opening import Web, open_web
from producers.sources.web.parameters import WebParameters
from schemas.time import Interval
from schemas.wire.clocks import SystemClock
from tests.mirror.running import RunningMirror

pytestmark = pytest.mark.recorded
MINUTE_MS = 60_000
VENUES = {
    "binance": ("BTC-USDT.BINANCE", "api.binance.com"),
    "binance-futures": ("BTC-USDT-PERP.BINANCE", "fapi.binance.com"),
    "coinbase": ("BTC-USD.COINBASE", "api.exchange.coinbase.com"),
    "kraken": ("BTC-USD.KRAKEN", "api.kraken.com"),
}
Row = TypeVar("Row")


class Case(NamedTuple):
    venue: Venue
    instrument: str
    host: str
    web: Web
    mirror: RunningMirror

    @property
    def now_ms(self) -> int:
        return SystemClock().now_ms()


@pytest.fixture(scope="module")
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def web(mirror: RunningMirror, clock: SystemClock) -> Iterator[Web]:
    with open_web(WebParameters(mirror=Mirror(mirror.address), first_wait_s=0.001), clock) as opened:
        yield opened


@pytest.fixture(params=VENUES)
def case(request: pytest.FixtureRequest, web: Web, mirror: RunningMirror) -> Case:
    instrument, host = VENUES[request.param]
    return Case(venue_of(request.param, [instrument], web.fetcher), instrument, host, web, mirror)


def all_of(pages: Iterable[Sequence[Row]]) -> list[Row]:
    return [each for page in pages for each in page]


def readings(case: Case, address: SocketAddress, sockets: Sockets) -> Iterator[Reading]:
    """What a connection says, as long as it is asked."""
    channel = sockets.connect(address.url)
    try:
        for text in address.subscriptions:
            channel.send(text)
        while True:
            received = channel.receive(60)
            assert received is not None, "nothing came for a minute"
            yield case.venue.read(received.payload, received_ms=received.received_ms)
    finally:
        channel.close()


def test_trades_by_time_and_by_id_are_the_same(case: Case) -> None:
    from_ms = case.now_ms - 20 * MINUTE_MS

    by_time = all_of(case.venue.trades_from(case.instrument, from_ms))
    known = by_time[len(by_time) // 3]
    by_id = all_of(case.venue.trades_after(case.instrument, known.trade_id, time_ms=known.time_ms))

    ids = [each.trade_id for each in by_time]
    assert by_time[0].time_ms >= from_ms
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    later = [each for each in by_time if each.trade_id > known.trade_id]
    assert by_id[: len(later)] == later
    assert not case.venue.take_rejected()


def test_a_minute_of_trades_makes_the_venue_s_candle(case: Case) -> None:
    start_ms = (case.now_ms // MINUTE_MS - 10) * MINUTE_MS
    pages = case.venue.candles(case.instrument, start_ms, start_ms + MINUTE_MS)
    [candle] = all_of(pages)

    in_minute: list[VenueTrade] = []
    for page in case.venue.trades_from(case.instrument, start_ms):
        in_minute += [each for each in page if each.time_ms < start_ms + MINUTE_MS]
        if page and page[-1].time_ms >= start_ms + MINUTE_MS:
            break

    prices = [each.price for each in in_minute]
    assert (candle.open, candle.high, candle.low, candle.close) == (
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
    )
    assert candle.volume == pytest.approx(sum(each.size for each in in_minute))
    if candle.taker_buy_volume is not None:
        bought = sum(each.size for each in in_minute if not each.is_buyer_maker)
        assert candle.taker_buy_volume == pytest.approx(bought)


def test_candles_of_a_day_are_paged_without_a_hole_and_without_the_one_that_forms(case: Case) -> None:
    now_ms = case.now_ms
    reach_ms = case.venue.candles_reach_ms(Interval.ONE_MINUTE, now_ms=now_ms)
    from_ms = max(now_ms - 1440 * MINUTE_MS, 0 if reach_ms is None else reach_ms + MINUTE_MS)

    candles = all_of(case.venue.candles(case.instrument, from_ms, now_ms + 60 * MINUTE_MS))

    starts = [each.start_ms for each in candles]
    assert starts == list(range(starts[0], starts[-1] + 1, MINUTE_MS))
    assert starts[0] < from_ms + 2 * MINUTE_MS
    assert now_ms - 2 * MINUTE_MS - 15_000 <= starts[-1] + MINUTE_MS <= case.now_ms


def test_the_latest_price_is_about_that_of_the_newest_trade(case: Case) -> None:
    before_ms = case.now_ms
    [(instrument, latest)] = case.venue.latest([case.instrument])

    newest = all_of(case.venue.trades_from(case.instrument, before_ms - 10 * MINUTE_MS))[-1]
    assert instrument == case.instrument
    assert latest.price == pytest.approx(newest.price, rel=0.01)
    assert latest.time_ms is not None
    assert before_ms - 5 * MINUTE_MS < latest.time_ms <= case.now_ms + 1_000


def test_the_socket_sends_what_rest_has_under_the_same_ids(case: Case) -> None:
    address = case.venue.sockets()[0]
    live: list[VenueTrade] = []
    for reading in readings(case, address, case.web.sockets):
        assert not [each for each in reading.notices if each.kind is NoticeKind.NOT_SUBSCRIBED]
        live += [trade for _, trade in reading.trades]
        if len(live) >= 5:
            break

    pages = case.venue.trades_after(case.instrument, live[0].trade_id - 1, time_ms=live[0].time_ms)
    asked = all_of(pages)

    ids = [each.trade_id for each in live]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert [each.trade_id for each in asked[: len(live)]] == ids
    assert [(each.price, each.size, each.is_buyer_maker) for each in asked[: len(live)]] == [
        (each.price, each.size, each.is_buyer_maker) for each in live
    ]


def test_the_best_bid_and_ask_come_over_a_socket(case: Case) -> None:
    address = case.venue.sockets()[-1]

    quotes = (quote for each in readings(case, address, case.web.sockets) for quote in each.quotes)
    instrument, found = next(quotes)

    assert instrument == case.instrument
    assert 0 < found.bid <= found.ask


def test_trades_from_before_the_tape_are_out_of_reach_by_id(case: Case) -> None:
    some = next(islice(case.venue.trades_from(case.instrument, case.now_ms - 80 * MINUTE_MS), 1))[0]

    with pytest.raises(TradesOutOfReachError):
        next(
            iter(
                case.venue.trades_after(case.instrument, some.trade_id - 10**6, time_ms=some.time_ms - 10**9)
            )
        )


@pytest.mark.parametrize(("status", "error"), [(451, SourceRefusedError), (429, SourceBusyError)])
def test_refusals_and_pauses_are_those_of_the_client(case: Case, status: int, error: type[Exception]) -> None:
    case.mirror.fail("status", host=case.host, status=status)

    with pytest.raises(error):
        case.venue.latest([case.instrument])


def test_perpetuals_have_mark_prices_open_interest_and_fundings(mirror: RunningMirror, web: Web) -> None:
    instrument, host = VENUES["binance-futures"]
    venue = BinanceFutures([instrument], web.fetcher)
    case = Case(venue, instrument, host, web, mirror)

    [(_, mark)] = venue.mark_prices([instrument])
    [(_, interest)] = venue.open_interest([instrument])
    facts = (fact for each in readings(case, venue.sockets()[0], web.sockets) for fact in each.perpetual)
    _, live = next(facts)

    assert isinstance(mark, MarkPrice)
    assert isinstance(interest, OpenInterest)
    assert interest.base_units > 0
    assert isinstance(live, MarkPrice)
    assert live.mark == pytest.approx(mark.mark, rel=0.01)
    assert venue.fundings(instrument, 0)


def test_the_latest_price_of_coingecko_has_its_own_time(web: Web) -> None:
    venue = venue_of("coingecko", ["BTC-USD.COINGECKO", "ETH-USD.COINGECKO"], web.fetcher)

    found = dict(venue.latest(venue.instruments))

    assert set(found) == set(venue.instruments)
    assert all(each.time_ms is not None and each.price > 0 for each in found.values())
