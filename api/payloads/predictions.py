"""The payloads of the prediction routes: the newest prediction, and past predictions with their outcomes."""

from typing import Any

from pydantic import Field

from api.payloads.evidence import EvidencePayload, evidence_payload
from api.payloads.records import RecordPayload
from api.payloads.shared import EXAMPLE_HASH, AnsweredPayload, Payload, Store, fallback_fields, is_simulated
from schemas.assets import Answering
from schemas.events import Direction, Outcome, OutcomeResolved, PredictionMade, PredictionSet
from schemas.instruments import parse_instrument
from schemas.streams import StreamKind
from schemas.time import Interval, text_of_time


class PredictionPayload(Payload):
    """Describes a prediction that a model made at a bar's close."""

    instrument: str = Field(examples=["BTC-USDT.BINANCE"])
    asset: str = Field(examples=["BTC"])
    interval: Interval = Field(
        description="The length of the bars that the model looked at.", examples=["15m"]
    )
    horizon: Interval = Field(description="How far ahead the prediction looks.", examples=["15m"])
    direction: Direction = Field(examples=["up"])
    probability_up: float = Field(
        description="The probability of a close above the reference price. It is calibrated if the recipe of the model "
        "calibrates.",
        examples=[0.5371],
    )
    confidence: float = Field(description="The probability of the direction.", examples=[0.5371])
    is_pick: bool | None = Field(
        description="Whether the model chooses to make this decision. If false, the model abstains, and the direction "
        "only says which side is more probable. Null if the model states no picks.",
        examples=[True],
    )
    prediction_set: PredictionSet | None = Field(
        description="The directions that a conformal set keeps; null if the model states no sets. A set of one "
        "direction is not right with probability `1 - miscoverage`: that is the rate of all sets together. Most of "
        "them may name both directions, and those that name one may be right no more often than a coin. "
        "`confidence` states how sure the model is of the direction, and `evidence` how often it was right.",
        examples=["up"],
    )
    miscoverage: float | None = Field(
        description="The rate at which all such sets together, including those of both directions, are built to miss "
        "the outcome. It is not the probability that a set of one direction is wrong.",
        examples=[0.1],
    )
    evidence: EvidencePayload | None = Field(
        description="How decisions as confident as this one turned out; null if the model was never judged.",
    )
    reference_price: float = Field(description="The close at the as-of time.", examples=[105_214.3])
    arm: str = Field(
        description="The alias under which the version was scored. Without a parameter the API shows the champion's.",
        examples=["champion"],
    )
    model_version: str = Field(examples=["xgboost-btc-usdt.binance-15m-15m-9f2c4e1b"])
    model_hash: str = Field(description="SHA-256 of the model's bytes.", examples=[EXAMPLE_HASH])
    feature_spec_hash: str = Field(
        description="The hash of the definitions of the features.", examples=[EXAMPLE_HASH[::-1]]
    )
    features_as_of_ms: int = Field(
        description="The as-of time of the features.", examples=[1_750_000_500_000]
    )
    features_as_of: str = Field(examples=["2025-06-15T15:15:00.000Z"])
    event_time_ms: int = Field(
        description="The time of the event, which is the as-of time.", examples=[1_750_000_500_000]
    )
    known_time_ms: int = Field(
        description="When all inputs of the prediction were known, in the stream's time.",
        examples=[1_750_000_500_000],
    )
    known_time: str = Field(examples=["2025-06-15T15:15:00.000Z"])
    resolves_at_ms: int = Field(
        description="When the prediction can be judged.", examples=[1_750_001_400_000]
    )
    resolves_at: str = Field(examples=["2025-06-15T15:30:00.000Z"])
    stream: str = Field(description="The run of data.", examples=["replay-1f0c6a77b2de"])
    stream_kind: StreamKind = Field(examples=["replay"])
    source: str = Field(description="The source of the prices.", examples=["binance"])
    is_simulated: bool = Field(description="Whether the prices are invented.", examples=[False])


class LivePredictionPayload(AnsweredPayload, PredictionPayload):
    """Describes the newest prediction of a target, its age and the record of the target."""

    clock_ms: int | None = Field(
        description="The current time: by the stream's own clock in a replay or simulation, by the wall clock live.",
        examples=[1_750_000_620_000],
    )
    data_age_s: float | None = Field(
        description="Seconds from the as-of time to the current time; null if that is not known.",
        examples=[120.0],
    )
    served_from: Store = Field(
        description="Redis, or Postgres if Redis is empty or does not answer.", examples=["redis"]
    )
    record: RecordPayload | None = Field(
        description="The record of the target; null if Postgres does not answer."
    )
    leak_alarm: str | None = Field(
        description="If the accuracy of the version is so high that a leak had to be ruled out: the figures, and "
        "who confirmed that there is none. Null if its leak alarm does not ring.",
    )


class OutcomePayload(Payload):
    """States how a prediction turned out."""

    outcome: Outcome = Field(examples=["down"])
    is_hit: bool | None = Field(
        description="Whether the direction came true; null for ties and voids.", examples=[False]
    )
    final_price: float | None = Field(
        description="The close at the horizon; null for a void.", examples=[105_190.1]
    )
    resolved_at_ms: int = Field(examples=[1_750_001_400_000])


class PastPredictionPayload(PredictionPayload):
    """Describes an earlier prediction, with its outcome once it is known."""

    outcome: OutcomePayload | None


class HistoryPayload(AnsweredPayload):
    """A page of predictions of one instrument, the newest first."""

    instrument: str = Field(examples=["BTC-USDT.BINANCE"])
    items: list[PastPredictionPayload]
    record: RecordPayload | None = Field(
        description="The record of all predictions, of the same moment as the items; on the first page only."
    )
    next_before_ms: int | None = Field(
        description="The `before` of the next page; null on the last page.", examples=[1_749_990_600_000]
    )
    next: str | None = Field(
        description="The path of the next page; null on the last page. It names the instrument, so that the "
        "following pages are of the same one."
    )


def prediction_payload(
    made: PredictionMade, *, kind: StreamKind, majority: float | None = None
) -> PredictionPayload:
    """Return the answer for a prediction.

    Args:
        made: The prediction.
        kind: The kind of its run.
        majority: How often the direction that was more frequent in training was right, where it is known.
    """
    return PredictionPayload(**_prediction_fields(made, kind=kind, majority=majority))


def live_prediction_payload(
    made: PredictionMade,
    *,
    answering: Answering,
    kind: StreamKind,
    clock_ms: int | None,
    data_age_s: float | None,
    served_from: Store,
    record: RecordPayload | None,
    leak_alarm: str | None,
    majority: float | None,
) -> LivePredictionPayload:
    """Return the answer for the newest prediction.

    Args:
        made: The prediction.
        answering: How its instrument was chosen.
        kind: The kind of its run.
        clock_ms: The current time of the clock that the age is measured by; None if it is not known.
        data_age_s: Seconds from the as-of time to the current time; None if that is not known.
        served_from: The store that the prediction was read from.
        record: The record of the target; None if Postgres does not answer.
        leak_alarm: The words about the version's leak alarm; None if it does not ring.
        majority: How often the direction that was more frequent in training was right, where it is known.
    """
    return LivePredictionPayload(
        **_prediction_fields(made, kind=kind, majority=majority),
        **fallback_fields(answering),
        clock_ms=clock_ms,
        data_age_s=data_age_s,
        served_from=served_from,
        record=record,
        leak_alarm=leak_alarm,
    )


def past_prediction_payload(
    made: PredictionMade,
    resolved: OutcomeResolved | None,
    *,
    kind: StreamKind,
    majority: float | None = None,
) -> PastPredictionPayload:
    """Return the answer for a prediction with its outcome.

    Args:
        made: The prediction.
        resolved: The outcome; None while it is not known.
        kind: The kind of the run.
        majority: How often the direction that was more frequent in training was right, where it is known.
    """
    outcome = None
    if resolved is not None:
        outcome = OutcomePayload(
            outcome=resolved.outcome,
            is_hit=resolved.is_hit,
            final_price=resolved.final_price,
            resolved_at_ms=resolved.event_time_ms,
        )
    return PastPredictionPayload(**_prediction_fields(made, kind=kind, majority=majority), outcome=outcome)


def _prediction_fields(made: PredictionMade, *, kind: StreamKind, majority: float | None) -> dict[str, Any]:
    # One dictionary for the payload that is answered: with a payload in between, a page of 500 takes half as long again.
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
        "evidence": evidence_payload(made, majority=majority),
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
