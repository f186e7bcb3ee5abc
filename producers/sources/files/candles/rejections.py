"""The rows of a file of candles that were set aside: each with the rules that it broke, and counted by rule."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from producers.sources.files.candles.columns import Columns
from producers.sources.files.candles.counting import counted
from producers.sources.files.candles.file_rows import FileRows
from producers.sources.files.reports import RowsSetAside
from schemas.frames import CANDLE_COLUMNS, MISSING_TIME, Breach, Fate, breaches_of
from schemas.time import text_of_time

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


def rejections_of(rows: FileRows) -> Rejections:
    """Return the rows of a file that were set aside."""
    broken, bad_lines = rows.judged.broken, rows.raw.bad_lines
    if not bad_lines and not any(rule.fate is not Fate.KEPT for rule in broken):
        return Rejections((), (), {})
    numbers = rows.numbers()
    lines = [Breach("line", line.row, line.rule, Fate.REJECTED, line.text) for line in bad_lines]
    # The place of a breach is that in the columns until its values are known.
    found = [(numbers[breach.row - 1], breach) for breach in breaches_of(broken, rows.columns)]
    found = sorted([*((line.row, line) for line in lines), *found], key=lambda pair: pair[0])
    first: dict[int, Breach] = {}
    for number, breach in found:
        first.setdefault(number, breach)
    rejected = [
        RejectedRow(breach._replace(row=number), _values(rows.columns, breach))
        for number, breach in first.items()
        if breach.fate is Fate.REJECTED
    ]
    breaches = [breach._replace(row=number) for number, breach in found]
    return Rejections(breaches, rejected, _counted(first[number]._replace(row=number) for number in first))


def with_long_pauses(rejections: Rejections, empty: Sequence[int], rows: FileRows) -> Rejections:
    """Return the rejections together with empty rows that belong to no short pause.

    Args:
        rejections: Of the other rows.
        empty: The places of the empty rows in the columns.
        rows: The rows of the file.
    """
    if not empty:
        return rejections
    numbers, times = rows.numbers(), rows.columns["timestamp"]
    found = [
        Breach("timestamp", numbers[i], _PAUSE, Fate.DROPPED, text_of_time(int(times[i]), "millisecond"))
        for i in empty
    ]
    breaches = sorted([*rejections.breaches, *found], key=lambda breach: breach.row)
    by_row = sorted(found, key=lambda breach: breach.row)
    return Rejections(breaches, rejections.rejected, rejections.by_rule | _counted(by_row))


def _values(columns: Columns, breach: Breach) -> dict[str, Any]:
    if breach.column == "line":
        return {}
    values: dict[str, Any] = {name: columns[name][breach.row - 1].item() for name in CANDLE_COLUMNS}
    if values["timestamp"] == MISSING_TIME:
        values["timestamp"] = None
    return values


def _counted(breaches: Iterable[Breach]) -> dict[str, RowsSetAside]:
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
