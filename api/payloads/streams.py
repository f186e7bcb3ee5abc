"""The payloads of the routes about a run: its description, its phase, and its targets."""

from enum import StrEnum

from pydantic import Field

from api.payloads.shared import EXAMPLE_HASH, Payload
from schemas.events import ModelPromoted
from schemas.instruments import parse_instrument
from schemas.streams import StreamKind
from schemas.targets import Target
from schemas.time import Interval, text_of_time


class Phase(StrEnum):
    """The phase of a run, by its own clock."""

    STARTING = "starting"
    WARMING_UP = "warming_up"
    RUNNING = "running"
    STALLED = "stalled"
    FINISHED = "finished"


class StreamPayload(Payload):
    """Describes a run of data and its phase."""

    stream: str = Field(examples=["replay-1f0c6a77b2de"])
    kind: StreamKind = Field(examples=["replay"])
    title: str = Field(examples=["btcusdt_binance_spot_1m_segments.parquet, 2025-06-01 to 2025-07-01"])
    source: str = Field(examples=["binance"])
    is_simulated: bool
    instruments: list[str] = Field(examples=[["BTC-USDT.BINANCE"]])
    origin_ms: int
    warm_up_until_ms: int = Field(
        description="Up to this time the run was published at full speed, and models were trained on it."
    )
    end_ms: int | None = Field(description="Null if the run has no end.")
    speed: float = Field(description="In multiples of real time; 0 is as fast as possible.", examples=[60.0])
    parameters: dict[str, str | int | float | None]
    clock_ms: int | None = Field(description="The time of the stream, which is its newest watermark.")
    clock: str | None
    clock_unchanged_s: float = Field(description="For how long this server has seen the clock stand still.")
    phase: Phase = Field(examples=["running"])


class _NamedTarget(Payload):
    instrument: str = Field(examples=["BTC-USDT.BINANCE"])
    asset: str = Field(examples=["BTC"])
    interval: Interval = Field(examples=["15m"])
    horizon: Interval = Field(examples=["15m"])
    is_default: bool = Field(
        description="Whether a request that names neither interval nor horizon means this target."
    )


class TargetPayload(_NamedTarget):
    """Describes a target that is served, and its version of the arm that was asked for."""

    arm: str = Field(description="The alias that the version was promoted to.", examples=["champion"])
    model_version: str = Field(examples=["xgboost-btc-usdt.binance-15m-15m-9f2c4e1b"])
    model_hash: str = Field(examples=[EXAMPLE_HASH])
    feature_spec_hash: str = Field(examples=[EXAMPLE_HASH[::-1]])
    effective_from_ms: int = Field(
        description="From when on the version predicts, in the stream's time.", examples=[1_749_800_000_000]
    )
    effective_from: str = Field(examples=["2025-06-13T07:33:20.000Z"])
    leak_alarm: str | None = Field(
        description="If the accuracy of the version is so high that a leak had to be ruled out: the figures, and "
        "who confirmed that there is none. Null where its leak alarm does not ring.",
    )


class WaitingTargetPayload(_NamedTarget):
    """Describes a target that is configured and has no model yet."""

    reason: str | None = Field(
        description="Why a version that was trained is not promoted, and the command that promotes it; null "
        "where none is trained yet.",
    )


class TargetsPayload(Payload):
    """Lists all targets of a run, the default one first."""

    stream: str
    targets: list[TargetPayload] = Field(
        description="The targets that have a model. Ask for one with `interval` and `horizon`."
    )
    waiting: list[WaitingTargetPayload] = Field(
        description="The configured targets without a model. Either the training goes on, or the run's history up to "
        "`warm_up_until_ms` holds too few labelled bars, and then no model will be trained."
    )


def target_payload(promoted: ModelPromoted, *, is_default: bool, leak_alarm: str | None) -> TargetPayload:
    """Return the answer for a target with the version of an arm.

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
    """Return the answer for a target that has no model yet.

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
