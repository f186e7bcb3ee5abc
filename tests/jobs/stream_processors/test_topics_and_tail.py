"""``driftline topics`` and ``driftline tail`` on both brokers."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from deploy.local.mounting import driftline
from schemas import codec
from schemas.contracts.documents import ASYNCAPI, documents
from schemas.events import TickObserved
from schemas.time import text_of_time
from schemas.topics import ALL_TOPICS, MARKET_TICK
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Publisher, Reader, Record
from schemas.wire.settings import KafkaEndpoint
from tests.fixtures.logs import PARTITION, records
from tests.fixtures.market_events import INSTRUMENT, tick

Command = Callable[..., Result]


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def kafka(request: pytest.FixtureRequest) -> KafkaEndpoint:
    found = request.getfixturevalue("apache" if request.param == "apache" else "endpoints")
    return found if isinstance(found, KafkaEndpoint) else found.kafka


@pytest.fixture
def environment(kafka: KafkaEndpoint, tmp_path: Path) -> dict[str, str]:
    """Of a running demo: its data directory says where the servers are."""
    stored = {"bootstrap_servers": kafka.bootstrap_servers, "is_embedded": kafka.is_embedded}
    (tmp_path / "endpoints.json").write_text(
        json.dumps({"kafka": stored, "redis_url": "-", "database_url": "-"})
    )
    return {"DRIFTLINE_DATA_DIR": str(tmp_path)}


@pytest.fixture
def command(environment: dict[str, str]) -> Command:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(driftline, arguments, obj=environment)

    return run


@pytest.fixture
def stream(kafka: KafkaEndpoint) -> str:
    """A stream of three ticks with a message in between that is none."""
    made = uuid4().hex
    publisher = Publisher(kafka, role="tests")
    for i in range(3):
        value = codec.encode(tick(i, 100.0 + i, trade_id=i, stream=made))
        headers = codec.headers(TickObserved, codec.trace_id(value))
        publisher.publish(MARKET_TICK.name, value, key=INSTRUMENT.encode(), headers=headers)
        if i == 0:
            publisher.publish(MARKET_TICK.name, b'{"type":', key=f"bad-{made}".encode())
    publisher.flush()
    return made


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Commands that run on take the signals over; the tests' own are put back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_topics_lists_the_whole_table(command: Command) -> None:
    shown = command("topics")
    assert shown.exit_code == 0, shown.output
    for topic in ALL_TOPICS:
        assert topic.name in shown.output
    assert "TickObserved v1" in shown.output


def first_tick_of(kafka: KafkaEndpoint, stream: str) -> Record:
    """The first of the three ticks of a stream, once all of them can be read."""
    deadline = time.monotonic() + 60
    while len(found := [r for r in records(kafka, MARKET_TICK) if stream.encode() in (r.value or b"")]) < 3:
        assert time.monotonic() < deadline, f"{len(found)} of 3 ticks can be read"
        time.sleep(0.1)
    return found[0]


def test_topics_as_json_has_messages_and_lags(kafka: KafkaEndpoint, command: Command, stream: str) -> None:
    group = f"tests-{stream}"
    # Read back, because the end that the embedded broker states may lie behind what was published.
    first = first_tick_of(kafka, stream)
    reader = Reader(kafka, group=group, topics=[MARKET_TICK], is_fixed=True)
    reader.commit({(MARKET_TICK.name, PARTITION): first.offset + 1})
    reader.close()

    shown = command("topics", "--json", "--group", group)

    assert shown.exit_code == 0, shown.output
    found = {report["topic"]: report for report in json.loads(shown.stdout)}
    assert list(found) == [topic.name for topic in ALL_TOPICS]
    ticks = found[MARKET_TICK.name]
    assert (ticks["owner"], ticks["partitions"], ticks["keys"]["TickObserved"]) == (
        "producers",
        4,
        "instrument",
    )
    assert ticks["messages"] >= 4
    (of_mine,) = [reader for reader in ticks["readers"] if reader["group"] == group]
    assert of_mine["lag_messages"] >= 2
    assert 0 < of_mine["lag_s"] < 300


def test_topics_prints_the_asyncapi_document_without_a_broker() -> None:
    shown = CliRunner().invoke(driftline, ["topics", "--asyncapi"], obj={})
    assert shown.stdout.encode() == documents()[ASYNCAPI]


def test_tail_shows_a_streams_events_in_order(command: Command, stream: str) -> None:
    shown = command("tail", "market.tick.v1", "--from", "beginning", "--stream", stream, "-n", "3")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert [line.split("price=")[1].split()[0] for line in lines] == ["100", "101", "102"]


def test_tail_survives_what_is_no_event(command: Command, stream: str) -> None:
    shown = command("tail", "market.tick.v1", "--from", "1h", "--key", f"bad-{stream}", "--no-follow")
    assert "DecodeError" in shown.output
    assert "(8 bytes)" in shown.output


def test_tail_shows_headers(command: Command, stream: str) -> None:
    options = ("--from", "beginning", "--stream", stream, "-n", "1", "--headers")
    shown = command("tail", "market.tick.v1", *options)
    value = codec.encode(tick(0, 100.0, trade_id=0, stream=stream))
    assert f"trace-id: {codec.trace_id(value)}" in shown.output


def test_tail_as_json_is_an_object_per_line(command: Command, stream: str) -> None:
    options = ("--from", "beginning", "--stream", stream, "--no-follow", "--json")
    shown = command("tail", "market.tick.v1", *options)
    found = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [entry["event"]["trade_id"] for entry in found] == [0, 1, 2]


def test_tail_from_a_time_of_publication_begins_there(
    kafka: KafkaEndpoint, command: Command, stream: str
) -> None:
    later_ms = SystemClock().now_ms() + 3_600_000
    assert command("tail", "market.tick.v1", "--from", "1h", "--stream", stream, "-n", "1").output
    later = text_of_time(later_ms, "iso")
    assert command("tail", "market.tick.v1", "--from", later, "--no-follow").stdout == ""


@pytest.mark.parametrize("arguments", [("nowhere.v1",), ("market.tick.v1", "--from", "yesterday")])
def test_wrong_argument_is_explained(command: Command, arguments: tuple[str, ...]) -> None:
    shown = command("tail", *arguments)
    assert shown.exit_code == 2
    assert "market.tick.v1" in shown.output or "ISO 8601" in shown.output


def test_tail_waits_for_more_until_it_is_told_to_end(
    kafka: KafkaEndpoint, environment: dict[str, str]
) -> None:
    stream = uuid4().hex
    command = [sys.executable, "-m", "deploy.local", "tail", "market.tick.v1", "--from", "1h"]
    options = ["--stream", stream, "--json"]
    with subprocess.Popen(
        [*command, *options], env=environment, stdout=subprocess.PIPE, text=True
    ) as tailing:
        try:
            publisher = Publisher(kafka, role="tests")
            for i in range(2):
                value = codec.encode(tick(i, trade_id=i, stream=stream))
                publisher.publish(MARKET_TICK.name, value, key=INSTRUMENT.encode())
                publisher.flush()
                assert tailing.stdout is not None
                assert json.loads(tailing.stdout.readline())["event"]["trade_id"] == i
        finally:
            tailing.send_signal(signal.SIGINT)
        assert tailing.wait(timeout=60) == 0
