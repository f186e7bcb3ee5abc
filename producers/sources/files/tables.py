"""Reads candle tables from parquet or CSV, checks them by the rules, and keeps the good rows.

Rows are sorted stably, and disorder is reported. Exact duplicates are dropped and counted. If rows of one
time have different numbers, all of them are rejected, because nobody can say which is right. A rejected
row leaves a missing stretch, and no bar is invented for it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.normalise.candles import candle_of_row
from producers.sources.files.recognition import FileKind, file_kind
from schemas.errors import ConfigurationError
from schemas.events import CandleObserved
from schemas.frames import (
    CANDLE_COLUMNS,
    MISSING_TIME,
    Breach,
    Columns,
    Fate,
    broken_rules,
    candle_rules,
    report_on_candles,
)
from schemas.time import Interval
from schemas.wire.candle_files import candle_columns, recognised_interval


class RejectedRow(NamedTuple):
    """A row that is not published, and the first rule that it breaks."""

    breach: Breach
    values: dict[str, Any]


class CandleTable(NamedTuple):
    """The good rows of a file, by time, and what was wrong with the others.

    Attributes:
        columns: ``start_ms``, prices and ``volume``, each of shape (n,).
        segment_starts: Shape (m,), ascending: the first row of each segment.
        breaches: By row of the file.
    """

    interval: Interval
    columns: dict[str, NDArray[Any]]
    segment_starts: NDArray[np.intp]
    breaches: Sequence[Breach]
    rejected: Sequence[RejectedRow]

    def __len__(self) -> int:
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
        """Return the candles that start at or after ``from_ms`` and end at or before ``until_ms``."""
        starts = self.columns["start_ms"]
        chosen = slice(
            int(np.searchsorted(starts, from_ms)),
            int(np.searchsorted(starts, until_ms - self.interval.milliseconds, side="right")),
        )
        names = tuple(self.columns)
        for row in zip(*(self.columns[name][chosen].tolist() for name in names), strict=True):
            yield candle_of_row(
                dict(zip(names, row, strict=True)),
                instrument=instrument,
                interval=self.interval,
                source=source,
                stream=stream,
            )


def read_candles(path: Path) -> CandleTable:
    """Read a candle file and check it by the rules of :mod:`schemas.frames`.

    Raises:
        ConfigurationError: If the file cannot be read, a column is missing, its interval is unknown,
            or it has no good row.
    """
    columns = candle_columns(path, is_parquet=_is_parquet(path))
    interval = recognised_interval(columns["timestamp"], path)
    rules = candle_rules(interval)
    broken = broken_rules(columns, rules)
    breaches = report_on_candles(columns, rules) if broken else []
    left_out = np.zeros(len(columns["timestamp"]), dtype=np.bool_)
    for rule, rows in broken.items():
        if rule.fate is not Fate.KEPT:
            left_out |= rows
    kept = np.flatnonzero(~left_out)
    if not len(kept):
        message = f"{path.name} has no good row among {len(left_out)}; " + _counts_line(breaches)
        raise ConfigurationError(message)
    kept = kept[np.argsort(columns["timestamp"][kept], kind="stable")]
    segment = columns.get("segment", np.zeros(len(left_out), dtype=np.int64))[kept]
    return CandleTable(
        interval=interval,
        columns={"start_ms": columns["timestamp"][kept]}
        | {name: columns[name][kept] for name in CANDLE_COLUMNS[1:]},
        segment_starts=np.flatnonzero(np.concatenate(([True], segment[1:] != segment[:-1]))),
        breaches=breaches,
        rejected=_rejected(columns, breaches),
    )


def _is_parquet(path: Path) -> bool:
    match file_kind(path):
        case FileKind.PARQUET:
            return True
        case FileKind.CSV:
            return False
        case FileKind.CAPTURE:
            message = f"{path.name} is a capture of messages, expected a table of candles"
            raise ConfigurationError(message)


def _rejected(columns: Columns, breaches: Sequence[Breach]) -> list[RejectedRow]:
    first: dict[int, Breach] = {}
    for breach in breaches:
        if breach.fate is Fate.REJECTED:
            first.setdefault(breach.row, breach)
    return [RejectedRow(breach, _row_values(columns, row - 1)) for row, breach in first.items()]


def _row_values(columns: Columns, row: int) -> dict[str, Any]:
    values: dict[str, Any] = {name: columns[name][row].item() for name in CANDLE_COLUMNS}
    if values["timestamp"] == MISSING_TIME:
        values["timestamp"] = None
    return values


def breach_counts(breaches: Sequence[Breach]) -> Counter[tuple[str, str, str]]:
    """Count the rows that break each rule, by (column, rule, fate), the most frequent first."""
    return Counter((breach.column, breach.rule, str(breach.fate)) for breach in breaches)


def _counts_line(breaches: Sequence[Breach]) -> str:
    counts = breach_counts(breaches).most_common()
    return "; ".join(f"{column} {rule}: broken by {n} rows" for (column, rule, _), n in counts)
