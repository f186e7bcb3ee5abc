"""The payloads of the routes that tell how the process is: alive, and ready or not.

Those of readiness are dictionaries and not models: a run of thousands of instruments has as many targets, and their
models would take longer than everything else of the answer.
"""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from api.failures import FailedDecisions
from api.payloads.shared import Payload
from schemas.targets import Target
from schemas.time import Interval, text_of_time


class AlivePayload(Payload):
    """The answer of a process that lives."""

    status: str = Field(examples=["alive"])


class CheckPayload(TypedDict):
    """One thing that readiness needs."""

    name: Annotated[str, Field(examples=["redis"])]
    is_ok: bool
    detail: str


class ReadyTargetPayload(TypedDict):
    """Whether one configured kind of prediction is served."""

    instrument: Annotated[str, Field(examples=["BTC-USDT.BINANCE"])]
    interval: Annotated[Interval, Field(examples=["15m"])]
    horizon: Annotated[Interval, Field(examples=["15m"])]
    is_default: Annotated[bool, Field(description="Whether it is meant when a request names neither.")]
    is_served: Annotated[bool, Field(description="Whether there is a prediction of it.")]
    detail: Annotated[
        str,
        Field(
            description="Up to when it is predicted, or what is missing.",
            examples=["as of 2025-06-15T15:15:00.000Z, from redis"],
        ),
    ]


class FailingArmPayload(TypedDict):
    """An arm of a target whose versions could not decide some closes."""

    instrument: Annotated[str, Field(examples=["BTC-USDT.BINANCE"])]
    interval: Annotated[Interval, Field(examples=["15m"])]
    horizon: Annotated[Interval, Field(examples=["15m"])]
    arm: Annotated[str, Field(examples=["challenger"])]
    is_failing: Annotated[bool, Field(description="Whether it has made no prediction since.")]
    n_failed: Annotated[int, Field(description="Closes without a prediction for this reason.", examples=[3])]
    failed_as_of_ms: Annotated[int, Field(description="The newest such close.", examples=[1_750_000_500_000])]
    failed_as_of: Annotated[str, Field(examples=["2025-06-15T15:15:00.000Z"])]
    model_version: Annotated[str, Field(examples=["xgboost-btc-usdt.binance-15m-15m-9f2c4e1b"])]
    reason: Annotated[str, Field(description="The error of the newest one.")]


class ReadyPayload(TypedDict):
    """Whether predictions can be served, and what is missing."""

    is_ready: Annotated[bool, Field(description="Whether all checks are ok.")]
    checks: list[CheckPayload]
    targets: Annotated[
        list[ReadyTargetPayload],
        Field(description="Every configured target. One that is served is enough to be ready."),
    ]
    failing: Annotated[
        list[FailingArmPayload],
        Field(
            description="The arms that could not decide some closes. The other arms, the champion among them, go on."
        ),
    ]


def failing_arm_payload(
    target: Target, failures: FailedDecisions, *, newest_made_ms: int | None
) -> FailingArmPayload:
    """Return the failed decisions of an arm, as they are answered.

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
