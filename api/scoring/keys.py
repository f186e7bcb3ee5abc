"""Converts series of rows and targets into the keys of the scoring state, and back.

Pure. This module is separate because every part of the state is kept under such a key.
"""

from typing import Any

from api.scoring.rows import RowForm, SeriesKey
from schemas.arms import CHAMPION
from schemas.targets import Target
from schemas.time import Interval

#: The order in which entries are restored. Entries that others refer to come first.
_KINDS = ("version", "names", "series", "row", "target", "promotion", "record", "marks", "last")


def restore_order(entry: tuple[tuple[Any, ...], bytes]) -> tuple[int, tuple[Any, ...]]:
    """Return the place of an entry in the order in which entries are restored.

    Raises:
        ValueError: If the entry is not one of the scoring state.
    """
    key, _ = entry
    return _KINDS.index(key[0]), key[1:]


def series_parts(key: SeriesKey) -> tuple[str, str, str]:
    """Return the part of a key that names a series."""
    return key.stream, key.instrument, str(key.interval)


def rows_parts(key: SeriesKey, form: RowForm) -> tuple[str, str, str, str]:
    """Return the part of a key that names the rows of one form of a series."""
    return (*series_parts(key), str(form))


def target_parts(target: Target) -> tuple[str, str, str, str, str]:
    """Return the part of a key that names a target."""
    return target.stream, target.instrument, str(target.interval), str(target.horizon), target.arm


def series_key(stream: str, rest: list[Any]) -> SeriesKey:
    """Return the series that a key of the state names."""
    return SeriesKey(stream=stream, instrument=rest[0], interval=Interval(rest[1]))


def target_key(stream: str, rest: list[Any]) -> Target:
    """Return the target that a key of the state names."""
    return target_of(series_key(stream, rest), Interval(rest[2]), rest[3])


def target_of(series: SeriesKey, horizon: Interval, arm: str) -> Target:
    """Return the target of a series, a horizon and an arm.

    Args:
        series: The series whose rows are predicted.
        horizon: How far ahead is predicted.
        arm: The alias of the versions.
    """
    return Target(series.stream, series.instrument, series.interval, horizon, arm)


def series_of(target: Target) -> SeriesKey:
    """Return the series whose rows are predicted for a target."""
    return SeriesKey(stream=target.stream, instrument=target.instrument, interval=target.interval)


def place_of(target: Target) -> tuple[str, bool, str]:
    """Return the place of a target among those of its series: by horizon, and the champion first of each horizon."""
    return str(target.horizon), target.arm != CHAMPION, target.arm
