"""Refit schedules: when a model would have been fitted anew, had it run live."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from schemas.errors import NotReadyError
from schemas.features import FeatureTable
from schemas.time import Interval
from trainers.backtesting.decisions import Served
from trainers.datasets.samples import Samples, labelled_samples

#: Fits a model on samples; its name for people says when.
Fit = Callable[[Samples, int], Served]


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


def refitted(
    table: FeatureTable,
    *,
    interval: Interval,
    horizon: Interval,
    times_ms: list[int],
    fit: Fit,
    minimum_rows: int,
    progress: Callable[[float], None] = lambda _share: None,
) -> list[Served]:
    """A model per time, each fitted on what was known by then and on nothing else.

    Args:
        table: With the past from which the first fit learns.
        interval: Of the table.
        horizon: How far ahead.
        times_ms: When; a model predicts from its time on.
        fit: Handed the samples and the time.
        minimum_rows: Labelled rows without ties below which nothing is fitted.
        progress: Told the share that is done.

    Raises:
        NotReadyError: If there is too little before the first time.
    """
    served = []
    for number, time_ms in enumerate(times_ms, start=1):
        samples = labelled_samples(table, interval=interval, horizon=horizon, known_by_ms=time_ms)
        n_decided = int((~samples.is_tie).sum())
        if n_decided < minimum_rows:
            when = datetime.fromtimestamp(time_ms / 1000, tz=UTC)
            message = (
                f"refitting at {when:%Y-%m-%d %H:%M} needs {minimum_rows} labelled rows before it, has {n_decided}: "
                "give data that begin earlier, or a later --from"
            )
            raise NotReadyError(message)
        served.append(fit(samples, time_ms))
        progress(number / len(times_ms))
    return served
