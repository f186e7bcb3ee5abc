"""Plans: the events of the sources of a run, where they come from, and where the warm-up ends.

A plan is made from the settings at the first start, and from the stored description of the stream at
any later start, so that a run goes on as it began::

    candle file     |------- warm-up, 70 % -------|-------- replayed --------|
    capture         |-- candles of HISTORY, 21 d --|b|--- ticks, x1 ---|         b: first full minute
    simulation      |------ candles, 14 d ---------|------- ticks, without end
    live feed       |------ candles of before ------|------- what comes, without end

Each source of the run has a plan of its own, whether it ends or not. All plans implement one port, :class:`SourcePlan`.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from producers.jobs.positions import LoggedPosition
from producers.normalise.live import LiveItem
from producers.normalise.watermarks import Reached, SourceTimes
from schemas.frames import Breach
from schemas.streams import StreamDescription, StreamKind, StreamSource

REAL_TIME = 1.0


class Reject(NamedTuple):
    """A row or line that was not published, with the rule that it broke."""

    file: str
    row: int
    column: str
    rule: str
    reason: str
    value: bytes


class SourcePlan(Protocol):
    """What one source of a run publishes: a recording, a simulation or a live feed.

    ``events`` may be called again and again. A plan that is not live gives the same each time. The source
    of each event is ``source.name``, and its instrument is one of ``source.instruments``.
    ``tests/contract/producers`` holds the suite that every plan passes.

    Attributes:
        source: Its name, its instruments and its clock, as the description of the run states them.
        is_live: Whether its events arrive as they happen, so that they are not known beforehand.
        rejects: The rows that are not published, as far as its files were read.
        breaches: The rules that its files break, as far as they were read.
        notes: What is doubtful in its files, a whole sentence each.
        states_completeness: Whether it is a live feed that states itself how far its events are complete, and
            that fetches what it missed. Such a feed continues by the log alone.
    """

    source: StreamSource
    is_live: bool
    rejects: Sequence[Reject]
    breaches: Sequence[Breach]
    notes: Sequence[str] = ()
    states_completeness: bool = False

    def continue_after(self, published: LoggedPosition, vouched_ms: int | None) -> None:
        """Note what the log holds of the source, before ``events`` is called; only a feed that refills needs it.

        Args:
            published: The newest events of the source in the log.
            vouched_ms: The newest event time for which the source vouched; None if it never did.
        """
        del published, vouched_ms

    def events(self, after: Reached, *, until_ms: int | None, now_ms: int) -> Iterator[LiveItem | None]:
        """Return the events after a position: candles by their ends, then ticks by known time.

        With ``until_ms`` the iterator always ends, and gives events alone: it is asked for the history up to
        the end of the warm-up. Without it, the iterator of a recording ends with the recording, and that of a
        simulation or a live feed never does. One of a live feed never waits: it gives None while nothing came,
        also while its venue does not answer, and reconnects by itself. ``Heard`` says that something came
        which is no event, and that every event that was known before it was given. The other statements are those
        of a feed that states its completeness.

        Args:
            after: How far the source was published; events of the millisecond of the last tick may be given again.
            until_ms: The event time of the last candle, inclusive; None for all events.
            now_ms: The wall clock, by which a simulation decides how to catch up.
        """


class RunPlan:
    """The plans of a run's sources.

    Args:
        description: The stored description of the run; it may name sources that have no plan now.
        sources: The plans of the sources that have one.
    """

    def __init__(self, description: StreamDescription, sources: Sequence[SourcePlan]) -> None:
        self.description = description
        self.sources = tuple(sources)

    @property
    def absent(self) -> tuple[StreamSource, ...]:
        """The sources of the run that have no plan now, so that nothing is published of them."""
        here = {plan.source.name for plan in self.sources}
        return tuple(source for source in self.description.sources if source.name not in here)

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """The rows that are not published, source by source."""
        return tuple(reject for plan in self.sources for reject in plan.rejects)

    @property
    def breaches(self) -> tuple[Breach, ...]:
        """The rules that the files break, source by source."""
        return tuple(breach for plan in self.sources for breach in plan.breaches)


def times_of(description: StreamDescription, source: StreamSource) -> SourceTimes:
    """Return the times of one source of a stream, as they were when the stream was first described."""
    return SourceTimes(
        source=source.name,
        stream=description.stream,
        ticks_from_ms=description.warm_up_until_ms,
        end_ms=description.end_ms,
        skew_ms=source.skew_ms,
        lateness_ms=source.lateness_ms,
        begins_with_ticks=description.kind is StreamKind.REPLAY and not description.has_warm_up,
        silences=source.silences,
    )
