"""Shows the progress of a job: as a bar on a terminal, otherwise as a log line every ten seconds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog

from schemas.time import Clock, text_of_time

log = structlog.get_logger()
_LINE_EVERY_S = 10.0
_BAR_EVERY_S = 0.2


class JobProgress(Protocol):
    """Receives the progress of a job."""

    def reached(self, event_time_ms: int, n_events: int) -> None:
        """Receive the progress. It is called after every event, so it must be cheap."""


class LineProgress:
    """Writes a log line every ten seconds."""

    def __init__(self, what: str, clock: Clock) -> None:
        self._what = what
        self._clock = clock
        self._next_s = clock.monotonic_s() + _LINE_EVERY_S

    def reached(self, event_time_ms: int, n_events: int) -> None:
        """Write a line if ten seconds have passed since the last one."""
        if self._clock.monotonic_s() >= self._next_s:
            self._next_s = self._clock.monotonic_s() + _LINE_EVERY_S
            log.info(self._what, stream_time=text_of_time(event_time_ms), n_events=n_events)


class _BarProgress:
    def __init__(self, bar: object, clock: Clock, from_ms: int) -> None:
        self._bar: object = bar
        self._clock = clock
        self._from_ms = from_ms
        self._next_s = 0.0

    def reached(self, event_time_ms: int, n_events: int) -> None:
        if self._clock.monotonic_s() >= self._next_s:
            self._next_s = self._clock.monotonic_s() + _BAR_EVERY_S
            update = getattr(self._bar, "update")  # noqa: B009  (rich is imported only on a terminal)
            update(0, completed=event_time_ms - self._from_ms, time=text_of_time(event_time_ms), n=n_events)


@contextmanager
def progress_of(what: str, clock: Clock, *, from_ms: int, until_ms: int | None) -> Iterator[JobProgress]:
    """Choose how to show the progress of a job.

    Args:
        what: A few words about the job.
        clock: The clock that decides when progress is shown.
        from_ms: The event time at which the job begins.
        until_ms: The event time at which it ends; None if it has no end.
    """
    if not sys.stderr.isatty() or until_ms is None:
        yield LineProgress(what, clock)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[time]}"),
        TextColumn("{task.fields[n]:,} events"),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True), transient=False) as bar:
        bar.add_task(what, total=max(1, until_ms - from_ms), time="", n=0)
        yield _BarProgress(bar, clock, from_ms)
