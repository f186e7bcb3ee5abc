"""The readers of news over the real client, against recorded sites and every way in which a site can fail."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from producers.sources.fetching import Fetcher, SourceBusyError, SourceRefusedError
from producers.sources.news.readers import NewsReader
from producers.sources.news.rounds import KnownVersion, NewsRound, Way
from producers.sources.news.specs import news_specs
from producers.sources.web.mirrors import Mirror
from producers.sources.web.opening import open_web
from producers.sources.web.parameters import WebParameters
from schemas.errors import ContractError, SourceUnavailableError
from schemas.wire.clocks import SystemClock
from tests.mirror.running import RunningMirror

pytestmark = pytest.mark.recorded

HOSTS = {
    "coindesk": "www.coindesk.com",
    "cryptoslate": "cryptoslate.com",
    "cointelegraph": "cointelegraph.com",
}
N_ARTICLES = {"coindesk": 15, "cryptoslate": 5, "cointelegraph": 2}
FEEDS = {"coindesk": "/arc/outboundfeeds/rss*", "cryptoslate": "/feed*", "cointelegraph": "/rss*"}


@pytest.fixture
def fetcher(mirror: RunningMirror, tmp_path: Path) -> Iterator[Fetcher]:
    parameters = WebParameters(folder=tmp_path, mirror=Mirror(mirror.address), first_wait_s=0.001)
    with open_web(parameters, SystemClock()) as web:
        yield web.fetcher


def collected(reader: NewsReader) -> NewsRound:
    found = reader.collect(now_ms=SystemClock().now_ms(), is_last=True)
    reader.confirm(found.articles)
    return found


def reader_of(name: str, fetcher: Fetcher) -> NewsReader:
    return NewsReader(news_specs([name])[0], fetcher)


@pytest.mark.parametrize("name", HOSTS)
def test_every_recorded_article_is_read_once(name: str, fetcher: Fetcher) -> None:
    first = reader_of(name, fetcher)
    found = collected(first)
    assert (len(found.articles), found.rejected, found.way) == (N_ARTICLES[name], (), Way.FEED)
    assert all(each.published_zone == "+00:00" and each.author for each in found.articles)
    assert collected(first).articles == ()
    second = reader_of(name, fetcher)  # another run of --once
    second.restore(
        KnownVersion(
            article_id=each.article_id,
            version=each.version,
            content_hash=each.content_hash,
            modified_ms=each.modified_ms,
            first_seen_ms=each.first_seen_ms,
            url=each.url,
            summary=each.summary,
        )
        for each in found.articles
    )
    assert collected(second).articles == ()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "cut"},
        {"kind": "html"},
        {"kind": "empty"},
        {"kind": "encoding"},
        {"kind": "guids"},
        {"kind": "body", "text": "\x00\x01", "content_type": "application/rss+xml"},
    ],
    ids=lambda fault: f"{fault['kind']}",
)
@pytest.mark.parametrize("name", HOSTS)
def test_failing_feed_costs_no_article_and_doubles_none(
    name: str,
    fault: dict,
    mirror: RunningMirror,
    fetcher: Fetcher,
) -> None:
    reader = reader_of(name, fetcher)
    mirror.fail(**fault, host=HOSTS[name], path=FEEDS[name])
    ids: list[str] = []
    with suppress(ContractError, SourceUnavailableError):
        ids += [each.article_id for each in collected(reader).articles]
    mirror.heal()
    found = collected(reader)
    ids += [each.article_id for each in found.articles]
    assert len(ids) == len(set(ids)) == N_ARTICLES[name]


def test_failing_pages_cost_no_article(mirror: RunningMirror, fetcher: Fetcher) -> None:
    mirror.fail("status", host="cryptoslate.com", path="/*-*", status=500, every=2)
    found = collected(reader_of("cryptoslate", fetcher))
    assert len(found.articles) == 5


@pytest.mark.parametrize(
    ("status", "error"), [(403, SourceRefusedError), (451, SourceRefusedError), (429, SourceBusyError)]
)
def test_refusal_is_an_error_and_is_not_evaded(
    status: int,
    error: type[Exception],
    mirror: RunningMirror,
    fetcher: Fetcher,
) -> None:
    mirror.fail("status", host="cryptoslate.com", path="/feed*", status=status, retry_after_s=60)
    with pytest.raises(error):
        collected(reader_of("cryptoslate", fetcher))
    asked = {each["path"].partition("?")[0] for each in mirror.log(host="cryptoslate.com")}
    assert asked <= {"/robots.txt", "/feed"}


@pytest.mark.parametrize("name", HOSTS)
def test_backfill_reaches_every_article_of_the_sitemaps(name: str, fetcher: Fetcher) -> None:
    now_ms = SystemClock().now_ms()
    reader = reader_of(name, fetcher)
    rounds = list(reader.backfill(from_ms=1_700_000_000_000, until_ms=now_ms, now_ms=now_ms))
    ids = [article.article_id for each in rounds for article in each.articles]
    assert len(set(ids)) == N_ARTICLES[name]
    assert rounds[-1].reaches_ms == 1_700_000_000_000
    reader.confirm(article for each in rounds for article in each.articles)
    assert collected(reader).articles == ()
