"""What the API answers with, as it stands in the OpenAPI document, and its making from events.

Pure. Every time is there twice: as UTC milliseconds for programs, as ISO 8601 for people.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from schemas.events import (
    BarClosed,
    Direction,
    FeaturesComputed,
    ModelPromoted,
    Outcome,
    OutcomeResolved,
    PredictionMade,
    PredictionSet,
)
from schemas.instruments import parse_instrument
from schemas.sources import SOURCES
from schemas.streams import StreamKind
from schemas.time import Interval
from schemas.wire.postgres import Target
from trainers.evaluation.intervals import wilson_interval

_HASH = "9f2c4e1b7a3d5f60817263544536271809fae1d2c3b4a5968778695a4b3c2d1e"


_EVIDENCE_EXAMPLE = (
    "On out-of-sample decisions as confident as this one: 63.6 % [62.4, 64.8] of 6,005 right, "
    "coverage 9.8 % (10.0 % aimed at), entered at the close; one bar (15m) late 55.9 % [54.6, 57.2]."
)

#: What a coin is right of the time.
COIN = 0.5


class Payload(BaseModel):
    """The base of every answer."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class Store(StrEnum):
    """Where an answer was read."""

    REDIS = "redis"
    POSTGRES = "postgres"


class Phase(StrEnum):
    """How a run stands, by its own clock."""

    STARTING = "starting"
    WARMING_UP = "warming_up"
    RUNNING = "running"
    STALLED = "stalled"
    FINISHED = "finished"


class RecordPayload(Payload):
    """How this kind of prediction has turned out so far; ties and voids are neither hit nor miss."""

    n_predictions: int = Field(description="Predictions made.", examples=[212])
    n_hits: int = Field(examples=[109])
    n_misses: int = Field(examples=[98])
    n_ties: int = Field(description="The price did not change.", examples=[3])
    n_voids: int = Field(description="There was no bar to compare with.", examples=[1])
    accuracy: float | None = Field(
        description="Hits over hits and misses; null before the first.", examples=[0.5266]
    )
    accuracy_low: float | None = Field(description="Wilson 95 % interval, lower end.", examples=[0.4587])
    accuracy_high: float | None = Field(description="Wilson 95 % interval, upper end.", examples=[0.5935])
    n_pick_hits: int = Field(description="Of the decisions that the model chose to make.", examples=[14])
    n_pick_misses: int = Field(examples=[11])
    pick_accuracy: float | None = Field(
        description="Hits over hits and misses of those; null before the first.", examples=[0.56]
    )
    pick_accuracy_low: float | None = Field(description="Wilson 95 % interval, lower end.", examples=[0.3707])
    pick_accuracy_high: float | None = Field(
        description="Wilson 95 % interval, upper end.", examples=[0.7333]
    )


class LateEvidencePayload(Payload):
    """The same decisions, entered later and held as long."""

    entered_after: Interval = Field(description="One bar.", examples=["15m"])
    accuracy: float = Field(examples=[0.559])
    accuracy_low: float | None = Field(description="95 % interval, lower end.", examples=[0.546])
    accuracy_high: float | None = Field(description="95 % interval, upper end.", examples=[0.572])


class EvidencePayload(Payload):
    """How decisions as confident as this one turned out on data that the model had not seen."""

    target_coverage: float = Field(
        description="The most confident share of decisions that was aimed at; 1 is all.", examples=[0.1]
    )
    coverage: float = Field(description="The share that it was in fact.", examples=[0.098])
    n: int = Field(description="How many, ties left out.", examples=[6005])
    accuracy: float = Field(description="The share that was right, entered at the close.", examples=[0.636])
    accuracy_low: float | None = Field(
        description="95 % block-bootstrap interval, lower end.", examples=[0.624]
    )
    accuracy_high: float | None = Field(
        description="95 % block-bootstrap interval, upper end.", examples=[0.648]
    )
    shows_edge: bool = Field(description="Whether the whole interval is above one half.")
    one_bar_late: LateEvidencePayload | None = Field(
        description="Null where it could not be judged.",
    )
    summary: str = Field(
        description="All of it in a sentence.",
        examples=[
            _EVIDENCE_EXAMPLE,
        ],
    )


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
    model_version: str = Field(examples=["xgboost-btc-usdt.binance-15m-15m-9f2c4e1b"])
    model_hash: str = Field(description="SHA-256 of the model's bytes.", examples=[_HASH])
    feature_spec_hash: str = Field(description="What the features are.", examples=[_HASH[::-1]])
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


class TargetPayload(Payload):
    """One kind of prediction that is served, and its champion."""

    instrument: str = Field(examples=["BTC-USDT.BINANCE"])
    asset: str = Field(examples=["BTC"])
    interval: Interval = Field(examples=["15m"])
    horizon: Interval = Field(examples=["15m"])
    is_default: bool = Field(description="Whether it is meant when a request names neither.")
    model_version: str = Field(examples=["xgboost-btc-usdt.binance-15m-15m-9f2c4e1b"])
    model_hash: str = Field(examples=[_HASH])
    feature_spec_hash: str = Field(examples=[_HASH[::-1]])
    effective_from_ms: int = Field(
        description="Since when it predicts, in the stream's time.", examples=[1_749_800_000_000]
    )
    effective_from: str = Field(examples=["2025-06-13T07:33:20.000Z"])


class WaitingTargetPayload(Payload):
    """One kind of prediction that is configured and has no model yet."""

    instrument: str = Field(examples=["BTC-USDT.BINANCE"])
    asset: str = Field(examples=["BTC"])
    interval: Interval = Field(examples=["1h"])
    horizon: Interval = Field(examples=["1h"])
    is_default: bool = Field(description="Whether it is meant when a request names neither.")


class TargetsPayload(Payload):
    """All kinds of predictions of a run, the default one first."""

    stream: str
    targets: list[TargetPayload] = Field(
        description="Those that have a model; ask with `interval` and `horizon`."
    )
    waiting: list[WaitingTargetPayload] = Field(
        description="Configured ones without a model: still in training, or the run's history up to "
        "`warm_up_until_ms` holds too few labelled bars, and then none comes."
    )


class StreamPayload(Payload):
    """A run of data, and how it stands."""

    stream: str = Field(examples=["replay-1f0c6a77b2de"])
    kind: StreamKind = Field(examples=["replay"])
    title: str = Field(examples=["btcusdt_binance_spot_1m_segments.parquet, 2025-06-01 to 2025-07-01"])
    source: str = Field(examples=["binance"])
    is_simulated: bool
    instruments: list[str] = Field(examples=[["BTC-USDT.BINANCE"]])
    origin_ms: int
    warm_up_until_ms: int = Field(description="Up to here it was published at full speed and trained on.")
    end_ms: int | None = Field(description="Null for a run without an end.")
    speed: float = Field(description="In multiples of real time; 0 is as fast as possible.", examples=[60.0])
    parameters: dict[str, str | int | float | None]
    clock_ms: int | None = Field(description="The stream's own time, its newest watermark.")
    clock: str | None
    clock_unchanged_s: float = Field(description="How long this server has not seen the clock move.")
    phase: Phase = Field(examples=["running"])


class FeaturesPayload(Payload):
    """The newest features of an instrument and interval."""

    instrument: str
    interval: Interval
    features_as_of_ms: int
    features_as_of: str
    known_time_ms: int
    close: float
    feature_spec_hash: str
    is_warm: bool = Field(
        description="Whether every feature that is not optional has seen as many bars as it declares."
    )
    values: dict[str, float | None] = Field(examples=[{"log_return_1": -0.00041, "z_score_60": 1.2}])
    stream: str
    source: str
    is_simulated: bool
    served_from: Store


class BarPayload(Payload):
    """One bar, over `[start_ms, end_ms)`."""

    start_ms: int
    end_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float = Field(description="In base units.")
    n_trades: int | None = Field(description="Null where the venue's candle does not say.")


class BarsPayload(Payload):
    """The newest bars, oldest first."""

    instrument: str
    interval: Interval
    stream: str
    source: str | None
    is_simulated: bool
    bars: list[BarPayload]


class AlivePayload(Payload):
    """The process answers."""

    status: str = Field(examples=["alive"])


class CheckPayload(Payload):
    """One thing that readiness needs."""

    name: str = Field(examples=["redis"])
    is_ok: bool
    detail: str


class ReadyTargetPayload(Payload):
    """Whether one configured kind of prediction is served."""

    instrument: str = Field(examples=["BTC-USDT.BINANCE"])
    interval: Interval = Field(examples=["15m"])
    horizon: Interval = Field(examples=["15m"])
    is_default: bool = Field(description="Whether it is meant when a request names neither.")
    is_served: bool = Field(description="Whether there is a prediction of it.")
    detail: str = Field(
        description="Up to when it is predicted, or what is missing.",
        examples=["as of 2025-06-15T15:15:00.000Z, from redis"],
    )


class ReadyPayload(Payload):
    """Whether predictions can be served, and what is missing."""

    is_ready: bool = Field(description="Whether all checks are ok.")
    checks: list[CheckPayload]
    targets: list[ReadyTargetPayload] = Field(
        description="Every configured target. One that is served is enough to be ready."
    )


def iso(time_ms: int) -> str:
    """UTC milliseconds as ISO 8601.

    Example:
        >>> iso(0)
        '1970-01-01T00:00:00.000Z'
    """
    return (
        datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def is_simulated(*, source: str, instrument: str, kind: StreamKind) -> bool:
    """Whether prices are invented; any one sign of it is enough."""
    spec = SOURCES.get(source)
    return (
        kind is StreamKind.SIMULATION
        or parse_instrument(instrument).is_simulated
        or (spec is not None and spec.is_simulated)
    )


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
) -> LivePredictionPayload:
    """The newest prediction, as it is answered."""
    return LivePredictionPayload(
        **_prediction_fields(made, kind=kind),
        clock_ms=clock_ms,
        data_age_s=data_age_s,
        served_from=served_from,
        record=record,
    )


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
        "model_version": made.model_version,
        "model_hash": made.model_hash,
        "feature_spec_hash": made.feature_spec_hash,
        "features_as_of_ms": made.features_as_of_ms,
        "features_as_of": iso(made.features_as_of_ms),
        "event_time_ms": made.event_time_ms,
        "known_time_ms": made.known_time_ms,
        "known_time": iso(made.known_time_ms),
        "resolves_at_ms": made.resolves_at_ms,
        "resolves_at": iso(made.resolves_at_ms),
        "stream": made.stream,
        "stream_kind": kind,
        "source": made.source,
        "is_simulated": is_simulated(source=made.source, instrument=made.instrument, kind=kind),
    }


def evidence_payload(made: PredictionMade) -> EvidencePayload | None:
    """What is known of decisions as confident as this one; None where nothing is."""
    known = (made.evidence_target, made.evidence_coverage, made.evidence_n, made.evidence_accuracy)
    target, coverage, n, accuracy = known
    if target is None or coverage is None or n is None or accuracy is None:
        return None
    late = None
    if made.late_accuracy is not None:
        late = LateEvidencePayload(
            entered_after=made.interval,
            accuracy=made.late_accuracy,
            accuracy_low=made.late_low,
            accuracy_high=made.late_high,
        )
    return EvidencePayload(
        target_coverage=target,
        coverage=coverage,
        n=n,
        accuracy=accuracy,
        accuracy_low=made.evidence_low,
        accuracy_high=made.evidence_high,
        shows_edge=made.evidence_low is not None and made.evidence_low > COIN,
        one_bar_late=late,
        summary=_evidence_sentence(made),
    )


def _evidence_sentence(made: PredictionMade) -> str:
    is_all = made.evidence_target == 1
    which = (
        "On all out-of-sample decisions" if is_all else "On out-of-sample decisions as confident as this one"
    )
    aimed = "" if is_all else f" ({_percent(made.evidence_target)} aimed at)"
    right = _share(made.evidence_accuracy, made.evidence_low, made.evidence_high)
    late = _share(made.late_accuracy, made.late_low, made.late_high)
    behind = "" if made.late_accuracy is None else f"; one bar ({made.interval}) late {late}"
    edge = "" if made.evidence_low is not None and made.evidence_low > COIN else " No edge is shown."
    return (
        f"{which}: {right} of {made.evidence_n:,} right, coverage {_percent(made.evidence_coverage)}{aimed}, "
        f"entered at the close{behind}.{edge}"
    )


def _share(value: float | None, low: float | None, high: float | None) -> str:
    within = "" if low is None or high is None else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{_percent(value)}{within}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} %"


def past_prediction_payload(
    made: PredictionMade, resolved: OutcomeResolved | None, *, kind: StreamKind
) -> PastPredictionPayload:
    """A prediction with its outcome."""
    outcome = None
    if resolved is not None:
        outcome = OutcomePayload(
            outcome=resolved.outcome,
            is_hit=resolved.is_hit,
            final_price=resolved.final_price,
            resolved_at_ms=resolved.event_time_ms,
        )
    return PastPredictionPayload(**_prediction_fields(made, kind=kind), outcome=outcome)


def record_payload(
    *,
    n_predictions: int,
    n_hits: int,
    n_misses: int,
    n_ties: int,
    n_voids: int,
    n_pick_hits: int = 0,
    n_pick_misses: int = 0,
) -> RecordPayload:
    """A record with its accuracy and the Wilson interval of it.

    The interval takes judgements as independent, which those of overlapping horizons are not.
    """
    accuracy, low, high = _accuracy(n_hits, n_misses)
    pick_accuracy, pick_low, pick_high = _accuracy(n_pick_hits, n_pick_misses)
    return RecordPayload(
        n_predictions=n_predictions,
        n_hits=n_hits,
        n_misses=n_misses,
        n_ties=n_ties,
        n_voids=n_voids,
        accuracy=accuracy,
        accuracy_low=low,
        accuracy_high=high,
        n_pick_hits=n_pick_hits,
        n_pick_misses=n_pick_misses,
        pick_accuracy=pick_accuracy,
        pick_accuracy_low=pick_low,
        pick_accuracy_high=pick_high,
    )


def _accuracy(n_hits: int, n_misses: int) -> tuple[float, float, float] | tuple[None, None, None]:
    n = n_hits + n_misses
    return (n_hits / n, *wilson_interval(n_hits, n)) if n else (None, None, None)


def target_payload(promoted: ModelPromoted, *, is_default: bool) -> TargetPayload:
    """A target with its champion."""
    return TargetPayload(
        instrument=promoted.instrument,
        asset=parse_instrument(promoted.instrument).base,
        interval=promoted.interval,
        horizon=promoted.horizon,
        is_default=is_default,
        model_version=promoted.model_version,
        model_hash=promoted.model_hash,
        feature_spec_hash=promoted.feature_spec_hash,
        effective_from_ms=promoted.effective_from_ms,
        effective_from=iso(promoted.effective_from_ms),
    )


def waiting_payload(target: Target, *, is_default: bool) -> WaitingTargetPayload:
    """A target that has no model yet."""
    return WaitingTargetPayload(
        instrument=target.instrument,
        asset=parse_instrument(target.instrument).base,
        interval=Interval(target.interval),
        horizon=Interval(target.horizon),
        is_default=is_default,
    )


def features_payload(row: FeaturesComputed, *, kind: StreamKind, served_from: Store) -> FeaturesPayload:
    """A feature vector, as it is answered."""
    return FeaturesPayload(
        instrument=row.instrument,
        interval=row.interval,
        features_as_of_ms=row.event_time_ms,
        features_as_of=iso(row.event_time_ms),
        known_time_ms=row.known_time_ms,
        close=row.close,
        feature_spec_hash=row.feature_spec_hash,
        is_warm=row.is_warm,
        values=row.values,
        stream=row.stream,
        source=row.source,
        is_simulated=is_simulated(source=row.source, instrument=row.instrument, kind=kind),
        served_from=served_from,
    )


def bar_payload(bar: BarClosed) -> BarPayload:
    """A bar, as it is answered."""
    return BarPayload(
        start_ms=bar.start_ms,
        end_ms=bar.event_time_ms,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        n_trades=bar.n_trades,
    )
