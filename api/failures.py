"""The form in which the scoring job tells the API which decisions failed: a hash for each run in Redis.

The hash has a field for each target. Pure. This module is separate because the job and the API share this form, and
neither imports the other.
"""

from collections.abc import Mapping

import msgspec

from schemas.targets import Target
from schemas.time import Interval

_SEPARATOR = ":"


class FailedDecisions(msgspec.Struct, frozen=True, kw_only=True):
    """Describes the rows that the versions of a target could not decide.

    Attributes:
        n_failed: The number of these rows.
        as_of_ms: The as-of time of the newest of them.
        model_version: The version that could not decide it.
        reason: Why the version could not decide it.
    """

    n_failed: int
    as_of_ms: int
    model_version: str
    reason: str


def failure_field(target: Target) -> str:
    """Return the field of a target."""
    return _SEPARATOR.join((target.instrument, target.interval, target.horizon, target.arm))


def failures_of(stream: str, fields: Mapping[str, bytes]) -> dict[Target, FailedDecisions]:
    """Return the failed decisions of a run by target, sorted."""
    return {
        _target(stream, field): msgspec.json.decode(fields[field], type=FailedDecisions)
        for field in sorted(fields)
    }


def _target(stream: str, field: str) -> Target:
    instrument, interval, horizon, arm = field.split(_SEPARATOR)
    return Target(stream, instrument, Interval(interval), Interval(horizon), arm)
