"""What a backfill did and left, by instrument."""

from typing import Any

import msgspec

from producers.jobs.backfilling.places import Place
from producers.jobs.backfilling.stretches import Stretch
from schemas.time import text_of_time


class Tally(msgspec.Struct, kw_only=True):
    """The figures of one instrument, in bars where nothing else is said.

    Attributes:
        place: The series.
        span: What was wanted.
        reach_ms: The oldest start that the venue gives; None if all.
        n_before: Stored before.
        n_quiet: In which nothing was traded, at the end.
        n_asked: Asked for.
        n_new: Stored now.
        n_corrected: Stored again with other numbers.
        n_put_aside: Rows that were put aside as dead letters.
        n_opened: Gaps that were opened.
        n_closed: Gaps that were closed.
        n_missing: Named by open gaps, at the end.
        n_unnamed: Neither stored nor named by the ledger; 0 unless the backfill was stopped.
        n_requests: How often the venue was asked.
        trouble: Why the venue was given up; None if it was not.
        is_whole: Whether the backfill of this instrument came to its end.
    """

    place: Place
    span: Stretch
    reach_ms: int | None = None
    n_before: int = 0
    n_quiet: int = 0
    n_asked: int = 0
    n_new: int = 0
    n_corrected: int = 0
    n_put_aside: int = 0
    n_opened: int = 0
    n_closed: int = 0
    n_missing: int = 0
    n_unnamed: int = 0
    n_requests: int = 0
    trouble: str | None = None
    is_whole: bool = False

    @property
    def n_wanted(self) -> int:
        """How many bars the span has."""
        return self.span.count(self.place.step_ms)

    def as_facts(self) -> dict[str, Any]:
        """Return everything under plain names, times as text, for JSON."""
        place, span, reach = self.place, self.span, self.reach_ms
        names = [name for name in self.__struct_fields__ if name not in {"place", "span", "reach_ms"}]
        return {
            **place._asdict(),
            "from": text_of_time(span.start_ms, "iso"),
            "to": text_of_time(span.end_ms, "iso"),
            "reach": None if reach is None else text_of_time(reach, "iso"),
            "n_wanted": self.n_wanted,
            **{name: getattr(self, name) for name in names},
        }
