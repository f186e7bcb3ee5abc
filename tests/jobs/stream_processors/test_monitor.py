"""The monitor on a real broker: it raises once, ends what is over, forgets nothing at a restart."""

import subprocess
import sys
import urllib.request

import pytest

from api.scoring.jobs import scoring_job
from schemas.errors import ConfigurationError, DecodeError
from schemas.events import Severity
from schemas.topics import EVENT_TOPICS, FEATURES_MARKET, NEWS_ARTICLE
from schemas.wire.administration import Administration
from schemas.wire.clocks import ManualClock
from schemas.wire.kafka import Publisher, Reader, read_range
from schemas.wire.settings import KafkaEndpoint
from stream_processors.inspection.alert_lists import open_alerts, published_alerts
from stream_processors.inspection.replaying import discard
from stream_processors.jobs.articles import articles_job
from stream_processors.jobs.market import market_job
from stream_processors.jobs.news import news_job
from stream_processors.jobs.outcomes import outcomes_job
from stream_processors.jobs.vectors import vectors_job
from stream_processors.monitoring.metrics import MonitorMetrics
from stream_processors.monitoring.monitors import Monitor
from stream_processors.monitoring.observing import read_by
from stream_processors.operators.alerting import DEAD_LETTERS, STALLED_PARTITION, GroupPartition
from stream_processors.runtime.alerts import alert_of, publish_alert
from stream_processors.runtime.dead_letters import publish_dead_letter, read_mailboxes
from stream_processors.settings import ProcessorSettings

CONSUMER, GROUP = "scoring", "driftline-scoring"
PLACE = GroupPartition(GROUP, FEATURES_MARKET.name, 2)
WHERE = (FEATURES_MARKET.name, 2)
STALLED_S = 60.0


@pytest.fixture
def kafka(quiet_kafka: KafkaEndpoint) -> KafkaEndpoint:
    return quiet_kafka


@pytest.fixture
def publisher(kafka: KafkaEndpoint) -> Publisher:
    return Publisher(kafka, role="tests")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=1_000_000)


@pytest.fixture
def metrics() -> MonitorMetrics:
    return MonitorMetrics()


@pytest.fixture
def monitor(kafka: KafkaEndpoint, clock: ManualClock, metrics: MonitorMetrics) -> Monitor:
    """One that has seen how other tests left the broker: nothing of ours to read, no letters."""
    discard(kafka, read_mailboxes(kafka)[CONSUMER].open(), reason="of another test")
    catch_up(kafka)
    return begun(kafka, clock, metrics)


def begun(kafka: KafkaEndpoint, clock: ManualClock, metrics: MonitorMetrics) -> Monitor:
    made = Monitor(kafka, stalled_after_s=STALLED_S, clock=clock, metrics=metrics)
    looks(made, clock, seconds=2 * STALLED_S)
    return made


def looks(monitor: Monitor, clock: ManualClock, *, seconds: float) -> None:
    """Look every ten seconds; the clock is ours."""
    for _ in range(round(seconds / 10) + 1):
        monitor.look()
        clock.sleep(10)


def catch_up(kafka: KafkaEndpoint) -> None:
    """What the group would commit that has read everything."""
    reader = Reader(kafka, group=GROUP, topics=[FEATURES_MARKET], is_fixed=True)
    reader.commit({WHERE: Administration(kafka).ends([WHERE])[WHERE]})
    reader.close()


def said(kafka: KafkaEndpoint, name: str, subject: str, *, since: int) -> str:
    """! for each alert that was raised, v for each that was resolved."""
    found = published_alerts(kafka)[since:]
    return "".join("v" if a.is_resolved else "!" for a in found if (a.name, a.subject) == (name, subject))


def test_dead_letters_are_raised_once_over_a_restart_and_end_when_they_are_resolved(
    kafka: KafkaEndpoint, publisher: Publisher, monitor: Monitor, clock: ManualClock, metrics: MonitorMetrics
) -> None:
    since = len(published_alerts(kafka))
    publisher.publish(*(FEATURES_MARKET.name, b"poison"), key=None, partition=2)
    publisher.flush()
    record = list(read_range(kafka, {WHERE: 0}))[-1]
    for _ in range(2):
        publish_dead_letter(publisher, consumer=CONSUMER, record=record, error=DecodeError("poison"))
    publisher.flush()
    catch_up(kafka)

    looks(monitor, clock, seconds=30)
    assert said(kafka, DEAD_LETTERS, CONSUMER, since=since) == "!"
    restarted = begun(kafka, clock, metrics)
    assert said(kafka, DEAD_LETTERS, CONSUMER, since=since) == "!"
    (lasting,) = (
        a for a in open_alerts(published_alerts(kafka)) if (a.name, a.subject) == (DEAD_LETTERS, CONSUMER)
    )
    assert (lasting.severity, lasting.value, lasting.source) == (Severity.WARNING, 1.0, "monitor")

    discard(kafka, read_mailboxes(kafka)[CONSUMER].open(), reason="seen")
    looks(restarted, clock, seconds=30)
    assert said(kafka, DEAD_LETTERS, CONSUMER, since=since) == "!v"


def test_group_that_stands_still_is_paged_once_and_ends_when_it_moves_on(
    kafka: KafkaEndpoint, publisher: Publisher, monitor: Monitor, clock: ManualClock, metrics: MonitorMetrics
) -> None:
    since = len(published_alerts(kafka))
    publisher.publish(FEATURES_MARKET.name, b"{}", key=None, partition=2)
    publisher.flush()

    looks(monitor, clock, seconds=STALLED_S - 20)
    assert said(kafka, STALLED_PARTITION, PLACE.subject(), since=since) == ""
    looks(monitor, clock, seconds=40)
    assert said(kafka, STALLED_PARTITION, PLACE.subject(), since=since) == "!"
    restarted = begun(kafka, clock, metrics)
    assert said(kafka, STALLED_PARTITION, PLACE.subject(), since=since) == "!"
    catch_up(kafka)
    looks(restarted, clock, seconds=STALLED_S + 20)
    assert said(kafka, STALLED_PARTITION, PLACE.subject(), since=since) == "!v"


def test_stall_that_a_worker_raised_of_itself_is_not_raised_again(
    kafka: KafkaEndpoint, publisher: Publisher, monitor: Monitor, clock: ManualClock
) -> None:
    since = len(published_alerts(kafka))
    alert = alert_of(
        name=STALLED_PARTITION,
        subject=PLACE.subject(),
        severity=Severity.PAGE,
        summary="stands",
        now_ms=1,
    )
    publish_alert(publisher, alert)
    publisher.publish(FEATURES_MARKET.name, b"{}", key=None, partition=2)
    publisher.flush()
    looks(monitor, clock, seconds=2 * STALLED_S)
    assert said(kafka, STALLED_PARTITION, PLACE.subject(), since=since) == "!"
    catch_up(kafka)
    looks(monitor, clock, seconds=STALLED_S + 20)
    assert said(kafka, STALLED_PARTITION, PLACE.subject(), since=since) == "!v"


def test_marks_of_transactions_at_the_end_are_no_lag(
    kafka: KafkaEndpoint, monitor: Monitor, clock: ManualClock, metrics: MonitorMetrics
) -> None:
    since = len(published_alerts(kafka))
    writer = Publisher(kafka, role="tests", transactional_id="tests-monitor")
    writer.prepare_transactions(timeout_s=60)
    writer.begin()
    writer.publish(FEATURES_MARKET.name, b"{}", key=None, partition=2)
    writer.commit(timeout_s=60)
    last = list(read_range(kafka, {WHERE: 0}))[-1]
    reader = Reader(kafka, group=GROUP, topics=[FEATURES_MARKET], is_fixed=True)
    reader.commit({WHERE: last.offset + 1})  # as every consumer does: behind the record, before the mark
    reader.close()
    looks(monitor, clock, seconds=3 * STALLED_S)
    assert said(kafka, STALLED_PARTITION, PLACE.subject(), since=since) == ""
    assert metrics.registry.get_sample_value("driftline_consumer_lag_messages", labels()) == 0


def labels() -> dict[str, str]:
    return {"group": GROUP, "topic": PLACE.topic, "partition": "2"}


def test_metrics_are_scraped_over_http(
    kafka: KafkaEndpoint, publisher: Publisher, monitor: Monitor, metrics: MonitorMetrics
) -> None:
    publisher.publish(FEATURES_MARKET.name, b"{}", key=None, partition=2)
    publisher.flush()
    monitor.look()
    port = metrics.serve(None)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    assert 'driftline_dead_letters_depth{consumer="scoring"} 0.0' in text
    lag = f'{{group="{GROUP}",partition="2",topic="{PLACE.topic}"}}'
    assert f"driftline_consumer_lag_messages{lag} 1.0" in text
    assert f"driftline_consumer_lag_seconds{lag} " in text
    assert 'driftline_topic_end_offset{partition="2"' in text
    with pytest.raises(ConfigurationError, match="DRIFTLINE_METRICS_PORT"):
        MonitorMetrics().serve(port)
    assert MonitorMetrics().serve(0) is None


def test_two_monitors_on_one_machine_take_two_ports() -> None:
    assert MonitorMetrics().serve(None) != MonitorMetrics().serve(None)


def test_alert_that_cannot_be_read_is_passed_over(kafka: KafkaEndpoint, publisher: Publisher) -> None:
    n_before = len(published_alerts(kafka))
    publisher.publish("alerts.v1", b"not JSON", key=None)
    publisher.flush()
    assert len(published_alerts(kafka)) == n_before


@pytest.mark.parametrize("companions", ["", "BTC-USDT.BINANCE:ETH-USDT.BINANCE"])
@pytest.mark.parametrize(
    ("stream", "has_news"), [("live", True), ("mirror-1a2b", True), ("replay-1a2b", False)]
)
def test_groups_and_topics_are_those_of_the_jobs(companions: str, stream: str, *, has_news: bool) -> None:
    variables = {"DRIFTLINE_COMPANIONS": companions, "DRIFTLINE_STREAM": stream}
    settings = ProcessorSettings.from_environment(variables)
    assert settings.has_news == has_news
    jobs = [
        market_job(settings),
        outcomes_job([]),
        scoring_job(
            load=lambda _: pytest.fail("nothing is loaded"),
            joined=settings.parsed_companions(),
        ),
        *([vectors_job(settings)] if companions else []),
        *([articles_job(), news_job([])] if has_news else []),
    ]
    found = {f"driftline-{job.name}": job.inputs for job in jobs}
    if has_news:
        found["driftline-sentiment"] = (NEWS_ARTICLE,)  # the agent is no job of our runtime
    assert {**found, "driftline-history": EVENT_TOPICS} == read_by(
        has_companions=bool(companions), has_news=has_news
    )


def test_monitor_loads_no_numeric_library_but_numpy() -> None:
    code = "import sys, stream_processors.jobs.monitor; print({'numba', 'pandas', 'xgboost', 'psycopg'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
