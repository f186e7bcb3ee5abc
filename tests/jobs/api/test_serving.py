"""The API over real Redis and Postgres: what it answers, and what it does without them."""

import os
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import msgspec
import pytest

from schemas.codec import encode
from schemas.streams import StreamKind
from schemas.time import Interval
from schemas.wire.clocks import ManualClock
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.redis import clock_key, features_key, prediction_key
from schemas.wire.settings import Endpoints
from stream_processors.features.declarations import SPEC
from tests.jobs.api.conftest import wait_until
from tests.unit.api.events import (
    AS_OF_MS,
    H1,
    INSTRUMENT,
    QUARTER_MS,
    bar,
    description,
    features,
    outcome,
    prediction,
    promotion,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def stream() -> str:
    return f"replay-{uuid.uuid4().hex[:12]}"


def show(views, made, *, clock_ms: int) -> None:
    views.write(
        {
            prediction_key(made.stream, made.instrument, made.interval, made.horizon): (
                made.event_time_ms,
                encode(made),
            ),
            clock_key(made.stream): (clock_ms, str(clock_ms).encode()),
        }
    )


def nowhere(endpoints: Endpoints, **changed: str) -> Endpoints:
    return msgspec.structs.replace(endpoints, **changed)


NO_REDIS = "redis://127.0.0.1:1/0"
NO_POSTGRES = "postgresql://nobody@127.0.0.1:1/none"


def problem(answer: httpx.Response, status: int) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert {"type", "title", "detail", "instance"} <= body.keys()
    return body


def test_the_newest_prediction_comes_with_its_age_and_record(serving, views, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    past = [prediction(AS_OF_MS - i * QUARTER_MS, stream=stream) for i in range(1, 5)]
    prices = [101.0, 102.0, 99.0, 100.0]
    EventWriter(pool).write(
        [*past, *(outcome(made, final_price=price) for made, price in zip(past, prices, strict=True))]
    )
    made = prediction(stream=stream)
    show(views, made, clock_ms=AS_OF_MS + 42_500)
    with serving(stream) as client:
        answer = client.get("/v1/predictions/BTC")
    body = answer.json()
    assert answer.status_code == 200
    assert (body["instrument"], body["direction"], body["probability_up"]) == (INSTRUMENT, "up", 0.625)
    assert (body["features_as_of_ms"], body["data_age_s"]) == (AS_OF_MS, 42.5)
    assert (body["stream"], body["stream_kind"], body["is_simulated"]) == (stream, "replay", False)
    assert body["served_from"] == answer.headers["driftline-served-from"] == "redis"
    record = body["record"]
    assert (record["n_hits"], record["n_misses"], record["n_ties"], record["n_voids"]) == (2, 1, 1, 0)
    assert record["accuracy_low"] < 2 / 3 < record["accuracy_high"]


@pytest.mark.parametrize("kind", [StreamKind.LIVE, StreamKind.MIRROR])
def test_a_live_prediction_is_as_old_as_the_wall_clock_says(serving, views, pool, kind):
    stream = f"{kind}-{uuid.uuid4().hex[:8]}"
    StoredStreams(pool).register_stream(description(stream=stream, kind=kind))
    show(views, prediction(stream=stream), clock_ms=AS_OF_MS)
    with serving(stream, clock=ManualClock(now_ms=AS_OF_MS + 7_000)) as client:
        body = client.get("/v1/predictions/BTC").json()
        assert (body["data_age_s"], body["stream_kind"]) == (7.0, str(kind))
        assert client.get("/v1/stream").json()["kind"] == str(kind)


def test_a_second_ask_is_answered_with_not_modified_until_something_is_new(serving, views, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    made = prediction(stream=stream)
    show(views, made, clock_ms=AS_OF_MS)
    with serving(stream) as client:
        first = client.get("/v1/predictions/BTC")
        held = {"If-None-Match": first.headers["etag"]}
        again = client.get("/v1/predictions/BTC", headers=held)
        show(views, prediction(AS_OF_MS + QUARTER_MS, stream=stream), clock_ms=AS_OF_MS + QUARTER_MS)
        new = client.get("/v1/predictions/BTC", headers=held)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", held["If-None-Match"])
    assert again.headers["driftline-data-age-s"] == "0.000"
    assert new.status_code == 200
    assert new.headers["etag"] != held["If-None-Match"]
    assert made.model_hash[:12] in held["If-None-Match"]
    assert str(AS_OF_MS) in held["If-None-Match"]


def test_while_there_is_nothing_it_says_what_is_missing_and_when_to_ask_again(serving, pool, stream):
    with serving(stream) as client:
        unbegun = client.get("/v1/predictions/BTC")
        assert "has not begun" in problem(unbegun, 503)["detail"]
        StoredStreams(pool).register_stream(description(stream=stream))
        untrained = client.get("/v1/predictions/BTC")
        assert "no prediction yet" in problem(untrained, 503)["detail"]
        assert int(untrained.headers["retry-after"]) > 0
        assert problem(client.get("/v1/features/BTC"), 503)["type"].endswith("not-ready")


def test_unknown_names_and_wrong_parameters_are_told_what_was_expected(serving, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    with serving(stream) as client:
        assert INSTRUMENT in problem(client.get("/v1/predictions/DOGE"), 404)["detail"]
        assert "15m:15m" in problem(client.get("/v1/predictions/BTC?interval=1d"), 404)["detail"]
        assert "15m:15m" in problem(client.get("/v1/predictions/BTC/history?interval=1d"), 404)["detail"]
        wrong = problem(client.get("/v1/predictions/BTC?interval=7m"), 422)
        assert wrong["errors"][0]["parameter"] == "interval"
        assert "'15m'" in wrong["errors"][0]["expected"]
        problem(client.get("/v1/predictions/BTC/history?limit=0"), 422)
        problem(client.get("/v1/predictions/BTC/history?before=soon"), 422)
        problem(client.get("/v2/predictions"), 404)
        problem(client.post("/v1/stream"), 405)


def test_without_redis_postgres_answers_and_says_so(serving, pool, endpoints, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    EventWriter(pool).write([prediction(stream=stream), features(AS_OF_MS, stream=stream)])
    with serving(stream, where=nowhere(endpoints, redis_url=NO_REDIS)) as client:
        answer = client.get("/v1/predictions/BTC")
        vector = client.get("/v1/features/BTC").json()
    assert answer.json()["served_from"] == answer.headers["driftline-served-from"] == "postgres"
    assert answer.json()["features_as_of_ms"] == AS_OF_MS
    assert (vector["served_from"], vector["values"]) == (
        "postgres",
        {"log_return_1": 0.5, "z_score_60": None},
    )


def test_an_emptied_redis_is_filled_in_from_postgres(serving, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    EventWriter(pool).write([prediction(stream=stream)])
    with serving(stream) as client:
        assert client.get("/v1/predictions/BTC").json()["served_from"] == "postgres"


def test_without_postgres_a_known_stream_goes_on_without_its_record(serving, views, endpoints, stream):
    show(views, prediction(stream=stream), clock_ms=AS_OF_MS)
    with serving(stream, where=nowhere(endpoints, database_url=NO_POSTGRES)) as client:
        answer = client.get("/v1/predictions/BTC")
        assert "Postgres" in problem(answer, 503)["detail"]
        assert problem(client.get(f"/v1/predictions/{INSTRUMENT}/history"), 503)


def test_with_no_store_at_all_the_answer_is_503_and_the_process_lives(serving, endpoints, stream):
    where = nowhere(endpoints, redis_url=NO_REDIS, database_url=NO_POSTGRES)
    with serving(stream, where=where) as client:
        problem(client.get("/v1/predictions/BTC"), 503)
        problem(client.get("/v1/stream"), 503)
        assert client.get("/healthz").json() == {"status": "alive"}
        ready = client.get("/readyz")
    assert ready.status_code == 503
    assert {check["name"]: check["is_ok"] for check in ready.json()["checks"]} == {
        "redis": False,
        "postgres": False,
        "prediction": False,
    }


def test_readiness_needs_a_prediction(serving, views, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    with serving(stream) as client:
        assert client.get("/readyz").status_code == 503
        show(views, prediction(stream=stream), clock_ms=AS_OF_MS)
        assert client.get("/readyz").json()["is_ready"]


def test_one_served_target_is_ready_though_the_default_has_no_model(serving, views, pool, stream):
    """/readyz stayed 503 while the default target had no model though another predicted."""
    StoredStreams(pool).register_stream(description(stream=stream))
    minute = Interval.ONE_MINUTE
    EventWriter(pool).write([promotion(0, stream=stream, interval=H1, horizon=H1)])
    with serving(stream) as client:
        assert client.get("/readyz").status_code == 503
        made = msgspec.structs.replace(prediction(stream=stream), interval=minute, horizon=minute)
        show(views, made, clock_ms=AS_OF_MS)
        ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["is_ready"]) == (200, True)
    told = {
        one["interval"]: (one["is_served"], one["is_default"], one["detail"])
        for one in ready.json()["targets"]
        if one["instrument"] == INSTRUMENT
    }
    assert told["1m"][:2] == (True, False)
    assert "from redis" in told["1m"][2]
    assert told["15m"][:2] == (False, True)
    assert told["15m"][2].startswith("no model")
    assert "predicts at the next bar" in told["1h"][2]


def test_readiness_is_told_from_postgres_where_redis_is_empty(serving, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    EventWriter(pool).write([prediction(stream=stream)])
    with serving(stream) as client:
        ready = client.get("/readyz").json()
    assert ready["is_ready"]
    assert "from postgres" in ready["targets"][0]["detail"]


def test_the_history_is_read_page_by_page_to_its_end(serving, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    made = [prediction(AS_OF_MS - i * QUARTER_MS, stream=stream) for i in range(5)]
    EventWriter(pool).write([*made, outcome(made[1], final_price=90.0)])
    seen, path = [], f"/v1/predictions/{INSTRUMENT}/history?limit=2"
    with serving(stream) as client:
        while path is not None:
            page = client.get(path).json()
            assert (page["record"] is not None) == (not seen)
            seen.append(page["items"])
            path = page["next"]
    assert [len(items) for items in seen] == [2, 2, 1]
    flat = [item for items in seen for item in items]
    assert [item["features_as_of_ms"] for item in flat] == [one.features_as_of_ms for one in made]
    assert [item["outcome"] and item["outcome"]["is_hit"] for item in flat] == [None, False, None, None, None]


def test_the_first_page_of_the_history_has_the_record_of_its_own_moment(serving, views, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    made = prediction(stream=stream)
    show(views, made, clock_ms=AS_OF_MS)
    EventWriter(pool).write([made])
    with serving(stream, clock=ManualClock()) as client:
        assert client.get("/v1/predictions/BTC").json()["record"]["n_ties"] == 0
        EventWriter(pool).write([outcome(made, final_price=made.reference_price)])
        page = client.get("/v1/predictions/BTC/history").json()
        newest = client.get("/v1/predictions/BTC").json()
    assert page["items"][0]["outcome"]["outcome"] == "tie"
    assert page["record"]["n_ties"] == newest["record"]["n_ties"] == 1


def of(instrument: str, targets: list[dict]) -> list[dict]:
    return [one for one in targets if one["instrument"] == instrument]


def test_targets_are_listed_with_their_champions(serving, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    EventWriter(pool).write(
        [
            promotion(10, version="old", stream=stream),
            promotion(20, version="new", stream=stream),
            promotion(10, version="hourly", stream=stream, interval=H1, horizon=H1),
        ]
    )
    with serving(stream) as client:
        body = client.get("/v1/targets").json()
    targets = body["targets"]
    assert [(one["interval"], one["model_version"], one["is_default"]) for one in targets] == [
        ("15m", "new", True),
        ("1h", "hourly", False),
    ]
    assert [
        (one["interval"], one["horizon"], one["is_default"]) for one in of(INSTRUMENT, body["waiting"])
    ] == [("1m", "1m", False)]


def test_a_target_without_a_model_names_those_that_have_one_and_how_to_ask(serving, views, pool, stream):
    minute = Interval.ONE_MINUTE
    StoredStreams(pool).register_stream(description(stream=stream))
    EventWriter(pool).write([promotion(10, stream=stream, interval=minute, horizon=minute)])
    show(views, prediction(stream=stream, interval=minute, horizon=minute), clock_ms=AS_OF_MS)
    with serving(stream) as client:
        detail = problem(client.get("/v1/predictions/BTC"), 503)["detail"]
        named = re.findall(r"\((/v1/predictions/[^)]*)\)", detail)
        assert [client.get(path).json()["interval"] for path in named] == ["1m"]
        waiting = of(INSTRUMENT, client.get("/v1/targets").json()["waiting"])
    assert "no model of it is trained" in detail
    assert [(one["interval"], one["is_default"]) for one in waiting] == [("15m", True), ("1h", False)]


def test_a_trained_target_without_a_prediction_says_what_it_waits_for(serving, pool, stream):
    capture = msgspec.structs.replace(description(stream=stream), parameters={"history": None})
    StoredStreams(pool).register_stream(capture)
    EventWriter(pool).write([promotion(10, version="new", stream=stream)])
    ends = [number * QUARTER_MS for number in range(1, SPEC.warm_up_bars + 1)]
    with serving(stream) as client:
        cold = problem(client.get("/v1/predictions/BTC"), 503)["detail"]
        not_ready = client.get("/readyz").json()["targets"][0]["detail"]
        EventWriter(pool).write([bar(end_ms, stream=stream) for end_ms in ends])
        warm = problem(client.get("/v1/predictions/BTC"), 503)["detail"]
    assert "its model new waits for bars" in cold
    assert "0 are there, 65 are missing" in cold
    assert "0 are there, 65 are missing" in not_ready
    assert "its model new is trained and predicts at the next bar's close" in warm


def test_the_stream_says_what_it_is_and_how_it_stands(serving, views, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    with serving(stream, clock=ManualClock()) as client:
        assert client.get("/v1/stream").json()["phase"] == "starting"
        show(views, prediction(stream=stream), clock_ms=AS_OF_MS)
        body = client.get("/v1/stream").json()
    assert (body["kind"], body["phase"], body["clock_ms"]) == ("replay", "running", AS_OF_MS)
    assert body["clock"] == "2025-06-15T15:15:00.000Z"


def test_a_clock_that_stands_still_is_a_stall(serving, views, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    show(views, prediction(stream=stream), clock_ms=AS_OF_MS)
    clock = ManualClock()
    with serving(stream, clock=clock) as client:
        assert client.get("/v1/stream").json()["phase"] == "running"
        clock.sleep(20)
        body = client.get("/v1/stream").json()
    assert (body["phase"], body["clock_unchanged_s"]) == ("stalled", 20.0)


def test_features_and_bars_are_served(serving, views, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    EventWriter(pool).write(
        [bar(AS_OF_MS - i * QUARTER_MS, stream=stream, close=100.0 + i) for i in range(4)]
    )
    row = features(AS_OF_MS, stream=stream)
    views.write({features_key(stream, INSTRUMENT, "15m"): (AS_OF_MS, encode(row))})
    with serving(stream) as client:
        vector = client.get("/v1/features/BTC").json()
        bars = client.get("/v1/bars/BTC?limit=3").json()["bars"]
    assert (vector["served_from"], vector["values"]["z_score_60"]) == ("redis", None)
    assert [one["close"] for one in bars] == [102.0, 101.0, 100.0]
    assert bars[-1]["end_ms"] == AS_OF_MS


def test_metrics_have_a_bounded_set_of_labels(serving, views, pool, stream):
    StoredStreams(pool).register_stream(description(stream=stream))
    show(views, prediction(stream=stream), clock_ms=AS_OF_MS + 30_000)
    with serving(stream) as client:
        for name in ("BTC", "DOGE", "a" * 50, "b" * 50):
            client.get(f"/v1/predictions/{name}")
            client.get(f"/nowhere/{name}")
        shown = client.get("/metrics").text
    assert "DOGE" not in shown
    assert 'route="unmatched"' in shown
    assert 'route="/v1/predictions/{name}"' in shown
    served = 'driftline_api_predictions_served_total{arm="champion",horizon="15m",instrument="BTC-USDT.BINANCE",interval="15m"} 1.0'
    age = 'driftline_api_data_age_seconds{arm="champion",horizon="15m",instrument="BTC-USDT.BINANCE",interval="15m"} 30.0'
    assert served in shown
    assert age in shown


def test_the_page_is_served_whole_and_guarded(serving, stream):
    with serving(stream) as client:
        answer = client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.text.rstrip().endswith("</html>")


def test_a_told_end_is_graceful(endpoints, servers_directory, stream):
    environment = {
        "PATH": os.environ["PATH"],
        "DRIFTLINE_DATA_DIR": str(servers_directory),
        "DRIFTLINE_STREAM": stream,
        "DRIFTLINE_PORT": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "serve"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    address = next(line for line in process.stderr if "serving" in line).split("url=")[1].split()[0]
    wait_until(lambda: is_alive(address))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    process.stderr.close()


def is_alive(address: str) -> bool:
    try:
        return httpx.get(f"{address}healthz").status_code == 200
    except httpx.TransportError:
        return False
