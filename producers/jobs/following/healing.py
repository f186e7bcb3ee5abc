"""Heals gaps: the minutes of a gap behind the watermark are fetched as candles, which are stored and change no feature.

Features have passed those minutes, and what was computed stays. The candles are a revision, which the market
processor leaves out and the history stores, so that training has whole minutes. A gap is closed in the ledger after
its candles were acknowledged.
"""

from collections.abc import Sequence
from threading import Event as Flag
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from producers.jobs.following.minutes import VenueMinutes
from producers.jobs.following.notes import BY_CANDLES
from schemas.errors import ContractError, SourceUnavailableError, StoreUnavailableError
from schemas.events import CandleObserved
from schemas.gaps import Gap, GapKind, GapLedger
from schemas.time import Clock, Interval, bar_start_ms

log = structlog.get_logger()

_MINUTE_MS = Interval.ONE_MINUTE.milliseconds
_EVERY_S = 15.0
#: A gap that cannot be healed yet is tried again after this long, and then at growing intervals.
_FIRST_AGAIN_S, _LONGEST_AGAIN_S = 60.0, 3_600.0
#: Candles behind the watermark are revisions: the market processor leaves them out, whatever it has read before.
HEALED_REVISION = 1


class Healed(NamedTuple):
    """The candles of a gap, to be published behind the watermark.

    Attributes:
        gap: The gap.
        candles: Its minutes, as far as the venue has them.
        begin_ms: The oldest minute that the venue hands out.
        is_published: Set when they were acknowledged.
    """

    gap: Gap
    candles: Sequence[CandleObserved]
    begin_ms: int
    is_published: Flag


class Healing:
    """Heals the open gaps of one source, one at a time.

    Args:
        minutes: Asks the venue.
        ledger: Where the gaps stand.
        clock: The clock.
        stream: The run.
        source: The source.
    """

    def __init__(
        self, minutes: VenueMinutes, ledger: GapLedger, clock: Clock, *, stream: str, source: str
    ) -> None:
        self._minutes = minutes
        self._ledger = ledger
        self._clock = clock
        self._stream = stream
        self._source = source
        self._due_s = clock.monotonic_s() + _EVERY_S
        self._tried: dict[tuple[object, ...], tuple[float, float]] = {}
        self._given: Healed | None = None

    def next(self, venue_now_ms: int) -> Healed | None:
        """Return the candles of a gap that can be healed now; None if there is none, or it is not time to look."""
        now_s = self._clock.monotonic_s()
        if now_s < self._due_s:
            return None
        self._due_s = now_s + _EVERY_S
        try:
            self._close_given()
            return self._healed(self._first_gap(self._minutes.settled_ms(venue_now_ms)), venue_now_ms)
        except StoreUnavailableError as error:
            log.warning("gaps cannot be healed now", source=self._source, reason=str(error))
            return None

    def was_not_taken(self) -> None:
        """Note that the candles of the last gap were not handed over; the gap is tried again later."""
        self._given = None

    def _close_given(self) -> None:
        """Close the gap whose candles were acknowledged; what the venue does not have stays open."""
        given = self._given
        if given is None or not given.is_published.is_set():
            return
        remaining = _remaining(given, leaves_out_minutes=self._minutes.longest_pause_ms > 0)
        self._ledger.close(given.gap, by=BY_CANDLES, at_ms=self._clock.now_ms(), remaining=remaining)
        self._given = None

    def _first_gap(self, settled_ms: int) -> Gap | None:
        if self._given is not None:
            return None
        now_s = self._clock.monotonic_s()
        for gap in self._ledger.gaps(self._stream, source=self._source, is_open=True):
            is_due = self._tried.get(gap.key, (0.0, 0.0))[0] <= now_s
            if gap.kind in {GapKind.TRADES, GapKind.CANDLES} and _until_ms(gap) <= settled_ms and is_due:
                return gap
        return None

    def _healed(self, gap: Gap | None, venue_now_ms: int) -> Healed | None:
        if gap is None:
            return None
        _, delay_s = self._tried.get(gap.key, (0.0, _FIRST_AGAIN_S / 2))
        delay_s = min(2 * delay_s, _LONGEST_AGAIN_S)
        self._tried[gap.key] = (self._clock.monotonic_s() + delay_s, delay_s)
        from_ms = bar_start_ms(gap.start_ms, Interval.ONE_MINUTE)
        begin_ms = self._minutes.reach_ms(from_ms, venue_now_ms)
        if begin_ms >= _until_ms(gap):
            return None
        try:
            pages = self._minutes.pages(
                gap.instrument, begin_ms, _until_ms(gap), is_history=False, revision=HEALED_REVISION
            )
            candles = [candle for page in pages for candle in page]
        except (SourceUnavailableError, ContractError) as error:
            log.info("a gap is not healed yet", source=self._source, reason=str(error))
            return None
        if not candles:
            return None
        self._given = Healed(gap, candles, begin_ms, Flag())
        return self._given


def _until_ms(gap: Gap) -> int:
    return bar_start_ms(gap.end_ms + _MINUTE_MS - 1, Interval.ONE_MINUTE)


def _remaining(healed: Healed, *, leaves_out_minutes: bool) -> list[Gap]:
    """The stretches of a gap of which the venue has no candles, though it has one of every minute with a trade."""
    gap, found = healed.gap, {candle.start_ms for candle in healed.candles}
    begin_ms = bar_start_ms(gap.start_ms, Interval.ONE_MINUTE)
    until_ms = healed.begin_ms if leaves_out_minutes else _until_ms(gap)
    lacking = [at_ms for at_ms in range(begin_ms, until_ms, _MINUTE_MS) if at_ms not in found]
    parts: list[tuple[int, int]] = []
    for at_ms in lacking:
        if parts and parts[-1][1] == at_ms:
            parts[-1] = (parts[-1][0], at_ms + _MINUTE_MS)
        else:
            parts.append((at_ms, at_ms + _MINUTE_MS))
    return [
        replace(gap, start_ms=max(start, gap.start_ms), end_ms=min(end, gap.end_ms), n_missing=None)
        for start, end in parts
    ]
