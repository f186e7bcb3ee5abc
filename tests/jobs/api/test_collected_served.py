"""Articles, sources and gaps over HTTP, from a real Postgres."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
from msgspec.structs import replace

from schemas.events import (
    WHOLE_MARKET,
    ArticlePublished,
    Event,
    SourceFellSilent,
    SourceHealth,
    WatermarkAdvanced,
)
from schemas.gaps import Gap, GapKind
from schemas.streams import StreamKind
from schemas.topics import MARKET_TICK
from schemas.wire.clocks import ManualClock
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.tables import StoredWatermark
from schemas.wire.postgres.writing import EventWriter
from stream_processors.jobs.history import writer
from stream_processors.runtime.sinks import ReceivedEvent
from tests.contract.schemas.samples import SAMPLES
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0
from tests.unit.api.events import description

NOW_MS = T0 + 60 * MINUTE


@pytest.fixture
def stream(pool: PostgresPool) -> str:
    made = f"mirror-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(description(stream=made, kind=StreamKind.MIRROR))
    return made


@pytest.fixture
def client(serving, stream: str) -> Iterator[httpx.Client]:
    with serving(stream, clock=ManualClock(now_ms=NOW_MS)) as opened:
        yield opened


def article(
    stream: str, number: int, *, assets: tuple[str, ...] = ("BTC",), version: int = 0
) -> ArticlePublished:
    sample = SAMPLES["article_published"]
    assert isinstance(sample, ArticlePublished)
    return replace(
        sample, stream=stream, article_id=f"{number:024x}", version=version, assets=assets, asset=assets[0],
        title=f"title {number} {version}", event_time_ms=T0 + number // 2 * MINUTE,
    )  # fmt: skip


def answered(client: httpx.Client, path: str) -> dict:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_article_is_answered_in_its_newest_version_with_what_it_is_a_copy_of(client, pool, stream):
    copy = replace(SAMPLES["article_linked"], stream=stream, article_id=f"{2:024x}", version=1)
    writes: list[Event] = [article(stream, 2), article(stream, 2, version=1), article(stream, 1), copy]
    EventWriter(pool).write(writes)
    body = answered(client, "/v1/articles")
    assert (body["stream"], body["stream_kind"], body["next"]) == (stream, "mirror", None)
    assert [item["title"] for item in body["items"]] == ["title 2 1", "title 1 0"]
    newest, first = body["items"]
    assert newest["copy_of"] == {"article_id": copy.first_article_id, "similarity": 0.875, "is_exact": False}
    assert first["copy_of"] is None
    assert (newest["published"], newest["published_zone"]) == ("2025-06-01T00:01:00.000Z", "-05:00")


def test_pages_of_articles_hold_each_once(client, pool, stream):
    """Two articles each have one published time, and a page ends between two of them."""
    EventWriter(pool).write([article(stream, number) for number in range(7)])
    found, path = [], "/v1/articles?limit=3"
    while path is not None:
        body = answered(client, path)
        found += [item["title"] for item in body["items"]]
        path = body["next"]
    assert found == [f"title {number} 0" for number in range(6, -1, -1)]


@pytest.mark.parametrize(
    ("asked", "n"),
    [
        ("asset=ETH", 1),
        ("asset=MARKET", 1),
        ("asset=SOL", 0),
        ("source=coindesk", 3),
        ("source=nobody", 0),
        (f"from_ms={T0 + MINUTE}", 2),
        (f"until_ms={T0 + MINUTE}", 1),
        (f"asset=BTC&from_ms={T0}&until_ms={T0 + 2 * MINUTE}", 2),
    ],
)
def test_articles_are_chosen_by_asset_source_and_time(client, pool, stream, asked, n):
    made = [
        article(stream, 1),
        article(stream, 2, assets=("BTC", "ETH")),
        article(stream, 3, assets=(WHOLE_MARKET,)),
    ]
    EventWriter(pool).write(made)
    assert len(answered(client, f"/v1/articles?{asked}")["items"]) == n


@pytest.mark.parametrize(
    "asked", ["limit=0", "limit=201", "before=yesterday", "before=1:xyz", "from_ms=soon"]
)
def test_article_page_that_cannot_be_is_a_problem(client, asked):
    assert client.get(f"/v1/articles?{asked}").status_code == 422


def test_source_says_how_it_is_and_how_far_its_data_are(client, pool, stream):
    quiet = replace(
        SAMPLES["source_health_changed"],
        stream=stream,
        last_item_ms=NOW_MS - 30_000,
        last_answer_ms=NOW_MS - 2_000,
    )
    doubted = replace(SAMPLES["price_observed_in_quarantine"], stream=stream)
    earlier = replace(doubted, event_time_ms=NOW_MS - 25 * 60 * MINUTE, known_time_ms=NOW_MS)
    progress = [StoredWatermark(stream, "market.tick.v1", 0, NOW_MS - 4_000, "binance")]
    EventWriter(pool).write([quiet, doubted, earlier], progress)
    StoredGaps(pool).open(gap(stream))

    body = answered(client, "/v1/sources")

    assert (body["stream_kind"], body["now_ms"]) == ("mirror", NOW_MS)
    binance, coindesk, coingecko = body["sources"]
    assert (binance["source"], binance["state"], binance["lag_s"]) == ("binance", "unknown", 4.0)
    assert (binance["n_open_gaps"], coindesk["n_open_gaps"]) == (1, 0)
    assert (coindesk["state"], coindesk["last_item_age_s"], coindesk["last_answer_age_s"]) == (
        "quiet",
        30.0,
        2.0,
    )
    assert coindesk["reason"].startswith("It answers")
    assert (coindesk["watermark_ms"], coindesk["lag_s"]) == (None, None)
    assert (coingecko["n_quarantined"], len(coingecko["quarantined"])) == (1, 1)
    assert coingecko["quarantined"][0]["reason"].startswith("It is 10.2 % below")


def test_outage_shows_its_whole_lag_though_nobody_waits_for_the_source(client, pool, stream):
    """Its absence counted as progress, so a source that had stopped an hour ago was a second behind."""
    facts = {"source": "binance", "stream": stream}
    vouched = WatermarkAdvanced(event_time_ms=T0 + MINUTE, known_time_ms=T0 + MINUTE, **facts)
    silent = SourceFellSilent(
        event_time_ms=T0 + MINUTE, known_time_ms=NOW_MS, absent_until_ms=NOW_MS - 1_000, **facts
    )
    history = writer(EventWriter(pool))
    history([ReceivedEvent(MARKET_TICK.name, 3, event) for event in (vouched, silent)])
    (binance,) = answered(client, "/v1/sources")["sources"]
    assert (binance["watermark_ms"], binance["lag_s"]) == (T0 + MINUTE, 59 * 60.0)
    assert StoredStreams(pool).watermark_ms(stream, MARKET_TICK.name) == NOW_MS - 1_000

    back = replace(vouched, event_time_ms=NOW_MS - 2_000)
    history([ReceivedEvent(MARKET_TICK.name, 3, back)])
    assert answered(client, "/v1/sources")["sources"][0]["lag_s"] == 2.0


def test_source_whose_newest_price_is_good_again_has_none_in_quarantine(client, pool, stream):
    doubted = replace(SAMPLES["price_observed_in_quarantine"], stream=stream)
    good = replace(
        SAMPLES["price_observed"], stream=stream, event_time_ms=T0 + MINUTE, known_time_ms=T0 + MINUTE
    )
    healthy = replace(
        SAMPLES["source_health_changed"], stream=stream, source="coingecko", state=SourceHealth.HEALTHY
    )
    EventWriter(pool).write([doubted, good, healthy])
    (source,) = answered(client, "/v1/sources")["sources"]
    assert (source["state"], source["n_quarantined"], source["quarantined"]) == ("healthy", 1, [])


def test_run_without_sources_has_an_empty_list(client):
    assert answered(client, "/v1/sources")["sources"] == []


def gap(stream: str, at: int = 0) -> Gap:
    return Gap(
        stream=stream, source="binance", instrument=INSTRUMENT, kind=GapKind.TRADES, start_ms=T0 + at * MINUTE,
        end_ms=T0 + (at + 1) * MINUTE, reason="The connection was cut.", opened_ms=T0 + 9 * MINUTE, n_missing=3,
    )  # fmt: skip


def test_open_gaps_are_listed_newest_first_and_closed_ones_on_request(client, pool, stream):
    ledger = StoredGaps(pool)
    for at in range(4):
        ledger.open(gap(stream, at))
    ledger.close(gap(stream, 2), by="backfill", at_ms=NOW_MS)
    body = answered(client, "/v1/gaps?limit=2")
    assert (body["n_gaps"], [one["start_ms"] for one in body["gaps"]]) == (3, [T0 + 3 * MINUTE, T0 + MINUTE])
    (closed,) = answered(client, "/v1/gaps?state=closed")["gaps"]
    assert (closed["closed_by"], closed["closed_ms"], closed["reason"]) == (
        "backfill",
        NOW_MS,
        "The connection was cut.",
    )
    assert answered(client, "/v1/gaps?state=all")["n_gaps"] == 4
    assert answered(client, "/v1/gaps?instrument=ETH-USDT.BINANCE")["gaps"] == []
    assert answered(client, "/v1/gaps?source=binance")["n_gaps"] == 3
    assert client.get("/v1/gaps?state=perhaps").status_code == 422


def test_store_that_is_away_is_a_problem_that_says_when_to_ask_again(serving, stream, endpoints):
    away = replace(endpoints, database_url="postgresql://nobody@127.0.0.1:1/none")
    with serving(stream, where=away) as client:
        for path in ("/v1/articles", "/v1/gaps", "/v1/sources"):
            answer = client.get(path)
            assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
