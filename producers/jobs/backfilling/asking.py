"""Asks a venue for one stretch, page by page. Whatever the venue does, every bar of the stretch is stored or named."""

from collections.abc import Sequence

import numpy as np
import structlog

from producers.jobs.backfilling.accounts import RECENT_MS, UNREADABLE, Answer
from producers.jobs.backfilling.judging import Judged, judged
from producers.jobs.backfilling.series import Series
from producers.jobs.backfilling.stretches import Stretch
from producers.normalise.observations import VenueCandle
from producers.sources.fetching import SourceBusyError, SourceRefusedError
from schemas.errors import ContractError, SourceUnavailableError
from schemas.time import text_of_time

log = structlog.get_logger()

#: So many bars are left out after a page that failed, and after so many such pages in a row the venue is given up.
_BARS_OF_FAILED_PAGE = 300
_MOST_FAILURES = 3
#: So many stored candles before a page help to say which of its prices are far from the others.
_BARS_BEFORE = 300
#: A source may ask us to wait for so long between two pages.
_LONGEST_WAIT_S = 180.0
_SHORTEST_WAIT_S = 1.0
#: A longer wait is said, because nothing moves meanwhile.
_WAIT_TO_SAY_S = 10.0
#: The reach of a venue moves while we ask.
_BARS_BESIDE_REACH = 2


def ask(series: Series, stretch: Stretch) -> str | None:
    """Ask for a stretch.

    Args:
        series: To which it belongs.
        stretch: What is missing.

    Returns:
        Why the venue is given up, in a sentence; None if it is not. The rest of the stretch is named then.

    Raises:
        StoppedError: If the process was asked to end.
        StoreUnavailableError: If the store does not answer.
    """
    asking = _Asking(series, stretch)
    while asking.at_ms < stretch.end_ms:
        try:
            asking.read()
        except SourceRefusedError as error:
            return asking.give_up(f"The source refuses: {error}")
        except SourceBusyError as error:
            if not asking.waits(error.retry_after_s):
                return asking.give_up(f"The source is too busy: {error}")
        except (SourceUnavailableError, ContractError) as error:
            if not asking.skips(f"A page failed: {error}"):
                return asking.give_up(f"{_MOST_FAILURES} pages failed one after the other: {error}")
    return None


class _Asking:
    """How far a stretch was asked for.

    Attributes:
        at_ms: Every bar of the stretch before this time is stored or named.
    """

    def __init__(self, series: Series, stretch: Stretch) -> None:
        self.at_ms = stretch.start_ms
        self._series = series
        self._end_ms = stretch.end_ms
        self._n_failures = 0
        self._waited_s = 0.0
        # Whether rows before the next candle could not be read, so that a hole is no proof of a quiet market.
        self._is_doubtful = False

    @property
    def _rest(self) -> Stretch:
        return Stretch(self.at_ms, self._end_ms)

    def read(self) -> None:
        """Take every page that the venue gives now; if it gives nothing more, account for the rest."""
        series, before_ms = self._series, self.at_ms
        place = series.place
        pages = series.venue.candles(place.instrument, self.at_ms, self._end_ms, interval=place.interval)
        for page in pages:
            self._take(page)
            series.check_stopped()
        is_recent = self.at_ms > series.ports.clock.now_ms() - RECENT_MS
        if self.at_ms < self._end_ms and (self.at_ms == before_ms or is_recent):
            self._settle(Judged([], []), self._end_ms)

    def _take(self, page: Sequence[VenueCandle]) -> None:
        series = self._series
        unreadable = series.venue.take_rejected()
        self._is_doubtful |= bool(unreadable)
        sorted_out = self._judged(page)
        if unreadable or sorted_out.bad:
            series.tally.n_put_aside += len(unreadable) + len(sorted_out.bad)
            series.ports.put_aside(series.place, [*unreadable, *sorted_out.bad])
        starts = [each.start_ms for each in sorted_out.good] + self._placed(sorted_out)
        if starts:
            self._settle(sorted_out, max(starts) + series.place.step_ms)
            self._is_doubtful = bool(unreadable)
        self._n_failures, self._waited_s = 0, 0.0

    def _judged(self, page: Sequence[VenueCandle]) -> Judged:
        place, ports = self._series.place, self._series.ports
        before = Stretch(self.at_ms - _BARS_BEFORE * place.step_ms, self.at_ms)
        return judged(
            page,
            self._rest,
            place.interval,
            before=ports.store.recent(place, before),
            now_ms=ports.clock.now_ms(),
        )

    def _placed(self, sorted_out: Judged) -> list[int]:
        """The starts of bad candles that are bars of the rest. Another bad candle may be any of the missing ones."""
        step_ms = self._series.place.step_ms
        bad = {each.start_ms for each in sorted_out.bad}
        placed = [at for at in bad if self.at_ms <= at < self._end_ms and at % step_ms == 0]
        self._is_doubtful |= len(placed) < len(bad)
        return placed

    def _settle(self, sorted_out: Judged, until_ms: int) -> None:
        about = Stretch(self.at_ms, until_ms)
        good = {each.start_ms for each in sorted_out.good}
        placed = set(self._placed(sorted_out)) - good
        answer = Answer(
            about=about,
            found=np.array(sorted(good), dtype=np.int64),
            bad={each.start_ms: each.reason for each in sorted_out.bad if each.start_ms in placed},
            unreadable=UNREADABLE if self._is_doubtful else None,
            reach_ms=self._reach_ms(),
        )
        self._series.settle(answer, sorted_out.good)
        self.at_ms = until_ms

    def _reach_ms(self) -> int | None:
        place, ports = self._series.place, self._series.ports
        reach_ms = self._series.venue.candles_reach_ms(place.interval, now_ms=ports.clock.now_ms())
        return None if reach_ms is None else reach_ms + _BARS_BESIDE_REACH * place.step_ms

    @property
    def _where(self) -> dict[str, str]:
        return {"instrument": self._series.place.instrument, "from_time": text_of_time(self.at_ms)}

    def waits(self, seconds: float) -> bool:
        """Wait as the source asks, and return whether it may be asked again."""
        seconds = max(seconds, _SHORTEST_WAIT_S)
        self._waited_s += seconds
        if self._waited_s > _LONGEST_WAIT_S:
            return False
        if seconds >= _WAIT_TO_SAY_S:
            log.warning("the source is left alone", **self._where, seconds=round(seconds))
        self._series.wait(seconds)
        return True

    def skips(self, reason: str) -> bool:
        """Name what a page that failed may have had, and return whether the next page may be asked for."""
        self._series.check_stopped()
        self._n_failures += 1
        log.warning("a page failed", **self._where, reason=reason, failures=self._n_failures)
        until_ms = self.at_ms + _BARS_OF_FAILED_PAGE * self._series.place.step_ms
        self._series.name([Stretch(self.at_ms, min(until_ms, self._end_ms))], reason)
        self.at_ms = min(until_ms, self._end_ms)
        return self._n_failures < _MOST_FAILURES

    def give_up(self, reason: str) -> str:
        """Name the rest, and return the reason."""
        self._series.check_stopped()
        if self.at_ms < self._end_ms:
            self._series.name([self._rest], reason)
        return reason
