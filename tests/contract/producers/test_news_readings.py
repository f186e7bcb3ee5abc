"""The conformance suite of the port of news, on the fake and on the reader of a site."""

from collections.abc import Callable
from typing import Protocol

import pytest

from producers.normalise.news.articles import ArticleSeen, reading_of
from producers.normalise.news.times import StatedTime
from producers.normalise.news.versions import KnownVersion
from producers.sources.news.readers import NewsReader
from producers.sources.news.rounds import NewsReading, NewsRound
from producers.sources.news.specs import news_specs
from schemas.wire.clocks import ManualClock
from tests.fakes.fetching import FakeFetcher
from tests.fakes.news_feeds import FakeNewsReading
from tests.fakes.news_sites import BEGIN_MS, HOUR_MS, NewsSite, SiteArticle
from tests.fakes.web import ScriptedWeb

NOW_MS = BEGIN_MS + 100 * HOUR_MS


class Shown(Protocol):
    """A source of which the test says what it has."""

    reading: NewsReading

    def show(self, *articles: SiteArticle) -> None: ...

    def show_older(self, *articles: SiteArticle) -> None: ...


class _OfFake:
    def __init__(self) -> None:
        self.reading = self._fake = FakeNewsReading()

    def show(self, *articles: SiteArticle) -> None:
        self._fake.readings = [_reading(each) for each in articles]

    def show_older(self, *articles: SiteArticle) -> None:
        self._fake.older = [_reading(each) for each in articles]


class _OfSite:
    def __init__(self) -> None:
        self._site = NewsSite(ScriptedWeb())
        fetcher = FakeFetcher(self._site.web, ManualClock(now_ms=NOW_MS))
        self.reading = NewsReader(news_specs(["coindesk"])[0], fetcher)

    def show(self, *articles: SiteArticle) -> None:
        self._site.show(*articles)

    def show_older(self, *articles: SiteArticle) -> None:
        self._site.map_articles(*articles)


def _reading(article: SiteArticle) -> object:
    return reading_of(
        url=article.url,
        title=article.title,
        text=article.text,
        summary=article.summary,
        published=StatedTime(article.published_ms, "+00:00"),
        now_ms=NOW_MS,
    )


@pytest.fixture(params=[_OfFake, _OfSite])
def source(request: pytest.FixtureRequest) -> Shown:
    made: Callable[[], Shown] = request.param
    return made()


def collect(source: Shown, after_ms: int = 0) -> NewsRound:
    found = source.reading.collect(now_ms=NOW_MS + after_ms, is_last=True)
    source.reading.confirm(found.articles)
    return found


def known_of(article: ArticleSeen) -> KnownVersion:
    return KnownVersion(
        article_id=article.article_id, version=article.version, content_hash=article.content_hash, url=article.url,
        modified_ms=article.modified_ms, first_seen_ms=article.first_seen_ms, summary=article.summary,
    )  # fmt: skip


def test_round_gives_each_article_once_and_the_oldest_first(source: Shown) -> None:
    source.show(SiteArticle(3), SiteArticle(1), SiteArticle(2))
    found = collect(source)
    assert [each.url for each in found.articles] == [SiteArticle(n).url for n in (1, 2, 3)]
    assert (found.n_items, found.n_duplicate, found.newest_ms) == (3, 0, SiteArticle(3).published_ms)
    again = collect(source, 1_000)
    assert (again.articles, again.n_items, again.n_duplicate) == ((), 3, 3)


def test_article_carries_the_time_at_which_it_was_published_and_first_seen(source: Shown) -> None:
    source.show(SiteArticle(1))
    (article,) = collect(source).articles
    assert (article.published_ms, article.first_seen_ms) == (SiteArticle(1).published_ms, NOW_MS)
    assert (article.published_zone, article.language, article.assets) == (
        "+00:00",
        article.language,
        ("BTC",),
    )


def test_article_that_was_not_confirmed_comes_again(source: Shown) -> None:
    source.show(SiteArticle(1))
    first = source.reading.collect(now_ms=NOW_MS, is_last=True)
    second = source.reading.collect(now_ms=NOW_MS, is_last=True)
    assert first.articles == second.articles != ()


def test_restored_articles_are_known(source: Shown) -> None:
    source.show(SiteArticle(1), SiteArticle(2))
    found = source.reading.collect(now_ms=NOW_MS, is_last=True)
    source.reading.restore(known_of(each) for each in found.articles)
    again = collect(source, 1_000)
    assert (again.articles, again.n_duplicate) == ((), 2)


def test_correction_is_a_new_version(source: Shown) -> None:
    source.show(SiteArticle(1))
    (first,) = collect(source).articles
    source.show(SiteArticle(1, title="Bitcoin rises"))
    (second,) = collect(source, 1_000).articles
    assert (second.article_id, second.version, second.title) == (first.article_id, 1, "Bitcoin rises")
    assert second.first_seen_ms == NOW_MS + 1_000


def test_changed_id_makes_no_version(source: Shown) -> None:
    source.show(SiteArticle(1, guid="a"))
    collect(source)
    source.show(SiteArticle(1, guid="b"))
    assert collect(source, 1_000).articles == ()


def test_source_without_items_is_an_empty_round(source: Shown) -> None:
    source.show()
    found = collect(source)
    assert (found.articles, found.n_items, found.newest_ms) == ((), 0, None)


def test_backfill_gives_the_articles_of_a_stretch_once(source: Shown) -> None:
    source.show_older(*(SiteArticle(n) for n in range(10)))
    stretch = {
        "from_ms": SiteArticle(2).published_ms,
        "until_ms": SiteArticle(7).published_ms,
        "now_ms": NOW_MS,
    }
    rounds = list(source.reading.backfill(**stretch))
    articles = [article for each in rounds for article in each.articles]
    assert sorted(each.url for each in articles) == sorted(SiteArticle(n).url for n in range(2, 7))
    assert rounds[-1].reaches_ms == SiteArticle(2).published_ms
    source.reading.confirm(articles)
    assert not any(each.articles for each in source.reading.backfill(**stretch))
