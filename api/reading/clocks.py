"""Reads the clock of the run: data of a live run and of a mirror are judged by the wall clock, a replay has its own."""

import threading
from typing import Annotated

import structlog
from fastapi import Depends

from api.reading.guarded import GuardedHistory, GuardedViews
from api.reading.parts import part
from api.reading.phases import ClockWatcher, ObservedClock
from api.reading.runs import RunReader
from schemas.errors import StoreUnavailableError
from schemas.time import Clock
from schemas.topics import FEATURES_MARKET
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.redis import clock_key

_log = structlog.get_logger(__name__)


class RunClock:
    """Reads the time that the run has reached, and how old data are by it.

    Args:
        views: The views in Redis.
        history: The history in Postgres.
        run: The run that is served.
        clock: The clock of this machine.
    """

    def __init__(self, views: GuardedViews, history: GuardedHistory, *, run: RunReader, clock: Clock) -> None:
        self._views = views
        self._history = history
        self._streams = StoredStreams(history.pool)
        self._run = run
        self._clock = clock
        self._watcher = ClockWatcher()
        self._watching = threading.Lock()

    def clock_ms(self) -> int | None:
        """Return the time of the stream, which is its newest watermark; None before the first one.

        Raises:
            StoreUnavailableError: If neither store answers.
        """
        try:
            body = self._views.read(clock_key(self._run.stream))
            if body is not None:
                return int(body)
        except (StoreUnavailableError, ValueError) as error:
            _log.debug("clock is read from Postgres", reason=str(error))
        with self._history.asked():
            return self._streams.watermark_ms(self._run.stream, FEATURES_MARKET.name)

    def now_ms(self) -> int | None:
        """Return the current time of the clock that judges the age of the data; None if it is not known."""
        if self._run.kind().runs_by_wall_clock:
            return self._clock.now_ms()
        try:
            return self.clock_ms()
        except StoreUnavailableError:
            return None

    def observed(self) -> ObservedClock:
        """Read the clock of the run, and for how long it has shown that time."""
        clock_ms = self.clock_ms()
        with self._watching:
            return self._watcher.saw(clock_ms, at_s=self._clock.monotonic_s())


def data_age_s(as_of_ms: int, now_ms: int | None) -> float | None:
    """Return the time from an as-of time to now, never negative; None if the current time is not known."""
    return None if now_ms is None else max(0, now_ms - as_of_ms) / 1000


ClockPart = Annotated[RunClock, Depends(part(RunClock))]
