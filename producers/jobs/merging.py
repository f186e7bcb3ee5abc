"""The records of several sources as one sequence, in the order of their known times.

Nothing depends on that order between sources: each has watermarks of its own, and what is made of one is the
same however fast the others are. It is kept so that a replay is paced by one clock.
"""

import heapq
from collections.abc import Iterator, Sequence

from producers.normalise.watermarks import SourceRecord


class MergedRecords:
    """Takes records from several sources; one that has none now holds no other back.

    Args:
        sources: The records of each, in the order of known time. None means that there is none now, and
            more may come; an iterator that ends has no more.
    """

    def __init__(self, sources: Sequence[Iterator[SourceRecord | None]]) -> None:
        self._sources = sources
        self._empty = list(range(len(sources)))
        self._first: list[tuple[int, int, SourceRecord]] = []

    @property
    def is_over(self) -> bool:
        """Whether every source has ended, and every record was taken."""
        return not self._empty and not self._first

    def due_ms(self) -> int | None:
        """The known time of the first record; None where no source has one now."""
        for number in tuple(self._empty):
            record = next(self._sources[number], _ENDED)
            if record is None:
                continue
            self._empty.remove(number)
            if isinstance(record, SourceRecord):
                heapq.heappush(self._first, (record.event.known_time_ms, number, record))
        return self._first[0][0] if self._first else None

    def take(self) -> tuple[int, SourceRecord]:
        """Takes the first record, with the number of its source; :meth:`due_ms` was asked before."""
        _, number, record = heapq.heappop(self._first)
        self._empty.append(number)
        return number, record


_ENDED = object()
