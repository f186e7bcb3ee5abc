"""The targets of a run, which are what is predicted, and the setting that lists them.

There are three types, from the general to the particular:

- :class:`TargetPair` has an interval and a horizon. The settings list these pairs for every instrument of a run.
- :class:`schemas.artifacts.ModelTarget` has an instrument, too. A model is trained for it.
- :class:`Target` has a stream and an arm, too. The predictions and outcomes of a run belong to it.
"""

from typing import NamedTuple

from schemas.arms import CHAMPION
from schemas.time import Interval

#: The default of ``DRIFTLINE_TARGETS``. They are trained in this order, and the first is the default target.
DEFAULT_TARGETS = "15m:15m,1m:1m,1h:1h"


class TargetPair(NamedTuple):
    """The interval of the bars from which a prediction is made, and its horizon."""

    interval: Interval
    horizon: Interval

    def __str__(self) -> str:
        """Return the pair as it is written in settings, such as ``15m:1h``."""
        return f"{self.interval}:{self.horizon}"


class Target(NamedTuple):
    """The target of the predictions of one arm of a run.

    Attributes:
        arm: The alias under which the versions were scored.
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
    """Parse the target that a setting or an option names.

    Raises:
        ValueError: If the text does not look like ``15m:1h``, or names an unknown interval.

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
    """Parse the targets that a setting lists, separated by commas, in its order; a repeated target counts once.

    Raises:
        ValueError: If one of the targets does not look like ``15m:1h``, or names an unknown interval.
    """
    return tuple(dict.fromkeys(parse_target(part) for part in text.split(",")))
