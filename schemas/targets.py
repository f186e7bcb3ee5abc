"""What is predicted: the targets of a run, and the setting that lists them.

Three types, from the general to the particular, and no others of these meanings anywhere:

- :class:`TargetPair`, interval and horizon: what the settings list, for every instrument of a run.
- :class:`schemas.artifacts.ModelTarget`, with an instrument: what a model is trained for.
- :class:`Target`, with a stream and an arm too: what the predictions and outcomes of a run belong to.
"""

from typing import NamedTuple

from schemas.arms import CHAMPION
from schemas.time import Interval

#: The default of ``DRIFTLINE_TARGETS``. They are trained in this order, and the first is the default target.
DEFAULT_TARGETS = "15m:15m,1m:1m,1h:1h"
#: The default of ``DRIFTLINE_DEFAULT_TARGET``.
DEFAULT_TARGET = DEFAULT_TARGETS.partition(",")[0]


class TargetPair(NamedTuple):
    """From bars of which interval a prediction is made, and how far ahead it looks."""

    interval: Interval
    horizon: Interval

    def __str__(self) -> str:
        """Return the pair as it is written in settings, such as ``15m:1h``."""
        return f"{self.interval}:{self.horizon}"


class Target(NamedTuple):
    """What the predictions of one arm of a run are predictions of.

    Attributes:
        arm: The alias under which their versions were scored.
    """

    stream: str
    instrument: str
    interval: Interval
    horizon: Interval
    arm: str = CHAMPION

    @property
    def pair(self) -> TargetPair:
        """The interval and the horizon, without stream, instrument and arm."""
        return TargetPair(self.interval, self.horizon)


def parse_target(text: str) -> TargetPair:
    """The target that a setting or an option names.

    Raises:
        ValueError: If it does not look like ``15m:1h``, or names an unknown interval.

    Example:
        >>> str(parse_target(" 15m:1h"))
        '15m:1h'
    """
    interval, separator, horizon = (part.strip() for part in text.partition(":"))
    if separator and {interval, horizon} <= set(Interval):
        return TargetPair(Interval(interval), Interval(horizon))
    message = f"a target must look like 15m:1h (interval:horizon, of {', '.join(Interval)}), was {text!r}"
    raise ValueError(message)


def parse_targets(text: str) -> tuple[TargetPair, ...]:
    """The targets that a setting lists by commas, in its order; a repeated one counts once.

    Raises:
        ValueError: If one of them does not look like ``15m:1h``, or names an unknown interval.
    """
    return tuple(dict.fromkeys(parse_target(part) for part in text.split(",")))
