"""The payloads of the routes that tell how the process is: alive, and ready or not."""

from pydantic import Field

from api.payloads.shared import Payload
from schemas.time import Interval


class AlivePayload(Payload):
    """The answer of a process that lives."""

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
