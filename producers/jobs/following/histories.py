"""The minutes before a source is followed: those that are stored, and the others from the venue, page by page.

The pages are fetched in a thread of their own, so that several venues are asked at the same time. A venue that does not
answer does not hold the run up: its history ends there, and the follower fetches the rest when the venue answers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from queue import Empty, Queue
from threading import Thread

import structlog
from msgspec.structs import replace

from producers.jobs.following.minutes import VenueMinutes
from producers.normalise.live_candles import with_quiet_minutes
from schemas.errors import ContractError, SourceUnavailableError
from schemas.events import CandleObserved
from schemas.time import Interval

log = structlog.get_logger()

_MINUTE_MS = Interval.ONE_MINUTE.milliseconds
_MOST_PAGES = 200
#: What the thread puts after the last page.
_END = None
Page = Sequence[CandleObserved]


def history_pages(
    minutes: VenueMinutes,
    stored: Iterable[CandleObserved],
    instrument: str,
    *,
    from_ms: int,
    until_ms: int,
    reach_ms: int,
) -> Iterator[Page]:
    """Yield the minutes of one instrument, stored or asked for, oldest first.

    Args:
        minutes: Asks the venue.
        stored: The stored candles of the instrument.
        instrument: Its name.
        from_ms: The start of the first minute.
        until_ms: The end of the last.
        reach_ms: The oldest minute that the venue hands out.
    """
    known = {
        start_ms: max(group, key=lambda candle: candle.revision)
        for start_ms, group in groupby(
            sorted(stored, key=lambda candle: candle.start_ms), key=lambda candle: candle.start_ms
        )
        if from_ms <= start_ms < until_ms
    }
    pages = _pieces(minutes, known, instrument, from_ms=from_ms, until_ms=until_ms, reach_ms=reach_ms)
    return with_quiet_minutes(pages, longest_pause_ms=minutes.longest_pause_ms)


def _pieces(
    minutes: VenueMinutes,
    known: dict[int, CandleObserved],
    instrument: str,
    *,
    from_ms: int,
    until_ms: int,
    reach_ms: int,
) -> Iterator[Page]:
    at_ms, run = from_ms, list[CandleObserved]()
    for start_ms in [*known, until_ms]:
        if start_ms > at_ms:
            yield run
            run = []
            begin_ms = max(at_ms, reach_ms)
            if begin_ms < start_ms:
                yield from minutes.pages(instrument, begin_ms, start_ms, is_history=True)
        if start_ms < until_ms:
            run.append(replace(known[start_ms], revision=0))
        at_ms = start_ms + _MINUTE_MS
    yield run


def answered(pages: Iterable[Page], *, source: str) -> Iterator[Page]:
    """Yield pages up to the first that the venue does not answer.

    Args:
        pages: The pages.
        source: For the log.
    """
    try:
        yield from pages
    except (SourceUnavailableError, ContractError) as error:
        log.warning("the history of a venue is not complete", source=source, reason=str(error))


class FetchedAhead:
    """Items that a thread fetches page by page, and that another one takes.

    Args:
        pages: The pages; they are asked for in the thread.
        wait_s: For so long a page is waited for; after that there are no more.
        source: For the log.
    """

    def __init__(self, pages: Callable[[], Iterator[Page]], *, wait_s: float, source: str) -> None:
        self._pages = pages
        self._wait_s = wait_s
        self._source = source
        self._queue = Queue[Page | None](maxsize=_MOST_PAGES)
        self._is_left = False
        Thread(target=self._fetch, name=f"history-{source}", daemon=True).start()

    def _fetch(self) -> None:
        for page in answered(self._pages(), source=self._source):
            self._queue.put(page)
            if self._is_left:
                return
        self._queue.put(_END)

    def __iter__(self) -> Iterator[CandleObserved]:
        """Yield the items, up to the last or up to a page that does not come in time."""
        while True:
            try:
                page = self._queue.get(timeout=self._wait_s)
            except Empty:
                log.warning("a venue does not answer, and the run begins without it", source=self._source)
                page = _END
            if page is _END:
                self._is_left = True
                return
            yield from page
