"""Asks for what no socket sends of perpetual futures: open interest each minute, and settled fundings each hour.

It stands apart with a thread of its own, so that a slow answer does not keep the sockets waiting.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog

from producers.jobs.recording.kinds import row_of_fact
from producers.jobs.recording.recorders import FileRecorder
from producers.normalise.observations import PerpetualFact
from schemas.errors import ContractError, SourceUnavailableError
from schemas.time import Clock

log = structlog.get_logger()

_DAY_MS = 86_400_000
#: The venue hands out 1,000 fundings at once, and there are three a day.
_LONGEST_HISTORY_MS = 330 * _DAY_MS


class PolledVenue(Protocol):
    """A venue of perpetual futures, as far as it is asked regularly."""

    name: str
    instruments: tuple[str, ...]

    def open_interest(self, instruments: Sequence[str]) -> Sequence[tuple[str, PerpetualFact]]:
        """Return what is open."""

    def fundings(self, instrument: str, from_ms: int) -> Sequence[tuple[str, PerpetualFact]]:
        """Return the fundings that were settled from a time on, oldest first."""


class PerpetualPolling:
    """Asks one venue.

    Args:
        venue: The venue.
        clock: The clock.
        recorder: Gets what is recorded.
        newest_funding_ms: By instrument, the time of the newest recorded funding.
        open_interest_s: How often open interest is asked for.
        fundings_s: How often fundings are asked for.
    """

    def __init__(
        self,
        venue: PolledVenue,
        clock: Clock,
        *,
        recorder: FileRecorder,
        newest_funding_ms: Mapping[str, int],
        open_interest_s: float = 60.0,
        fundings_s: float = 3600.0,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._recorder = recorder
        self._newest_ms = dict(newest_funding_ms)
        self._every_s = {self._ask_open_interest: open_interest_s, self._ask_fundings: fundings_s}
        self._due_s = dict.fromkeys(self._every_s, clock.monotonic_s())
        self._is_stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to ask from a thread."""
        self._thread = threading.Thread(target=self._run, name="poll-perpetuals", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_stopped.wait(min(1.0, *self._every_s.values())):
            self.step()

    def close(self) -> None:
        """Ask for nothing more; an answer that is waited for is not recorded any more after some seconds."""
        self._is_stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def step(self) -> None:
        """Ask for what is due."""
        for ask, every_s in self._every_s.items():
            if self._clock.monotonic_s() >= self._due_s[ask]:
                self._due_s[ask] = self._clock.monotonic_s() + every_s
                self._asked(ask)

    def _asked(self, ask: Callable[[], None]) -> None:
        try:
            ask()
        except (SourceUnavailableError, ContractError) as error:
            log.info(
                "a venue does not say what it was asked", source=self._venue.name, reason=str(error)[:300]
            )

    def _ask_open_interest(self) -> None:
        for instrument, fact in self._venue.open_interest(self._venue.instruments):
            self._record(instrument, fact)

    def _ask_fundings(self) -> None:
        for instrument in self._venue.instruments:
            known_ms = self._newest_ms.get(instrument, self._clock.now_ms() - _LONGEST_HISTORY_MS)
            for name, fact in self._venue.fundings(instrument, known_ms + 1):
                if fact.time_ms > known_ms:
                    self._record(name, fact)
                    self._newest_ms[name] = max(fact.time_ms, self._newest_ms.get(name, 0))

    def _record(self, instrument: str, fact: PerpetualFact) -> None:
        now_ms = self._clock.now_ms()
        kind, row = row_of_fact(instrument, fact, source=self._venue.name, received_ms=now_ms)
        self._recorder.add(kind, row)
