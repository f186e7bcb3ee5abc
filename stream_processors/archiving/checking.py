"""Checks the files of exported days by pandera: what will be trained on in a year must keep its rules today.

It stands apart because pandera takes seconds to import, and the memory of a pandas table.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import parquet

from schemas.collected_frames import FRAME_COLUMNS, CollectedFrame, frame_rules
from schemas.frames import MISSING_TIME, Fate, report_on

#: By table of the archive: its frame, the columns of which each combination is judged by itself, and names that differ.
_FRAMES: Final[Mapping[str, tuple[CollectedFrame, tuple[str, ...], Mapping[str, str]]]] = {
    "candles": (CollectedFrame.BARS, ("instrument", "interval"), {"buy_volume": "taker_buy_volume"}),
    "bars": (CollectedFrame.BARS, ("instrument", "interval"), {}),
    "ticks": (CollectedFrame.TICKS, ("instrument",), {}),
    "quotes": (CollectedFrame.QUOTES, ("instrument",), {}),
    "prices": (CollectedFrame.PRICES, ("instrument",), {}),
    "articles": (CollectedFrame.ARTICLES, ("source",), {}),
}
#: So many breaches of one rule are listed.
_MOST_LISTED = 5


class BrokenRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that some rows of a file break.

    Attributes:
        owner: The instrument and the interval, or the source.
        rule: As a sentence about a column.
        n_rows: How many rows break it.
        values: Some of the values.
    """

    path: str
    owner: str
    rule: str
    n_rows: int
    values: tuple[str, ...]


def broken_rules_of(path: Path, table: str) -> Iterator[BrokenRule]:
    """Yield the rules that rows of an exported file break; rules that keep a row are left out.

    Args:
        path: The file.
        table: The table that was exported; others than those of collection have no rules.
    """
    if table not in _FRAMES:
        return
    frame, owners, renamed = _FRAMES[table]
    rules = [rule for rule in frame_rules(frame) if rule.fate is not Fate.KEPT]
    names = {name: renamed.get(name, name) for name in FRAME_COLUMNS[frame]}
    read = parquet.read_table(path, columns=[*owners, *names.values()])
    for owner, rows in _owned(read, owners):
        columns = {name: _column(rows[stored], FRAME_COLUMNS[frame][name]) for name, stored in names.items()}
        found: dict[str, list[str]] = {}
        for breach in report_on(columns, rules, FRAME_COLUMNS[frame]):
            found.setdefault(f"{breach.column} {breach.rule}", []).append(breach.value)
        for rule, values in found.items():
            some = tuple(values[:_MOST_LISTED])
            yield BrokenRule(path=str(path), owner=owner, rule=rule, n_rows=len(values), values=some)


def _owned(read: pa.Table, owners: tuple[str, ...]) -> Iterator[tuple[str, pa.Table]]:
    """Yield the rows of each instrument or source, by time."""
    for owner in read.select(owners).group_by(list(owners)).aggregate([]).to_pylist():
        mask = None
        for name, value in owner.items():
            is_same = pc.equal(read[name], value)
            mask = is_same if mask is None else pc.and_(mask, is_same)
        rows = read.filter(mask)
        time = "start_ms" if "start_ms" in rows.column_names else "event_time_ms"
        yield " ".join(owner.values()), rows.take(pc.sort_indices(rows, sort_keys=[(time, "ascending")]))


def _column(column: pa.ChunkedArray, of: str) -> NDArray[Any]:
    filled = pc.fill_null(column.cast(pa.int64()), MISSING_TIME) if of == "int64" else column
    return np.asarray(filled.to_numpy(), dtype=of)
