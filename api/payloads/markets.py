"""The payloads of the market routes: features and bars."""

from pydantic import Field

from api.payloads.shared import AnsweredPayload, Payload, Store, fallback_fields, is_simulated
from schemas.assets import Answering
from schemas.events import BarClosed, FeaturesComputed
from schemas.streams import StreamKind
from schemas.time import Interval, text_of_time


class FeaturesPayload(AnsweredPayload):
    """The newest features of an instrument and interval."""

    instrument: str
    interval: Interval
    features_as_of_ms: int
    features_as_of: str
    known_time_ms: int
    close: float
    feature_spec_hash: str
    is_warm: bool = Field(
        description="Whether every feature that is not optional was computed from as many bars as it needs."
    )
    values: dict[str, float | None] = Field(examples=[{"log_return_1": -0.00041, "z_score_60": 1.2}])
    stream: str
    source: str
    is_simulated: bool
    served_from: Store


class BarPayload(Payload):
    """One bar, which covers `[start_ms, end_ms)`."""

    start_ms: int
    end_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float = Field(description="In base units.")
    n_trades: int | None = Field(description="Null if the candle of the venue does not state it.")


class BarsPayload(AnsweredPayload):
    """The newest bars, oldest first."""

    instrument: str
    interval: Interval
    stream: str
    source: str | None
    is_simulated: bool
    bars: list[BarPayload]


def features_payload(
    row: FeaturesComputed, *, answering: Answering, kind: StreamKind, served_from: Store
) -> FeaturesPayload:
    """Return the answer for a feature vector.

    Args:
        row: The feature vector.
        answering: How its instrument was chosen.
        kind: The kind of its run.
        served_from: The store that it was read from.
    """
    return FeaturesPayload(
        instrument=row.instrument,
        interval=row.interval,
        features_as_of_ms=row.event_time_ms,
        features_as_of=text_of_time(row.event_time_ms, "iso"),
        known_time_ms=row.known_time_ms,
        close=row.close,
        feature_spec_hash=row.feature_spec_hash,
        is_warm=row.is_warm,
        values=row.values,
        stream=row.stream,
        source=row.source,
        is_simulated=is_simulated(source=row.source, instrument=row.instrument, kind=kind),
        served_from=served_from,
        **fallback_fields(answering),
    )


def bar_payload(bar: BarClosed) -> BarPayload:
    """Return the answer for a bar."""
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
