"""The stored scores of articles and the stored news features, on a real Postgres."""

from collections.abc import Iterator
from uuid import uuid4

import msgspec
import numpy as np
import pytest

from schemas import codec
from schemas.codec import null_from_nan
from schemas.errors import InvariantError
from schemas.events import NewsFeaturesComputed, SentimentScored
from schemas.topics import FEATURES_NEWS, NEWS_ARTICLE, NEWS_SENTIMENT
from schemas.wire.postgres.news import StoredNews
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import Endpoints
from tests.contract.schemas.samples import SAMPLES
from tests.fixtures.market_events import T0

MINUTE = 60_000


@pytest.fixture
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    with PostgresPool(endpoints.database_url) as opened:
        yield opened


@pytest.fixture
def stream() -> str:
    return f"replay-{uuid4().hex}"


def score(stream: str, minute: int, **changes: object) -> SentimentScored:
    sample = SAMPLES["sentiment_scored"]
    assert isinstance(sample, SentimentScored)
    return msgspec.structs.replace(sample, stream=stream, known_time_ms=T0 + minute * MINUTE, **changes)


def row(stream: str, minute: int, **changes: object) -> NewsFeaturesComputed:
    sample = SAMPLES["news_features_computed"]
    assert isinstance(sample, NewsFeaturesComputed)
    at_ms = T0 + minute * MINUTE
    return msgspec.structs.replace(sample, stream=stream, event_time_ms=at_ms, known_time_ms=at_ms, **changes)


def test_news_topics_have_one_partition_and_carry_watermarks() -> None:
    for topic in (NEWS_ARTICLE, NEWS_SENTIMENT, FEATURES_NEWS):
        assert topic.n_partitions == 1
        assert {kind.__name__ for kind in topic.events[1:]} == {
            "WatermarkAdvanced",
            "SourceFellSilent",
            "SourceReturned",
        }


def test_absence_of_scores_is_published_by_the_monitor_and_their_return_by_the_agent() -> None:
    owners = {kind.__name__: NEWS_SENTIMENT.owner_of(kind) for kind in NEWS_SENTIMENT.events}
    assert owners["SourceFellSilent"] == "monitor"
    assert owners["SourceReturned"] == owners["WatermarkAdvanced"] == owners["SentimentScored"] == "sentiment"


@pytest.mark.parametrize(
    "changes",
    [
        {"negative": None},
        {"score": None},
        {"refusal": "It has a score all the same."},
    ],
)
def test_score_with_some_probabilities_or_with_a_refusal_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvariantError):
        codec.decode(NEWS_SENTIMENT, codec.encode(score("replay-1", 0, **changes)))


def test_scores_come_back_by_known_time_each_once(pool: PostgresPool, stream: str) -> None:
    rows = [
        score(stream, 1),
        score(stream, 1, scorer="vader", negative=None, neutral=None, positive=None),
        score(stream, 2, asset="ETH"),
        score(stream, 3, version=2, score=None, refusal="It is empty."),
    ]
    EventWriter(pool).write([*reversed(rows), *rows])
    stored = StoredNews(pool)
    assert list(stored.scores(stream, from_known_ms=0)) == rows
    assert list(stored.scores(stream, from_known_ms=T0 + 2 * MINUTE, asset="BTC")) == rows[3:]
    assert list(stored.scores(stream, from_known_ms=0, until_known_ms=T0 + 2 * MINUTE)) == rows[:2]


def test_news_features_come_back_to_the_bit(pool: PostgresPool, stream: str) -> None:
    chance = np.random.default_rng(7)
    numbers = chance.normal(size=(20, 3)) * 10.0 ** chance.integers(-300, 300, (20, 3))
    numbers[0] = (np.nan, -0.0, 5e-324)
    names = ("first", "second", "third")
    rows = [
        row(stream, i, values=dict(zip(names, null_from_nan(numbers[i]), strict=True)), n_articles=i, feature_spec_hash=f"news of {stream}")
        for i in range(20)
    ]  # fmt: skip
    EventWriter(pool).write([*rows, *rows, row(stream, 3, asset="ETH")])
    table = StoredNews(pool).features(stream, asset="BTC")
    assert table is not None
    assert (table.names, table.feature_spec_hash) == (names, f"news of {stream}")
    assert table.as_of_ms.tolist() == [T0 + i * MINUTE for i in range(20)]
    assert table.n_articles.tolist() == list(range(20))
    np.testing.assert_array_equal(table.values.view(np.int64), numbers.view(np.int64))
    assert StoredNews(pool).features(stream, asset="SOL") is None
