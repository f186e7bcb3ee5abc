"""Dead letters on a real broker: put aside whole, shown, published again exactly once, discarded."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from deploy.local.mounting import driftline
from schemas.errors import DecodeError, ProducerFencedError
from schemas.topics import MARKET_TICK, dead_letters
from schemas.wire.kafka import Publisher, Record, read_range
from schemas.wire.settings import Endpoints, KafkaEndpoint
from stream_processors.inspection.replaying import TRANSACTIONAL_ID, discard, replay
from stream_processors.runtime.dead_letters import LARGEST_VALUE_BYTES, publish_dead_letter, read_mailboxes
from stream_processors.runtime.letters import DeadLetter, KeptValue, letter_id

Command = Callable[..., Result]
ERROR = DecodeError("expected a tick")


@pytest.fixture
def kafka(quiet_kafka: KafkaEndpoint) -> KafkaEndpoint:
    return quiet_kafka


@pytest.fixture
def environment(kafka: KafkaEndpoint, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("data")
    stored = {"bootstrap_servers": kafka.bootstrap_servers, "is_embedded": kafka.is_embedded}
    (folder / "endpoints.json").write_text(
        json.dumps({"kafka": stored, "redis_url": "-", "database_url": "-"})
    )
    return {"DRIFTLINE_DATA_DIR": str(folder)}


@pytest.fixture
def command(environment: dict[str, str]) -> Command:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(driftline, ["dead-letters", *arguments], obj=environment)

    return run


class Bench:
    """Messages of one test, put aside as a worker does it."""

    def __init__(self, kafka: KafkaEndpoint) -> None:
        self.kafka = kafka
        self.name = uuid4().hex
        self.publisher = Publisher(kafka, role="tests")

    def put_aside(
        self, *values: bytes | None, consumers: tuple[str, ...] = ("market",), times: int = 1
    ) -> list[str]:
        """Publish messages, and letters of them; the ids."""
        self.publish(*values)
        records = self.messages()[-len(values) :]
        for record in records:
            for consumer in consumers * times:
                publish_dead_letter(self.publisher, consumer=consumer, record=record, error=ERROR)
        self.publisher.flush()
        return [letter_id(record) for record in records]

    def publish(self, *values: bytes | None) -> None:
        """Publish messages with headers of their own."""
        for value in values:
            headers: list[tuple[str, str | bytes | None]] = [
                ("test", self.name.encode()),
                ("trace-id", b"ab" * 16),
            ]
            self.publisher.publish(MARKET_TICK.name, value, key=b"KEY", partition=3, headers=headers)
        self.publisher.flush()

    def messages(self) -> list[Record]:
        """This test's messages in the topic they were published to."""
        found = read_range(self.kafka, {(MARKET_TICK.name, 3): 0})
        return [record for record in found if dict(record.headers).get("test") == self.name.encode()]

    def replayed(self) -> list[Record]:
        """Those that were published again."""
        return [record for record in self.messages() if "replay-of" in dict(record.headers)]

    def open(self, consumer: str = "market") -> list[DeadLetter]:
        """This test's open letters."""
        letters = read_mailboxes(self.kafka)[consumer].open()
        return [letter for letter in letters if ("test", self.name.encode()) in letter.headers]


@pytest.fixture
def bench(kafka: KafkaEndpoint) -> Iterator[Bench]:
    made = Bench(kafka)
    yield made
    for _ in replay(kafka, {letter.letter_id for letter in made.open()}):
        pass


def test_letter_holds_the_message_whole_and_says_why(bench: Bench, command: Command) -> None:
    (name,) = bench.put_aside(b'{"event_time_ms":7,"broken":true}')
    shown = command("show", name)
    (listed,) = [json.loads(line) for line in command("list", "--json").stdout.splitlines() if name in line]
    assert (listed["consumer"], listed["topic"], listed["partition"]) == ("market", "market.tick.v1", 3)
    assert (listed["reason"], listed["error_class"]) == ("expected a tick", "DecodeError")
    assert (listed["event_time_ms"], listed["attempts"], listed["kept"]) == (7, 1, "whole")
    assert abs(listed["put_aside_ms"] - listed["record_time_ms"]) < 60_000
    assert 0 <= listed["age_s"] < 60
    assert ["trace-id", "ab" * 16] in listed["headers"]
    assert '"broken": true' in shown.output
    assert "header trace-id" in shown.output


def test_message_put_aside_twice_is_one_letter(bench: Bench) -> None:
    bench.put_aside(b"once", times=3)
    assert len(bench.open()) == 1


def test_tombstone_and_empty_value_come_back_as_they_were(bench: Bench, command: Command) -> None:
    names = bench.put_aside(None, b"")
    assert [letter.kept for letter in bench.open()] == [KeptValue.TOMBSTONE, KeptValue.WHOLE]
    assert command("replay", "--yes", *names).exit_code == 0
    assert [record.value for record in bench.replayed()] == [None, b""]


def test_replayed_message_is_published_once_with_its_bytes_key_and_headers(
    bench: Bench, command: Command
) -> None:
    (name,) = bench.put_aside(b"\xff\x00poison")
    first, second = command("replay", name), command("replay", name)
    assert (first.exit_code, first.output) == (0, "replayed 1\n")
    assert second.exit_code == 0
    assert "replayed already" in second.output
    (record,) = bench.replayed()
    assert (record.value, record.key, record.partition) == (b"\xff\x00poison", b"KEY", 3)
    headers = dict(record.headers)
    assert headers["trace-id"] == b"ab" * 16
    assert (headers["replay-of"], headers["replay-attempts"]) == (name.encode(), b"1")
    assert bench.open() == []


def test_replayed_message_that_fails_again_is_a_new_letter_with_one_attempt_more(
    bench: Bench, command: Command
) -> None:
    names = bench.put_aside(b"hopeless")
    for attempts in (2, 3):
        command("replay", *names)
        publish_dead_letter(bench.publisher, consumer="market", record=bench.messages()[-1], error=ERROR)
        bench.publisher.flush()
        (letter,) = bench.open()
        assert (letter.attempts, letter.letter_id in names) == (attempts, False)
        names = [letter.letter_id]
    assert [dict(r.headers)["replay-attempts"] for r in bench.replayed()] == [b"1", b"2"]


def test_one_publication_resolves_the_letters_of_all_consumers(bench: Bench, command: Command) -> None:
    (name,) = bench.put_aside(b"twice", consumers=("market", "history"))
    assert command("replay", "--all", "--consumer", "history", "--topic", MARKET_TICK.name).exit_code == 0
    assert [dict(record.headers)["replay-of"] for record in bench.replayed()] == [name.encode()]
    assert bench.open("market") == bench.open("history") == []


def test_dry_run_publishes_nothing(bench: Bench, command: Command) -> None:
    (name,) = bench.put_aside(b"dry")
    assert command("replay", name, "--dry-run").stdout == f"would replay {name}\n"
    assert (len(bench.open()), bench.replayed()) == (1, [])


def test_many_are_published_only_when_it_is_confirmed(bench: Bench, command: Command) -> None:
    names = bench.put_aside(b"1", b"2")
    assert command("replay", *names).exit_code != 0
    assert (len(bench.open()), bench.replayed()) == (2, [])
    assert command("replay", "--yes", *names).stdout == "replayed 2\n"


def test_letter_that_was_cut_is_refused_and_can_be_discarded(bench: Bench, command: Command) -> None:
    publish_dead_letter(
        bench.publisher,
        consumer="market",
        record=Record(
            "market.tick.v1",
            3,
            10**12,
            None,
            b"x" * (LARGEST_VALUE_BYTES + 1),
            [("test", bench.name.encode())],
        ),
        error=ERROR,
    )
    bench.publisher.flush()
    (letter,) = bench.open()
    refused = command("replay", letter.letter_id)
    assert refused.exit_code == 1
    assert "only a part of its 8000001 bytes was kept" in refused.output
    assert command("discard", letter.letter_id, "--reason", "too large").stdout == "discarded 1\n"
    assert bench.open() == []
    assert "too large" in command("show", letter.letter_id).output
    assert "discarded already" in command("discard", letter.letter_id, "--reason", "again").output


def test_letter_of_a_message_with_headers_of_two_megabytes_says_that_they_are_not_kept(bench: Bench) -> None:
    record = Record(
        "market.tick.v1", 3, 10**12 + 1, b"KEY", bench.name.encode(), [("large", b"x" * 2_000_000)]
    )
    publish_dead_letter(bench.publisher, consumer="market", record=record, error=ERROR)
    bench.publisher.flush()
    (letter,) = [
        one for one in read_mailboxes(bench.kafka)["market"].open() if one.letter_id == letter_id(record)
    ]
    assert (letter.kept, letter.headers, letter.key) == (KeptValue.CUT, (), None)
    discard(bench.kafka, [letter], reason="too large")


@pytest.mark.kafka
def test_message_that_its_topic_has_no_room_for_any_more_holds_up_no_other(
    quiet_apache: KafkaEndpoint, tmp_path: Path
) -> None:
    bench = Bench(quiet_apache)
    names = bench.put_aside(b"before", b"x" * 500_000, b"behind")
    limit_messages(quiet_apache, "100000")
    stored = {"bootstrap_servers": quiet_apache.bootstrap_servers, "is_embedded": False}
    (tmp_path / "endpoints.json").write_text(
        json.dumps({"kafka": stored, "redis_url": "-", "database_url": "-"})
    )
    arguments = ["dead-letters", "replay", "--yes", *names]
    done = CliRunner().invoke(driftline, arguments, obj={"DRIFTLINE_DATA_DIR": str(tmp_path)})
    limit_messages(quiet_apache, "16000000")
    assert done.exit_code == 1
    assert f"cannot replay {names[1]}: Kafka" in done.output
    assert "MSG_SIZE_TOO_LARGE" in done.output
    assert [record.value for record in bench.replayed()] == [b"before", b"behind"]
    assert [letter.letter_id for letter in bench.open()] == [names[1]]
    discard(quiet_apache, bench.open(), reason="too large")


def limit_messages(kafka: KafkaEndpoint, largest: str) -> None:
    """Set the largest message that the topic takes."""
    resource = ConfigResource(
        ConfigResource.Type.TOPIC,
        MARKET_TICK.name,
        incremental_configs=[
            ConfigEntry("max.message.bytes", largest, incremental_operation=AlterConfigOpType.SET)
        ],
    )
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(timeout=60)


def test_letter_that_does_not_exist_is_named(command: Command) -> None:
    missing = command("show", "market.tick.v1/0/999999999999")
    assert missing.exit_code == 2
    assert "no such letter" in missing.output


def test_filters_choose_letters(bench: Bench, command: Command) -> None:
    (name,) = bench.put_aside(b"chosen")
    for options, is_there in (
        (["--consumer", "market"], True),
        (["--consumer", "history"], False),
        (["--error-class", "DecodeError"], True),
        (["--error-class", "InvariantError"], False),
        (["--topic", "market.tick.v1"], True),
        (["--topic", "market.bar.v1"], False),
        (["--since", "1h"], True),
        (["--since", "2100-01-01"], False),
    ):
        assert (name in command("list", "--json", *options).output) is is_there, options
    assert "must be an age" in command("list", "--since", "yesterday").output


def test_earlier_replay_that_is_still_running_publishes_nothing_more(bench: Bench) -> None:
    names = bench.put_aside(b"contended")
    first = Publisher(bench.kafka, role="tests", transactional_id=TRANSACTIONAL_ID)
    first.prepare_transactions(timeout_s=60)
    assert [list(batch) for batch in replay(bench.kafka, names)] == [names]
    first.begin()
    first.publish(MARKET_TICK.name, b"late", key=None, partition=3)
    with pytest.raises(ProducerFencedError):
        first.commit(timeout_s=60)


#: Replays in small batches, and says when each is committed.
REPLAYING = """
import sys
from schemas.wire.settings import ServerSettings
from stream_processors.inspection import replaying
replaying.MOST_LETTERS = 25
endpoint = ServerSettings.from_environment({"DRIFTLINE_DATA_DIR": sys.argv[1]}).kafka_endpoint()
for batch in replaying.replay(endpoint, sys.stdin.read().split()):
    print(len(batch), flush=True)
"""


def test_replay_killed_in_the_middle_and_repeated_publishes_each_exactly_once(
    bench: Bench, environment: dict[str, str], command: Command
) -> None:
    names = bench.put_aside(*(b"message %d" % i for i in range(1000)))
    line, chance, n_kills = (
        [sys.executable, "-c", REPLAYING, environment["DRIFTLINE_DATA_DIR"]],
        random.Random(7),
        0,
    )
    while bench.open():
        with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(" ".join(names))
            process.stdin.close()
            for _ in range(chance.randrange(1, 4)):
                process.stdout.readline()
            time.sleep(chance.random() * 0.02)  # somewhere inside a later transaction
            process.kill()
        n_kills += process.returncode == -signal.SIGKILL
    assert n_kills >= 3
    assert command("replay", *names).output.count("replayed already") == len(names)
    assert sorted(dict(record.headers)["replay-of"].decode() for record in bench.replayed()) == sorted(names)


def test_poison_that_a_worker_met_is_replayed_to_it_and_comes_back_as_the_next_attempt(
    endpoints: Endpoints, environment: dict[str, str], bench: Bench, command: Command
) -> None:
    bench.publish(b'{"type":"TickObserved","event_time_ms":1}')
    name = letter_id(bench.messages()[-1])
    with subprocess.Popen(
        [sys.executable, "-m", "stream_processors", "market"],
        env=os.environ | environment | {"REDIS_URL": endpoints.redis_url},
        stderr=subprocess.DEVNULL,
    ) as worker:
        try:
            (first,) = wait_for(lambda: [letter for letter in bench.open() if letter.letter_id == name])
            assert command("replay", name).stdout == "replayed 1\n"
            (second,) = wait_for(lambda: [letter for letter in bench.open() if letter.letter_id != name])
        finally:
            worker.kill()
    assert (first.attempts, second.attempts, second.event_time_ms) == (1, 2, 1)
    assert "known_time_ms" in second.reason
    assert command("discard", second.letter_id, "--reason", "hopeless").exit_code == 0
    assert bench.open() == []


def wait_for(found: Callable[[], list[DeadLetter]]) -> list[DeadLetter]:
    """Poll until there is something."""
    deadline = time.monotonic() + 60
    while not (letters := found()):
        assert time.monotonic() < deadline, "the worker did not get there in time"
        time.sleep(0.1)
    return letters


def test_row_of_a_file_is_a_letter_that_cannot_be_replayed(kafka: KafkaEndpoint, command: Command) -> None:
    publisher, file = Publisher(kafka, role="tests"), f"{uuid4().hex}.parquet"
    row = {"reason": "is not a number", "column": "close", "row": "4", "rule": "is a number", "file": file}
    for _ in range(2):
        publisher.publish(
            dead_letters("replay").name,
            b"{}",
            key=file.encode(),
            headers=[(k, v.encode()) for k, v in row.items()],
        )
    publisher.flush()
    (listed,) = [line for line in command("list", "--json").stdout.splitlines() if file in line]
    name = json.loads(listed)["letter_id"]
    assert name == f"{file}/4/close"
    assert "correct the source" in command("replay", name).output
    assert command("discard", name, "--reason", "mended").exit_code == 0
