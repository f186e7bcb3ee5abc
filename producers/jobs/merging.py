"""The records of several sources as one sequence, in the order of their known times.

No result depends on the order between sources: each source has watermarks of its own, and the results of one are the
same however fast the others are. The order is kept so that one clock paces a replay.
"""

import heapq
from collections.abc import Iterator, Sequence

from producers.normalise.watermarks import SourceRecord


class MergedRecords:
    """Takes records from several sources. A source that has none now does not delay the others.

    Args:
        sources: The records of each source, in the order of known time. None means that there is none now and
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
        """Return the known time of the first record; None if no source has a record now."""
        for number in tuple(self._empty):
            record = next(self._sources[number], _ENDED)
            if record is None:
                continue
            self._empty.remove(number)
            if isinstance(record, SourceRecord):
                heapq.heappush(self._first, (record.event.known_time_ms, number, record))
        return self._first[0][0] if self._first else None

    def take(self) -> tuple[int, SourceRecord]:
        """Take the first record, and return it with the number of its source. Call :meth:`due_ms` before."""
        _, number, record = heapq.heappop(self._first)
        self._empty.append(number)
        return number, record


_ENDED = object()
