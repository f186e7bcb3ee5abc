"""The news features on real brokers: each row once, the same after any crash, equal to the batch, and in Redis."""

import random
import time
from collections.abc import Callable, Sequence
from uuid import uuid4

import numpy as np
import pytest

from schemas import codec
from schemas.codec import nan_from_null
from schemas.errors import ConfigurationError
from schemas.events import Event, NewsFeaturesComputed, SentimentScored, WatermarkAdvanced
from schemas.scorers import ScorerId
from schemas.topics import FEATURES_NEWS, NEWS_SENTIMENT
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Publisher, Record, read_range
from schemas.wire.redis import Views, connect, news_key
from schemas.wire.settings import KafkaEndpoint
from stream_processors.features.news_tables import news_table
from stream_processors.jobs.news import news_job, news_sets
from stream_processors.operators.news import NewsOperator
from stream_processors.runtime.worker_settings import WorkerSettings
from stream_processors.runtime.workers import Worker
from stream_processors.settings import ProcessorSettings
from tests.fixtures.crashing import CrashError, CrashingClock
from tests.fixtures.logs import once
from tests.fixtures.market_events import HOUR, MINUTE, T0
from tests.fixtures.news import (
    CREDIBILITY,
    SCORERS,
    SETS,
    TEXTBLOB,
    VADER,
    absent,
    passed,
    random_scores,
)

DEADLINE_S = 180.0
N_HOURS = 5


@pytest.fixture
def stream() -> str:
    return f"mirror-{uuid4().hex[:12]}"


def script(stream: str) -> list[Event]:
    """Scores of some hours with a watermark every two minutes; some come twice, and for a while news is absent."""
    chance = random.Random(5)
    scores = random_scores(chance, 150, days=N_HOURS / 24, stream=stream)
    scores += random_scores(chance, 20, days=N_HOURS / 24, asset="ETH", stream=stream)
    made: list[Event] = []
    for at_ms in range(0, N_HOURS * HOUR, 2 * MINUTE):
        new = [event for event in scores if T0 + at_ms - 2 * MINUTE <= event.known_time_ms < T0 + at_ms]
        made += [*new, *new[:1], passed(at_ms, stream=stream)]
        if at_ms == HOUR:
            made += [absent(at_ms, at_ms + each * 30_000, stream=stream) for each in range(1, 20)]
    return made


def publish(endpoint: KafkaEndpoint, made: Sequence[Event]) -> None:
    publisher = Publisher(endpoint, role="tests")
    for event in made:
        key = event.asset if isinstance(event, SentimentScored) else event.source
        publisher.publish(
            NEWS_SENTIMENT.name,
            codec.encode(event),
            key=key.encode(),
            headers=codec.headers(type(event)),
            partition=0,
        )
    publisher.flush()


def outputs(endpoint: KafkaEndpoint) -> list[Record]:
    return list(read_range(endpoint, {(FEATURES_NEWS.name, 0): 0}))


def run(
    endpoint: KafkaEndpoint,
    stop: Callable[[], bool],
    *,
    views: Views | None = None,
    max_batch: int = 500,
    clock: SystemClock | None = None,
) -> None:
    settings = WorkerSettings(worker_id="0", max_batch=max_batch, checkpoint_every_s=3600.0)
    Worker(news_job(SETS), endpoint=endpoint, views=views, stop=stop, settings=settings, clock=clock).run()


def until_out(endpoint: KafkaEndpoint, last: bytes) -> Callable[[], bool]:
    deadline, looks = time.monotonic() + DEADLINE_S, 0

    def check() -> bool:
        nonlocal looks
        looks += 1
        assert time.monotonic() < deadline, "the job did not get there in time"
        return looks % 10 == 0 and any(record.value == last for record in outputs(endpoint))

    return check


def test_worker_stopped_and_crashed_anywhere_makes_each_row_once_and_as_the_batch_does(
    quiet_kafka: KafkaEndpoint, valkey_url: str, stream: str
) -> None:
    chance, made = random.Random(3), script(stream)
    operator = NewsOperator(SETS)
    stepped = [output.event for event in made for output in operator.step(NEWS_SENTIMENT, event)]
    wanted = [codec.encode(event) for event in stepped]
    publish(quiet_kafka, made)
    for _ in range(3):
        with pytest.raises(CrashError):
            run(quiet_kafka, lambda: False, max_batch=37, clock=CrashingClock(chance.randrange(8, 40)))
        remaining = chance.randrange(1, 8)

        def stop() -> bool:
            nonlocal remaining
            remaining -= 1
            return remaining < 0

        run(quiet_kafka, stop, max_batch=chance.randrange(1, 40))
    views = Views(connect(valkey_url), job=f"news-{stream}")
    run(quiet_kafka, until_out(quiet_kafka, wanted[-1]), views=views)

    made_rows = [
        record for record in outputs(quiet_kafka) if b'"NewsFeaturesComputed"' in (record.value or b"")
    ]
    assert once(made_rows, stream) == [value for value in wanted if b'"NewsFeaturesComputed"' in value]
    rows = [event for event in stepped if isinstance(event, NewsFeaturesComputed) and event.asset == "BTC"]
    assert_as_the_batch(rows, [event for event in made if isinstance(event, SentimentScored)])
    body = connect(valkey_url).hget(news_key(stream, "BTC"), "body")
    assert body == codec.encode(rows[-1])


def assert_as_the_batch(rows: Sequence[NewsFeaturesComputed], scores: Sequence[SentimentScored]) -> None:
    batch = news_table(
        scores,
        asset="BTC",
        scorers=SCORERS,
        credibility=CREDIBILITY,
        as_of_ms=np.array([row.event_time_ms for row in rows], dtype=np.int64),
    )
    values = np.array([nan_from_null(row.values.values()) for row in rows])
    assert values.tobytes() == batch.values.tobytes()
    assert len(rows) > N_HOURS * 60 - 30


def test_rows_are_of_the_assets_of_the_run_and_of_its_companions() -> None:
    settings = ProcessorSettings.from_environment(
        {
            "DRIFTLINE_REFERENCE_INSTRUMENT": "BTC-USDT.BINANCE,ETH-USDT.BINANCE",
            "DRIFTLINE_COMPANIONS": f"BTC-USDT.BINANCE:news/{VADER};ETH-USDT.BINANCE:news/{VADER}/{TEXTBLOB}",
            "DRIFTLINE_NEWS_SCORERS": f"{VADER}, {TEXTBLOB}",
            "DRIFTLINE_NEWS_CREDIBILITY": "cryptoslate:0.5",
        }
    )
    sets = news_sets(settings, settings.parsed_news_scorers(tuple))
    assert [(each.asset, each.scorers) for each in sets] == [
        ("BTC", (VADER,)),
        ("ETH", (VADER, TEXTBLOB)),
        ("BTC", (VADER, TEXTBLOB)),
    ]
    assert {tuple(each.credibility.items()) for each in sets} == {(("cryptoslate", 0.5),)}


def test_rows_of_two_sets_of_one_asset_are_told_apart_by_their_hash() -> None:
    sets = [SETS[0], type(SETS[0])(asset="BTC", scorers=(VADER,), credibility={})]
    found = [output.event for output in NewsOperator(sets).step(NEWS_SENTIMENT, passed(0))]
    assert len({event.feature_spec_hash for event in found if isinstance(event, NewsFeaturesComputed)}) == 2
    assert isinstance(found[-1], WatermarkAdvanced)


def test_job_without_a_scorer_says_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="DRIFTLINE_NEWS_SCORERS"):
        news_sets(ProcessorSettings.from_environment({"DRIFTLINE_NEWS_SCORERS": ""}), ())
    twice = ProcessorSettings.from_environment({"DRIFTLINE_NEWS_SCORERS": f"{VADER},{VADER}"})
    with pytest.raises(ConfigurationError, match="each scorer once"):
        twice.parsed_news_scorers(tuple)


def test_asset_that_no_article_is_about_is_refused() -> None:
    """Its rows said that there was no article, for ever."""
    settings = ProcessorSettings.from_environment({"DRIFTLINE_NEWS_ASSETS": "btc, BITCOIN"})
    with pytest.raises(ConfigurationError, match="DRIFTLINE_NEWS_ASSETS names BITCOIN"):
        settings.parsed_news_assets()
    assert ProcessorSettings.from_environment(
        {"DRIFTLINE_NEWS_ASSETS": "btc, ETH, MARKET"}
    ).parsed_news_assets() == ("BTC", "ETH", "MARKET")


def test_scorers_of_the_rows_may_be_stated_by_name() -> None:
    def parsed(stated: str | None) -> tuple[ScorerId, ...]:
        environment = {} if stated is None else {"DRIFTLINE_NEWS_SCORERS": stated}
        return ProcessorSettings.from_environment(environment).parsed_news_scorers(lambda: (VADER, TEXTBLOB))

    assert parsed(None) == (VADER, TEXTBLOB)
    assert parsed("textblob") == (TEXTBLOB,)
    assert parsed(f"textblob, {VADER}") == (TEXTBLOB, VADER)
    with pytest.raises(ConfigurationError, match=r"'finbert', which does not run here.*vader, textblob"):
        parsed("finbert")
    with pytest.raises(
        ConfigurationError, match=r"DRIFTLINE_NEWS_SCORERS: the id of a scorer must look like"
    ):
        parsed("vader@12")
