"""The payloads of the prediction routes: the newest one, and past ones with their outcomes."""

from typing import Any

from pydantic import Field

from api.payloads.evidence import EvidencePayload, evidence_payload
from api.payloads.records import RecordPayload
from api.payloads.shared import EXAMPLE_HASH, Payload, Store, is_simulated
from schemas.events import Direction, Outcome, OutcomeResolved, PredictionMade, PredictionSet
from schemas.instruments import parse_instrument
from schemas.streams import StreamKind
from schemas.time import Interval, text_of_time


class PredictionPayload(Payload):
    """What a model said at a bar's close."""

    instrument: str = Field(examples=["BTC-USDT.BINANCE"])
    asset: str = Field(examples=["BTC"])
    interval: Interval = Field(description="The bars it looked at.", examples=["15m"])
    horizon: Interval = Field(description="How far ahead it looks.", examples=["15m"])
    direction: Direction = Field(examples=["up"])
    probability_up: float = Field(
        description="Of a close above the reference price; calibrated in the fold where the model's recipe is.",
        examples=[0.5371],
    )
    confidence: float = Field(description="The probability of the direction.", examples=[0.5371])
    is_pick: bool | None = Field(
        description="Whether the model chooses to make this decision. False abstains, and the direction is "
        "only which side it leans to; null where the model states no picks.",
        examples=[True],
    )
    prediction_set: PredictionSet | None = Field(
        description="The directions that a conformal set keeps; null where the model states no sets. A set of "
        "one direction is not `1 - miscoverage` sure of it: that rate is of all sets together, most of "
        "which may name both, and a set that names one can be right as seldom as a coin. How sure the "
        "model is of the direction is `confidence`; how often it was right is `evidence`.",
        examples=["up"],
    )
    miscoverage: float | None = Field(
        description="The rate at which all such sets together, those of both directions included, are built "
        "to miss the outcome; not the chance that a set of one direction is wrong.",
        examples=[0.1],
    )
    evidence: EvidencePayload | None = Field(
        description="Null where the model was never judged.",
    )
    reference_price: float = Field(description="The close at the as-of time.", examples=[105_214.3])
    arm: str = Field(
        description="The alias under which the version was scored: the champion's are what is shown by default.",
        examples=["champion"],
    )
    model_version: str = Field(examples=["xgboost-btc-usdt.binance-15m-15m-9f2c4e1b"])
    model_hash: str = Field(description="SHA-256 of the model's bytes.", examples=[EXAMPLE_HASH])
    feature_spec_hash: str = Field(description="What the features are.", examples=[EXAMPLE_HASH[::-1]])
    features_as_of_ms: int = Field(description="When the features are of.", examples=[1_750_000_500_000])
    features_as_of: str = Field(examples=["2025-06-15T15:15:00.000Z"])
    event_time_ms: int = Field(description="When it happened: the as-of time.", examples=[1_750_000_500_000])
    known_time_ms: int = Field(
        description="When all of its inputs were known, in the stream's time.", examples=[1_750_000_500_000]
    )
    known_time: str = Field(examples=["2025-06-15T15:15:00.000Z"])
    resolves_at_ms: int = Field(description="When it can be judged.", examples=[1_750_001_400_000])
    resolves_at: str = Field(examples=["2025-06-15T15:30:00.000Z"])
    stream: str = Field(description="Which run of data.", examples=["replay-1f0c6a77b2de"])
    stream_kind: StreamKind = Field(examples=["replay"])
    source: str = Field(description="Who said the prices.", examples=["binance"])
    is_simulated: bool = Field(description="Whether the prices are invented.", examples=[False])


class LivePredictionPayload(PredictionPayload):
    """The newest prediction, its age and its record."""

    clock_ms: int | None = Field(
        description="Now: the stream's own clock in a replay or simulation, the wall clock live.",
        examples=[1_750_000_620_000],
    )
    data_age_s: float | None = Field(
        description="From the as-of time to now, by that clock; null when it is not known.", examples=[120.0]
    )
    served_from: Store = Field(
        description="Redis, or Postgres when Redis is empty or does not answer.", examples=["redis"]
    )
    record: RecordPayload | None = Field(description="Null when Postgres does not answer.")
    leak_alarm: str | None = Field(
        description="If the accuracy of the version is so high that a leak had to be ruled out: the figures, and "
        "who confirmed that there is none. Null where its leak alarm does not ring.",
    )


class OutcomePayload(Payload):
    """How a prediction turned out."""

    outcome: Outcome = Field(examples=["down"])
    is_hit: bool | None = Field(description="Null for ties and voids.", examples=[False])
    final_price: float | None = Field(
        description="The close at the horizon; null when void.", examples=[105_190.1]
    )
    resolved_at_ms: int = Field(examples=[1_750_001_400_000])


class PastPredictionPayload(PredictionPayload):
    """An earlier prediction, with its outcome once it is known."""

    outcome: OutcomePayload | None


class HistoryPayload(Payload):
    """One page of predictions, newest first."""

    items: list[PastPredictionPayload]
    record: RecordPayload | None = Field(
        description="Of all predictions, of the same moment as the items; on the first page only."
    )
    next_before_ms: int | None = Field(
        description="The `before` of the next page; null on the last.", examples=[1_749_990_600_000]
    )
    next: str | None = Field(description="The path of the next page; null on the last.")


def prediction_payload(made: PredictionMade, *, kind: StreamKind) -> PredictionPayload:
    """A prediction, as it is answered."""
    return PredictionPayload(**_prediction_fields(made, kind=kind))


def live_prediction_payload(
    made: PredictionMade,
    *,
    kind: StreamKind,
    clock_ms: int | None,
    data_age_s: float | None,
    served_from: Store,
    record: RecordPayload | None,
    leak_alarm: str | None,
) -> LivePredictionPayload:
    """The newest prediction, as it is answered.

    Args:
        made: The prediction.
        kind: The kind of its run.
        clock_ms: Now, by the clock that the age is measured with; None where there is none.
        data_age_s: Seconds from the as-of time to now; None where that is not known.
        served_from: The store that the prediction was read from.
        record: The target's record; None where Postgres does not answer.
        leak_alarm: What is to be known of the version's leak alarm; None where it does not ring.
    """
    return LivePredictionPayload(
        **_prediction_fields(made, kind=kind),
        clock_ms=clock_ms,
        data_age_s=data_age_s,
        served_from=served_from,
        record=record,
        leak_alarm=leak_alarm,
    )


def past_prediction_payload(
    made: PredictionMade, resolved: OutcomeResolved | None, *, kind: StreamKind
) -> PastPredictionPayload:
    """A prediction with its outcome.

    Args:
        made: The prediction.
        resolved: Its outcome; None while it is open.
        kind: The kind of its run.
    """
    outcome = None
    if resolved is not None:
        outcome = OutcomePayload(
            outcome=resolved.outcome,
            is_hit=resolved.is_hit,
            final_price=resolved.final_price,
            resolved_at_ms=resolved.event_time_ms,
        )
    return PastPredictionPayload(**_prediction_fields(made, kind=kind), outcome=outcome)


def _prediction_fields(made: PredictionMade, *, kind: StreamKind) -> dict[str, Any]:
    # Handed to the payload that is answered, at once: a page of 500 would take half as long again.
    return {
        "instrument": made.instrument,
        "asset": parse_instrument(made.instrument).base,
        "interval": made.interval,
        "horizon": made.horizon,
        "direction": made.direction,
        "probability_up": made.probability_up,
        "confidence": made.probability_up if made.direction is Direction.UP else 1.0 - made.probability_up,
        "is_pick": made.is_pick,
        "prediction_set": made.prediction_set,
        "miscoverage": made.miscoverage,
        "evidence": evidence_payload(made),
        "reference_price": made.reference_price,
        "arm": made.arm,
        "model_version": made.model_version,
        "model_hash": made.model_hash,
        "feature_spec_hash": made.feature_spec_hash,
        "features_as_of_ms": made.features_as_of_ms,
        "features_as_of": text_of_time(made.features_as_of_ms, "iso"),
        "event_time_ms": made.event_time_ms,
        "known_time_ms": made.known_time_ms,
        "known_time": text_of_time(made.known_time_ms, "iso"),
        "resolves_at_ms": made.resolves_at_ms,
        "resolves_at": text_of_time(made.resolves_at_ms, "iso"),
        "stream": made.stream,
        "stream_kind": kind,
        "source": made.source,
        "is_simulated": is_simulated(source=made.source, instrument=made.instrument, kind=kind),
    }
