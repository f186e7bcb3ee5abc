"""The rows of a file of candles that were set aside: each with the rules that it broke, and counted by rule."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from producers.sources.files.candles.columns import Columns
from producers.sources.files.candles.counting import counted
from producers.sources.files.candles.judging import Judged
from producers.sources.files.candles.raw_tables import BadLine
from producers.sources.files.reports import RowsSetAside
from schemas.frames import CANDLE_COLUMNS, MISSING_TIME, Breach, Fate, Rule, breaches_of

_PAUSE = "belongs to a short pause without a trade"


class RejectedRow(NamedTuple):
    """A row that is not used, the first rule that it breaks, and what the row says."""

    breach: Breach
    values: dict[str, Any]


class Rejections(NamedTuple):
    """The rows that were set aside.

    Attributes:
        breaches: Every rule that a row breaks, by row.
        rejected: The rows, without exact duplicates, each with the first rule that it breaks.
        by_rule: Every row counted once, by the first rule that it breaks.
    """

    breaches: Sequence[Breach]
    rejected: Sequence[RejectedRow]
    by_rule: dict[str, RowsSetAside]


def rejections_of(found: Judged, columns: Columns, bad_lines: Sequence[BadLine]) -> Rejections:
    """Return the rows that were set aside.

    Args:
        found: How the rows were judged.
        columns: In the file's order.
        bad_lines: Lines that are no rows of the columns.
    """
    if not bad_lines and not any(rule.fate is not Fate.KEPT for rule in found.broken):
        return Rejections((), (), {})
    number = _row_numbers(len(found.left_out), bad_lines)
    lines = [Breach("line", line.row, line.rule, Fate.REJECTED, line.text) for line in bad_lines]
    rows = breaches_of(found.broken, columns)
    breaches = sorted(
        [*lines, *(breach._replace(row=number[breach.row - 1]) for breach in rows)],
        key=lambda breach: breach.row,
    )
    first: dict[int, Breach] = {}
    for breach in breaches:
        first.setdefault(breach.row, breach)
    index = {row: i for i, row in enumerate(number)} if bad_lines else None
    rejected = [
        RejectedRow(breach, _values(columns, row, index))
        for row, breach in first.items()
        if breach.fate is Fate.REJECTED
    ]
    return Rejections(breaches, rejected, _counted(first.values()))


def with_long_pauses(
    rejections: Rejections, rows: Sequence[int], columns: Columns, bad_lines: Sequence[BadLine]
) -> Rejections:
    """Return the rejections together with empty rows that belong to no short pause.

    Args:
        rejections: Of the other rows.
        rows: The empty rows, the first of the columns being 0.
        columns: In the file's order.
        bad_lines: Lines that are no rows of the columns.
    """
    if not len(rows):
        return rejections
    number = _row_numbers(len(columns["timestamp"]), bad_lines)
    rule = Rule(
        _PAUSE, "timestamp", Fate.DROPPED, lambda table: np.ones(len(table["timestamp"]), dtype=np.bool_)
    )
    mask = np.zeros(len(columns["timestamp"]), dtype=np.bool_)
    mask[list(rows)] = True
    found = [breach._replace(row=number[breach.row - 1]) for breach in breaches_of({rule: mask}, columns)]
    breaches = sorted([*rejections.breaches, *found], key=lambda breach: breach.row)
    return Rejections(breaches, rejections.rejected, rejections.by_rule | _counted(found))


def _row_numbers(n: int, bad_lines: Sequence[BadLine]) -> Sequence[int]:
    """By row of the columns, its number in the file, where bad lines stand between."""
    if not bad_lines:
        return range(1, n + 1)
    everything = np.arange(1, n + len(bad_lines) + 1)
    return [int(row) for row in np.setdiff1d(everything, [line.row for line in bad_lines])[:n]]


def _values(columns: Columns, row: int, index: dict[int, int] | None) -> dict[str, Any]:
    at = row - 1 if index is None else index.get(row)
    if at is None:
        return {}
    values: dict[str, Any] = {name: columns[name][at].item() for name in CANDLE_COLUMNS}
    if values["timestamp"] == MISSING_TIME:
        values["timestamp"] = None
    return values


def _counted(breaches: Any) -> dict[str, RowsSetAside]:
    counts: dict[str, RowsSetAside] = {}
    for breach in breaches:
        rule = f"{breach.column} {breach.rule}"
        known = counts.get(rule)
        if known is None:
            counts[rule] = RowsSetAside(count=1, first_row=breach.row, first_value=breach.value)
        else:
            counts[rule] = RowsSetAside(
                count=known.count + 1, first_row=known.first_row, first_value=known.first_value
            )
    return counts


def counts_line(rejections: Rejections) -> str:
    """Return the broken rules and their rows as the end of a sentence."""
    counts = sorted(rejections.by_rule.items(), key=lambda item: -item[1].count)
    return "".join(f"; {rule}: broken by {counted(rows.count, 'row')}" for rule, rows in counts)
