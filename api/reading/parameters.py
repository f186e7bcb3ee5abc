"""The parameters that several routes take: an instrument, an interval, a horizon, an arm, and the target of all four."""

from typing import Annotated

from fastapi import Depends, Path, Query

from api.reading.targets import TargetsPart
from schemas.arms import ARM_FORM, CHAMPION
from schemas.targets import Target
from schemas.time import Interval

NamePart = Annotated[
    str,
    Path(
        max_length=60,
        description="An instrument, or an asset, which stands for its reference instrument.",
        examples=["BTC", "BTC-USDT.BINANCE"],
    ),
]
IntervalPart = Annotated[
    Interval | None, Query(description="The bars that are looked at; by default those of the default target.")
]
HorizonPart = Annotated[
    Interval | None,
    Query(description="How far ahead; by default the default target's for its interval, else one bar."),
]
ArmPart = Annotated[
    str,
    Query(
        pattern=ARM_FORM,
        description="Whose: the alias under which versions are scored, such as `challenger` or `shadow`.",
        examples=["champion"],
    ),
]


def _requested_target(
    targets: TargetsPart,
    name: NamePart,
    interval: IntervalPart = None,
    horizon: HorizonPart = None,
    arm: ArmPart = CHAMPION,
) -> Target:
    return targets.requested(name, interval, horizon, arm=arm)


TargetPart = Annotated[Target, Depends(_requested_target)]
