"""The subscriber guide: its Python runs against a broker, and its tables say what the code says."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from schemas import codec, topics
from schemas.topics import EVENT_TOPICS, MARKET_BAR
from schemas.wire.kafka import Publisher
from schemas.wire.settings import KafkaEndpoint
from tests.fixtures.market_events import INSTRUMENT, bar, watermark

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "schemas" / "SUBSCRIBING.md").read_text()
READING, CHECKING = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(
    params=[
        pytest.param("embedded", marks=pytest.mark.servers),
        pytest.param("apache", marks=pytest.mark.kafka),
    ]
)
def kafka(request: pytest.FixtureRequest) -> KafkaEndpoint:
    found = request.getfixturevalue("apache" if request.param == "apache" else "endpoints")
    return found if isinstance(found, KafkaEndpoint) else found.kafka


@contextmanager
def running(kafka: KafkaEndpoint) -> Iterator[Iterator[str]]:
    """The snippet as a person runs it; yields the lines that it prints."""
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "GROUP": uuid4().hex}
    command = [sys.executable, "-c", READING]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as subscriber:
        try:
            assert subscriber.stdout is not None
            yield iter(subscriber.stdout)
        finally:
            subscriber.kill()


def test_python_example_prints_each_bar_once_and_no_watermark(kafka: KafkaEndpoint) -> None:
    stream = f"replay-{uuid4().hex}"
    publisher = Publisher(kafka, role="tests")
    said = [bar(0, 1.5, stream=stream), watermark(60_000, stream=stream), bar(0, 1.5, stream=stream)]
    for event in (*said, bar(60_000, 2.5, stream=stream)):
        publisher.publish(MARKET_BAR.name, codec.encode(event), key=INSTRUMENT.encode())
    publisher.flush()

    with running(kafka) as printed:
        until_s = time.monotonic() + 60
        lines: list[str] = []
        while len(lines) < 2 and time.monotonic() < until_s:
            lines += [line for line in [next(printed)] if stream in line]

    assert [line.split()[-1] for line in lines] == ["1.5", "2.5"]
    assert lines[0].split()[:3] == [stream, INSTRUMENT, "1m"]


def test_checking_example_finds_problems_and_none_in_what_is_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    snippet: dict = {}
    exec(CHECKING, snippet)  # noqa: S102
    value = codec.encode(bar(0))
    assert snippet["problems"](value) == []
    assert snippet["problems"](value.replace(b'"1m"', b'"2m"')) != []


@pytest.mark.parametrize(
    "kind",
    dict.fromkeys(kind for topic in EVENT_TOPICS for kind in topic.events),
    ids=lambda kind: kind.__name__,
)
def test_natural_keys_are_the_codes_own(kind: type) -> None:
    (row,) = re.findall(rf"^\|[^|]*`{kind.__name__}`[^|]*\|([^|]*)\|$", GUIDE, re.MULTILINE)
    assert tuple(re.findall(r"`(\w+)`", row)) == kind.natural_key


def test_every_topic_and_document_that_the_guide_names_is_there() -> None:
    for name in re.findall(
        r"\b(?:market|news|features|predictions|outcomes|alerts|models|sources)[a-z.]*\.v1\b", GUIDE
    ):
        assert name in topics.BY_NAME
    for link in re.findall(r"\]\((contracts[^)]*)\)", GUIDE):
        assert (ROOT / "schemas" / link).exists()
