"""The history sink and the label join on real servers."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
import pytest

from schemas import codec
from schemas.events import Event, Outcome
from schemas.topics import (
    EVENT_TOPICS,
    FEATURES_NEWS,
    MARKET_BAR,
    MARKET_CANDLE,
    MARKET_PRICE,
    MARKET_QUOTE,
    NEWS_ARTICLE,
    NEWS_DUPLICATE,
    NEWS_SENTIMENT,
    OUTCOMES,
    PREDICTIONS,
    SOURCES_STATUS,
    dead_letters,
)
from schemas.wire.kafka import read_range
from schemas.wire.postgres.articles import StoredArticles
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.news import StoredNews
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.prices import StoredPrices
from schemas.wire.postgres.sources import StoredSources
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import Endpoints
from stream_processors.jobs.history import run_history, writer
from stream_processors.jobs.outcomes import run_outcomes
from stream_processors.runtime.sinks import run_sink
from stream_processors.settings import ProcessorSettings
from tests.contract.schemas.samples import SAMPLES
from tests.fixtures.logs import once, publish, records
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0, bar, candle, prediction, watermark

DEADLINE_S = 180.0


@pytest.fixture
def stream() -> str:
    return f"replay-{uuid4().hex[:12]}"


@pytest.fixture
def settings(endpoints: Endpoints, servers_directory: Path) -> ProcessorSettings:
    return ProcessorSettings.from_environment({"DRIFTLINE_DATA_DIR": str(servers_directory)})


@pytest.fixture
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    with PostgresPool(endpoints.database_url) as opened:
        yield opened


def until(is_true: Callable[[], bool]) -> Callable[[], bool]:
    """A stop flag: whether it is true, and a failure at the deadline."""
    end = time.monotonic() + DEADLINE_S

    def check() -> bool:
        assert time.monotonic() < end, "the job did not get there in time"
        return is_true()

    return check


def test_history_holds_every_kind_that_the_collection_publishes(
    settings: ProcessorSettings, endpoints: Endpoints, pool: PostgresPool, stream: str
) -> None:
    """An article that mentions three coins is three records, and one row; the last record vouches for all."""
    kinds = {
        NEWS_ARTICLE: "article_published",
        NEWS_DUPLICATE: "article_linked",
        MARKET_QUOTE: "quote_observed",
        MARKET_PRICE: "price_observed_in_quarantine",
        SOURCES_STATUS: "source_health_changed",
        NEWS_SENTIMENT: "sentiment_scored",
        FEATURES_NEWS: "news_features_computed",
    }
    sample = {topic: msgspec.structs.replace(SAMPLES[name], stream=stream) for topic, name in kinds.items()}
    article = msgspec.structs.replace(sample[NEWS_ARTICLE], assets=("BTC", "ETH", "SOL"))
    of_coins = [msgspec.structs.replace(article, asset=asset) for asset in article.assets]
    for topic, event in sample.items():
        publish(endpoints.kafka, topic, [*of_coins, *of_coins] if topic is NEWS_ARTICLE else [event, event])
    articles, prices, sources = StoredArticles(pool), StoredPrices(pool), StoredSources(pool)
    news = StoredNews(pool)

    def is_stored() -> bool:
        quotes = prices.quotes(stream, instrument=INSTRUMENT, from_ms=0, until_ms=2**53)
        links = articles.links(stream, [article.article_id])
        of_news = (list(news.scores(stream, from_known_ms=0)), news.features(stream, asset="BTC"))
        return all(
            (articles.known(stream), links, quotes, prices.newest(stream), sources.health(stream), *of_news)
        )

    run_history(settings, until(is_stored))
    assert articles.articles(stream, asset="SOL", limit=9) == of_coins[2:]
    assert list(articles.published(stream, from_known_ms=0)) == of_coins
    assert articles.links(stream, [article.article_id]) == [sample[NEWS_DUPLICATE]]
    assert prices.quotes(stream, instrument=INSTRUMENT, from_ms=0, until_ms=2**53) == [sample[MARKET_QUOTE]]
    assert prices.newest(stream) == [sample[MARKET_PRICE]]
    assert sources.health(stream) == [sample[SOURCES_STATUS]]
    assert list(news.scores(stream, from_known_ms=0)) == [sample[NEWS_SENTIMENT]]


def test_history_holds_every_event_once_also_when_the_log_is_read_again(
    settings: ProcessorSettings, endpoints: Endpoints, pool: PostgresPool, stream: str
) -> None:
    candles = [candle(i * MINUTE, volume=1.0 + i, stream=stream) for i in range(200)]
    events: list[Event] = [
        e for one in candles for e in (one, watermark(one.event_time_ms - T0, stream=stream))
    ]
    publish(endpoints.kafka, MARKET_CANDLE, [*events[:10], b"not JSON", *events[10:]])
    last = T0 + 200 * MINUTE
    run_history(settings, until(lambda: StoredStreams(pool).watermark_ms(stream, MARKET_CANDLE.name) == last))
    assert list(StoredMarket(pool).candles(stream)) == candles

    again: list[int] = []

    def write_again(batch: list[object]) -> None:
        writer(EventWriter(pool))(batch)
        again.append(sum(received.event == candles[-1] for received in batch))  # type: ignore[attr-defined]

    run_sink(
        name="replay", topics=EVENT_TOPICS, endpoint=endpoints.kafka, write=write_again, stop=until(lambda: any(again))
    )  # fmt: skip
    assert list(StoredMarket(pool).candles(stream)) == candles


@contextmanager
def trigger(connection: psycopg.Connection, condition: str, code: str) -> Iterator[None]:
    """A trigger of somebody's on the candles: it raises where a condition holds."""
    name = f"refuse_{uuid4().hex[:8]}"
    connection.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} THEN "
        f"RAISE EXCEPTION 'no such luck' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$"
    )
    connection.execute(
        f"CREATE TRIGGER {name} BEFORE INSERT ON candles FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
    try:
        yield
    finally:
        connection.execute(f"DROP FUNCTION {name} CASCADE")


@pytest.fixture
def connection(endpoints: Endpoints) -> Iterator[psycopg.Connection]:
    with psycopg.connect(endpoints.database_url, autocommit=True) as opened:
        yield opened


@pytest.mark.parametrize("code", ["P0001", "23514", "22012", "XX000", "54000"])
def test_refused_rows_are_put_aside_with_the_servers_reason_and_the_rest_is_stored(
    settings: ProcessorSettings,
    endpoints: Endpoints,
    pool: PostgresPool,
    stream: str,
    connection: psycopg.Connection,
    code: str,
) -> None:
    """A row that Postgres refused for an unforeseen reason held the history sink up for ever."""
    candles = [candle(i * MINUTE, volume=1.0 + i, stream=stream) for i in range(300)]
    refused = [candles[i] for i in (0, 7, 8, 299)]
    events: list[Event] = [
        e for one in candles for e in (one, watermark(one.event_time_ms - T0, stream=stream))
    ]
    publish(endpoints.kafka, MARKET_CANDLE, events)
    bad = ", ".join(str(one.start_ms) for one in refused)
    with trigger(connection, f"NEW.stream = '{stream}' AND NEW.start_ms IN ({bad})", code):
        run_history(
            settings,
            until(
                lambda: (
                    StoredStreams(pool).watermark_ms(stream, MARKET_CANDLE.name) == candles[-1].event_time_ms
                )
            ),
        )
    assert list(StoredMarket(pool).candles(stream)) == [one for one in candles if one not in refused]
    letters = [
        (codec.decode(MARKET_CANDLE, record.value), dict(record.headers))
        for record in read_range(endpoints.kafka, {(dead_letters("history").name, 0): 0})
        if stream.encode() in (record.value or b"")
    ]
    assert [event for event, _ in letters] == refused
    assert all(code in headers["reason"].decode() for _, headers in letters)
    assert all("no such luck" in headers["reason"].decode() for _, headers in letters)
    assert {headers["error-class"] for _, headers in letters} == {b"RowRefusedError"}


@pytest.mark.parametrize("code", ["53100", "25006", "57P01", "40001"])
def test_store_that_takes_no_writes_is_waited_for_and_nothing_is_lost_or_put_aside(
    settings: ProcessorSettings,
    endpoints: Endpoints,
    pool: PostgresPool,
    stream: str,
    connection: psycopg.Connection,
    code: str,
) -> None:
    """A full disk ended the history job after a minute, again and again."""
    candles = [candle(i * MINUTE, stream=stream) for i in range(30)]
    publish(endpoints.kafka, MARKET_CANDLE, candles)
    stopping = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as executor:
        with trigger(connection, f"NEW.stream = '{stream}'", code):
            running = executor.submit(run_history, settings, stopping.is_set)
            # Long enough for some attempts; what is asserted does not depend on how many.
            stopping.wait(2.0)
            assert not running.done()
            assert list(StoredMarket(pool).candles(stream)) == []
        check = until(lambda: len(list(StoredMarket(pool).candles(stream))) == 30)
        try:
            while not check():
                stopping.wait(0.05)
        finally:
            stopping.set()
        running.result(timeout=DEADLINE_S)
    letters = read_range(endpoints.kafka, {(dead_letters("history").name, 0): 0})
    assert not any(stream.encode() in (record.value or b"") for record in letters)


def test_outcomes_are_published_once_for_what_is_stored_and_for_what_is_logged(
    settings: ProcessorSettings, endpoints: Endpoints, pool: PostgresPool, stream: str
) -> None:
    stored = prediction(0, stream=stream)
    logged = [prediction(i * MINUTE, stream=stream) for i in range(1, 30)]
    bars = [bar(i * MINUTE, 100.0 + i % 3, stream=stream) for i in range(-1, 30)]
    EventWriter(pool).write([stored])
    publish(endpoints.kafka, PREDICTIONS, logged)
    publish(endpoints.kafka, MARKET_BAR, bars)

    def found() -> list[bytes]:
        return once(records(endpoints.kafka, OUTCOMES), stream)

    run_outcomes(settings, until(lambda: len(found()) == 30))
    run_outcomes(settings, until(lambda: True))
    outcomes = [codec.decode(OUTCOMES, value) for value in found()]
    assert sorted(outcome.features_as_of_ms - T0 for outcome in outcomes) == [i * MINUTE for i in range(30)]
    closes = {outcome.features_as_of_ms: outcome.final_price for outcome in outcomes}
    assert all(closes[T0 + i * MINUTE] == 100.0 + i % 3 for i in range(30))
    assert {outcome.outcome for outcome in outcomes} == {Outcome.UP, Outcome.TIE}
    assert msgspec.structs.asdict(outcomes[0])["model_version"] == "xgboost-1"
