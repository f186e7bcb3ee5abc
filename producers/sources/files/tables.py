"""Files of candles as the platform plays them: in one of its own intervals, shorter candles rolled up."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.normalise.candles import candle_of_row
from producers.sources.files.candles.reading import CandleFile, read_candle_file
from producers.sources.files.candles.rejections import RejectedRow
from producers.sources.files.candles.rolling import rolled_up
from producers.sources.files.forms import ReadRequest
from producers.sources.files.recognition import recognise
from producers.sources.files.reports import FileReport
from schemas.errors import ConfigurationError
from schemas.events import CandleObserved
from schemas.frames import PRICES, Breach
from schemas.time import Interval

_PLAYED = ("start_ms", *PRICES, "volume", "n_trades", "taker_buy_volume")


class CandleTable(NamedTuple):
    """The candles of a file, by time, and what was wrong with its rows.

    Attributes:
        interval: Of the candles.
        columns: ``start_ms``, prices, ``volume`` and, where the file states them, ``n_trades`` and
            ``taker_buy_volume``; each of shape (n,).
        segment_starts: Shape (m,), ascending: the first row of each segment.
        breaches: By row of the file.
        rejected: The rows that are not published.
        report: What is said of the file.
    """

    interval: Interval
    columns: Mapping[str, NDArray[Any]]
    segment_starts: NDArray[np.intp]
    breaches: Sequence[Breach]
    rejected: Sequence[RejectedRow]
    report: FileReport

    def __len__(self) -> int:
        """The number of candles."""
        return len(self.columns["start_ms"])

    def segment_of(self, time_ms: int) -> tuple[int, int] | None:
        """Return the stretch ``[from_ms, until_ms)`` of the segment that contains a time, or None."""
        for start_ms, end_ms in self.segments():
            if start_ms <= time_ms < end_ms:
                return start_ms, end_ms
        return None

    def segments(self) -> list[tuple[int, int]]:
        """Return the first start and the last end of each segment."""
        last = np.concatenate((self.segment_starts[1:], [len(self)])) - 1
        starts = self.columns["start_ms"]
        return [
            (int(starts[i]), int(starts[j]) + self.interval.milliseconds)
            for i, j in zip(self.segment_starts, last, strict=True)
        ]

    def candles(
        self, from_ms: int, until_ms: int, *, instrument: str, source: str, stream: str
    ) -> Iterator[CandleObserved]:
        """Return the candles that start at or after ``from_ms`` and end at or before ``until_ms``.

        Args:
            from_ms: The earliest start.
            until_ms: The latest end.
            instrument: The instrument that the events name.
            source: The source that the events name.
            stream: The run that the events name.
        """
        starts = self.columns["start_ms"]
        chosen = slice(
            int(np.searchsorted(starts, from_ms)),
            int(np.searchsorted(starts, until_ms - self.interval.milliseconds, side="right")),
        )
        names = tuple(name for name in _PLAYED if name in self.columns)
        for row in zip(*(_values(name, self.columns[name][chosen]) for name in names), strict=True):
            yield candle_of_row(
                dict(zip(names, row, strict=True)),
                instrument=instrument,
                interval=self.interval,
                source=source,
                stream=stream,
            )


def bought_volume(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64] | None:
    """Return the part of the volume that buyers took, as the events of these candles state it.

    Args:
        columns: Of a file of candles.

    Returns:
        Shape (n,), base units, NaN where it is not stated or is no part of the volume; None if the file states none.
    """
    stated = columns.get("taker_buy_volume")
    if stated is None:
        return None
    bought = np.asarray(stated, dtype=np.float64)
    return np.where((bought >= 0) & (bought <= columns["volume"]), bought, np.nan)


def _values(name: str, values: NDArray[Any]) -> list[Any]:
    """The cells of a column as Python's numbers; a count that is not known is None."""
    if name != "n_trades":
        return list(values.tolist())
    return [None if math.isnan(value) else int(value) for value in values.tolist()]


def read_candles(path: Path, request: ReadRequest) -> CandleTable:
    """Read a file of candles in an interval of the platform.

    Candles of another length are rolled up into the shortest interval that they make up, such as 2h into 4h.

    Args:
        path: The file.
        request: What is known beside the file.

    Raises:
        ConfigurationError: If the file cannot be read, or its candles make up no interval of the platform.
    """
    file = candle_file(path, request)
    interval = file.length.rolled
    if interval is None:
        raise ConfigurationError(_no_interval(path, file))
    columns, starts = rolled_up(file.columns, file.segment_starts, file.length, interval)
    if not len(columns["start_ms"]):
        message = (
            f"{path.name} holds no whole {interval}, into which its candles of {file.length} are rolled up"
        )
        raise ConfigurationError(message)
    return CandleTable(
        interval=interval,
        columns=columns,
        segment_starts=starts,
        breaches=file.rejections.breaches,
        rejected=file.rejections.rejected,
        report=file.report,
    )


def candle_file(path: Path, request: ReadRequest) -> CandleFile:
    """Return a file of candles of any length, as it is.

    Args:
        path: The file.
        request: What is known beside the file.

    Raises:
        ConfigurationError: If the file holds something else, or cannot be read.
    """
    found = recognise(path)
    if not found.form.kind.is_candles:
        message = (
            f"{path.name} holds recorded trades ({found.form.name}), and candles are needed here; "
            "`driftline up --data` plays trades and makes bars of them"
        )
        raise ConfigurationError(message)
    return read_candle_file(path, request, found.head)


def _no_interval(path: Path, file: CandleFile) -> str:
    known = ", ".join(Interval)
    if file.length.is_local:
        return (
            f"{path.name} holds candles of {file.length} that begin at {file.length.beginning} UTC, and those of a run "
            f"begin at whole multiples of their length: give candles of {known} that begin so, or shorter ones"
        )
    return (
        f"{path.name} holds candles of {file.length}, which make up none of the intervals of a run ({known}): "
        "give shorter candles"
    )


def breach_counts(breaches: Sequence[Breach]) -> Counter[tuple[str, str, str]]:
    """Count the rows that break each rule, by (column, rule, fate), the most frequent first."""
    return Counter((breach.column, breach.rule, str(breach.fate)) for breach in breaches)
