"""Shows how far a backfill is: bars on a terminal, otherwise a line every ten seconds."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Protocol

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from producers.jobs.backfilling.places import Place
from producers.jobs.backfilling.stretches import Stretch
from schemas.time import Clock

log = structlog.get_logger()
_LINE_EVERY_S = 10.0
#: A series that did not move for so long has no rate, so nobody knows how much time is left.
_STANDS_AFTER_S = 15.0


class Shown(Protocol):
    """Shows how far each series is. ``moved`` is called by the threads of the sources, and ``look`` by one thread."""

    def moved(self, place: Place, n_bars: int) -> None:
        """Receive the number of bars of a series that were dealt with."""

    def look(self) -> None:
        """Show what is due. It is called a few times a second."""


class Lines:
    """Writes a line for each series every ten seconds, with an estimate of the time that is left.

    Args:
        series: What is wanted.
        clock: The clock.
    """

    def __init__(self, series: Mapping[Place, Stretch], clock: Clock) -> None:
        self._wanted = {place: max(1, span.count(place.step_ms)) for place, span in series.items()}
        self._done = dict.fromkeys(series, 0)
        self._first: dict[Place, tuple[float, int]] = {}
        self._moved_s: dict[Place, float] = {}
        self._clock = clock
        self._next_s = clock.monotonic_s() + _LINE_EVERY_S
        self._lock = Lock()

    def moved(self, place: Place, n_bars: int) -> None:
        """Count bars; the first call says what was there before."""
        with self._lock:
            self._done[place] += n_bars
            self._moved_s[place] = self._clock.monotonic_s()
            self._first.setdefault(place, (self._moved_s[place], self._done[place]))

    def look(self) -> None:
        """Write the lines that are due."""
        for instrument, percent, left_s in self.due():
            log.info("backfill", instrument=instrument, percent=percent, seconds_left=left_s)

    def due(self) -> list[tuple[str, float, int | None]]:
        """Return the instruments that are not done, each with its percentage and the seconds that are left, every ten seconds."""
        now_s = self._clock.monotonic_s()
        if now_s < self._next_s:
            return []
        self._next_s = now_s + _LINE_EVERY_S
        with self._lock:
            return [
                self._line(place, now_s) for place in self._first if self._done[place] < self._wanted[place]
            ]

    def _line(self, place: Place, now_s: float) -> tuple[str, float, int | None]:
        began_s, n_before = self._first[place]
        done, wanted = self._done[place], self._wanted[place]
        is_standing = now_s - self._moved_s[place] > _STANDS_AFTER_S
        left_s = None if is_standing else left_of(done - n_before, wanted - done, now_s - began_s)
        return place.instrument, round(100 * done / wanted, 1), left_s


def left_of(n_done: int, n_left: int, seconds: float) -> int | None:
    """Return how many seconds are left at the rate so far; None while that is unknown.

    Args:
        n_done: How many bars were dealt with.
        n_left: How many are left.
        seconds: How long the former took.
    """
    return None if n_done <= 0 else round(seconds * n_left / n_done)


class _Bars:
    def __init__(self, bars: Progress, series: Mapping[Place, Stretch]) -> None:
        self._bars = bars
        self._tasks = {
            place: bars.add_task(place.instrument, total=max(1, span.count(place.step_ms)))
            for place, span in series.items()
        }

    def moved(self, place: Place, n_bars: int) -> None:
        self._bars.advance(self._tasks[place], n_bars)

    def look(self) -> None:
        """Nothing is due: rich draws by itself."""


@contextmanager
def shown(series: Mapping[Place, Stretch], clock: Clock) -> Iterator[Shown]:
    """Choose how to show the progress.

    Args:
        series: What is wanted.
        clock: The clock that decides when a line is due.
    """
    if not sys.stderr.isatty():
        yield Lines(series, clock)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield _Bars(bars, series)
