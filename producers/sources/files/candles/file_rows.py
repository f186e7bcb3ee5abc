"""The rows of a file of candles on their way from the file's own writing to bars, always by time."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.columns import Columns
from producers.sources.files.candles.judging import Judged
from producers.sources.files.candles.raw_tables import RawTable
from producers.sources.files.candles.stamps import Stamps
from producers.sources.files.forms import ReadRequest

#: Of the steps between the rows of a file that is newest first, at least so many go back.
_MOST_OF_THEM = 0.9


class FileRows(NamedTuple):
    """The rows of a file of candles, as they are written and as they were judged.

    Attributes:
        raw: The file as it is written.
        columns: Milliseconds and numbers, by time; the times are starts.
        order: Shape (n,): the place in the file of each row of the columns; None where the file is by time.
        stamps: When its bars begin.
        judged: Which rows are good.
        request: What is known beside the file.
    """

    raw: RawTable
    columns: Columns
    order: NDArray[np.intp] | None
    stamps: Stamps
    judged: Judged
    request: ReadRequest

    @property
    def n_rows(self) -> int:
        """The rows of the file, lines of another width included."""
        return self.raw.n_rows + len(self.raw.bad_lines)

    def numbers(self) -> Sequence[int]:
        """Return by row of the columns its number in the file, the first row of data being 1."""
        bad = [line.row for line in self.raw.bad_lines]
        if not bad and self.order is None:
            return range(1, self.raw.n_rows + 1)
        numbers = np.setdiff1d(np.arange(1, self.n_rows + 1), bad)[: self.raw.n_rows]
        return [int(number) for number in (numbers if self.order is None else numbers[self.order])]

    @property
    def is_newest_first(self) -> bool:
        """Whether the file begins with its newest row."""
        return self._n_back() > _MOST_OF_THEM * max(len(self.judged.kept) - 1, 1)

    @property
    def n_disordered(self) -> int:
        """Return how many rows stand out of the file's own order."""
        n_back = self._n_back()
        return len(self.judged.kept) - 1 - n_back if self.is_newest_first else n_back

    def _n_back(self) -> int:
        """How often the next row by time stands earlier in the file."""
        return 0 if self.order is None else int((np.diff(self.order[self.judged.kept]) < 0).sum())


def by_time(columns: Columns) -> tuple[Columns, NDArray[np.intp] | None]:
    """Return the columns by time, and the place of each row in the file; None where nothing had to be moved."""
    times = columns["timestamp"]
    if bool((np.diff(times) >= 0).all()):
        return columns, None
    order = np.argsort(times, kind="stable")
    return {name: values[order] for name, values in columns.items()}, order
