"""The scoring job through the runtime, without a broker: crashes, and promotions that come meanwhile."""

from collections.abc import Mapping

import numpy as np

from api.scoring.jobs import scoring_job
from api.scoring.operators import N_KEPT
from schemas import codec
from schemas.events import Event, ModelPromoted, PredictionMade, PromotionTookEffect, WatermarkAdvanced
from schemas.topics import (
    FEATURES_MARKET,
    MARKET_BAR,
    MODELS_EFFECT,
    MODELS_EVENT,
    OUTCOMES,
    PREDICTIONS,
    PROGRESS_SCORING,
    Topic,
    changelog,
    partition_of,
)
from stream_processors.jobs.outcomes import outcomes_job
from stream_processors.runtime.driving import TopologyDriver
from tests.unit.api.events import INSTRUMENT, QUARTER_MS, bar, features, promotion
from trainers.models.onnx_models import OnnxModel

PARTITION = partition_of(INSTRUMENT.encode(), FEATURES_MARKET.n_partitions)


class StatedModel(OnnxModel):
    """A model that says one half."""

    def __init__(self, version: str) -> None:
        super().__init__(None, feature_names=("log_return_1",), model_hash=at(0, version).model_hash)

    def probability_up(self, values: Mapping[str, float | None]) -> np.float32:
        """One half, of every row."""
        return np.float32(0.5 if values else 0.0)


def at(number: int, version: str) -> ModelPromoted:
    return promotion(number * QUARTER_MS, version=version)


def send(driver: TopologyDriver, topic: Topic, *events: Event) -> None:
    for event in events:
        driver.send(topic, event, key=INSTRUMENT)


def rows(first: int, last: int) -> list[Event]:
    return [features(number * QUARTER_MS) for number in range(first, last + 1)]


def said(driver: TopologyDriver) -> list[tuple[int, str]]:
    made: list[PredictionMade] = [codec.decode(PREDICTIONS, value) for value in driver.values(PREDICTIONS)]
    return [(one.event_time_ms // QUARTER_MS, one.model_version) for one in made]


def starts(driver: TopologyDriver) -> dict[str, int]:
    records: list[PromotionTookEffect] = [
        codec.decode(MODELS_EFFECT, value) for value in driver.values(MODELS_EFFECT)
    ]
    assert len({record.model_version for record in records}) == len(records)
    return {record.model_version: record.event_time_ms // QUARTER_MS for record in records}


def test_promotion_that_comes_while_the_worker_is_down_predicts_no_row_a_second_time() -> None:
    """It was read before the rows behind the checkpoint were stepped again, and predicted them anew."""
    #  rows     1 2 | 3 4   CRASH   5
    #  state        ^ the checkpoint holds only these; b says from 3, and comes in between
    driver = TopologyDriver(scoring_job(load=StatedModel), checkpoint_every_s=1000.0)
    send(driver, MODELS_EVENT, at(0, "a"))
    driver.run()
    send(driver, FEATURES_MARKET, *rows(1, 4))
    driver.run()
    send(driver, MODELS_EVENT, at(3, "b"))
    driver.crash()
    send(driver, FEATURES_MARKET, *rows(5, 5))
    driver.run()
    assert said(driver) == [(1, "a"), (2, "a"), (3, "a"), (4, "a"), (5, "b")]
    assert starts(driver) == {"a": 0, "b": 5}


def test_promotion_that_comes_before_the_first_checkpoint_finds_the_rows_that_were_committed() -> None:
    """It was read first, and what it says of those rows was thrown away as if it were out already."""
    driver = TopologyDriver(scoring_job(load=StatedModel), checkpoint_every_s=1000.0)
    send(driver, FEATURES_MARKET, *rows(1, 3))
    driver.run()
    send(driver, MODELS_EVENT, at(2, "a"))
    driver.crash()
    assert said(driver) == [(2, "a"), (3, "a")]


def test_log_that_is_read_again_from_its_beginning_predicts_the_same() -> None:
    driver = TopologyDriver(scoring_job(load=StatedModel))
    send(driver, MODELS_EVENT, at(0, "a"))
    for number in range(1, 8):
        send(driver, FEATURES_MARKET, *rows(number, number))
        driver.run()
        if number == 4:
            send(driver, MODELS_EVENT, at(2, "b"))
    again = TopologyDriver(scoring_job(load=StatedModel))
    for topic in (MODELS_EVENT, MODELS_EFFECT, FEATURES_MARKET):
        for value in driver.values(topic):
            send(again, topic, codec.decode(topic, value))
    again.run()
    assert said(again) == said(driver) == [*((n, "a") for n in range(1, 5)), *((n, "b") for n in range(5, 8))]
    assert starts(again) == starts(driver) == {"a": 0, "b": 5}


def watermark(number: int) -> WatermarkAdvanced:
    time_ms = number * QUARTER_MS
    return WatermarkAdvanced(
        event_time_ms=time_ms, known_time_ms=time_ms, source="binance", stream="replay-test"
    )


def test_label_join_keeps_only_the_closes_that_scoring_may_still_ask_for() -> None:
    """Progress lies in the partition of the predictions that it speaks of, and counts there."""
    n = 3 * N_KEPT
    scoring = TopologyDriver(scoring_job(load=StatedModel))
    send(scoring, MODELS_EVENT, at(0, "a"))
    for number in range(1, n + 1):
        send(scoring, FEATURES_MARKET, *rows(number, number))
        scoring.send(FEATURES_MARKET, watermark(number), key="binance", partition=PARTITION)
    scoring.run()
    joining = TopologyDriver(outcomes_job([]))
    for topic in (PREDICTIONS, PROGRESS_SCORING):
        records = scoring.log.records(topic.name)
        assert {record.partition for record in records} == {PARTITION}
        for record in records:
            event = codec.decode(topic, record.value)
            joining.send(topic, event, key=INSTRUMENT, partition=record.partition)
    joining.run()
    send(joining, MARKET_BAR, *(bar(number * QUARTER_MS) for number in range(1, n + 1)))
    joining.run()
    assert len(joining.values(OUTCOMES)) == n - 1
    joining.clock.sleep(2.0)
    send(joining, MARKET_BAR, bar((n + 1) * QUARTER_MS))
    joining.run()
    closes = [
        record
        for record in joining.log.records(changelog("outcomes").name)
        if b"\xa5close" in (record.key or b"")
    ]
    assert N_KEPT <= len({record.key for record in closes if record.value}) <= N_KEPT + 2
