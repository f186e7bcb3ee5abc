"""Refit schedules: when a model would have been fitted anew, had it run live."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Refit(StrEnum):
    """How often."""

    NEVER = "never"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


_MONTHS = {Refit.MONTHLY: 1, Refit.QUARTERLY: 3, Refit.YEARLY: 12}


def refit_times(from_ms: int, to_ms: int, refit: Refit) -> list[int]:
    """The first fit at ``from_ms``, then at each beginning of a week, month, quarter or year, UTC.

    Raises:
        ValueError: If it is never.
    """
    if refit is Refit.NEVER:
        message = "a schedule of refits needs a rhythm, was never"
        raise ValueError(message)
    times = [from_ms]
    while (following := _next_boundary(times[-1], refit)) < to_ms:
        times.append(following)
    return times


def _next_boundary(time_ms: int, refit: Refit) -> int:
    day = datetime.fromtimestamp(time_ms / 1000, tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if refit is Refit.WEEKLY:
        return _ms(day + timedelta(days=7 - day.weekday()))
    months = _MONTHS[refit]
    ahead = day.year * 12 + (day.month - 1) // months * months + months
    return _ms(datetime(ahead // 12, ahead % 12 + 1, 1, tzinfo=UTC))


def _ms(time: datetime) -> int:
    return int(time.timestamp()) * 1000
