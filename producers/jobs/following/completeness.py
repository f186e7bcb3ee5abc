"""How far a source is complete, by what its connections brought and what the venue showed of its own time."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from producers.jobs.following.lines import Line
from producers.jobs.following.shown_times import QUIET_MS


class Completeness(NamedTuple):
    """How far a source is complete if nothing is missing and nothing is left to read.

    Attributes:
        until_ms: The event time before which it is complete; None while the venue has shown no time.
        known_ms: When that was known.
        quiet: The connections over which nothing has shown the time of the venue for a while.
    """

    until_ms: int | None
    known_ms: int
    quiet: list[Line]


def completeness(lines: Sequence[Line], lead_ms: int) -> Completeness | None:
    """Return how far a source is complete; None while a connection is still being caught up.

    Args:
        lines: All connections of the source.
        lead_ms: The least by which the time of a trade is ahead of its receipt.
    """
    known_ms = _earliest(line.received_ms if line.is_caught_up else line.polled_ms for line in lines)
    if known_ms is None:
        return None
    expected_ms = known_ms + lead_ms
    shown_ms = _earliest(line.shown.time_ms for line in lines)
    return Completeness(
        None if shown_ms is None else min(expected_ms, shown_ms),
        known_ms,
        [line for line in lines if expected_ms - (line.shown.time_ms or 0) > QUIET_MS],
    )


def _earliest(times: Iterable[int | None]) -> int | None:
    """The earliest of several times; None if one of them is not known."""
    found = list(times)
    known = [time_ms for time_ms in found if time_ms is not None]
    return min(known) if known and len(known) == len(found) else None
