"""Reading a site: which pages are read, and what happens where something is broken."""

from pathlib import Path

import pytest

from producers.normalise.news.articles import events_of
from producers.sources.fetching import (
    SourceAnswerError,
    SourceBusyError,
    SourceRefusedError,
    SourceUnreachableError,
)
from producers.sources.news.readers import PAGES_PER_ROUND, NewsReader
from producers.sources.news.rounds import NewsRound, Way
from producers.sources.news.specs import news_specs
from schemas import codec
from schemas.errors import ConfigurationError, DecodeError
from schemas.topics import NEWS_ARTICLE
from schemas.wire.clocks import ManualClock
from tests.fakes.fetching import FakeFetcher
from tests.fakes.news_sites import BEGIN_MS, FEED, HOME, HOUR_MS, NewsSite, SiteArticle, feed_of, page_of
from tests.fakes.web import Answer, ScriptedWeb

NOW_MS = BEGIN_MS + 100 * HOUR_MS
ONE = SiteArticle(1)


class Reading:
    """A reader of the site, and the site."""

    def __init__(self, name: str = "coindesk") -> None:
        self.web = ScriptedWeb()
        self.site = NewsSite(self.web)
        self.clock = ManualClock(now_ms=NOW_MS)
        self.reader = NewsReader(news_specs([name])[0], FakeFetcher(self.web, self.clock))

    def collect(self, *, after_ms: int = 0, is_last: bool = True) -> NewsRound:
        found = self.reader.collect(now_ms=NOW_MS + after_ms, is_last=is_last)
        self.reader.confirm(found.articles)
        return found


@pytest.fixture
def reading() -> Reading:
    return Reading()


def test_page_of_a_known_article_is_not_read_again(reading: Reading) -> None:
    reading.site.show(ONE)
    reading.collect()
    for n in range(5):
        reading.collect(after_ms=n * 300_000)
    assert reading.web.n_asked(ONE.url) == 1


def test_page_is_read_again_after_an_hour_and_after_a_change_of_the_feed(reading: Reading) -> None:
    reading.site.show(ONE)
    reading.collect()
    reading.collect(after_ms=HOUR_MS)
    reading.site.show(ONE._replace(summary="Traders bought."))
    reading.collect(after_ms=HOUR_MS + 1)
    assert reading.web.n_asked(ONE.url) == 3


def test_correction_of_the_page_alone_is_found_within_the_hour(reading: Reading) -> None:
    reading.site.show(ONE)
    reading.collect()
    reading.site.show(ONE, pages=[ONE._replace(text=ONE.text.replace("Friday", "Thursday"))])
    assert [each.version for each in reading.collect(after_ms=HOUR_MS).articles] == [1]


def test_page_that_is_missing_leaves_the_article_to_the_feed(reading: Reading) -> None:
    reading.site.show(ONE, pages=[])
    found = reading.collect(is_last=False)
    assert [each.title for each in found.articles] == ["Bitcoin falls"]
    assert "404" in found.notes[0]
    assert reading.collect(after_ms=1_000).articles == ()


def test_page_that_fails_is_asked_in_three_rounds_and_then_left(reading: Reading) -> None:
    reading.site.show(ONE, pages=[])
    reading.web.answer(ONE.url, Answer(500))
    rounds = [reading.collect(is_last=False) for _ in range(3)]
    assert [(len(each.articles), each.n_waiting) for each in rounds] == [(0, 1), (0, 1), (1, 0)]


def test_page_that_fails_and_comes_back_is_read(reading: Reading) -> None:
    reading.site.show(ONE, pages=[])
    reading.web.answer(ONE.url, Answer(500), Answer(500), Answer(500), Answer(body=page_of(ONE)))
    reading.collect(is_last=False)
    (article,) = reading.collect(is_last=False).articles
    assert article.author == "A. One"


def test_nothing_waits_in_the_last_round(reading: Reading) -> None:
    reading.site.show(ONE, pages=[])
    reading.web.answer(ONE.url, Answer(500))
    assert [len(reading.collect().articles), reading.collect(after_ms=1).n_waiting] == [1, 0]


def test_known_article_whose_page_disappears_makes_no_version(reading: Reading) -> None:
    reading.site.show(ONE)
    reading.collect()
    reading.web.answer(ONE.url, Answer(404))
    assert reading.collect(after_ms=HOUR_MS).articles == ()


def test_round_reads_some_pages_and_the_rest_waits(reading: Reading) -> None:
    articles = [SiteArticle(n) for n in range(25)]
    reading.site.show(*articles)
    rounds = [reading.collect(is_last=False) for _ in range(3)]
    assert [(len(each.articles), each.n_waiting) for each in rounds] == [
        (PAGES_PER_ROUND, 15),
        (PAGES_PER_ROUND, 5),
        (5, 0),
    ]


def test_site_that_is_busy_gets_no_further_request_in_this_round(reading: Reading) -> None:
    reading.site.show(*(SiteArticle(n) for n in range(5)), pages=[])
    for n in range(5):
        reading.web.answer(SiteArticle(n).url, Answer(429, headers={"Retry-After": "60"}))
    found = reading.collect(is_last=False)
    assert (len(found.articles), found.n_waiting) == (0, 5)
    assert sum(reading.web.n_asked(SiteArticle(n).url) for n in range(5)) == 1


def test_listing_is_read_when_the_feed_is_a_page(reading: Reading) -> None:
    reading.site.break_feed(Answer(body=b"<html><head><title>Blocked</title></head></html>"))
    reading.site.list_articles(ONE, SiteArticle(2))
    found = reading.collect()
    assert (found.way, len(found.articles)) == (Way.LISTING, 2)
    assert "HTML page with the title 'Blocked'" in found.notes[0]
    reading.site.show(ONE, SiteArticle(2))
    assert reading.collect(after_ms=1_000).articles == ()


def test_article_of_a_listing_whose_page_is_missing_is_rejected_once(reading: Reading) -> None:
    reading.site.break_feed(Answer(404))
    reading.site.list_articles(ONE, SiteArticle(2))
    reading.web.answer(SiteArticle(2).url, Answer(404))
    found = reading.collect(is_last=False)
    assert ([each.url for each in found.articles], found.n_waiting) == ([ONE.url], 0)
    assert [each.rule for each in found.rejected] == ["page"]
    assert reading.collect(after_ms=1_000).rejected == ()


def test_backfill_says_that_it_did_not_reach_its_end_where_a_page_failed_and_goes_on_later(
    reading: Reading,
) -> None:
    reading.site.map_articles(ONE, SiteArticle(2))
    reading.web.answer(SiteArticle(2).url, *[Answer(500)] * 3, Answer(body=page_of(SiteArticle(2))))
    for n_articles, is_complete in ((1, False), (1, True), (0, True)):
        rounds = list(reading.reader.backfill(from_ms=BEGIN_MS, until_ms=NOW_MS, now_ms=NOW_MS))
        articles = [article for each in rounds for article in each.articles]
        reading.reader.confirm(articles)
        assert (len(articles), rounds[-1].reaches_ms == BEGIN_MS) == (n_articles, is_complete)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(403), SourceRefusedError),
        (Answer(451), SourceRefusedError),
        (Answer(429, headers={"Retry-After": "60"}), SourceBusyError),
        (Answer(500), SourceUnreachableError),
        (Answer(404), SourceAnswerError),
        (Answer(body=b"<html>blocked</html>"), DecodeError),
    ],
)
def test_source_that_answers_in_no_way_is_an_error_of_its_kind(
    reading: Reading, answer: Answer, error: type[Exception]
) -> None:
    reading.site.break_feed(answer)
    with pytest.raises(error):
        reading.collect()


def test_source_that_refuses_is_not_asked_in_another_way(reading: Reading) -> None:
    reading.site.break_feed(Answer(403))
    reading.site.list_articles(ONE)
    with pytest.raises(SourceRefusedError):
        reading.collect()
    assert reading.web.n_asked(f"{HOME}/latest-crypto-news") == 0


def test_item_that_breaks_a_rule_is_rejected_once_and_the_others_are_read(reading: Reading) -> None:
    future = SiteArticle(5_000, title="Bitcoin will rise")
    body = feed_of([future, ONE])
    body = body.replace(
        b"</channel>",
        b"<item><title>No link</title></item><item><link>https://evil.com/a</link></item></channel>",
    )
    reading.web.answer(FEED, Answer(body=body))
    reading.web.answer(ONE.url, Answer(body=page_of(ONE)))
    found = reading.collect()
    assert [each.url for each in found.articles] == [ONE.url]
    assert sorted(each.rule for each in found.rejected) == ["address", "published_in_future", "site"]
    assert found.newest_ms == ONE.published_ms
    assert reading.collect(after_ms=1_000).rejected == ()
    later = reading.collect(after_ms=future.published_ms - NOW_MS)
    assert [each.title for each in later.articles] == ["Bitcoin will rise"]


def test_correction_far_down_is_found_where_a_feed_puts_the_article_into_its_summary(
    reading: Reading,
) -> None:
    long = ONE._replace(summary="Bitcoin fell on Friday. " * 60 + "It lost 5 percent.")
    reading.site.show(long, pages=[])
    (first,) = reading.collect().articles
    assert len(first.summary or "") <= 500
    reading.site.show(long._replace(summary=long.summary.replace("5 percent", "15 percent")), pages=[])
    assert [each.version for each in reading.collect(after_ms=1_000).articles] == [1]


def test_redirect_to_the_front_page_is_not_taken_for_the_article(reading: Reading) -> None:
    reading.site.show(ONE, pages=[])
    reading.web.answer(ONE.url, Answer(302, headers={"Location": f"{HOME}/"}))
    reading.web.answer(f"{HOME}/", Answer(body=page_of(ONE._replace(title="Front page"))))
    assert [each.title for each in reading.collect().articles] == ["Bitcoin falls"]


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "file", "n"),
    [
        ("coindesk", "coindesk_rss_2026-09-25.xml", 3),
        ("coindesk", "coindesk_items_2025-11-15.json", 12),
        ("cryptoslate", "cryptoslate_items_2025-11-15.json", 5),
        ("cointelegraph", "cointelegraph_rss_2026-09-30.xml", 2),
    ],
)
def test_every_recorded_item_is_published_once(recorded_data: Path, name: str, file: str, n: int) -> None:
    reading = Reading(name)
    (address, *_) = news_specs([name])[0].feeds
    reading.web.answer(address, Answer(body=(recorded_data / "feeds" / file).read_bytes()))
    found = reading.collect(after_ms=30 * 24 * HOUR_MS)
    assert (len(found.articles), found.rejected) == (n, ())
    for article in found.articles:
        for event in events_of(article, stream="live"):
            assert codec.decode(NEWS_ARTICLE, codec.encode(event), ()) == event
    assert reading.collect(after_ms=31 * 24 * HOUR_MS).articles == ()


def test_further_feeds_come_by_configuration() -> None:
    specs = news_specs(["coindesk"], "decrypt=https://decrypt.co/feed, block=https://www.theblock.co/rss.xml")
    assert [spec.name for spec in specs] == ["coindesk", "decrypt", "block"]
    assert not any(spec.terms.may_pass_on_text for spec in specs)


@pytest.mark.parametrize(
    ("names", "feeds"),
    [(["unknown"], ""), ([], "decrypt"), ([], "De crypt=https://a.b/c"), ([], "a=http://a.b/c")],
)
def test_source_of_another_form_stops_the_start(names: list[str], feeds: str) -> None:
    with pytest.raises(ConfigurationError):
        news_specs(names, feeds)


@pytest.mark.parametrize("way", ["canonical", "redirect"])
def test_links_that_lead_to_another_address_keep_no_article_waiting(reading: Reading, way: str) -> None:
    """The first ten were read in each round for ever, because their links are not their addresses; the others never were."""
    articles = [SiteArticle(n) for n in range(25)]
    feed = feed_of(articles)
    for each in articles:
        link = each.url.replace("article", "link")
        feed = feed.replace(f"{each.url}?utm_source=rss".encode(), link.encode())
        is_redirect = way == "redirect"
        reading.web.answer(
            link, Answer(301, headers={"Location": each.url}) if is_redirect else Answer(body=page_of(each))
        )
        reading.web.answer(each.url, Answer(body=page_of(each)))
    reading.web.answer(FEED, Answer(body=feed))
    rounds = [reading.collect(is_last=False, after_ms=n * 300_000) for n in range(4)]
    assert [(len(each.articles), each.n_waiting) for each in rounds] == [(10, 15), (10, 5), (5, 0), (0, 0)]
    assert rounds[-1].n_requests == 1


def test_items_that_are_rejected_keep_no_article_waiting(reading: Reading) -> None:
    """Twelve items without a time took all pages of each round, so the article below them was never published."""
    undated = [SiteArticle(n) for n in range(12)]
    feed = feed_of([*undated, SiteArticle(50)])
    for each in undated:
        feed = feed.replace(
            f"<guid>{each.number}</guid><pubDate>".encode(), b"<guid>x</guid><pubDate>no time "
        )
    reading.web.answer(FEED, Answer(body=feed))
    rounds = [reading.collect(is_last=False, after_ms=n * 300_000) for n in range(3)]
    assert sum(len(each.articles) for each in rounds) == 1
    assert sum(len(each.rejected) for each in rounds) == 12
    assert rounds[-1].n_requests == 1
