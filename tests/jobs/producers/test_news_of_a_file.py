"""How far the news of a run was published is read from the log, so that a producer that was killed goes on there."""

from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from producers.jobs.news_plans import NewsPublisher, logged_news_ms
from producers.normalise.watermarks import SourceRecord
from schemas import codec
from schemas.events import ArticlePublished, Event
from schemas.topics import NEWS_ARTICLE
from schemas.wire.kafka import Publisher, read_range
from schemas.wire.settings import Endpoints
from tests.unit.producers.test_news_plans import BEGIN_MS, MINUTE_MS, articles_file, plan, row

pytestmark = pytest.mark.servers


def logged(endpoints: Endpoints, stream: str) -> list[Event]:
    records = read_range(endpoints.kafka, {(NEWS_ARTICLE.name, 0): 0})
    found = [codec.decode(NEWS_ARTICLE, record.value) for record in records]
    return [event for event in found if event.stream == stream]


def test_producer_that_was_killed_continues_where_the_log_ends(endpoints: Endpoints, tmp_path: Path) -> None:
    path = articles_file(tmp_path, [row(f"06-01T00:0{number}:30", number) for number in range(1, 9)])
    stream = f"replay-{uuid4().hex[:12]}"

    def records() -> list[SourceRecord]:
        found = plan(path).records(after_ms=logged_news_ms(endpoints.kafka, stream), until_ms=None)
        return [record._replace(event=replace(record.event, stream=stream)) for record in found]

    assert logged_news_ms(endpoints.kafka, stream) is None
    whole = records()
    for n_published in (9, 4, 1_000):
        publisher = NewsPublisher(Publisher(endpoints.kafka, role="tests"))
        for record in records()[:n_published]:
            publisher.publish(record)
        publisher.finish(lambda _topic, _again: None)
    assert logged_news_ms(endpoints.kafka, stream) == BEGIN_MS + 9 * MINUTE_MS
    there = logged(endpoints, stream)
    articles = [event for event in there if isinstance(event, ArticlePublished)]
    assert {event.fact() for event in articles} == {
        record.event.fact() for record in whole if isinstance(record.event, ArticlePublished)
    }
