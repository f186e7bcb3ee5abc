"""The tables that jobs exchange: their columns, and the rules that every row must keep.

A rule is one vectorised predicate over columns, written once and driven twice: over plain arrays
(:func:`broken_rules`, by which files are read) and inside a pandera schema
(:func:`report_on_candles`, by which what was written is checked). Importing pandera takes about five
seconds of a small machine, so no reader of a file pays for it.

Times are int64 milliseconds here; a missing time is :data:`MISSING_TIME`, as NaT is in numpy.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.time import EARLIEST_MS, Length, text_of_time

Columns = Mapping[str, NDArray[Any]]
Mask = NDArray[np.bool_]

PRICES = ("open", "high", "low", "close")
CANDLE_COLUMNS = ("timestamp", *PRICES, "volume")
OPTIONAL_CANDLE_COLUMNS = ("segment",)
MISSING_TIME = int(np.iinfo(np.int64).min)


class Fate(StrEnum):
    """What becomes of a row that breaks a rule."""

    REJECTED = "rejected"
    DROPPED = "dropped"
    KEPT = "kept"


class Rule(NamedTuple):
    """What a row must be.

    Attributes:
        name: As a sentence about the column, such as ``is positive``.
        column: The column that the rule is about.
        fate: Of a row that breaks it.
        holds: Shape (n,) per row, from columns of shape (n,) in the file's order.
        reason: Why a row must be so, in one sentence.
    """

    name: str
    column: str
    fate: Fate
    holds: Callable[[Columns], Mask]
    reason: str = ""


class Breach(NamedTuple):
    """One row that breaks one rule.

    Attributes:
        row: The row's number in the file; the first row of data is 1.
        value: What the column says there, as text.
    """

    column: str
    row: int
    rule: str
    fate: Fate
    value: str


def candle_rules(interval: Length, *, phase_ms: int = 0, not_after_ms: int | None = None) -> tuple[Rule, ...]:
    """The rules of a candle table with bars of this length, in the order in which they are told.

    Args:
        interval: The length of the bars.
        phase_ms: How long after a multiple of the length its bars begin; 0 for those of the platform.
        not_after_ms: No bar may end later than this; None does not look.
    """
    rows = _row_rules(interval, phase_ms, not_after_ms)
    return (
        *rows,
        Rule("has one set of numbers", "timestamp", Fate.REJECTED, _among_sound(rows, _is_unambiguous)),
        Rule("comes once", "timestamp", Fate.DROPPED, _is_first),
        Rule("is not before the row above", "timestamp", Fate.KEPT, _is_in_order),
    )


def _row_rules(interval: Length, phase_ms: int, not_after_ms: int | None) -> tuple[Rule, ...]:
    """The rules that a row keeps or breaks whatever the other rows are."""
    numbers = [Rule("is a number", name, Fate.REJECTED, _is_number(name)) for name in CANDLE_COLUMNS[1:]]
    positive = [Rule("is positive", name, Fate.REJECTED, _is_positive(name)) for name in PRICES]
    within = [
        Rule("lies within low and high", name, Fate.REJECTED, _is_within(name)) for name in ("open", "close")
    ]
    return (
        Rule("is a time", "timestamp", Fate.REJECTED, lambda rows: rows["timestamp"] != MISSING_TIME),
        Rule("is not before 2009", "timestamp", Fate.REJECTED, _is_late_enough),
        Rule(
            "is of a candle that has closed", "timestamp", Fate.REJECTED, _has_closed(interval, not_after_ms)
        ),
        Rule(f"starts a bar of {interval}", "timestamp", Fate.REJECTED, _is_aligned(interval, phase_ms)),
        *numbers,
        *positive,
        Rule("is not negative", "volume", Fate.REJECTED, lambda rows: ~(rows["volume"] < 0)),
        Rule("is not below low", "high", Fate.REJECTED, lambda rows: ~(rows["high"] < rows["low"])),
        *within,
    )


def _is_late_enough(rows: Columns) -> Mask:
    late_enough: Mask = (rows["timestamp"] >= EARLIEST_MS) | (rows["timestamp"] == MISSING_TIME)
    return late_enough


def _has_closed(interval: Length, not_after_ms: int | None) -> Callable[[Columns], Mask]:
    last_ms = np.iinfo(np.int64).max if not_after_ms is None else not_after_ms - interval.milliseconds

    def has_closed(rows: Columns) -> Mask:
        closed: Mask = rows["timestamp"] <= last_ms
        return closed

    return has_closed


def _among_sound(rules: Sequence[Rule], holds: Callable[[Columns], Mask]) -> Callable[[Columns], Mask]:
    """A rule of the whole table that looks only at the rows which keep the rules of single rows."""

    def holds_among_sound(rows: Columns) -> Mask:
        if not _has_repeats(rows["timestamp"]):
            return np.ones(len(rows["timestamp"]), dtype=np.bool_)
        sound = np.logical_and.reduce([rule.holds(rows) for rule in rules])
        result: Mask = ~sound
        result[sound] = holds({name: rows[name][sound] for name in CANDLE_COLUMNS})
        return result

    return holds_among_sound


def _is_number(name: str) -> Callable[[Columns], Mask]:
    return lambda rows: np.isfinite(rows[name])


def _is_positive(name: str) -> Callable[[Columns], Mask]:
    return lambda rows: ~(rows[name] <= 0)


def _is_within(name: str) -> Callable[[Columns], Mask]:
    # A high below its low is told of once, by its own rule.
    return lambda rows: (
        ~((rows[name] < rows["low"]) | (rows[name] > rows["high"])) | (rows["high"] < rows["low"])
    )


def _is_aligned(interval: Length, phase_ms: int) -> Callable[[Columns], Mask]:
    return lambda rows: (
        (rows["timestamp"] % interval.milliseconds == phase_ms) | (rows["timestamp"] == MISSING_TIME)
    )


def _sorted_rows(rows: Columns) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    order = np.argsort(rows["timestamp"], kind="stable")
    return order, np.column_stack([rows[name] for name in CANDLE_COLUMNS[1:]])[order]


def _is_first(rows: Columns) -> Mask:
    """Whether no earlier row of the file has this time and these numbers."""
    result = np.ones(len(rows["timestamp"]), dtype=np.bool_)
    if not _has_repeats(rows["timestamp"]):
        return result
    seen: set[tuple[Any, ...]] = set()
    for i in _repeated(rows["timestamp"]):
        key = tuple(rows[name][i].item() for name in CANDLE_COLUMNS)
        result[i] = key not in seen
        seen.add(key)
    return result


def _is_unambiguous(rows: Columns) -> Mask:
    """Whether every row of this time has the same numbers."""
    order, numbers = _sorted_rows(rows)
    times = rows["timestamp"][order]
    same_time = times[1:] == times[:-1]
    same_row = (numbers[1:] == numbers[:-1]).all(axis=1)
    conflicting = np.unique(times[1:][same_time & ~same_row])
    return ~np.isin(rows["timestamp"], conflicting)


def _has_repeats(times: NDArray[np.int64]) -> bool:
    steps = np.diff(times)
    if (steps > 0).all() or (steps < 0).all():
        return False
    ordered = np.sort(times)
    return bool((ordered[1:] == ordered[:-1]).any())


def _repeated(times: NDArray[np.int64]) -> NDArray[np.intp]:
    """The rows, in the file's order, whose time is there more than once."""
    values, counts = np.unique(times[times != MISSING_TIME], return_counts=True)
    return np.flatnonzero(np.isin(times, values[counts > 1]))


def _is_in_order(rows: Columns) -> Mask:
    times = rows["timestamp"]
    result = np.ones(len(times), dtype=np.bool_)
    result[1:] = (times[1:] >= times[:-1]) | (times[1:] == MISSING_TIME)
    return result


def broken_rules(columns: Columns, rules: Sequence[Rule]) -> dict[Rule, Mask]:
    """The rules that some row breaks, with the rows that do.

    Args:
        columns: Each of shape (n,), in the file's order.
        rules: As :func:`candle_rules` gives them.

    Returns:
        By rule, shape (n,): True where the row breaks it. Empty for a clean table.
    """
    broken = {rule: ~rule.holds(columns) for rule in rules}
    return {rule: rows for rule, rows in broken.items() if rows.any()}


def breaches_of(broken: Mapping[Rule, Mask], columns: Columns) -> list[Breach]:
    """Every breach of the rules that cost a row, by row.

    Args:
        broken: What :func:`broken_rules` found.
        columns: Each of shape (n,), in the file's order.
    """
    costly = [(rule, rows) for rule, rows in broken.items() if rule.fate is not Fate.KEPT]
    found = ((int(row), i, rule) for i, (rule, rows) in enumerate(costly) for row in np.flatnonzero(rows))
    return [_breach(rule, row, columns) for row, _, rule in sorted(found, key=lambda item: item[:2])]


def _breach(rule: Rule, row: int, columns: Columns) -> Breach:
    value = _as_text(rule.column, columns[rule.column][row])
    return Breach(rule.column, row + 1, rule.name, rule.fate, value)


def report_on_candles(columns: Columns, rules: Sequence[Rule]) -> list[Breach]:
    """Every breach of every rule, as pandera finds them, by row.

    Args:
        columns: Each of shape (n,), in the file's order.
        rules: As :func:`candle_rules` gives them.
    """
    return report_on(columns, rules, {"timestamp": "int64", **dict.fromkeys(CANDLE_COLUMNS[1:], "float64")})


def report_on(columns: Columns, rules: Sequence[Rule], types: Mapping[str, str]) -> list[Breach]:
    """Every breach of every rule, as pandera finds them, by row.

    It takes seconds and the memory of a pandas table, so that it checks only what was written to a file.

    Args:
        columns: Each of shape (n,), in the order of the table.
        rules: Of this table.
        types: The type of each column, as pandas names it.
    """
    import pandas as pd
    import pandera.pandas as pa

    def check(rule: Rule) -> pa.Check:
        def holds(frame: pd.DataFrame) -> Any:
            rows = {name: frame[name].to_numpy() for name in types}
            return pd.DataFrame({"holds": rule.holds(rows)}, index=frame.index)["holds"]

        return pa.Check(holds, name=f"{rule.column} {rule.name}", ignore_na=False)

    frame = pd.DataFrame({name: columns[name] for name in types})
    schema = pa.DataFrameSchema(
        {name: pa.Column(of, nullable=of not in {"int64", "bool"}) for name, of in types.items()},
        checks=[check(rule) for rule in rules],
    )
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        return _breaches(error.failure_cases, rules, columns)
    return []


def _breaches(cases: Any, rules: Sequence[Rule], columns: Columns) -> list[Breach]:
    by_check = {f"{rule.column} {rule.name}": (i, rule) for i, rule in enumerate(rules)}
    found = {(int(row), *by_check[check]) for check, row in zip(cases["check"], cases["index"], strict=True)}
    return [_breach(rule, row, columns) for row, _, rule in sorted(found, key=lambda item: item[:2])]


def _as_text(column: str, value: Any) -> str:
    if column != "timestamp" and not column.endswith("_ms"):
        return str(value)
    return "missing" if value == MISSING_TIME else text_of_time(int(value), "millisecond")
