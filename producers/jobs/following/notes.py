"""What a follower tells about its source: gaps for the ledger, and how the source is."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import structlog
from msgspec.structs import replace

from producers.sources.sockets import Received
from producers.sources.venues import Reading
from schemas.errors import StoreUnavailableError
from schemas.gaps import Gap, GapKind, GapLedger
from schemas.time import Clock

log = structlog.get_logger()

#: Who closes a gap whose minutes were published as candles of the venue.
BY_CANDLES = "candles"
#: The end of the gap of an outage that lasts is written so often at most, and later once in a twentieth of its length.
_LASTING_EVERY_S, _LASTING_SHARE = 10.0, 0.05


class Recorder(Protocol):
    """The port of the recorder of what is not published: raw quotes, and the facts of perpetual futures.

    It is called in the thread of the follower for every message that could be read, so it must be quick.
    """

    def record(self, source: str, received: Received, reading: Reading) -> None:
        """Keep a message, or the part of it that is wanted.

        Args:
            source: Which source sent it.
            received: The message.
            reading: What it says.
        """


class NoRecorder(Recorder):
    """Keeps nothing."""

    def record(self, source: str, received: Received, reading: Reading) -> None:
        """Keep nothing; see the port."""

    def close(self) -> None:
        """Do nothing."""


class FollowingState(NamedTuple):
    """How a followed source is, for reports on its health.

    Attributes:
        source: Its name.
        is_followed: Whether its trades come, and nothing is being fetched that was missed.
        is_polled: Whether its trades are asked for by REST, because no socket can be opened.
        is_refused: Whether it said that it does not serve us here.
        reason: One sentence about what is wrong; empty if nothing is.
        last_item_ms: The event time of the newest trade; None before the first.
        last_answer_ms: When it answered last; None if it never did.
    """

    source: str
    is_followed: bool
    is_polled: bool
    is_refused: bool
    reason: str
    last_item_ms: int | None
    last_answer_ms: int | None


class GapNotes:
    """Writes the gaps of one source into the ledger. A store that does not answer does not stop the source.

    Args:
        ledger: The ledger.
        clock: The clock.
        stream: The run.
        source: The source.
    """

    def __init__(self, ledger: GapLedger, clock: Clock, *, stream: str, source: str) -> None:
        self._ledger = ledger
        self._clock = clock
        self._stream = stream
        self._source = source
        self._unwritten: list[tuple[Gap, bool]] = []
        self._lasting: list[Gap] = []
        self._grows_at_s = 0.0

    def lasts(self, instruments: Sequence[str], from_ms: int, until_ms: int, reason: str) -> None:
        """Note that an outage goes on: its gap is open from the first moment, and its end follows the time.

        Args:
            instruments: Whose trades are missing.
            from_ms: The event time from which they are missing.
            until_ms: The present event time.
            reason: One sentence.
        """
        now_s = self._clock.monotonic_s()
        if until_ms <= from_ms or now_s < self._grows_at_s:
            return
        try:
            self._grow(instruments, from_ms, until_ms, reason)
        except StoreUnavailableError as error:
            log.warning("a gap is not written yet", source=self._source, reason=str(error))
        lasted_s = (until_ms - from_ms) / 1000
        self._grows_at_s = now_s + max(_LASTING_EVERY_S, _LASTING_SHARE * lasted_s)

    def _grow(self, instruments: Sequence[str], from_ms: int, until_ms: int, reason: str) -> None:
        if not self._lasting:
            # A session that ended in the midst of the outage may have opened it.
            found = self._ledger.gaps(self._stream, source=self._source, is_open=True)
            self._lasting = [
                gap for gap in found if gap.kind is GapKind.TRADES and gap.start_ms == from_ms < gap.end_ms
            ]
        if self._lasting and self._lasting[0].end_ms >= until_ms:
            return
        if self._lasting and self._ledger.move_end(self._lasting, until_ms):
            self._lasting = [replace(gap, end_ms=until_ms) for gap in self._lasting]
            return
        # The first stretch was closed meanwhile, such as by a backfill: the rest of the outage is another gap.
        begin_ms = self._lasting[0].end_ms if self._lasting else from_ms
        gaps = [self._gap(name, begin_ms, until_ms, reason) for name in instruments]
        for gap in gaps:
            self._ledger.open(gap)
        self._lasting = gaps

    def ended(self, until_ms: int) -> None:
        """Note that an outage is over: its gap ends here, and stays open until it is filled.

        Args:
            until_ms: The event time from which on trades are given again.
        """
        if not self._lasting:
            return
        try:
            if until_ms > self._lasting[0].start_ms and until_ms != self._lasting[0].end_ms:
                self._ledger.move_end(self._lasting, until_ms)
        except StoreUnavailableError as error:
            log.warning("the end of a gap is not written", source=self._source, reason=str(error))
        self._lasting, self._grows_at_s = [], 0.0

    def _gap(
        self, instrument: str, from_ms: int, until_ms: int, reason: str, n_missing: int | None = None
    ) -> Gap:
        return Gap(
            stream=self._stream,
            source=self._source,
            instrument=instrument,
            kind=GapKind.TRADES,
            start_ms=from_ms,
            end_ms=until_ms,
            reason=reason,
            opened_ms=self._clock.now_ms(),
            n_missing=n_missing,
        )

    def missing(
        self,
        instruments: Sequence[str],
        from_ms: int,
        until_ms: int,
        reason: str,
        *,
        n_missing: int | None = None,
        is_filled: bool = False,
    ) -> None:
        """Note trades that were not published as trades.

        Args:
            instruments: Whose trades.
            from_ms: The event time from which they are missing.
            until_ms: The event time up to which they are missing.
            reason: One sentence.
            n_missing: How many; None if that is not known.
            is_filled: Whether candles of the venue were published instead.
        """
        if until_ms <= from_ms:
            return
        if self._lasting and self._lasting[0].start_ms == from_ms:
            self.ended(until_ms)  # so that the gap that is noted here is the same one
        for instrument in instruments:
            self._unwritten.append((self._gap(instrument, from_ms, until_ms, reason, n_missing), is_filled))
        log.warning("trades are missing", source=self._source, n_ms=until_ms - from_ms, reason=reason)
        self.write()

    def write(self) -> None:
        """Write what could not be written before."""
        while self._unwritten:
            gap, is_filled = self._unwritten[0]
            try:
                self._ledger.open(gap)
                if is_filled:
                    self._ledger.close(gap, by=BY_CANDLES, at_ms=self._clock.now_ms())
            except StoreUnavailableError as error:
                log.warning("a gap is not written yet", source=self._source, reason=str(error))
                return
            self._unwritten.pop(0)
