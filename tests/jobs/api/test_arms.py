"""The arms of a run over real Redis and Postgres: the champion's by default, the others where they are asked for."""

import uuid

import pytest

from schemas.codec import encode
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.redis import prediction_key
from tests.unit.api.events import AS_OF_MS, QUARTER_MS, description, outcome, prediction, promotion


@pytest.fixture
def stream(pool) -> str:
    """A run with a champion and a challenger that predicted, and a shadow that did not yet."""
    name = f"replay-{uuid.uuid4().hex[:12]}"
    StoredStreams(pool).register_stream(description(stream=name))
    times = [AS_OF_MS - i * QUARTER_MS for i in range(3)]
    champions = [prediction(time_ms, stream=name) for time_ms in times]
    challengers = [
        prediction(time_ms, stream=name, arm="challenger", version="model-2", probability_up=0.25)
        for time_ms in times
    ]
    judged = [outcome(made, final_price=101.0) for made in (champions[-1], *challengers[1:])]
    promoted = [
        promotion(AS_OF_MS - 9 * QUARTER_MS, stream=name, alias=arm, version=version)
        for arm, version in (("champion", "model-1"), ("challenger", "model-2"), ("shadow", "model-3"))
    ]
    EventWriter(pool).write([*champions, *challengers, *judged, *promoted])
    return name


def test_champion_is_what_a_request_means_that_names_no_arm(serving, stream):
    with serving(stream) as client:
        body = client.get("/v1/predictions/BTC").json()
        past = client.get("/v1/predictions/BTC/history").json()
        targets = client.get("/v1/targets").json()["targets"]
    assert (body["arm"], body["model_version"], body["direction"]) == ("champion", "model-1", "up")
    assert (body["record"]["n_predictions"], body["record"]["n_hits"]) == (3, 1)
    assert {item["arm"] for item in past["items"]} == {"champion"}
    assert [(one["arm"], one["model_version"]) for one in targets] == [("champion", "model-1")]


@pytest.mark.parametrize("is_in_redis", [True, False])
def test_another_arm_has_its_own_prediction_record_and_history(serving, views, stream, *, is_in_redis):
    made = prediction(stream=stream, arm="challenger", version="model-2", probability_up=0.25)
    if is_in_redis:
        key = prediction_key(stream, made.instrument, made.interval, made.horizon, made.arm)
        views.write({key: (made.event_time_ms, encode(made))})
    with serving(stream) as client:
        body = client.get("/v1/predictions/BTC?arm=challenger").json()
        page = client.get("/v1/predictions/BTC/history?arm=challenger&limit=2").json()
        rest = client.get(page["next"]).json()
        targets = client.get("/v1/targets?arm=shadow").json()
    assert body["served_from"] == ("redis" if is_in_redis else "postgres")
    assert (body["arm"], body["model_version"], body["direction"]) == ("challenger", "model-2", "down")
    assert (body["record"]["n_predictions"], body["record"]["n_misses"]) == (3, 2)
    assert [item["arm"] for item in page["items"] + rest["items"]] == ["challenger"] * 3
    assert ([one["model_version"] for one in targets["targets"]], targets["waiting"]) == (["model-3"], [])


def test_arm_that_has_a_version_and_no_prediction_is_not_ready(serving, stream):
    with serving(stream) as client:
        answer = client.get("/v1/predictions/BTC?arm=shadow")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "model-3" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/predictions/BTC?arm=nobody", 404),
        ("/v1/predictions/BTC/history?arm=nobody", 404),
        ("/v1/predictions/BTC?interval=1h&horizon=1h&arm=challenger", 404),
        ("/v1/targets?arm=nobody", 404),
        ("/v1/predictions/BTC?arm=No%20Body", 422),
        ("/v1/targets?arm=", 422),
    ],
)
def test_arm_that_is_not_there_is_refused_with_those_that_are(serving, stream, path, status):
    with serving(stream) as client:
        answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    if status == 404:
        assert "challenger, champion, shadow" in answer.json()["detail"]
