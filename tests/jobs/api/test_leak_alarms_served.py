"""What the served API says of a version that a leak alarm holds back, and of one that was confirmed."""

import uuid

import msgspec

from schemas.codec import encode
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.redis import prediction_key
from tests.fixtures.alarms import confirm, held_back_version
from tests.unit.api.events import AS_OF_MS, INSTRUMENT, QUARTER_MS, description, prediction, promotion


def registered(pool):
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    one_instrument = msgspec.structs.replace(
        description(stream=stream), instruments=(INSTRUMENT,), sources=()
    )
    StoredStreams(pool).register_stream(one_instrument)
    return stream


def test_a_target_without_a_champion_says_that_its_version_is_held_back(serving, pool, tmp_path):
    stream = registered(pool)
    manifest = held_back_version(tmp_path, stream=stream)
    with serving(stream, data_dir=tmp_path) as client:
        missing = client.get("/v1/predictions/BTC?interval=15m&horizon=15m")
        targets = client.get("/v1/targets").json()
        ready = client.get("/readyz").json()

    assert missing.status_code == 503
    assert f"driftline models promote {manifest.version}" in missing.json()["detail"]
    reasons = {one["interval"]: one["reason"] for one in targets["waiting"]}
    assert "its leak alarm rings: it was right in 84.2% [82.9%, 85.5%]" in reasons["15m"]
    assert reasons["1h"] is None
    details = {one["interval"]: one["detail"] for one in ready["targets"]}
    assert details["15m"].startswith("no champion: ")
    assert details["1h"].startswith("no model: ")


def test_a_confirmed_version_says_who_confirmed_it_with_each_answer(serving, views, pool, tmp_path):
    stream = registered(pool)
    manifest = held_back_version(tmp_path, stream=stream)
    confirm(tmp_path, manifest)
    promoted = msgspec.structs.replace(
        promotion(AS_OF_MS - QUARTER_MS, stream=stream), model_version=manifest.version
    )
    made = msgspec.structs.replace(prediction(stream=stream), model_version=manifest.version)
    key = prediction_key(stream, made.instrument, made.interval, made.horizon)
    views.write({key: (made.features_as_of_ms, encode(made))})
    EventWriter(pool).write([made, promoted])
    with serving(stream, data_dir=tmp_path) as client:
        answer = client.get("/v1/predictions/BTC?interval=15m&horizon=15m").json()
        (target,) = client.get("/v1/targets").json()["targets"]
    assert "confirmed for champion by Ada (looked at both files)" in answer["leak_alarm"]
    assert target["leak_alarm"] == answer["leak_alarm"]


def test_other_versions_have_no_alarm(serving, views, pool, tmp_path):
    stream = registered(pool)
    made = prediction(stream=stream)
    key = prediction_key(stream, made.instrument, made.interval, made.horizon)
    views.write({key: (made.features_as_of_ms, encode(made))})
    with serving(stream, data_dir=tmp_path) as client:
        assert client.get("/v1/predictions/BTC?interval=15m&horizon=15m").json()["leak_alarm"] is None
