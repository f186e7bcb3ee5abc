"""The collector on real servers against the mirror: every recorded article and price, once, through Kafka into Postgres."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import psycopg
import pytest
from click.testing import CliRunner

from producers.commands import commands
from producers.jobs.collecting.settings import CollectorSettings
from schemas import codec
from schemas.events import (
    AlertRaised,
    ArticlePublished,
    Event,
    PriceObserved,
    SourceHealth,
    SourceHealthChanged,
)
from schemas.time import text_of_time
from schemas.topics import ALERTS, BY_NAME, MARKET_PRICE, NEWS_ARTICLE, SOURCES_STATUS, dead_letters
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import read_range
from schemas.wire.postgres.articles import StoredArticles
from schemas.wire.postgres.leadership import Leadership
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.prices import StoredPrices
from schemas.wire.postgres.sources import StoredSources
from schemas.wire.settings import Endpoints
from stream_processors.jobs.history import run_history
from stream_processors.settings import ProcessorSettings
from tests.mirror.running import RunningMirror

CLOCK = SystemClock()
DEADLINE_S = 180.0
NEWS = "coindesk,cryptoslate,cointelegraph"


@pytest.fixture
def environment(servers_directory: Path, endpoints: Endpoints, mirror: RunningMirror) -> dict[str, str]:
    return {
        "DRIFTLINE_DATA_DIR": str(servers_directory),
        "DRIFTLINE_SOURCES_MIRROR": mirror.address,
        "DRIFTLINE_LIVE_NEWS": NEWS,
        "DRIFTLINE_COLLECTOR_METRICS_PORT": "0",
    }


@pytest.fixture
def stream(environment: dict[str, str]) -> str:
    return CollectorSettings.from_environment(environment).run


@pytest.fixture
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    with PostgresPool(endpoints.database_url) as opened:
        yield opened


@pytest.fixture
def history(servers_directory: Path, endpoints: Endpoints) -> Iterator[None]:
    settings = ProcessorSettings.from_environment({"DRIFTLINE_DATA_DIR": str(servers_directory)})
    stop = threading.Event()
    thread = threading.Thread(target=run_history, args=(settings, stop.is_set), daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(60)


def until(is_true: Callable[[], bool]) -> None:
    until_s = CLOCK.monotonic_s() + DEADLINE_S
    while not is_true():
        assert CLOCK.monotonic_s() < until_s
        CLOCK.sleep(0.05)


def once(environment: dict[str, str]) -> dict[str, dict]:
    """What ``collect --once --json`` prints, by source."""
    ran = CliRunner().invoke(
        commands, ["collect", "--once", "--json"], obj=environment, catch_exceptions=False
    )
    assert ran.exit_code == 0, ran.output
    printed = ran.stdout[f"\n{ran.stdout}".index("\n{\n") :]  # before it come the lines of the log
    return {each["source"]: each for each in json.loads(printed)["sources"]}


def logged(endpoints: Endpoints, stream: str, *kinds: type[Event]) -> list[Event]:
    topics = (NEWS_ARTICLE, MARKET_PRICE, SOURCES_STATUS, ALERTS)
    starts = {(topic.name, number): 0 for topic in topics for number in range(topic.n_partitions)}
    found = [
        codec.decode(BY_NAME[record.topic], record.value) for record in read_range(endpoints.kafka, starts)
    ]
    return [event for event in found if event.stream == stream and isinstance(event, kinds or Event)]


def recorded(folder: Path) -> set[tuple[str, int]]:
    """Title and published time of every recorded article, read without the code under test."""
    found = set()
    for path in (folder / "feeds").glob("*_items_*.json"):
        for item in json.loads(path.read_text()):
            published = datetime.fromisoformat(item["published_at"]).replace(tzinfo=UTC)
            found.add((item["title"].strip(), int(published.timestamp() * 1000)))
    for path in (folder / "feeds").glob("*_rss_*.xml"):
        for item in ET.parse(path).getroot().iter("item"):  # noqa: S314  (our own recording)
            published = parsedate_to_datetime(item.findtext("pubDate") or "")
            found.add(((item.findtext("title") or "").strip(), int(published.timestamp() * 1000)))
    return found


@contextmanager
def collecting(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The collector as a process of its own, that is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "producers", "collect"],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(60)


def test_every_recorded_article_and_price_is_stored_once_and_a_second_run_publishes_nothing(
    environment: dict[str, str],
    endpoints: Endpoints,
    stream: str,
    pool: PostgresPool,
    history: None,
    recorded_data: Path,
) -> None:
    began_ms = CLOCK.now_ms()
    truth = recorded(recorded_data)
    first = once(environment)
    assert sum(each["new"] for name, each in first.items() if name != "coingecko") == len(truth)
    assert first["coingecko"]["new"] == 1
    assert all(each["rejected"] == 0 for each in first.values())

    stored = StoredArticles(pool)
    until(lambda: len(stored.known(stream)) == len(truth))
    articles = stored.articles(stream, limit=1000)
    assert {(each.title, each.event_time_ms) for each in articles} == truth
    assert all(began_ms <= each.known_time_ms <= CLOCK.now_ms() for each in articles)
    assert {each.source for each in articles} == {"coindesk", "cryptoslate", "cointelegraph"}
    until(lambda: bool(StoredPrices(pool).newest(stream)))
    (price,) = StoredPrices(pool).newest(stream)
    assert price.instrument == "BTC-USD.COINGECKO"
    stated = json.loads((recorded_data / "venue_messages" / "coingecko" / "coins_markets.json").read_text())[
        0
    ]
    assert (price.price, text_of_time(price.event_time_ms, "iso")) == (
        stated["current_price"],
        stated["last_updated"],
    )
    until(lambda: len(StoredSources(pool).health(stream)) == len(first))

    again = once(environment)
    assert [each["new"] for each in again.values()] == [0] * len(again)
    assert [each["duplicate"] for each in again.values()] == [each["seen"] for each in again.values()]
    facts = Counter(
        (type(event), event.fact()) for event in logged(endpoints, stream, ArticlePublished, PriceObserved)
    )
    assert set(facts.values()) == {1}
    assert len({fact[1] for kind, fact in facts if kind is ArticlePublished}) == len(truth)


def test_a_run_before_the_store_has_anything_publishes_nothing_again(
    environment: dict[str, str], endpoints: Endpoints, stream: str
) -> None:
    """Without the history sink, the end of the log tells what was published."""
    first, again = once(environment), once(environment)
    assert sum(each["new"] for each in first.values()) > 20
    assert sum(each["new"] for each in again.values()) == 0
    facts = Counter(event.fact() for event in logged(endpoints, stream, ArticlePublished, PriceObserved))
    assert set(facts.values()) == {1}


def test_a_collector_that_is_killed_again_and_again_loses_and_doubles_nothing(
    environment: dict[str, str], endpoints: Endpoints, stream: str, history: None, recorded_data: Path
) -> None:
    for n_seen in (1, 2, 7, 12, 22):
        with collecting(environment):
            until(lambda n=n_seen: len(logged(endpoints, stream, ArticlePublished)) >= n)
    once(environment)
    articles = logged(endpoints, stream, ArticlePublished)
    assert set(Counter(event.fact() for event in articles).values()) == {1}
    assert {(event.title, event.event_time_ms) for event in articles} == recorded(recorded_data)
    assert {event.version for event in articles} == {0}
    for event in articles:
        of_version = [each.asset for each in articles if each.article_id == event.article_id]
        assert sorted(of_version) == sorted(event.assets)


def test_one_of_two_collectors_leads_and_the_other_takes_over(
    environment: dict[str, str], endpoints: Endpoints, stream: str
) -> None:
    place = Leadership(endpoints.database_url, f"driftline-collector/{stream}")
    assert place.take()
    with collecting(environment) as waiting:
        ran = CliRunner().invoke(commands, ["collect", "--once"], obj=environment)
        assert ran.exit_code != 0
        assert "another collector" in str(ran.exception)
        assert logged(endpoints, stream) == []
        place.close()
        until(lambda: len(logged(endpoints, stream, ArticlePublished)) > 0)
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(60) == 0


def test_two_collectors_and_the_death_of_the_leader(
    environment: dict[str, str], endpoints: Endpoints, stream: str, recorded_data: Path
) -> None:
    with collecting(environment) as first:
        until(lambda: len(logged(endpoints, stream, ArticlePublished)) >= 3)
        with collecting(environment):
            first.kill()
            n_healths = len(logged(endpoints, stream, SourceHealthChanged))
            until(lambda: len(logged(endpoints, stream, SourceHealthChanged)) > n_healths)
            titles = {title for title, _ in recorded(recorded_data)}
            until(lambda: {event.title for event in logged(endpoints, stream, ArticlePublished)} == titles)
    facts = Counter(event.fact() for event in logged(endpoints, stream, ArticlePublished))
    assert set(facts.values()) == {1}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (403, SourceHealth.REFUSED),
        (451, SourceHealth.REFUSED),
        (429, SourceHealth.LIMITED),
        (500, SourceHealth.FAILING),
    ],
)
def test_a_source_that_fails_is_named_and_the_others_are_collected(
    environment: dict[str, str],
    endpoints: Endpoints,
    stream: str,
    mirror: RunningMirror,
    status: int,
    state: SourceHealth,
) -> None:
    mirror.fail("status", host="cryptoslate.com", status=status, retry_after_s=60)
    found = once(environment)
    assert found["cryptoslate"]["state"] == str(state)
    assert str(status) in found["cryptoslate"]["reason"]
    assert found["coindesk"]["new"] > 0
    said = {event.source: event.state for event in logged(endpoints, stream, SourceHealthChanged)}
    assert said["cryptoslate"] is state
    alarmed = {event.subject for event in logged(endpoints, stream, AlertRaised)}
    assert ("cryptoslate" in alarmed) == (state is SourceHealth.REFUSED)


def test_without_any_answer_the_exit_code_is_1_with_a_line_for_each_source(
    environment: dict[str, str], mirror: RunningMirror
) -> None:
    mirror.fail("status", host="*", status=451)
    ran = CliRunner().invoke(commands, ["collect", "--once"], obj=environment, catch_exceptions=False)
    assert ran.exit_code == 1
    lines = [line for line in ran.stdout.splitlines() if " is refused: " in line]
    assert [line.split()[0] for line in lines] == ["coingecko", "coindesk", "cryptoslate", "cointelegraph"]


def test_html_instead_of_a_feed_is_a_failing_source_and_rejects_are_put_aside(
    environment: dict[str, str], endpoints: Endpoints, mirror: RunningMirror
) -> None:
    mirror.fail("html", host="cryptoslate.com")
    found = once(environment)
    assert found["cryptoslate"]["state"] == "failing"
    letters = dead_letters("collect").name
    for record in read_range(endpoints.kafka, {(letters, 0): 0}):
        assert dict(record.headers)["reason"]


def test_a_leader_that_was_asleep_is_no_leader_any_more(
    environment: dict[str, str], endpoints: Endpoints, stream: str, recorded_data: Path
) -> None:
    """Its machine slept, Postgres gave its place away, and another one publishes; then it wakes up."""
    with collecting(environment) as sleeper:
        until(lambda: len(logged(endpoints, stream, ArticlePublished)) >= 1)
        sleeper.send_signal(signal.SIGSTOP)
        with psycopg.connect(endpoints.database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks "
                "WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
            )
        with collecting(environment):
            titles = {title for title, _ in recorded(recorded_data)}
            until(lambda: {event.title for event in logged(endpoints, stream, ArticlePublished)} == titles)
            sleeper.send_signal(signal.SIGCONT)
            assert sleeper.wait(60) != 0
    facts = Counter(event.fact() for event in logged(endpoints, stream, ArticlePublished))
    assert set(facts.values()) == {1}
