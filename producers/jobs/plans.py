"""Plans: which events a run has, from where, and where its warm-up ends.

A plan is made from settings the first time, and from what the history remembers of the stream at
any later start, so that a run goes on as it began::

    candle file     |------- warm-up, 70 % -------|-------- replayed --------|
    capture         |-- candles of HISTORY, 21 d --|b|--- ticks, x1 ---|         b: first full minute
    simulation      |------ candles, 14 d ---------|------- ticks, without end
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from producers.normalise.watermarks import MarketEvent, Reached, Silence, SourceTimes
from schemas.frames import Breach
from schemas.streams import StreamDescription

REAL_TIME = 1.0


class Reject(NamedTuple):
    """A row or line that was not published: what it was, and which rule it broke."""

    file: str
    row: int
    column: str
    rule: str
    reason: str
    value: bytes


class Plan(Protocol):
    """What a run publishes.

    ``description`` is what is remembered of it, ``rejects`` and ``breaches`` what was wrong with
    its file. ``events`` may be called again and again and gives the same each time.
    """

    description: StreamDescription
    rejects: Sequence[Reject]
    breaches: Sequence[Breach]

    def events(self, after: Reached, *, until_ms: int | None, now_ms: int) -> Iterator[MarketEvent]:
        """The events behind what was reached.

        Args:
            after: What was published before; the last tick's millisecond is repeated.
            until_ms: Event time of the last candle, inclusive; None for all that there is.
            now_ms: The wall clock, by which a simulation decides how to catch up.
        """


def times_of(description: StreamDescription) -> SourceTimes:
    """The clock of a stream's source, as it was when the stream was first described."""
    parameters = description.parameters
    return SourceTimes(
        source=description.source,
        stream=description.stream,
        ticks_from_ms=description.warm_up_until_ms,
        end_ms=description.end_ms,
        skew_ms=int(parameters.get("skew_ms") or 0),
        lateness_ms=int(parameters.get("lateness_ms") or 0),
        silences=msgspec.json.decode(str(parameters.get("silences") or "[]"), type=tuple[Silence, ...]),
    )
