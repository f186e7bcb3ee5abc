"""Arms whose versions cannot decide: counted by the job that scores, shown by the API where it tells its health."""

import uuid

import pytest
from pydantic import TypeAdapter

from api.payloads.health import ReadyPayload
from api.scoring.failing import FailureCounts
from api.scoring.judging import FailedDecision
from schemas.codec import encode
from schemas.errors import InvariantError
from schemas.targets import Target
from schemas.wire.clocks import ManualClock
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.redis import Views, connect, failures_key, prediction_key
from tests.unit.api.events import (
    AS_OF_MS,
    INSTRUMENT,
    M15,
    QUARTER_MS,
    description,
    features,
    prediction,
    promotion,
)

ARM = {"arm": "challenger", "version": "model-2"}


@pytest.fixture
def stream(pool) -> str:
    """A run whose champion has predicted."""
    name = f"replay-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(description(stream=name))
    EventWriter(pool).write([prediction(stream=name)])
    return name


@pytest.fixture
def target(stream) -> Target:
    return Target(stream, INSTRUMENT, M15, M15, "challenger")


def failed(target: Target, as_of_ms: int) -> FailedDecision:
    row = features(as_of_ms, stream=target.stream)
    promoted = promotion(0, stream=target.stream, alias=target.arm, version="model-2")
    return FailedDecision(row, promoted, InvariantError("a feature is missing"))


def test_failing_arm_is_named_where_readiness_is_told_and_the_champion_is_ready(serving, views, target):
    counts = FailureCounts(views, ManualClock())
    counts.note(target, failed(target, AS_OF_MS), 3)
    counts.show()
    with serving(target.stream) as client:
        answer = client.get("/readyz")
    (told,) = answer.json()["failing"]
    assert answer.json()["is_ready"]
    assert (told["arm"], told["n_failed"], told["is_failing"]) == ("challenger", 3, True)
    assert (told["model_version"], told["reason"]) == ("model-2", "a feature is missing")


def test_readiness_is_answered_as_the_document_describes_it(serving, views, target):
    counts = FailureCounts(views, ManualClock())
    counts.note(target, failed(target, AS_OF_MS), 3)
    counts.show()
    with serving(target.stream) as client:
        answer = client.get("/readyz")
    described = TypeAdapter(ReadyPayload)
    assert described.dump_python(described.validate_json(answer.content), mode="json") == answer.json()
    assert answer.headers["content-type"] == "application/json"


def test_arm_that_predicted_since_is_failing_no_more(serving, views, target):
    counts = FailureCounts(views, ManualClock())
    counts.note(target, failed(target, AS_OF_MS), 3)
    counts.show()
    made = prediction(AS_OF_MS + QUARTER_MS, stream=target.stream, **ARM)
    key = prediction_key(made.stream, made.instrument, made.interval, made.horizon, made.arm)
    views.write({key: (made.event_time_ms, encode(made))})
    with serving(target.stream) as client:
        (told,) = client.get("/readyz").json()["failing"]
    assert (told["n_failed"], told["is_failing"]) == (3, False)


def test_failed_decisions_are_a_metric_of_their_arm(serving, views, target):
    counts = FailureCounts(views, ManualClock())
    counts.note(target, failed(target, AS_OF_MS), 3)
    counts.show()
    with serving(target.stream) as client:
        shown = client.get("/metrics").text
    labels = f'{{arm="challenger",horizon="15m",instrument="{INSTRUMENT}",interval="15m"}}'
    assert f"driftline_scoring_failed_decisions{labels} 3.0" in shown


def test_counts_are_written_at_most_once_a_second_and_the_newest_one_is_not_lost(views, target):
    clock = ManualClock()
    counts = FailureCounts(views, clock)
    for number in (1, 2):
        counts.note(target, failed(target, AS_OF_MS), number)
        counts.show()
    (held,) = views.fields(failures_key(target.stream)).values()
    assert b'"n_failed":1' in held
    clock.sleep(1.0)
    counts.show()
    (held,) = views.fields(failures_key(target.stream)).values()
    assert b'"n_failed":2' in held


def test_redis_that_does_not_answer_holds_nothing_up_and_is_told_later(views, target):
    clock = ManualClock()
    with connect("redis://127.0.0.1:1/0") as nobody:
        counts = FailureCounts(Views(nobody, job="test"), clock)
        counts.note(target, failed(target, AS_OF_MS), 1)
        counts.show()
        counts._views = views
        clock.sleep(1.0)
        counts.show()
    assert len(views.fields(failures_key(target.stream))) == 1
