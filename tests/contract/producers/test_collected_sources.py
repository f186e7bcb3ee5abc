"""The suite that everything passes which is collected by rounds: a fake, a source of prices, and a news source."""

from typing import Protocol

import pytest

from producers.jobs.collecting.known import KnownRecords
from producers.jobs.collecting.news import NewsSource
from producers.jobs.collecting.prices import PriceSource
from producers.jobs.collecting.rounds import CollectedRound, CollectedSource, KnownBefore
from producers.sources.news.counting import CountingFetcher
from producers.sources.news.readers import NewsReader
from producers.sources.news.specs import news_specs
from producers.sources.venue_table import venue_of
from schemas import codec
from schemas.errors import PlatformError
from schemas.events import ArticlePublished, Event
from schemas.time import text_of_time
from schemas.topics import MARKET_PRICE, NEWS_ARTICLE
from schemas.wire.clocks import ManualClock
from tests.fakes.collected import FakeItems, article
from tests.fakes.fetching import FakeFetcher
from tests.fakes.news_sites import BEGIN_MS, HOUR_MS, NewsSite, SiteArticle
from tests.fakes.web import Answer, ScriptedWeb

NOW_MS = BEGIN_MS + 100 * HOUR_MS
MARKETS = "https://api.coingecko.com/api/v3/coins/markets"
NOTHING = KnownBefore((), {})


class Shown(Protocol):
    """A source of which the test says what it has: the items up to a number; ``again`` is the source after a restart."""

    source: CollectedSource

    def show(self, number: int) -> None: ...

    def fail(self) -> None: ...

    def again(self) -> CollectedSource: ...


class OfFake:
    def __init__(self) -> None:
        self.source = self._fake = FakeItems()

    def show(self, number: int) -> None:
        numbers = range(1, number + 1)
        self._fake.shown = [
            article(each, source="fake", event_time_ms=BEGIN_MS + each, known_time_ms=NOW_MS)
            for each in numbers
        ]

    def fail(self) -> None:
        self._fake.failure = PlatformError("away")

    def again(self) -> CollectedSource:
        made = FakeItems()
        made.shown = self._fake.shown
        return made


class OfPrices:
    def __init__(self) -> None:
        self._web = ScriptedWeb()
        self.source = self.again()

    def show(self, number: int) -> None:
        time = text_of_time(BEGIN_MS + number * HOUR_MS, "iso")
        coin = f'{{"id":"bitcoin","symbol":"btc","current_price":{100 + number},"last_updated":"{time}"}}'
        self._web.answer(MARKETS, Answer(200, f"[{coin}]".encode()))

    def fail(self) -> None:
        self._web.answer(MARKETS, Answer(200, b"<html>"))

    def again(self) -> CollectedSource:
        fetcher = FakeFetcher(self._web, ManualClock(now_ms=NOW_MS))
        return PriceSource(
            "coingecko",
            lambda asked: venue_of("coingecko", ["BTC-USD.COINGECKO"], asked),
            fetcher,
            stream="live",
        )


class OfNews:
    def __init__(self) -> None:
        self._site = NewsSite(ScriptedWeb())
        self.source = self.again()

    def show(self, number: int) -> None:
        self._site.show(*(SiteArticle(each) for each in range(1, number + 1)))

    def fail(self) -> None:
        self._site.break_feed(Answer(500))

    def again(self) -> CollectedSource:
        fetcher = FakeFetcher(self._site.web, ManualClock(now_ms=NOW_MS))
        asked = CountingFetcher(fetcher)
        return NewsSource(NewsReader(news_specs(["coindesk"])[0], asked), asked, stream="live", usual_s=None)


@pytest.fixture(params=[OfFake, OfPrices, OfNews])
def shown(request: pytest.FixtureRequest) -> Shown:
    found: Shown = request.param()
    found.source.restore(NOTHING)
    return found


def read(source: CollectedSource) -> CollectedRound:
    return source.collect(now_ms=NOW_MS, is_last=True)


def known(events: tuple[Event, ...]) -> KnownBefore:
    records = KnownRecords("live")
    for event in events:
        records.add(event)
    return records.before()


def test_what_is_new_is_given_until_it_is_confirmed(shown: Shown):
    shown.show(2)
    first, again = read(shown.source), read(shown.source)
    assert first.events
    assert [event.fact() for event in first.events] == [event.fact() for event in again.events]
    shown.source.confirm(again)
    assert read(shown.source).events == ()


def test_what_comes_later_is_new(shown: Shown):
    shown.show(1)
    shown.source.confirm(first := read(shown.source))
    shown.show(3)
    later = read(shown.source)
    assert later.events
    assert not {event.fact() for event in first.events} & {event.fact() for event in later.events}
    assert later.newest_ms is not None
    assert first.newest_ms is not None
    assert later.newest_ms > first.newest_ms


def test_a_restart_goes_on_from_what_the_log_has(shown: Shown):
    shown.show(2)
    published = read(shown.source).events
    restarted = shown.again()
    restarted.restore(known(published))
    assert read(restarted).events == ()


def test_events_are_those_of_the_source_dated_and_readable(shown: Shown):
    shown.show(2)
    found = read(shown.source)
    for event in found.events:
        topic = NEWS_ARTICLE if isinstance(event, ArticlePublished) else MARKET_PRICE
        assert codec.decode(topic, codec.encode(event)) == event
        assert (event.source, event.stream, event.known_time_ms) == (shown.source.name, "live", NOW_MS)
        assert event.event_time_ms < NOW_MS
    times = [event.event_time_ms for event in found.events]
    assert times == sorted(times)
    assert found.newest_ms == times[-1]


def test_counts_add_up(shown: Shown):
    shown.show(2)
    first = read(shown.source)
    shown.source.confirm(first)
    second = read(shown.source)
    assert shown.source.n_requests >= 2
    assert (first.n_new + first.n_duplicate, second.n_new) == (first.n_seen, 0)
    assert second.n_duplicate == second.n_seen == first.n_seen


def test_a_failure_is_an_error_of_the_platform_and_passes(shown: Shown):
    shown.fail()
    with pytest.raises(PlatformError):
        read(shown.source)
    assert shown.source.n_requests >= 1


def test_it_says_how_often_it_is_read(shown: Shown):
    assert shown.source.interval_s > 0
    assert shown.source.usual_s is None or shown.source.usual_s > 0
