"""One sample of every kind of event, with every field set, and one with what may be undefined."""

import msgspec

from schemas import events
from schemas.events import Direction, Event, Outcome
from schemas.time import Interval
from tests.fixtures.market_events import (
    INSTRUMENT,
    STREAM,
    T0,
    bar,
    candle,
    prediction,
    silence,
    tick,
    watermark,
)

_OUTCOME = events.OutcomeResolved(
    event_time_ms=T0 + 120_000,
    known_time_ms=T0 + 120_005,
    source="binance",
    stream=STREAM,
    instrument=INSTRUMENT,
    interval=Interval.ONE_MINUTE,
    horizon=Interval.ONE_MINUTE,
    features_as_of_ms=T0 + 60_000,
    probability_up=0.625,
    direction=Direction.UP,
    reference_price=100.0,
    final_price=100.5,
    outcome=Outcome.UP,
    is_hit=True,
    model_version="xgboost-1",
    model_hash="ab" * 32,
)
_FEATURES = events.FeaturesComputed(
    event_time_ms=T0 + 60_000,
    known_time_ms=T0 + 60_001,
    source="binance",
    stream=STREAM,
    instrument=INSTRUMENT,
    interval=Interval.FIFTEEN_MINUTES,
    close=100.1,
    feature_spec_hash="cd" * 32,
    is_warm=True,
    values={"log_return_1": 0.1, "z_score_60": 1e-17},
)
_PROMOTED = events.ModelPromoted(
    event_time_ms=T0,
    known_time_ms=T0,
    source="trainers",
    stream=STREAM,
    instrument=INSTRUMENT,
    interval=Interval.ONE_HOUR,
    horizon=Interval.FOUR_HOURS,
    alias="champion",
    model_version="xgboost-1",
    model_hash="ab" * 32,
    feature_spec_hash="cd" * 32,
    effective_from_ms=T0,
)
_ALERT = events.AlertRaised(
    event_time_ms=T0,
    known_time_ms=T0,
    source="market",
    stream="live",
    name="stalled_partition",
    subject="market.tick.v1/3",
    severity=events.Severity.PAGE,
    summary="No record was committed for 31 s although 1200 wait: the worker was restarted.",
    value=31.5,
)

SAMPLES: dict[str, Event] = {
    "watermark_advanced": watermark(1),
    "source_fell_silent": silence(2),
    "tick_observed": tick(3, 100.1, trade_id=4_000_000_000, size=1e-8, is_buyer_maker=True, known_ms=-1270),
    "candle_observed": msgspec.structs.replace(candle(0, revision=2), n_trades=7),
    "candle_observed_without_trades": candle(0),
    "bar_closed": bar(0, 100.25),
    "bar_closed_of_a_candle": msgspec.structs.replace(bar(0), buy_volume=None, n_trades=None),
    "features_computed": _FEATURES,
    "features_computed_cold": msgspec.structs.replace(
        _FEATURES, is_warm=False, values={"log_return_1": None}
    ),
    "prediction_made": prediction(60_000),
    "outcome_resolved": _OUTCOME,
    "outcome_resolved_void": msgspec.structs.replace(
        _OUTCOME, final_price=None, outcome=Outcome.VOID, is_hit=None
    ),
    "model_promoted": _PROMOTED,
    "alert_raised": _ALERT,
    "alert_raised_resolved": msgspec.structs.replace(_ALERT, value=None, is_resolved=True),
}
