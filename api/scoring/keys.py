"""The keys of scoring's state: series of rows, and targets, as tuples of text and back.

Pure. Stands apart because every part of the state is kept under one of them.
"""

from typing import Any

from api.scoring.rows import Form, SeriesKey
from schemas.arms import CHAMPION
from schemas.targets import Target
from schemas.time import Interval

#: In which order entries are restored: what others build on comes first.
_KINDS = ("version", "names", "series", "row", "target", "promotion", "record", "marks", "last")


def restore_order(entry: tuple[tuple[Any, ...], bytes]) -> tuple[int, tuple[Any, ...]]:
    """Sorts the entries of a state by the order in which they are restored.

    Raises:
        ValueError: If the entry is none of scoring's.
    """
    key, _ = entry
    return _KINDS.index(key[0]), key[1:]


def series_parts(key: SeriesKey) -> tuple[str, str, str]:
    """A series as it stands in keys of the state."""
    return key.stream, key.instrument, str(key.interval)


def rows_parts(key: SeriesKey, form: Form) -> tuple[str, str, str, str]:
    """The rows of one form of a series as they stand in keys of the state."""
    return (*series_parts(key), str(form))


def target_parts(target: Target) -> tuple[str, str, str, str, str]:
    """A target as it stands in keys of the state."""
    return target.stream, target.instrument, str(target.interval), str(target.horizon), target.arm


def series_key(stream: str, rest: list[Any]) -> SeriesKey:
    """The series that a key of the state names."""
    return SeriesKey(stream=stream, instrument=rest[0], interval=Interval(rest[1]))


def target_key(stream: str, rest: list[Any]) -> Target:
    """The target that a key of the state names."""
    return target_of(series_key(stream, rest), Interval(rest[2]), rest[3])


def target_of(series: SeriesKey, horizon: Interval, arm: str) -> Target:
    """Return the target of a series, a horizon and an arm.

    Args:
        series: Whose rows are predicted.
        horizon: How far ahead.
        arm: The alias of the versions.
    """
    return Target(series.stream, series.instrument, series.interval, horizon, arm)


def series_of(target: Target) -> SeriesKey:
    """The series whose rows are predicted for a target."""
    return SeriesKey(stream=target.stream, instrument=target.instrument, interval=target.interval)


def place_of(target: Target) -> tuple[str, bool, str]:
    """The place of a target among those of its series: by horizon, the champion first of each."""
    return str(target.horizon), target.arm != CHAMPION, target.arm
