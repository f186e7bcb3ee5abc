"""The report as tables, for a terminal and for a page: the same columns and cells in both."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.time import text_of_time
from trainers.quality.reports import DayQuality, Freshness, QualityReport, TrainingRows

_NONE = "-"


class Rows(NamedTuple):
    """A table."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def tables_of(report: QualityReport) -> Iterator[Rows]:
    """Yield the tables of a report that have rows."""
    tables = (
        Rows("What is open", ("",), [(finding,) for finding in report.findings]),
        Rows("Rows to train on", _TARGET, [_of_target(each) for each in report.targets]),
        Rows("By source and day", _DAY, [_of_day(day) for day in report.days]),
        Rows("Freshness", _FRESH, [_of_freshness(each) for each in report.freshness]),
        Rows(
            "Sources",
            ("source", "state", "reason"),
            [(each.source, each.state, each.reason) for each in report.sources],
        ),
        Rows("Open gaps", _GAP, _gaps(report)),
        Rows("Dead letters", ("consumer", "open"), _letters(report)),
    )
    return (table for table in tables if table.rows)


_TARGET = ("target", "rows", "needed", "missing", "what would bring them")
_DAY = (
    "data",
    "source",
    "instrument",
    "day",
    "rows",
    "complete",
    "unexplained",
    "duplicates",
    "outliers",
    "quarantined",
    "broken",
)
_FRESH = ("data", "source", "instrument", "newest", "age", "known after")
_GAP = ("kind", "source", "instrument", "from", "until", "missing", "reason")


def _of_target(each: TrainingRows) -> tuple[str, ...]:
    return each.target, f"{each.n_rows:,}", f"{each.n_needed:,}", _count(each.n_missing), each.remedy or _NONE


def _of_day(day: DayQuality) -> tuple[str, ...]:
    share = day.completeness
    complete = _NONE if share is None else f"{min(share, 1):.2%}"
    flaws = (day.n_unexplained, day.n_duplicates, day.n_outliers, day.n_quarantined, day.n_broken)
    return day.data, day.source, day.instrument, day.day, f"{day.n_rows:,}", complete, *map(_count, flaws)


def _of_freshness(each: Freshness) -> tuple[str, ...]:
    newest = text_of_time(each.newest_ms)
    return (
        each.data,
        each.source,
        each.instrument,
        newest,
        _duration(each.age_s),
        _NONE if each.delay_s is None else _duration(each.delay_s),
    )


def _gaps(report: QualityReport) -> list[tuple[str, ...]]:
    return [
        (
            gap.kind,
            gap.source,
            gap.instrument,
            text_of_time(gap.start_ms),
            text_of_time(gap.end_ms),
            _NONE if gap.n_missing is None else f"{gap.n_missing:,}",
            gap.reason,
        )
        for gap in report.gaps
    ]


def _letters(report: QualityReport) -> list[tuple[str, ...]]:
    if report.dead_letters is None:
        return [("the log does not answer", _NONE)]
    return [(consumer, f"{n:,}") for consumer, n in report.dead_letters.items() if n]


def _count(n: int) -> str:
    return f"{n:,}" if n else _NONE


def _duration(seconds: float) -> str:
    """A duration for people: in the unit in which it is between 1 and some hundred."""
    for unit, length in (("d", 172_800.0), ("h", 7_200.0), ("min", 120.0)):
        if abs(seconds) >= length:
            return f"{seconds / {'d': 86_400.0, 'h': 3_600.0, 'min': 60.0}[unit]:,.1f} {unit}"
    return f"{seconds + 0.0:.1f} s" if abs(seconds) >= 0.05 else "0.0 s"


def is_text(column: str) -> bool:
    """Whether a column is of words, which stand at the left."""
    return column in _WORDS


_WORDS: Sequence[str] = (
    "", "target", "what would bring them", "data", "source", "instrument", "day", "newest", "state", "reason", "kind",
    "from", "until", "consumer",
)  # fmt: skip
