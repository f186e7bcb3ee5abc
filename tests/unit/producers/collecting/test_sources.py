"""The adapters of the collector: prices of a venue, articles of a news source, and which sources settings name."""

import pytest

from producers.jobs.collecting.choosing import sources_of
from producers.jobs.collecting.prices import PriceSource
from producers.jobs.collecting.rounds import KnownBefore
from producers.jobs.collecting.settings import CollectorSettings
from producers.jobs.live_runs import live_stream
from producers.settings import ProducerSettings
from producers.sources.venue_table import venue_of
from schemas.errors import ConfigurationError, ContractError
from schemas.events import PriceObserved
from schemas.wire.clocks import ManualClock
from tests.fakes.collected import NOW_MS
from tests.fakes.fetching import FakeFetcher
from tests.fakes.web import Answer, ScriptedWeb

MARKETS = "https://api.coingecko.com/api/v3/coins/markets"
NOTHING = KnownBefore((), {})


def coin(price: float, time: str, volume: float = 5.0) -> Answer:
    body = f'[{{"id":"bitcoin","symbol":"btc","name":"Bitcoin","current_price":{price},"last_updated":"{time}","total_volume":{volume}}}]'
    return Answer(200, body.encode(), {"Content-Type": "application/json"})


@pytest.fixture
def web() -> ScriptedWeb:
    return ScriptedWeb()


@pytest.fixture
def source(web: ScriptedWeb) -> PriceSource:
    fetcher = FakeFetcher(web, ManualClock(now_ms=NOW_MS))
    made = PriceSource(
        "coingecko", lambda asked: venue_of("coingecko", ["BTC-USD.COINGECKO"], asked), fetcher, stream="live"
    )
    made.restore(NOTHING)
    return made


def test_a_price_becomes_an_event_with_the_time_of_the_source(source: PriceSource, web: ScriptedWeb):
    web.answer(MARKETS, coin(100.5, "2025-06-15T12:00:00.500Z"))
    found = source.collect(now_ms=NOW_MS)
    (event,) = found.events
    assert isinstance(event, PriceObserved)
    assert (event.instrument, event.price, event.volume_24h) == ("BTC-USD.COINGECKO", 100.5, 5.0)
    assert (event.event_time_ms, event.known_time_ms) == (1_749_988_800_500, NOW_MS)
    assert (event.source, event.stream) == ("coingecko", "live")
    assert (source.n_requests, found.n_seen, found.n_new, found.newest_ms) == (1, 1, 1, event.event_time_ms)


def test_a_price_that_was_confirmed_is_not_new_and_one_that_was_not_is(source: PriceSource, web: ScriptedWeb):
    web.answer(MARKETS, coin(100.5, "2025-06-15T12:00:00Z"))
    first = source.collect(now_ms=NOW_MS)
    assert source.collect(now_ms=NOW_MS).n_new == 1
    source.confirm(first)
    assert (again := source.collect(now_ms=NOW_MS)).n_new == 0
    assert (again.n_duplicate, again.newest_ms) == (1, first.newest_ms)


def test_a_restart_knows_the_newest_price(source: PriceSource, web: ScriptedWeb):
    web.answer(MARKETS, coin(100.5, "2025-06-15T12:00:00Z"))
    (event,) = source.collect(now_ms=NOW_MS).events
    assert isinstance(event, PriceObserved)
    source.restore(KnownBefore((), {event.instrument: event, "BTC-USD.KRAKEN": event}))
    assert source.collect(now_ms=NOW_MS).n_new == 0


def test_an_answer_that_stays_the_same_is_frozen_even_if_it_states_new_times(
    source: PriceSource, web: ScriptedWeb
):
    web.answer(MARKETS, coin(100.5, "2025-06-15T12:00:00Z"), coin(100.5, "2025-06-15T12:05:00Z"))
    first = source.collect(now_ms=NOW_MS)
    source.confirm(first)
    assert (frozen := source.collect(now_ms=NOW_MS)).n_new == 0
    assert frozen.newest_ms == first.newest_ms


def test_an_older_price_is_not_new(source: PriceSource, web: ScriptedWeb):
    web.answer(MARKETS, coin(100.5, "2025-06-15T12:00:00Z"), coin(99.0, "2025-06-15T11:00:00Z"))
    source.confirm(source.collect(now_ms=NOW_MS))
    assert source.collect(now_ms=NOW_MS).n_new == 0


def test_an_answer_that_cannot_be_read_is_an_error_of_the_contract(source: PriceSource, web: ScriptedWeb):
    web.answer(MARKETS, Answer(200, b"<html>"))
    with pytest.raises(ContractError):
        source.collect(now_ms=NOW_MS)


def names(environment: dict[str, str], *, is_once: bool = False) -> list[str]:
    settings = CollectorSettings.from_environment(environment)
    fetcher = FakeFetcher(ScriptedWeb(), ManualClock(now_ms=NOW_MS))
    return [source.name for source in sources_of(settings, fetcher, is_once=is_once)]


def test_the_usual_sources_are_prices_and_news():
    assert names({}) == ["coingecko", "binance", "coinbase", "kraken", "coindesk", "cryptoslate"]
    assert names({}, is_once=True) == ["coingecko", "coindesk", "cryptoslate"]


def test_settings_name_the_sources():
    stated = {
        "DRIFTLINE_LIVE_PRICES": "kraken,coingecko",
        "DRIFTLINE_LIVE_INSTRUMENTS": "ETH-USD.KRAKEN",
        "DRIFTLINE_LIVE_NEWS": "cointelegraph",
        "DRIFTLINE_NEWS_FEEDS": "decrypt=https://decrypt.co/feed",
    }
    assert names(stated) == ["kraken", "coingecko", "cointelegraph", "decrypt"]


def test_a_list_may_name_nothing():
    assert names({"DRIFTLINE_LIVE_NEWS": "none"}) == ["coingecko", "binance", "coinbase", "kraken"]
    assert names({"DRIFTLINE_LIVE_PRICES": "none"}) == ["coindesk", "cryptoslate"]


@pytest.mark.parametrize(
    "stated",
    [
        {"DRIFTLINE_LIVE_NEWS": "nobody"},
        {"DRIFTLINE_LIVE_INSTRUMENTS": "BTC"},
        {"DRIFTLINE_NEWS_FEEDS": "decrypt=ftp://decrypt.co"},
        {"DRIFTLINE_COLLECTOR_METRICS_PORT": "70000"},
    ],
)
def test_wrong_settings_are_refused(stated: dict[str, str]):
    with pytest.raises(ConfigurationError):
        names(stated)


@pytest.mark.parametrize(
    ("stated", "run"),
    [
        ({}, "live"),
        ({"DRIFTLINE_STREAM": "live-2"}, "live-2"),
        ({"DRIFTLINE_SOURCES_MIRROR": "http://127.0.0.1:8400/"}, "mirror-"),
    ],
)
def test_a_run_with_a_mirror_is_never_the_live_one(stated: dict[str, str], run: str):
    assert CollectorSettings.from_environment(stated).run.startswith(run)


@pytest.mark.parametrize("mirror", ["", "http://127.0.0.1:8400/", " http://127.0.0.1:8400"])
def test_the_collector_and_the_follower_of_trades_name_one_run(mirror: str):
    stated = {"DRIFTLINE_SOURCES_MIRROR": mirror}
    follower = live_stream(ProducerSettings.from_environment(stated))
    assert CollectorSettings.from_environment(stated).run == follower


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DRIFTLINE_LIVE_NEWS", "coindesc"),
        ("DRIFTLINE_NEWS_FEEDS", "decrypt"),
        ("DRIFTLINE_LIVE_INSTRUMENTS", "BTCUSDT"),
        ("DRIFTLINE_LIVE_PRICES", "coingeko"),
        ("DRIFTLINE_LIVE_PRICES", "coingecko,kraken"),
    ],
)
def test_wrong_name_of_a_source_stops_the_start_and_names_the_variable(variable: str, value: str) -> None:
    """A source of prices that was misspelt, or that has none of the instruments, was left out, and nothing said so."""
    stated = {"DRIFTLINE_LIVE_INSTRUMENTS": "BTC-USDT.BINANCE", variable: value}
    with pytest.raises(ConfigurationError, match=variable):
        names(stated)
