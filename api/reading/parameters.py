"""The parameters that several routes take: an instrument, an interval, a horizon, an arm, and their target."""

from typing import Annotated

from fastapi import Depends, Path, Query

from api.reading.targets import RequestedTarget, TargetsPart
from schemas.arms import ARM_FORM, CHAMPION
from schemas.time import Interval

NamePart = Annotated[
    str,
    Path(
        max_length=60,
        description="An instrument, or an asset, which stands for the first healthy instrument of its ranked list "
        "(`/v1/assets`).",
        examples=["BTC", "BTC-USDT.BINANCE"],
    ),
]
IntervalPart = Annotated[
    Interval | None,
    Query(description="The length of the bars. The default is the interval of the default target."),
]
HorizonPart = Annotated[
    Interval | None,
    Query(
        description="How far ahead is predicted. The default is the horizon of the default target for its interval, and "
        "one bar for other intervals."
    ),
]
ArmPart = Annotated[
    str,
    Query(
        pattern=ARM_FORM,
        description="The alias under which the versions are scored, such as `challenger` or `shadow`.",
        examples=["champion"],
    ),
]


def _requested_target(
    targets: TargetsPart,
    name: NamePart,
    interval: IntervalPart = None,
    horizon: HorizonPart = None,
    arm: ArmPart = CHAMPION,
) -> RequestedTarget:
    return targets.requested(name, interval, horizon, arm=arm)


TargetPart = Annotated[RequestedTarget, Depends(_requested_target)]
