"""Events for the tests of the API, with only what matters to a test said."""

import hashlib

from schemas.events import (
    BarClosed,
    Direction,
    FeaturesComputed,
    ModelPromoted,
    Outcome,
    OutcomeResolved,
    PredictionMade,
)
from schemas.streams import StreamDescription, StreamKind
from schemas.time import Interval

INSTRUMENT = "BTC-USDT.BINANCE"
QUARTER_MS = 900_000
AS_OF_MS = 1_750_000_500_000
M15, H1 = Interval.FIFTEEN_MINUTES, Interval.ONE_HOUR


def features(
    as_of_ms: int,
    *,
    stream: str = "replay-test",
    is_warm: bool = True,
    spec: str = "spec-a",
    value: float = 0.5,
) -> FeaturesComputed:
    return FeaturesComputed(
        event_time_ms=as_of_ms,
        known_time_ms=as_of_ms,
        source="binance",
        stream=stream,
        instrument=INSTRUMENT,
        interval=M15,
        close=100.0 + as_of_ms % 977,
        feature_spec_hash=spec,
        is_warm=is_warm,
        values={"log_return_1": value, "z_score_60": None},
    )


def promotion(
    effective_from_ms: int,
    *,
    version: str = "model-1",
    stream: str = "replay-test",
    interval: Interval = M15,
    horizon: Interval = M15,
    spec: str = "spec-a",
    alias: str = "champion",
) -> ModelPromoted:
    return ModelPromoted(
        event_time_ms=effective_from_ms,
        known_time_ms=effective_from_ms,
        source="trainers",
        stream=stream,
        instrument=INSTRUMENT,
        interval=interval,
        horizon=horizon,
        alias=alias,
        model_version=version,
        model_hash=hashlib.sha256(version.encode()).hexdigest(),
        feature_spec_hash=spec,
        effective_from_ms=effective_from_ms,
    )


def prediction(
    as_of_ms: int = AS_OF_MS,
    *,
    stream: str = "replay-test",
    interval: Interval = M15,
    horizon: Interval = M15,
    probability_up: float = 0.625,
    version: str = "model-1",
    close: float = 100.0,
    spec: str = "spec-a",
    arm: str = "champion",
) -> PredictionMade:
    return PredictionMade(
        event_time_ms=as_of_ms,
        known_time_ms=as_of_ms,
        source="binance",
        stream=stream,
        instrument=INSTRUMENT,
        interval=interval,
        horizon=horizon,
        probability_up=probability_up,
        direction=Direction.UP if probability_up >= 0.5 else Direction.DOWN,
        reference_price=close,
        model_version=version,
        model_hash=hashlib.sha256(version.encode()).hexdigest(),
        feature_spec_hash=spec,
        arm=arm,
    )


def outcome(made: PredictionMade, *, final_price: float | None) -> OutcomeResolved:
    if final_price is None:
        went = Outcome.VOID
    elif final_price == made.reference_price:
        went = Outcome.TIE
    else:
        went = Outcome.UP if final_price > made.reference_price else Outcome.DOWN
    return OutcomeResolved(
        event_time_ms=made.resolves_at_ms,
        known_time_ms=made.resolves_at_ms,
        source=made.source,
        stream=made.stream,
        instrument=made.instrument,
        interval=made.interval,
        horizon=made.horizon,
        features_as_of_ms=made.features_as_of_ms,
        probability_up=made.probability_up,
        direction=made.direction,
        reference_price=made.reference_price,
        final_price=final_price,
        outcome=went,
        is_hit=None if went in {Outcome.TIE, Outcome.VOID} else str(went) == str(made.direction),
        model_version=made.model_version,
        model_hash=made.model_hash,
        arm=made.arm,
    )


def bar(end_ms: int, *, stream: str = "replay-test", close: float = 100.0) -> BarClosed:
    return BarClosed(
        event_time_ms=end_ms,
        known_time_ms=end_ms,
        source="binance",
        stream=stream,
        instrument=INSTRUMENT,
        interval=M15,
        start_ms=end_ms - QUARTER_MS,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=1.0,
        buy_volume=None,
        n_trades=None,
        n_late=0,
    )


def description(
    *,
    stream: str = "replay-test",
    kind: StreamKind = StreamKind.REPLAY,
    instruments: tuple[str, ...] = (INSTRUMENT, "ETH-USDT.BINANCE"),
    end_ms: int | None = None,
    speed: float = 60.0,
    warm_up_until_ms: int = AS_OF_MS - 100 * QUARTER_MS,
    source: str = "binance",
) -> StreamDescription:
    return StreamDescription(
        stream=stream,
        kind=kind,
        title="a test",
        source=source,
        instruments=instruments,
        origin_ms=AS_OF_MS - 1000 * QUARTER_MS,
        warm_up_until_ms=warm_up_until_ms,
        end_ms=end_ms,
        speed=speed,
        parameters={"seed": 7},
        created_ms=0,
    )
