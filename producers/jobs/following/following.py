"""Follows one source: keeps its connections open, gives what they bring, and fetches by REST what they missed.

One thread calls :meth:`SourceFollower.step` again and again. A step never waits for a socket; it may wait for one
answer of the REST API, and for the handshake of one connection::

    connect   |--handshake--|--subscribed--|
    socket                  . . . . . . . . . . . .    kept in order while something is fetched
    REST                    | pages after the newest trade that was given |
    given                                  1 2 3 4 5 . . . . . . . .      each once, in the order of the venue
    complete  ----|                                         |------      moves only while nothing is missing

A cut, a jump in the ids, a silence and a restart of the process are the same thing here: trades after a known one are
fetched before anything later is given. If that does not succeed for long, the loop that publishes declares the
source absent, and the follower begins again after it with whole minutes (:mod:`.catching`).
"""

import random
from collections.abc import Iterator

import structlog

from producers.jobs.following.catching import CatchUp
from producers.jobs.following.completeness import completeness
from producers.jobs.following.giving import FollowedFrom, Giving
from producers.jobs.following.handing import Handover, ShutError
from producers.jobs.following.lines import Delays, Line, lines_of
from producers.jobs.following.notes import FollowingState, GapNotes, Recorder
from producers.jobs.following.options import REST_S, FollowOptions
from producers.jobs.following.reading import LineReader
from producers.jobs.following.sequences import Place
from producers.jobs.following.shown_times import REST_LAG_MS
from producers.jobs.following.waiting import Waiting
from producers.sources.sockets import Sockets
from producers.sources.venues import Venue
from schemas.errors import ContractError, SourceUnavailableError
from schemas.time import Clock

log = structlog.get_logger()

#: How often the REST API is asked for trades while a connection cannot be opened.
_POLL_S = 3.0


class SourceFollower:
    """Follows one source.

    Args:
        venue: What it is.
        sockets: Opens its connections.
        clock: The clock.
        handover: Where its items go.
        stream: The run.
        begin: What the log holds of it.
        gaps: Notes what is missing.
        options: How it is followed.
        recorder: Keeps what is not published.
        chance: Spreads attempts.
    """

    def __init__(
        self,
        venue: Venue,
        sockets: Sockets,
        clock: Clock,
        *,
        handover: Handover,
        stream: str,
        begin: FollowedFrom,
        gaps: GapNotes,
        options: FollowOptions,
        recorder: Recorder,
        chance: random.Random,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._handover = handover
        self._options = options
        self._gaps = gaps
        self._lines = lines_of(venue, sockets, clock, chance)
        self._giving = Giving(
            handover,
            instruments=venue.instruments,
            stream=stream,
            source=venue.name,
            begin=begin,
            is_contiguous=venue.traits.has_contiguous_ids,
        )
        self._waiting = Waiting()
        self._catch_up = CatchUp(
            venue, clock, self._giving, self._waiting, gaps, begin=begin, options=options, stream=stream
        )
        self._catching: Iterator[float] | None = None
        self._catch_at_s = clock.monotonic_s()
        self._delays = Delays(chance)
        self._reader = LineReader(venue, self._giving, self._waiting, recorder, stream=stream)
        self._catch_began_ms = 0
        self._quiet: list[Line] = []
        self._quiet_at_s = clock.monotonic_s()
        self._progress_s = clock.monotonic_s()
        self._reason = ""

    # What the loop that publishes asks, in its own thread

    @property
    def is_held(self) -> bool:
        """Whether the source is present: it is followed, or what it missed is being fetched and that gets on."""
        is_followed = self.is_sound and not self._quiet
        return is_followed or self._clock.monotonic_s() - self._progress_s < self._options.hold_s

    @property
    def state(self) -> FollowingState:
        """How the source is."""
        refused = next((line.refused for line in self._lines if line.refused), None)
        is_polled = any(line.polled_ms is not None for line in self._lines)
        return FollowingState(
            source=self._venue.name,
            is_followed=self.is_sound,
            is_polled=is_polled,
            is_refused=refused is not None and not is_polled,
            reason=self._giving.wrong_clock or refused or self._reason or self._reader.reason,
            last_item_ms=self._giving.last_item_ms,
            last_answer_ms=self._reader.answered_ms,
        )

    @property
    def is_sound(self) -> bool:
        """Whether every connection is open, and nothing is missing."""
        is_whole = self._catching is None or bool(self._quiet)
        return is_whole and all(line.is_caught_up for line in self._lines)

    @property
    def skew_ms(self) -> int:
        """How far the clock of the venue is ahead, as far as that is known."""
        return self._giving.clock.skew_ms

    # The thread

    def step(self) -> float:
        """Do the next piece of work, and return how many seconds to rest after it."""
        try:
            if self._handover.is_shut:
                self._begin_after_absence()
            if self._catch_up.is_absent:
                self._note_absence()
            if not self._handover.has_room:
                return REST_S
            return self._work()
        except ShutError:
            self._begin_after_absence()
            return 0.0

    def close(self) -> None:
        """Close the connections."""
        for line in self._lines:
            line.close()

    def _begin_after_absence(self) -> None:
        """Begin again after the source was declared absent: nothing of before may be given as trades."""
        self._handover.open()
        self._catching = None
        self._catch_up.is_absent = True

    def _note_absence(self) -> None:
        """Keep the gap of an absence that lasts open up to the present."""
        given_ms = self._giving.given_until_ms
        if given_ms is not None:
            reason = self.state.reason or "The source does not get on, and was declared absent."
            now_ms = self._clock.now_ms() + self.skew_ms
            self._gaps.lasts(self._venue.instruments, given_ms, now_ms, reason)

    def _work(self) -> float:
        n_read = 0
        for line in self._lines:
            line.keep_open()
            n_read += self._reader.read(line)
        if self._giving.clock.is_too_far_ahead:
            return self._wait_for_a_right_clock()
        is_due = self._clock.monotonic_s() >= self._catch_at_s
        if self._catching is None and not self._give_waiting():
            if not is_due:
                return REST_S
            self._catch_up.lines, self._quiet = (), []
            self._catching = self._catch_up.missing_before_first()
        if self._catching is None and is_due:
            self._begin_to_catch_up()
        if self._catching is not None:
            return self._catch()
        self._state_complete()
        return 0.0 if n_read else REST_S

    def _begin_to_catch_up(self) -> None:
        """Have asked by REST what the connections may have missed."""
        self._catch_began_ms = self._clock.now_ms()
        self._venue.take_answered_ms()
        lacking = [line for line in self._lines if self._is_lacking(line)]
        if lacking or self._catch_up.is_absent:
            also = [line for line in self._quiet if line not in lacking]
            self._quiet = []
            self._catching = self._catch_up.everything([*lacking, *also])
        elif self._quiet and self._clock.monotonic_s() >= self._quiet_at_s:
            self._quiet_at_s = self._clock.monotonic_s() + _POLL_S
            self._catching = self._catch_up.quiet(self._quiet)

    def _wait_for_a_right_clock(self) -> float:
        """Give nothing while the clock of the venue is wrong; once it is right, everything is caught up with."""
        self._giving.note_wrong_clock(self._giving.clock.skew_ms)
        self._waiting.clear()
        self._catching = None
        for line in self._lines:
            line.is_caught_up = False
        return REST_S

    # Giving

    def _give_waiting(self) -> bool:
        """Give the trades that wait, and return whether all were; False if others are missing before the first."""
        if not all(line.is_caught_up for line in self._lines if line.is_open):
            return True
        return self._waiting.give(self._giving) is not Place.BEYOND

    def _state_complete(self) -> None:
        """State how far the source is complete: nothing is left to read, and nothing is missing."""
        if len(self._waiting) or not all(line.is_drained for line in self._lines):
            return
        found = completeness(self._lines, self._giving.clock.lead_ms)
        if found is None:
            return
        if found.until_ms is not None:
            self._giving.state_complete(found.until_ms, found.known_ms)
        self._quiet = found.quiet
        if not self._quiet:
            self._progress_s = self._clock.monotonic_s()

    # Catching up

    def _is_lacking(self, line: Line) -> bool:
        """Whether trades of a connection are to be asked for by REST: it was opened, or it cannot be.

        One that was cut counts as a failure. It is opened again within a second, and everything is asked for then.
        """
        return not line.is_caught_up if line.is_open else line.n_failed > min(line.n_openings, 1)

    def _catch(self) -> float:
        """Do one piece of catching up."""
        catching = self._catching
        try:
            rest_s = next(catching, None) if catching is not None else None
        except SourceUnavailableError as error:
            return self._failed(error)
        except ContractError as error:
            return self._failed(SourceUnavailableError(f"an answer could not be read: {error}"))
        self._progress_s = self._clock.monotonic_s()
        self._reader.answered_ms = self._clock.now_ms()
        if rest_s is not None:
            return rest_s
        self._caught_up()
        return 0.0

    def _failed(self, error: SourceUnavailableError) -> float:
        delay_s = self._delays.after(error)
        self._catching = None
        self._catch_at_s = self._clock.monotonic_s() + delay_s
        self._reason = str(error)
        log.info(
            "trades cannot be fetched",
            source=self._venue.name,
            reason=str(error),
            again_in_s=round(delay_s, 1),
        )
        return 0.0

    def _caught_up(self) -> None:
        self._catching = None
        self._delays.succeeded()
        self._reason = ""
        answered_ms = self._venue.take_answered_ms()
        for line, n_breaks in self._catch_up.lines:
            is_same = line.n_breaks == n_breaks
            line.shown.in_answer(answered_ms)
            line.is_caught_up = line.is_open and is_same
            line.polled_ms = None if line.is_open else self._catch_began_ms - REST_LAG_MS
        is_polling = any(not line.is_open for line in self._lines)
        self._catch_at_s = self._clock.monotonic_s() + (_POLL_S if is_polling else 0.0)
        self._gaps.write()
