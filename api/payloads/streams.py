"""The payloads of the routes about a run: what it is, how it stands, what is predicted of it."""

from enum import StrEnum

from pydantic import Field

from api.payloads.shared import EXAMPLE_HASH, Payload
from schemas.events import ModelPromoted
from schemas.instruments import parse_instrument
from schemas.streams import StreamKind
from schemas.targets import Target
from schemas.time import Interval, text_of_time


class Phase(StrEnum):
    """How a run stands, by its own clock."""

    STARTING = "starting"
    WARMING_UP = "warming_up"
    RUNNING = "running"
    STALLED = "stalled"
    FINISHED = "finished"


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


class _NamedTarget(Payload):
    instrument: str = Field(examples=["BTC-USDT.BINANCE"])
    asset: str = Field(examples=["BTC"])
    interval: Interval = Field(examples=["15m"])
    horizon: Interval = Field(examples=["15m"])
    is_default: bool = Field(description="Whether it is meant when a request names neither.")


class TargetPayload(_NamedTarget):
    """One kind of prediction that is served, and the version of the arm that was asked for."""

    arm: str = Field(description="The alias that the version was promoted to.", examples=["champion"])
    model_version: str = Field(examples=["xgboost-btc-usdt.binance-15m-15m-9f2c4e1b"])
    model_hash: str = Field(examples=[EXAMPLE_HASH])
    feature_spec_hash: str = Field(examples=[EXAMPLE_HASH[::-1]])
    effective_from_ms: int = Field(
        description="Since when it predicts, in the stream's time.", examples=[1_749_800_000_000]
    )
    effective_from: str = Field(examples=["2025-06-13T07:33:20.000Z"])
    leak_alarm: str | None = Field(
        description="If the accuracy of the version is so high that a leak had to be ruled out: the figures, and "
        "who confirmed that there is none. Null where its leak alarm does not ring.",
    )


class WaitingTargetPayload(_NamedTarget):
    """One kind of prediction that is configured and has no model yet."""

    reason: str | None = Field(
        description="Why a version that was trained is not promoted, and the command that promotes it; null "
        "where none is trained yet.",
    )


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


def target_payload(promoted: ModelPromoted, *, is_default: bool, leak_alarm: str | None) -> TargetPayload:
    """A target with the version of an arm.

    Args:
        promoted: The promotion of the version.
        is_default: Whether the target is meant when a request names none.
        leak_alarm: What is to be known of the version's leak alarm; None where it does not ring.
    """
    return TargetPayload(
        instrument=promoted.instrument,
        asset=parse_instrument(promoted.instrument).base,
        interval=promoted.interval,
        horizon=promoted.horizon,
        is_default=is_default,
        arm=promoted.alias,
        model_version=promoted.model_version,
        model_hash=promoted.model_hash,
        feature_spec_hash=promoted.feature_spec_hash,
        effective_from_ms=promoted.effective_from_ms,
        effective_from=text_of_time(promoted.effective_from_ms, "iso"),
        leak_alarm=leak_alarm,
    )


def waiting_payload(target: Target, *, is_default: bool, reason: str | None) -> WaitingTargetPayload:
    """A target that has no model yet.

    Args:
        target: The target.
        is_default: Whether it is meant when a request names none.
        reason: Why the version that was trained for it is not promoted; None where there is no such version.
    """
    return WaitingTargetPayload(
        instrument=target.instrument,
        asset=parse_instrument(target.instrument).base,
        interval=target.interval,
        horizon=target.horizon,
        is_default=is_default,
        reason=reason,
    )
