"""The job that predicts, over the real broker, Redis and Postgres."""

import threading
import uuid
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pytest

from api.scoring.jobs import decision, scoring_job, view_of
from api.scoring.rows import SeriesKey
from api.scoring.starts import PromotionStart, record_of
from api.scoring.stored import stored_state
from schemas import codec
from schemas.arms import CHAMPION
from schemas.artifacts import LedgerEntry
from schemas.errors import InvariantError
from schemas.events import Event, ModelPromoted, PredictionMade
from schemas.targets import Target
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, MODELS_EVENT, PREDICTIONS, Topic, partition_of
from schemas.wire.kafka import Publisher, Reader, read_range
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.redis import prediction_key
from stream_processors.runtime.workers import run_job
from tests.benchmarks.small_models import publish_small_model
from tests.fakes.registries import InMemoryRegistry
from tests.jobs.api.conftest import wait_until
from tests.unit.api.events import AS_OF_MS, INSTRUMENT, QUARTER_MS, features, prediction, promotion
from trainers.models.onnx_models import OnnxModel
from trainers.registry.serving import promotion_of

M1 = Interval.ONE_MINUTE


class StatedModel(OnnxModel):
    """A model that says what its first feature is."""

    def __init__(self, promoted: ModelPromoted) -> None:
        super().__init__(None, feature_names=("log_return_1",), model_hash=promoted.model_hash)

    def probability_up(self, values: Mapping[str, float | None]) -> np.float32:
        """The feature itself."""
        return np.float32(values["log_return_1"])


def publish(endpoints, topic: Topic, rows: Sequence[Event]) -> None:
    publisher = Publisher(endpoints.kafka, role="test")
    for event in rows:
        publisher.publish(
            topic.name, codec.encode(event), key=INSTRUMENT.encode(), headers=codec.headers(type(event))
        )
    publisher.flush(timeout_s=60)


def promotions_in(endpoints) -> dict[str, ModelPromoted]:
    """The promotions in the log by version: other tests' runs are scored beside this one's."""
    place = (MODELS_EVENT.name, partition_of(INSTRUMENT.encode(), MODELS_EVENT.n_partitions))
    found = [codec.decode(MODELS_EVENT, record.value) for record in read_range(endpoints.kafka, {place: 0})]
    return {event.model_version: event for event in found if isinstance(event, ModelPromoted)}


def predictions_of(endpoints, stream: str, *, n: int) -> list[PredictionMade]:
    reader = Reader(endpoints.kafka, group=uuid.uuid4().hex, topics=[PREDICTIONS], is_fixed=True)
    reader.open()
    found: list[PredictionMade] = []

    def has_enough() -> bool:
        for record in reader.poll(max_records=1000, timeout_s=0.2):
            event = codec.decode(PREDICTIONS, record.value)
            if event.stream == stream:
                found.append(event)
        return len(found) >= n

    wait_until(has_enough)
    reader.close()
    return found


def test_rows_are_predicted_published_and_shown(endpoints, views, pool):
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    promoted = promotion(AS_OF_MS - 3 * QUARTER_MS, stream=stream)
    rows = [
        features(AS_OF_MS - i * QUARTER_MS, stream=stream, value=0.25 + i / 8) for i in reversed(range(5))
    ]
    EventWriter(pool).write([prediction(AS_OF_MS - 3 * QUARTER_MS, stream=stream)])
    publish(endpoints, FEATURES_MARKET, rows)
    publish(endpoints, MODELS_EVENT, [promoted])
    known = promotions_in(endpoints)
    loaded = []

    def load(version: str) -> StatedModel:
        loaded.append(version)
        return StatedModel(known[version])

    job = scoring_job(load=load, stored=stored_state(endpoints, InMemoryRegistry(), stream=stream))
    stop = threading.Event()
    thread = threading.Thread(
        target=run_job, args=(job,), kwargs={"endpoint": endpoints.kafka, "views": views, "stop": stop.is_set}
    )
    thread.start()
    try:
        made = predictions_of(endpoints, stream, n=3)
        newest = prediction_key(stream, INSTRUMENT, "15m", "15m")
        wait_until(lambda: views.read(newest) is not None and b"1750000500000" in views.read(newest))
    finally:
        stop.set()
        thread.join(20)
    assert [one.features_as_of_ms for one in made] == [AS_OF_MS - i * QUARTER_MS for i in (2, 1, 0)]
    assert [one.probability_up for one in made] == [0.5, 0.375, 0.25]
    assert loaded.count(promoted.model_version) == 1


def test_what_an_emptied_log_no_longer_knows_comes_from_registry_and_history(endpoints, pool):
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    registry = InMemoryRegistry()
    manifest = publish_small_model(registry, instrument=INSTRUMENT, stream=stream)
    entry = LedgerEntry(
        alias=CHAMPION,
        target=manifest.target,
        version=manifest.version,
        model_hash=manifest.model_hash,
        stream=stream,
        effective_from_ms=AS_OF_MS,
        recorded_ms=0,
        reason="a test",
    )
    registry.promote(entry)
    announced = promotion_of(entry, manifest)
    started = PromotionStart(promoted=announced, number=0, from_ms=AS_OF_MS + QUARTER_MS, n_let_go=1)
    record = record_of(started, source="binance", known_time_ms=0)
    made = prediction(AS_OF_MS + QUARTER_MS, stream=stream, interval=M1, horizon=M1, version=manifest.version)
    EventWriter(pool).write([made])
    seen = stored_state(endpoints, registry, stream=stream).record(announced)
    assert seen is not None
    assert seen.event_time_ms == record.event_time_ms  # its record was lost with the broker
    EventWriter(pool).write([record])
    stored = stored_state(endpoints, registry, stream=stream)
    trained = manifest.target
    series = SeriesKey(stream=stream, instrument=INSTRUMENT, interval=trained.interval)
    target = Target(stream, INSTRUMENT, trained.interval, trained.horizon)
    assert list(stored.promotions(series)) == [announced]
    assert stored.record(announced) == record
    assert stored.last_predicted_ms(target) == AS_OF_MS + QUARTER_MS


def test_a_row_without_a_feature_that_its_model_takes_is_a_bad_message():
    promoted = promotion(0)
    operator = scoring_job(load=lambda _version: StatedModel(promoted)).make_operator(
        partition_of(INSTRUMENT.encode(), FEATURES_MARKET.n_partitions)
    )
    list(operator.step(MODELS_EVENT, promoted))
    row = msgspec.structs.replace(features(10), values={"another": 1.0})
    with pytest.raises(InvariantError, match="log_return_1"):
        list(operator.step(FEATURES_MARKET, row))


def test_only_predictions_are_views():
    made = prediction()
    view = view_of(made)
    assert view is not None
    assert (view.key, view.order) == ("prediction:replay-test:BTC-USDT.BINANCE:15m:15m", AS_OF_MS)
    assert codec.decode(PREDICTIONS, view.body()) == made
    assert view_of(features(1)) is None


def test_of_each_arm_only_the_last_two_models_stay_loaded():
    """An arm that gets a version every hour, as a learner's does, kept all of them in memory."""
    loaded: list[str] = []

    def load(version: str) -> StatedModel:
        loaded.append(version)
        return StatedModel(promotion(0, version=version))

    decided = decision(load)
    for arm, version in [
        ("champion", "a"), ("shadow", "s1"), ("shadow", "s2"), ("shadow", "s3"), ("shadow", "s2"),
        ("champion", "a"), ("shadow", "s1"),
    ]:  # fmt: skip
        decided(features(10), promotion(0, alias=arm, version=version))
    assert loaded == ["a", "s1", "s2", "s3", "s1"]
