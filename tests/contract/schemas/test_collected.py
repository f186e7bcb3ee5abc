"""What the collection stores: articles by version, quotes, prices and the health of sources, on a real Postgres."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from msgspec.structs import replace

from schemas.events import (
    WHOLE_MARKET,
    ArticleLinked,
    ArticlePublished,
    PriceObserved,
    QuoteObserved,
    SourceHealth,
    SourceHealthChanged,
)
from schemas.wire.postgres.articles import ArticlePlace, KnownArticle, StoredArticles
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.prices import StoredPrices
from schemas.wire.postgres.sources import StoredSources
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import Endpoints
from tests.contract.schemas.samples import SAMPLES
from tests.fixtures.market_events import MINUTE, T0

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    with PostgresPool(endpoints.database_url) as opened:
        yield opened


@pytest.fixture
def stream() -> str:
    return f"mirror-{uuid4().hex[:12]}"


def article(
    stream: str, number: int, *, version: int = 0, assets: tuple[str, ...] = ("BTC",)
) -> ArticlePublished:
    sample = SAMPLES["article_published"]
    assert isinstance(sample, ArticlePublished)
    return replace(
        sample, stream=stream, article_id=f"{number:024x}", version=version, assets=assets, asset=assets[0],
        event_time_ms=T0 + number * MINUTE, known_time_ms=T0 + (number + version) * MINUTE + 1,
        content_hash=f"hash {number} {version}",
    )  # fmt: skip


def of_each_asset(event: ArticlePublished) -> list[ArticlePublished]:
    return [replace(event, asset=asset) for asset in event.assets]


def test_article_is_one_row_whatever_the_number_of_its_assets(pool: PostgresPool, stream: str) -> None:
    records = of_each_asset(article(stream, 1, assets=("BTC", "ETH", "SOL")))
    EventWriter(pool).write(records)
    EventWriter(pool).write(list(reversed(records)))
    stored = StoredArticles(pool)
    assert stored.articles(stream, limit=9) == records[:1]
    assert stored.articles(stream, limit=9, asset="SOL") == records[2:]
    assert list(stored.published(stream, from_known_ms=0)) == records


def test_correction_is_a_version_and_the_earlier_one_stays(pool: PostgresPool, stream: str) -> None:
    first, second = article(stream, 1), article(stream, 1, version=1, assets=("BTC", "ETH"))
    EventWriter(pool).write([*of_each_asset(second), first])
    stored = StoredArticles(pool)
    assert stored.versions(stream, first.article_id) == [first, second]
    assert stored.articles(stream, limit=9) == [second]
    assert stored.known(stream) == [
        KnownArticle(
            one.article_id, one.version, one.content_hash, one.modified_ms, one.known_time_ms, one.url, one.summary,
            one.source,
        )
        for one in (first, second)
    ]  # fmt: skip


def test_known_articles_are_those_that_are_asked_for(pool: PostgresPool, stream: str) -> None:
    EventWriter(pool).write([article(stream, number) for number in range(3)])
    stored = StoredArticles(pool)
    found = stored.known(stream, article_ids=[f"{1:024x}", f"{7:024x}"])
    assert [one.article_id for one in found] == [f"{1:024x}"]
    assert len(stored.known(stream, source="coindesk")) == 3
    assert stored.known(stream, source="cryptoslate") == []


def test_articles_are_found_by_asset_source_and_time_newest_first(pool: PostgresPool, stream: str) -> None:
    made = [
        article(stream, number, assets=("BTC",) if number % 2 else (WHOLE_MARKET,)) for number in range(6)
    ]
    EventWriter(pool).write([*made[:5], replace(made[5], source="cryptoslate")])
    stored = StoredArticles(pool)
    assert [one.event_time_ms for one in stored.articles(stream, limit=3)] == [
        T0 + number * MINUTE for number in (5, 4, 3)
    ]
    assert len(stored.articles(stream, limit=9, asset=WHOLE_MARKET)) == 3
    assert len(stored.articles(stream, limit=9, source="cryptoslate")) == 1
    assert len(stored.articles(stream, limit=9, from_ms=T0 + MINUTE, until_ms=T0 + 3 * MINUTE)) == 2


def test_pages_of_articles_go_on_where_the_last_one_ended(pool: PostgresPool, stream: str) -> None:
    """Two articles of one millisecond must neither be skipped nor repeated at the border of a page."""
    same = [replace(article(stream, number), event_time_ms=T0) for number in range(5)]
    EventWriter(pool).write(same)
    found: list[str] = []
    before = None
    while page := StoredArticles(pool).articles(stream, limit=2, before=before):
        found += [one.article_id for one in page]
        before = ArticlePlace(page[-1].event_time_ms, page[-1].article_id)
    assert found == sorted((one.article_id for one in same), reverse=True)


def test_links_are_found_from_both_sides(pool: PostgresPool, stream: str) -> None:
    sample = SAMPLES["article_linked"]
    assert isinstance(sample, ArticleLinked)
    link = replace(sample, stream=stream)
    EventWriter(pool).write([link, link])
    for article_id in (link.article_id, link.first_article_id):
        assert StoredArticles(pool).links(stream, [article_id]) == [link]


def test_prices_and_quotes_come_back_as_they_were(pool: PostgresPool, stream: str) -> None:
    price, doubted, quote = (
        replace(SAMPLES[name], stream=stream)
        for name in ("price_observed", "price_observed_in_quarantine", "quote_observed_without_id")
    )
    assert isinstance(price, PriceObserved)
    assert isinstance(doubted, PriceObserved)
    assert isinstance(quote, QuoteObserved)
    doubted = replace(doubted, event_time_ms=T0 + MINUTE)
    EventWriter(pool).write([price, doubted, quote])
    stored = StoredPrices(pool)
    every = {"from_ms": 0, "until_ms": T0 + 9 * MINUTE}
    assert stored.prices(stream, instrument=price.instrument, **every) == [price, doubted]
    assert stored.quotes(stream, instrument=quote.instrument, **every) == [quote]
    assert stored.newest(stream) == [doubted]
    assert stored.newest(stream, is_quarantined=False) == [price]
    assert stored.n_quarantined(stream, from_ms=0) == {"coingecko": 1}
    assert stored.n_quarantined(stream, from_ms=T0 + 2 * MINUTE) == {}


def test_health_of_a_source_is_the_newest_one(pool: PostgresPool, stream: str) -> None:
    sample = SAMPLES["source_health_changed"]
    assert isinstance(sample, SourceHealthChanged)
    quiet = replace(sample, stream=stream)
    healthy = replace(quiet, event_time_ms=T0 + MINUTE, state=SourceHealth.HEALTHY, last_item_ms=T0 + MINUTE)
    EventWriter(pool).write([healthy, quiet])
    EventWriter(pool).write([quiet])
    assert StoredSources(pool).health(stream) == [healthy]
