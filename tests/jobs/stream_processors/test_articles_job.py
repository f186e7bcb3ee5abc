"""The finding of copies on real brokers: each link once, and the same after any crash."""

import random
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from schemas import codec
from schemas.events import ArticlePublished
from schemas.topics import NEWS_ARTICLE, NEWS_DUPLICATE
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Publisher, Record, read_range
from schemas.wire.settings import KafkaEndpoint
from stream_processors.jobs.articles import articles_job
from stream_processors.operators.articles import ArticlesOperator
from stream_processors.runtime.worker_settings import WorkerSettings
from stream_processors.runtime.workers import Worker
from tests.fixtures.articles import SOURCES, article, sentence
from tests.fixtures.crashing import CrashError, CrashingClock
from tests.fixtures.logs import once
from tests.fixtures.market_events import HOUR

DEADLINE_S = 180.0
N_ARTICLES = 400


@pytest.fixture
def stream() -> str:
    return f"mirror-{uuid4().hex[:12]}"


def articles(stream: str) -> list[ArticlePublished]:
    """Articles of twelve days, every third a copy of one of the last ten; each for two assets. The last is a copy."""
    chance, made = random.Random(7), list[ArticlePublished]()
    for number in range(N_ARTICLES):
        is_copy = number > 10 and chance.random() < 0.3
        text = sentence(number - chance.randrange(1, 10)) if is_copy else sentence(number)
        source = chance.choice(SOURCES)
        made += [
            article(
                number, at_ms=number * HOUR * 3 // 4, summary=text, source=source, asset=asset, stream=stream
            )
            for asset in ("BTC", "ETH")
        ]
    end = [
        article(number, at_ms=300 * HOUR, title=sentence(0), stream=stream)
        for number in (N_ARTICLES, N_ARTICLES + 1)
    ]
    return [*made, *end]


def publish(endpoint: KafkaEndpoint, made: list[ArticlePublished]) -> None:
    publisher = Publisher(endpoint, role="tests")
    for event in made:
        publisher.publish(
            NEWS_ARTICLE.name,
            codec.encode(event),
            key=event.asset.encode(),
            headers=codec.headers(type(event)),
        )
    publisher.flush()


def expected(made: list[ArticlePublished]) -> list[bytes]:
    operator = ArticlesOperator()
    return [codec.encode(output.event) for event in made for output in operator.step(NEWS_ARTICLE, event)]


def links(endpoint: KafkaEndpoint) -> list[Record]:
    return list(read_range(endpoint, {(NEWS_DUPLICATE.name, 0): 0}))


def run(
    endpoint: KafkaEndpoint,
    stop: Callable[[], bool],
    *,
    max_batch: int = 500,
    clock: SystemClock | None = None,
) -> None:
    settings = WorkerSettings(worker_id="0", max_batch=max_batch, checkpoint_every_s=3600.0)
    Worker(articles_job(), endpoint=endpoint, views=None, stop=stop, settings=settings, clock=clock).run()


def until_out(endpoint: KafkaEndpoint, last: bytes) -> Callable[[], bool]:
    deadline, looks = time.monotonic() + DEADLINE_S, 0

    def check() -> bool:
        nonlocal looks
        looks += 1
        assert time.monotonic() < deadline, "the job did not get there in time"
        return looks % 10 == 0 and any(record.value == last for record in links(endpoint))

    return check


def test_worker_stopped_and_crashed_anywhere_makes_each_link_once(
    quiet_kafka: KafkaEndpoint, stream: str
) -> None:
    chance, made = random.Random(11), articles(stream)
    wanted = expected(made)
    assert len(wanted) > N_ARTICLES // 8
    publish(quiet_kafka, made)
    for _ in range(4):
        with pytest.raises(CrashError):
            run(quiet_kafka, lambda: False, max_batch=37, clock=CrashingClock(chance.randrange(8, 40)))
        remaining = chance.randrange(1, 8)

        def stop() -> bool:
            nonlocal remaining
            remaining -= 1
            return remaining < 0

        run(quiet_kafka, stop, max_batch=chance.randrange(1, 40))
    run(quiet_kafka, until_out(quiet_kafka, wanted[-1]))
    assert once(links(quiet_kafka), stream) == wanted
