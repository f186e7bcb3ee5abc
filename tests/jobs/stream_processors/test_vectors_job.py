"""The second-stage join on real brokers: right, each vector once, and whole again behind any crash."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from schemas import codec
from schemas.events import Event, VectorComputed, WatermarkAdvanced
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, FEATURES_VECTOR
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Publisher, Record, read_range
from schemas.wire.processes import EXIT_MISCONFIGURED
from schemas.wire.settings import KafkaEndpoint
from stream_processors.jobs.vectors import vectors_job
from stream_processors.operators.join_targets import features_partition
from stream_processors.operators.vectors import VectorOperator
from stream_processors.runtime.worker_settings import WorkerSettings
from stream_processors.runtime.workers import Worker
from stream_processors.settings import ProcessorSettings
from tests.fixtures.crashing import CrashError, CrashingClock
from tests.fixtures.logs import once
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0, watermark
from tests.fixtures.operators import COMPANION, COMPANIONS, feature_row

DEADLINE_S = 180.0
OWN, BESIDE = features_partition(INSTRUMENT), features_partition(COMPANION)
N_MINUTES = 400
NAMED = f"{INSTRUMENT}:{COMPANION}"
Side = list[tuple[int, Event]]


@pytest.fixture
def stream() -> str:
    return f"replay-{uuid4().hex[:12]}"


def sides(stream: str, *, first: int = 1, until: int = N_MINUTES + 1) -> tuple[Side, Side]:
    """Rows of a target and of its companion, each in its partition: some of these missing, some late."""
    chance, own, beside = random.Random(7), Side(), Side()
    for minute in range(1, until):
        at, late_ms = minute * MINUTE, chance.choice([0, 0, 1_900, 2_100])
        is_there, number = chance.random() > 0.1, chance.random()
        if minute < first:
            continue
        own.append((OWN, feature_row(at, number=number, stream=stream)))
        if minute % 15 == 0:
            quarter = Interval.FIFTEEN_MINUTES
            own.append((OWN, feature_row(at, number=number, interval=quarter, stream=stream)))
        own.append((OWN, watermark(at, stream=stream)))
        if is_there:
            row = feature_row(at, number=-number, known_ms=at + late_ms, instrument=COMPANION, stream=stream)
            beside.append((BESIDE, row))
        beside.append((BESIDE, watermark(at, source="simulated", stream=stream)))
    return own, beside


def publish(endpoint: KafkaEndpoint, *both: Side) -> None:
    publisher = Publisher(endpoint, role="tests")
    for side in both:
        for partition, event in side:
            publisher.publish(
                FEATURES_MARKET.name, codec.encode(event), key=b"any", partition=partition,
                headers=codec.headers(type(event)),
            )  # fmt: skip
    publisher.flush()


def expected(own: Side, beside: Side) -> list[bytes]:
    """What the operator makes, without a runtime; one partition behind the other, minute by minute."""
    operator, made = VectorOperator(partition=OWN, companions=COMPANIONS), list[Event]()
    for partition, event in sorted([*own, *beside], key=lambda pair: pair[1].event_time_ms):
        is_own = partition == OWN
        outputs = (
            operator.step(FEATURES_MARKET, event)
            if is_own
            else operator.step_beside((FEATURES_MARKET.name, partition), event)
        )
        made.extend(output.event for output in outputs)
    return [codec.encode(event) for event in made if isinstance(event, VectorComputed)]


def vectors(endpoint: KafkaEndpoint) -> list[Record]:
    return list(read_range(endpoint, {(FEATURES_VECTOR.name, OWN): 0}))


def is_out(endpoint: KafkaEndpoint, stream: str, minute: int) -> bool:
    """Whether the watermark of a minute has come out."""
    for record in reversed(vectors(endpoint)):
        event = codec.decode(FEATURES_VECTOR, record.value)
        if isinstance(event, WatermarkAdvanced) and event.stream == stream:
            return event.event_time_ms >= T0 + minute * MINUTE
    return False


def run(
    endpoint: KafkaEndpoint,
    stop: Callable[[], bool],
    *,
    max_batch: int = 2_000,
    clock: SystemClock | None = None,
    worker_id: str = "0",
) -> None:
    job = vectors_job(ProcessorSettings.from_environment({"DRIFTLINE_COMPANIONS": NAMED}))
    settings = WorkerSettings(worker_id=worker_id, max_batch=max_batch, checkpoint_every_s=3600.0)
    Worker(job, endpoint=endpoint, views=None, stop=stop, settings=settings, clock=clock).run()


def until_out(endpoint: KafkaEndpoint, stream: str, minute: int = N_MINUTES) -> Callable[[], bool]:
    """Asked often; looks at the log now and then, and fails at a deadline."""
    deadline, looks = time.monotonic() + DEADLINE_S, 0

    def check() -> bool:
        nonlocal looks
        looks += 1
        assert time.monotonic() < deadline, "the job did not get there in time"
        return looks % 10 == 0 and is_out(endpoint, stream, minute)

    return check


def made_of(endpoint: KafkaEndpoint, stream: str) -> list[bytes]:
    """The vectors of a stream; on Apache Kafka each is there once."""
    found = once(vectors(endpoint), stream)
    if not endpoint.is_embedded:
        raw = [r.value or b"" for r in vectors(endpoint) if stream.encode() in (r.value or b"")]
        assert len(found) == sum(b'"VectorComputed"' in value for value in raw)
    return found


def test_vectors_are_what_the_operator_makes_whichever_partition_is_far_ahead(
    quiet_kafka: KafkaEndpoint, stream: str
) -> None:
    own, beside = sides(stream)
    publish(quiet_kafka, own, beside)
    run(quiet_kafka, until_out(quiet_kafka, stream))
    made = expected(own, beside)
    assert len(made) > N_MINUTES
    assert made_of(quiet_kafka, stream) == made


def test_worker_stopped_and_crashed_anywhere_makes_the_same_bytes(
    quiet_kafka: KafkaEndpoint, stream: str
) -> None:
    chance = random.Random(11)
    own, beside = sides(stream)
    publish(quiet_kafka, own, beside)
    for _ in range(4):
        with pytest.raises(CrashError):
            run(quiet_kafka, lambda: False, max_batch=97, clock=CrashingClock(chance.randrange(8, 60)))
        remaining = chance.randrange(1, 12)

        def stop() -> bool:
            nonlocal remaining
            remaining -= 1
            return remaining < 0

        run(quiet_kafka, stop, max_batch=chance.randrange(1, 60))
    run(quiet_kafka, until_out(quiet_kafka, stream))
    assert made_of(quiet_kafka, stream) == expected(own, beside)


def test_process_killed_at_once_goes_on_with_the_same_bytes(quiet_apache: KafkaEndpoint, stream: str) -> None:
    own, beside = sides(stream)
    half = len(own) // 2
    command = [sys.executable, "-m", "stream_processors", "vectors"]
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": quiet_apache.bootstrap_servers,
        "DRIFTLINE_COMPANIONS": NAMED,
        "DRIFTLINE_STREAM": stream,
    }
    publish(quiet_apache, own[:half], beside[: len(beside) // 2])
    is_half, is_through = until_out(quiet_apache, stream, 100), until_out(quiet_apache, stream)
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        _wait_until(is_half)
        publish(quiet_apache, own[half:], beside[len(beside) // 2 :])
        process.send_signal(signal.SIGKILL)
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        _wait_until(is_through)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert made_of(quiet_apache, stream) == expected(own, beside)


def _wait_until(is_true: Callable[[], bool]) -> None:
    while not is_true():
        time.sleep(0.02)


def test_share_that_moves_to_another_worker_takes_its_place_beside_along(
    quiet_apache: KafkaEndpoint, stream: str
) -> None:
    """The first worker leaves midway; whoever has the target's partition then goes on from its snapshot."""
    own, beside = sides(stream, until=201)
    later = sides(stream, first=201)
    publish(quiet_apache, own, beside)
    is_done = threading.Event()
    run(quiet_apache, until_out(quiet_apache, stream, 150), worker_id="first")
    other = threading.Thread(target=run, args=(quiet_apache, is_done.is_set), kwargs={"worker_id": "second"})
    other.start()
    try:
        publish(quiet_apache, *later)
        _wait_until(until_out(quiet_apache, stream))
    finally:
        is_done.set()
        other.join(DEADLINE_S)
    assert made_of(quiet_apache, stream) == expected([*own, *later[0]], [*beside, *later[1]])


def test_job_without_companions_says_so_at_its_start() -> None:
    command = [sys.executable, "-m", "stream_processors", "vectors"]
    environment = {name: value for name, value in os.environ.items() if name != "DRIFTLINE_COMPANIONS"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == EXIT_MISCONFIGURED
    assert "DRIFTLINE_COMPANIONS must name companions" in done.stderr
