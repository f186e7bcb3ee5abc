"""Writes what the recording missed into the ledger of gaps. A store that does not answer does not stop the recording."""

from collections.abc import Sequence

import structlog

from schemas.errors import StoreUnavailableError
from schemas.gaps import Gap, GapKind, GapLedger
from schemas.time import Clock

log = structlog.get_logger()

GIVEN_UP = "given up: a venue sends quotes, mark prices and liquidations once"
#: So many gaps wait for the store; what is older is named in the log alone.
_MOST_UNWRITTEN = 1_000


class RecordingGaps:
    """Notes the gaps of one recorded source.

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
        self._unwritten: list[tuple[Gap, str | None]] = []

    def missing(
        self, instrument: str, from_ms: int, until_ms: int, reason: str, *, n_missing: int | None
    ) -> None:
        """Note trades that could not be fetched; the gap is open.

        Args:
            instrument: Of which.
            from_ms: The time of the last trade before them.
            until_ms: The time of the first one after them.
            reason: One sentence.
            n_missing: How many; None if that is not known.
        """
        self._note(instrument, GapKind.TRADES, from_ms, until_ms, reason, n_missing=n_missing, by=None)

    def given_up(self, instruments: Sequence[str], from_ms: int, until_ms: int) -> None:
        """Note a time in which a connection was closed: what it would have sent cannot be had any more.

        Args:
            instruments: Of the connection.
            from_ms: When its last message was received.
            until_ms: When the first one after it was received.
        """
        reason = "The connection, or the recorder, was down."
        for instrument in instruments:
            self._note(instrument, GapKind.QUOTES, from_ms, until_ms, reason, n_missing=None, by=GIVEN_UP)

    def _note(
        self,
        instrument: str,
        kind: GapKind,
        from_ms: int,
        until_ms: int,
        reason: str,
        *,
        n_missing: int | None,
        by: str | None,
    ) -> None:
        gap = Gap(
            stream=self._stream,
            source=self._source,
            instrument=instrument,
            kind=kind,
            start_ms=from_ms,
            end_ms=max(until_ms, from_ms + 1),
            reason=reason,
            opened_ms=self._clock.now_ms(),
            n_missing=n_missing,
        )
        log.warning("the recording has a gap", instrument=instrument, kind=str(kind), n_ms=until_ms - from_ms)
        self._unwritten = [*self._unwritten, (gap, by)][-_MOST_UNWRITTEN:]
        self.write()

    def write(self) -> None:
        """Write what could not be written before."""
        while self._unwritten:
            gap, by = self._unwritten[0]
            try:
                self._ledger.open(gap)
                if by is not None:
                    self._ledger.close(gap, by=by, at_ms=self._clock.now_ms())
            except StoreUnavailableError as error:
                log.warning("a gap is not written yet", reason=str(error))
                return
            self._unwritten.pop(0)
