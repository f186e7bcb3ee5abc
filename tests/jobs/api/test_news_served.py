"""News features and the scores of sources over HTTP, from real stores."""

import uuid
from collections.abc import Iterator

import httpx
import pytest

from schemas import codec
from schemas.events import NewsFeaturesComputed
from schemas.streams import StreamKind
from schemas.topics import NEWS_SENTIMENT
from schemas.wire.clocks import ManualClock
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.redis import Views, connect, news_key
from schemas.wire.settings import Endpoints
from tests.fixtures.market_events import HOUR, MINUTE, T0
from tests.fixtures.news import TEXTBLOB, VADER, news_operator, passed, scored
from tests.unit.api.events import description


@pytest.fixture
def stream(pool: PostgresPool) -> str:
    made = f"mirror-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(description(stream=made, kind=StreamKind.MIRROR))
    return made


@pytest.fixture
def client(serving, stream: str) -> Iterator[httpx.Client]:
    with serving(stream, clock=ManualClock(now_ms=T0 + HOUR)) as opened:
        yield opened


def rows(stream: str) -> list[NewsFeaturesComputed]:
    """Two minutes of BTC; the score came between them."""
    operator = news_operator()
    events = [passed(0, stream=stream), scored(1, stream=stream), passed(MINUTE, stream=stream)]
    made = [output.event for event in events for output in operator.step(NEWS_SENTIMENT, event)]
    return [row for row in made if isinstance(row, NewsFeaturesComputed) and row.asset == "BTC"]


def test_newest_news_features_are_answered_from_postgres_and_from_redis(
    client: httpx.Client, pool: PostgresPool, endpoints: Endpoints, stream: str
) -> None:
    assert client.get("/v1/news-features/BTC").status_code == 503
    old, new = rows(stream)
    EventWriter(pool).write([new, old])
    body = client.get("/v1/news-features/BTC").json()
    assert (body["served_from"], body["n_articles"], body["features_as_of_ms"]) == (
        "postgres",
        1,
        T0 + MINUTE,
    )
    assert body["values"] == new.values

    with connect(endpoints.redis_url) as redis:
        Views(redis, job="test").write({news_key(stream, "BTC"): (new.event_time_ms, codec.encode(new))})
    assert client.get("/v1/news-features/BTC").json() == body | {"served_from": "redis"}


def test_scores_of_each_source_and_scorer_are_counted_within_some_hours(
    client: httpx.Client, pool: PostgresPool, stream: str
) -> None:
    assert client.get("/v1/news-sources").json()["items"] == []
    EventWriter(pool).write(
        [
            scored(1, known_ms=-200 * HOUR, score=1.0, stream=stream),
            scored(2, known_ms=-3 * HOUR, score=-0.5, stream=stream),
            scored(3, score=0.25, stream=stream),
            scored(4, score=None, stream=stream),
            scored(4, score=0.5, scorer=TEXTBLOB, stream=stream),
            scored(5, score=None, source="cryptoslate", stream=stream),
        ]
    )
    items = client.get("/v1/news-sources").json()["items"]
    fields = ("source", "scorer", "n_scored", "n_refused", "mean_score", "share_negative", "credibility")
    assert [tuple(item[field] for field in fields) for item in items] == [
        ("coindesk", "textblob", 1, 0, 0.5, 0.0, 1.0),
        ("coindesk", "vader", 2, 1, -0.125, 0.5, 1.0),
        ("cryptoslate", "vader", 0, 1, None, None, 1.0),
    ]
    assert items[1]["scorer_hash"] == VADER.hash
    recent = client.get("/v1/news-sources?hours=2").json()["items"]
    assert [item["n_scored"] for item in recent] == [1, 1, 0]
