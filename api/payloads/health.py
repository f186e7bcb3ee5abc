"""The payloads of the routes for operation: whether the process is alive, and whether it is ready.

The payloads of readiness are dictionaries and no models. A run of thousands of instruments has as many targets, and to
build a model for each of them would take longer than the rest of the answer.
"""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from api.failures import FailedDecisions
from api.payloads.shared import Payload
from schemas.targets import Target
from schemas.time import Interval, text_of_time


class AlivePayload(Payload):
    """The answer of a process that is alive."""

    status: str = Field(examples=["alive"])


class CheckPayload(TypedDict):
    """States whether one condition of readiness holds."""

    name: Annotated[str, Field(examples=["redis"])]
    is_ok: bool
    detail: str


class ReadyTargetPayload(TypedDict):
    """States whether a configured target is served."""

    instrument: Annotated[str, Field(examples=["BTC-USDT.BINANCE"])]
    interval: Annotated[Interval, Field(examples=["15m"])]
    horizon: Annotated[Interval, Field(examples=["15m"])]
    is_default: Annotated[
        bool, Field(description="Whether a request that names neither interval nor horizon means it.")
    ]
    is_served: Annotated[bool, Field(description="Whether the target has a prediction.")]
    detail: Annotated[
        str,
        Field(
            description="States up to when the target is predicted, or what is missing.",
            examples=["as of 2025-06-15T15:15:00.000Z, from redis"],
        ),
    ]


class FailingArmPayload(TypedDict):
    """Describes an arm of a target whose versions could not decide some closes."""

    instrument: Annotated[str, Field(examples=["BTC-USDT.BINANCE"])]
    interval: Annotated[Interval, Field(examples=["15m"])]
    horizon: Annotated[Interval, Field(examples=["15m"])]
    arm: Annotated[str, Field(examples=["challenger"])]
    is_failing: Annotated[bool, Field(description="Whether the arm has made no prediction since then.")]
    n_failed: Annotated[int, Field(description="The number of closes that were not decided.", examples=[3])]
    failed_as_of_ms: Annotated[
        int, Field(description="The newest of these closes.", examples=[1_750_000_500_000])
    ]
    failed_as_of: Annotated[str, Field(examples=["2025-06-15T15:15:00.000Z"])]
    model_version: Annotated[str, Field(examples=["xgboost-btc-usdt.binance-15m-15m-9f2c4e1b"])]
    reason: Annotated[str, Field(description="The error at the newest of these closes.")]


class ReadyPayload(TypedDict):
    """States whether predictions can be served, and what is missing."""

    is_ready: Annotated[bool, Field(description="Whether all checks succeeded.")]
    checks: list[CheckPayload]
    targets: Annotated[
        list[ReadyTargetPayload],
        Field(description="Every configured target. The API is ready when one of them is served."),
    ]
    failing: Annotated[
        list[FailingArmPayload],
        Field(description="The arms that could not decide some closes. All other arms go on."),
    ]


def failing_arm_payload(
    target: Target, failures: FailedDecisions, *, newest_made_ms: int | None
) -> FailingArmPayload:
    """Return the answer for an arm with failed decisions.

    Args:
        target: The target of the arm.
        failures: Its failed decisions.
        newest_made_ms: The as-of time of the newest prediction of the arm; None if there is none.
    """
    return FailingArmPayload(
        instrument=target.instrument,
        interval=target.interval,
        horizon=target.horizon,
        arm=target.arm,
        is_failing=newest_made_ms is None or newest_made_ms <= failures.as_of_ms,
        n_failed=failures.n_failed,
        failed_as_of_ms=failures.as_of_ms,
        failed_as_of=text_of_time(failures.as_of_ms, "iso"),
        model_version=failures.model_version,
        reason=failures.reason,
    )
