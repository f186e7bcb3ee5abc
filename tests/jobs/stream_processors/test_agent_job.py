"""The agent on real brokers: every article once, in order, whatever happens to the process."""

from pathlib import Path

import psutil
import pytest

from schemas.events import Event, SourceFellSilent, SourceReturned
from schemas.topics import NEWS_ARTICLE, NEWS_SENTIMENT, dead_letters
from schemas.wire.administration import Administration
from schemas.wire.kafka import Publisher, read_range
from schemas.wire.settings import KafkaEndpoint
from stream_processors.agents.apps import GROUP
from tests.fixtures.agent_runs import publish, running_agent, scores_on, until
from tests.fixtures.agents import check_scores, new_stream
from tests.fixtures.articles import article
from tests.fixtures.market_events import watermark

PLACE = (NEWS_ARTICLE.name, 0)


@pytest.fixture
def stream() -> str:
    return new_stream()


@pytest.fixture
def publisher(quiet_kafka: KafkaEndpoint) -> Publisher:
    made = Publisher(quiet_kafka, role="tests", transactional_id="tests-articles")
    made.prepare_transactions(timeout_s=60)
    return made


def log_of(stream: str, n: int, *, first: int = 0) -> list[Event]:
    """Articles of two assets, and a watermark after every third."""
    made: list[Event] = []
    for number in range(first, first + n):
        made += [article(number, at_ms=number * 1000, asset=asset, stream=stream) for asset in ("BTC", "ETH")]
        if number % 3 == 2:
            made.append(watermark(number * 1000 + 1, stream=stream, source="news"))
    return [*made, watermark((first + n) * 1000, stream=stream, source="news")]


def committed(endpoint: KafkaEndpoint) -> int:
    return Administration(endpoint).committed(GROUP, [PLACE]).get(PLACE, 0)


def until_done(endpoint: KafkaEndpoint, stream: str, last: Event) -> None:
    until(lambda: last in scores_on(endpoint, stream), what="the last watermark did not come through")


def test_a_killed_agent_goes_on_and_nothing_is_lost_or_doubled(
    quiet_kafka: KafkaEndpoint, publisher: Publisher, stream: str, tmp_path: Path
) -> None:
    log = log_of(stream, 300)
    for begin in range(0, len(log), 25):
        publish(publisher, NEWS_ARTICLE.name, log[begin : begin + 25])
    with running_agent(quiet_kafka, tmp_path, seconds=0.004) as agent:
        for _ in range(3):
            n = len(scores_on(quiet_kafka, stream))
            until(lambda n=n: len(scores_on(quiet_kafka, stream)) > n, what=agent.log_path.read_text())
            agent.kill()
            agent.start()
        until_done(quiet_kafka, stream, log[-1])
        check_scores(log, scores_on(quiet_kafka, stream))
        until(lambda: committed(quiet_kafka) >= _last_offset(quiet_kafka) + 1)
        assert agent.stop() == 0


def _last_offset(endpoint: KafkaEndpoint) -> int:
    return max(record.offset for record in read_range(endpoint, {PLACE: 0}))


def test_bad_records_are_put_aside_and_nothing_listens(
    quiet_kafka: KafkaEndpoint, publisher: Publisher, stream: str, tmp_path: Path
) -> None:
    log = log_of(stream, 2)
    bad = f'{{"type":"Nothing","stream":"{stream}"}}'.encode()
    publish(publisher, NEWS_ARTICLE.name, [*log[:2], bad, *log[2:]])
    with running_agent(quiet_kafka, tmp_path) as agent:
        until_done(quiet_kafka, stream, log[-1])
        assert agent.process is not None
        connections = psutil.Process(agent.process.pid).net_connections()
        assert [each for each in connections if each.status == psutil.CONN_LISTEN] == []
        check_scores(log, scores_on(quiet_kafka, stream))
    letters = [
        record
        for record in read_range(quiet_kafka, {(dead_letters("sentiment").name, 0): 0})
        if record.value == bad
    ]
    assert len(letters) == 1
    assert dict(letters[0].headers)["reason"].startswith(b"expected ArticlePublished")


def test_an_agent_that_starts_ends_the_absence_before_anything_else(
    quiet_kafka: KafkaEndpoint, publisher: Publisher, stream: str, tmp_path: Path
) -> None:
    at_ms = watermark(0).event_time_ms
    silence = SourceFellSilent(
        event_time_ms=at_ms,
        known_time_ms=at_ms + 9_000,
        source="news",
        stream=stream,
        absent_until_ms=at_ms + 9_000,
    )
    publish(publisher, NEWS_SENTIMENT.name, [silence])
    log = log_of(stream, 3)
    publish(publisher, NEWS_ARTICLE.name, log)
    with running_agent(quiet_kafka, tmp_path):
        until_done(quiet_kafka, stream, log[-1])
    found = scores_on(quiet_kafka, stream)
    assert found[0] == silence
    assert isinstance(found[1], SourceReturned)
    assert found[1].event_time_ms == at_ms + 9_000
    check_scores(log, found[2:])


@pytest.mark.kafka
def test_what_was_never_committed_is_not_scored(
    quiet_apache: KafkaEndpoint, stream: str, tmp_path: Path
) -> None:
    publisher = Publisher(quiet_apache, role="tests", transactional_id="tests-articles")
    publisher.prepare_transactions(timeout_s=60)
    aborted, log = log_of(stream, 5, first=100), log_of(stream, 5)
    publish(publisher, NEWS_ARTICLE.name, aborted, is_aborted=True)
    publish(publisher, NEWS_ARTICLE.name, log)
    with running_agent(quiet_apache, tmp_path):
        until_done(quiet_apache, stream, log[-1])
    check_scores(log, scores_on(quiet_apache, stream))
