"""Follows perpetual futures for the recording alone: their messages reach files, and no topic.

One thread calls :meth:`PerpetualFollower.step` again and again. Trades are recorded each once and in the order of their
ids: what a cut, a jump in the ids or a stop of the process missed is fetched by REST before anything later is recorded,
as far back as ``LONGEST_REFILL_MS``. Quotes, mark prices and liquidations are sent once, so that a cut costs them; the
ledger says so, as a gap that was given up.
"""

import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import structlog

from producers.jobs.following.lines import Delays, Line, lines_of
from producers.jobs.recording.gap_notes import RecordingGaps
from producers.jobs.recording.kinds import RecordedKind, row_of_trade
from producers.jobs.recording.recorders import FileRecorder
from producers.normalise.trades import VenueTrade
from producers.sources.sockets import Received, Sockets
from producers.sources.venues import Reading, TradesOutOfReachError, Venue
from schemas.errors import ContractError, SourceUnavailableError
from schemas.time import Clock

log = structlog.get_logger()

#: How long a step rests when there is nothing to do.
REST_S = 0.02
#: After a longer absence trades are not fetched, and the gap stays open.
LONGEST_REFILL_MS = 86_400_000
_MOST_MESSAGES = 1_000
#: While so many trades wait for a refill, the sockets are not read.
_MOST_WAITING = 100_000
#: For so long a trade that REST does not show yet is asked for, at most so often.
_PATIENCE_S, _AGAIN_S = 15.0, 0.5
#: For so long a REST API that fails is asked.
_LONGEST_FAILURE_S = 900.0


class RecordedTrade(NamedTuple):
    """The newest recorded trade of an instrument."""

    trade_id: int
    time_ms: int


class _Waiting(NamedTuple):
    """A trade that came over a socket, and is not recorded yet."""

    instrument: str
    trade: VenueTrade
    received_ms: int


class PerpetualFollower:
    """Follows the perpetual futures of one venue.

    Args:
        venue: Whose ids count up by one.
        sockets: Opens its connections.
        clock: The clock.
        recorder: Gets what is recorded.
        gaps: Notes what was missed.
        newest: The newest recorded trade of each instrument that has one.
        last_ran_ms: Until when a recorder of this run ran before; None if none did.
        chance: Spreads attempts in time.
    """

    def __init__(
        self,
        venue: Venue,
        sockets: Sockets,
        clock: Clock,
        *,
        recorder: FileRecorder,
        gaps: RecordingGaps,
        newest: Mapping[str, RecordedTrade],
        last_ran_ms: int | None,
        chance: random.Random,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._recorder = recorder
        self._gaps = gaps
        self._newest = dict(newest)
        self._lines = lines_of(venue, sockets, clock, chance)
        self._openings = [0] * len(self._lines)
        self._heard_ms = [last_ran_ms] * len(self._lines)
        self._waiting: deque[_Waiting] = deque()
        self._refill: Iterator[None] | None = None
        self._missing_since_s: float | None = None
        self._delays = Delays(chance)
        self._again_s = clock.monotonic_s()

    def step(self) -> float:
        """Do the next piece of work, and return how many seconds to rest after it."""
        n_read = 0
        for number, line in enumerate(self._lines):
            line.keep_open()
            n_read += self._read(number, line)
        if self._refill is not None and self._clock.monotonic_s() >= self._again_s:
            self._fetch()
            return 0.0
        self._record_waiting()
        return 0.0 if n_read else REST_S

    def close(self) -> None:
        """Close the connections."""
        for line in self._lines:
            line.close()

    # Sockets

    def _read(self, number: int, line: Line) -> int:
        for n in range(_MOST_MESSAGES):
            if len(self._waiting) >= _MOST_WAITING:
                return n
            received = line.receive()
            if received is None:
                return n
            self._note_cut(number, line, received)
            self._take(line, received)
        return _MOST_MESSAGES

    def _note_cut(self, number: int, line: Line, received: Received) -> None:
        """Note what a connection did not send between its last message and the first one after it was opened anew."""
        heard_ms = self._heard_ms[number]
        if line.n_openings != self._openings[number] and heard_ms is not None:
            self._gaps.given_up(line.instruments, heard_ms, received.received_ms)
        self._openings[number] = line.n_openings
        self._heard_ms[number] = received.received_ms

    def _take(self, line: Line, received: Received) -> None:
        try:
            reading = self._venue.read(received.payload, received_ms=received.received_ms)
        except ContractError as error:
            log.warning("a message cannot be read", source=self._venue.name, reason=str(error)[:300])
            return
        for text in reading.replies:
            line.send(text)
        for instrument, trade in reading.trades:
            self._waiting.append(_Waiting(instrument, trade, received.received_ms))
        beside = Reading(quotes=reading.quotes, perpetual=reading.perpetual)
        self._recorder.record(self._venue.name, received, beside)

    # Trades

    def _record_waiting(self) -> None:
        """Record the trades that wait, up to the first before which one is missing."""
        while self._waiting and self._refill is None:
            first = self._waiting[0]
            if self._is_next(first.instrument, first.trade):
                self._waiting.popleft()
                self._record(first)
            else:
                self._miss(first)

    def _is_next(self, instrument: str, trade: VenueTrade) -> bool:
        newest = self._newest.get(instrument)
        return newest is None or trade.trade_id <= newest.trade_id + 1

    def _record(self, waiting: _Waiting) -> None:
        instrument, trade, received_ms = waiting
        newest = self._newest.get(instrument)
        if newest is not None and trade.trade_id <= newest.trade_id:
            return
        row = row_of_trade(instrument, trade, source=self._venue.name, received_ms=received_ms)
        self._recorder.add(RecordedKind.TRADES, row)
        self._newest[instrument] = RecordedTrade(trade.trade_id, trade.time_ms)

    def _miss(self, first: _Waiting) -> None:
        """Begin to fetch what is missing before a trade, or give it up."""
        now_s = self._clock.monotonic_s()
        newest = self._newest[first.instrument]
        if self._missing_since_s is None:
            self._missing_since_s = now_s
        if first.trade.time_ms - newest.time_ms > LONGEST_REFILL_MS:
            self._give_up(first, "The recorder was away for longer than trades are fetched.")
        elif now_s - self._missing_since_s > (_LONGEST_FAILURE_S if self._delays.n_failed else _PATIENCE_S):
            self._give_up(first, f"The venue did not hand out trades before {first.trade.trade_id}.")
        else:
            self._refill = self._missing_before(first, newest)

    def _missing_before(self, first: _Waiting, newest: RecordedTrade) -> Iterator[None]:
        pages = self._venue.trades_after(first.instrument, newest.trade_id, time_ms=newest.time_ms)
        for page in pages:
            received_ms = self._clock.now_ms()
            for trade in page:
                if trade.trade_id >= first.trade.trade_id:
                    return
                if self._is_next(first.instrument, trade):
                    self._record(_Waiting(first.instrument, trade, received_ms))
            yield

    def _fetch(self) -> None:
        """Fetch one page of what is missing."""
        refill = self._refill
        if refill is None:
            return
        try:
            next(refill)
        except StopIteration:
            self._fetched()
        except TradesOutOfReachError as error:
            self._refill = None
            self._give_up(self._waiting[0], str(error))
        except (SourceUnavailableError, ContractError) as error:
            self._failed(error)
        else:
            self._delays.succeeded()

    def _failed(self, error: SourceUnavailableError | ContractError) -> None:
        """Wait before the venue is asked again, and record nothing later meanwhile."""
        unavailable = (
            error if isinstance(error, SourceUnavailableError) else SourceUnavailableError(str(error))
        )
        delay_s = self._delays.after(unavailable)
        self._again_s = self._clock.monotonic_s() + delay_s
        log.info("trades cannot be fetched", source=self._venue.name, reason=str(error), again_in_s=delay_s)
        self._refill = None
        self._miss(self._waiting[0])

    def _fetched(self) -> None:
        self._refill = None
        self._delays.succeeded()
        first = self._waiting[0]
        if self._is_next(first.instrument, first.trade):
            self._missing_since_s = None
        else:
            # A REST API shows a trade a little later than the socket.
            self._again_s = self._clock.monotonic_s() + _AGAIN_S
            self._miss(first)

    def _give_up(self, first: _Waiting, reason: str) -> None:
        newest = self._newest[first.instrument]
        n_missing = first.trade.trade_id - newest.trade_id - 1
        self._gaps.missing(first.instrument, newest.time_ms, first.trade.time_ms, reason, n_missing=n_missing)
        self._newest[first.instrument] = RecordedTrade(first.trade.trade_id - 1, first.trade.time_ms)
        self._missing_since_s = None

    @property
    def instruments(self) -> Sequence[str]:
        """What is followed."""
        return self._venue.instruments
