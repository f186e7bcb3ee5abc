"""What is backfilled: one instrument of a run, by candles of one length. Pure."""

from typing import NamedTuple

from producers.jobs.backfilling.stretches import Stretch
from schemas.gaps import Gap, GapKind
from schemas.time import Interval, text_of_time

#: Who closed a gap whose candles came.
BACKFILL = "backfill"
#: Who closed a gap in which the venue has no candles because nothing was traded.
NOT_TRADED = "the venue: nothing was traded"


class Place(NamedTuple):
    """One series of candles.

    Attributes:
        stream: The run.
        source: The source that its candles name.
        instrument: Its instrument.
        interval: The length of its candles.
    """

    stream: str
    source: str
    instrument: str
    interval: Interval

    @property
    def step_ms(self) -> int:
        """The length of its candles in milliseconds."""
        return self.interval.milliseconds

    @property
    def gap_kind(self) -> GapKind:
        """What the ledger says is missing."""
        is_minute = self.interval is Interval.ONE_MINUTE
        return GapKind.CANDLES if is_minute else GapKind(f"{GapKind.CANDLES} {self.interval}")

    def gap(self, stretch: Stretch, reason: str, *, at_ms: int, closed_by: str | None = None) -> Gap:
        """Return a gap of this series.

        Args:
            stretch: When.
            reason: One sentence.
            at_ms: By the clock of the platform.
            closed_by: Who closes it at once; None leaves it open.
        """
        return Gap(
            stream=self.stream,
            source=self.source,
            instrument=self.instrument,
            kind=self.gap_kind,
            start_ms=stretch.start_ms,
            end_ms=stretch.end_ms,
            reason=reason,
            opened_ms=at_ms,
            n_missing=stretch.count(self.step_ms),
            closed_ms=None if closed_by is None else at_ms,
            closed_by=closed_by,
        )

    def span(self, from_ms: int, until_ms: int) -> Stretch:
        """Return the bars that begin at or after a time and end at or before another; it may be empty."""
        start_ms = -(-from_ms // self.step_ms) * self.step_ms
        return Stretch(start_ms, max(start_ms, until_ms // self.step_ms * self.step_ms))


def text_of(stretch: Stretch) -> str:
    """Return a stretch for people."""
    return f"{text_of_time(stretch.start_ms)} to {text_of_time(stretch.end_ms)}"


def stretch_of(gap: Gap) -> Stretch:
    """Return when a gap is."""
    return Stretch(gap.start_ms, gap.end_ms)
