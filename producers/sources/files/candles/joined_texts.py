"""Finds headings in the middle of a text, as two files that were joined have them, and puts their tables together.

Each part is read by its own heading. A heading that says the same as the one before is a line like any wrong line.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa

from producers.sources.files.candles.column_names import Role
from producers.sources.files.candles.headings import EXTRA_ROLES, PRICE_ROLES, headings_of, plain_name
from producers.sources.files.candles.raw_tables import BadLine, RawTable
from producers.sources.files.candles.texts import TextShape
from schemas.errors import ConfigurationError

#: Rows begin with a time in most files, headings with a word.
_WITHOUT_DIGIT = re.compile(rb'\n("?[^\d\s"-])')
#: What stands in headings and seldom in rows, where rows begin with words.
_TOKENS = tuple(
    token.encode()
    for token in ("open", "Open", "OPEN", ",o,", ";o;", "\to\t", ",O,", ";O;", "Eröffn", "시가", "开盘")
)
#: So many lines that hold one of these words and are no headings mean that rows hold it, too.
_MOST_OTHER_LINES = 1000
_LONGEST_LINE = 2000
_TIMES = (Role.OPEN_TIME, Role.CLOSE_TIME, Role.DATE, Role.TIME_OF_DAY)
_STARTS = ({Role.OPEN_TIME}, {Role.DATE})
_RULE = "is a row and no heading"


def joined_parts(text: bytes, shape: TextShape) -> Sequence[bytes]:
    """Return the parts of a text that have headings of their own; the text alone where none but the first is there.

    Args:
        text: In an encoding whose letters of headings are those of ASCII or UTF-8.
        shape: How the text begins.
    """
    names = None if shape.names is None else _plain(shape.names)
    cuts = [0]
    for begin, line in _lines_like_headings(text):
        found = _names_in(line, shape.separator)
        if found is None:
            continue
        if begin and _plain(found) != names:
            cuts.append(begin)
        names = _plain(found)
    return [text[begin:end] for begin, end in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def _plain(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(plain_name(name) for name in names)


def _lines_like_headings(text: bytes) -> Iterator[tuple[int, str]]:
    """Where lines begin that may be headings, and what they say, in their order."""
    begins = _begins_without_digits(text)
    if begins is None:
        begins = sorted({begin for token in _TOKENS for begin in _begins_of_lines(text, token)})
    for begin in begins:
        end = text.find(b"\n", begin)
        line = text[begin : len(text) if end < 0 else end][:_LONGEST_LINE]
        yield begin, line.decode("utf-8-sig", errors="replace").strip()


def _begins_without_digits(text: bytes) -> Sequence[int] | None:
    """Where lines begin without a digit, which is quick to find; None if these are so many that rows begin so."""
    found = [match.start(1) for match in islice(_WITHOUT_DIGIT.finditer(text), _MOST_OTHER_LINES)]
    return None if len(found) == _MOST_OTHER_LINES else found


def _begins_of_lines(text: bytes, token: bytes) -> Iterator[int]:
    at, n = text.find(token), 0
    while at >= 0 and n < _MOST_OTHER_LINES:
        yield text.rfind(b"\n", 0, at) + 1
        n += 1
        end = text.find(b"\n", at)
        at = -1 if end < 0 else text.find(token, end)


def _names_in(line: str, separator: str) -> Sequence[str] | None:
    """The cells of a line if it is a heading of candles, or None."""
    for mark in dict.fromkeys((separator, ",", ";", "\t")):
        try:
            cells = next(csv.reader([line], delimiter=mark), [])
        except csv.Error:
            continue
        if all(role in headings_of(cells).positions for role in PRICE_ROLES):
            return cells
    return None


def joined_table(tables: Sequence[RawTable], heads: Sequence[Sequence[str]], path: Path) -> RawTable:
    """Return the rows of the parts of a file as one table.

    Args:
        tables: One per part, at least one.
        heads: Per part the lines before its first row that are not empty; those of later parts stand in the middle of
            the file, and are lines that are no rows.
        path: The file, for messages.

    Raises:
        ConfigurationError: If the parts state different times, such as opens and closes.
    """
    times = [_roles_of_times(table) for table in tables]
    if any(roles != times[0] for roles in times):
        message = (
            f"{path.name} joins files whose columns of times differ ({_named(times[0])}, and later "
            f"{_named(next(roles for roles in times if roles != times[0]))}): give each as a file of its own"
        )
        raise ConfigurationError(message)
    bad: list[BadLine] = []
    n_rows = 0
    for number, (table, head) in enumerate(zip(tables, heads, strict=True)):
        in_the_middle = head if number else ()
        before = n_rows + len(bad)
        bad += [BadLine(before + i + 1, line, _RULE) for i, line in enumerate(in_the_middle)]
        before += len(in_the_middle)
        bad += [line._replace(row=before + line.row) for line in table.bad_lines]
        n_rows += table.n_rows
    return tables[-1]._replace(
        columns=_joined_columns(tables), names=tables[0].names, n_rows=n_rows, bad_lines=bad
    )


def _roles_of_times(table: RawTable) -> set[Role]:
    """The roles of a table's times; days without a clock and times of a bar's start are the same."""
    roles = {role for role in _TIMES if role in table.columns}
    return {Role.OPEN_TIME} if roles in _STARTS else roles


def _named(roles: set[Role]) -> str:
    return " and ".join(sorted(role.replace("_", " ") for role in roles))


def _joined_columns(tables: Sequence[RawTable]) -> dict[Role, pa.ChunkedArray]:
    """The columns that all parts have, and those that an exchange adds, empty where a part has them not."""
    parts = [_with_one_time(table) for table in tables]
    roles = {role for part in parts for role in part}
    shared = [role for role in roles if role in EXTRA_ROLES or all(role in part for part in parts)]
    return {
        role: pa.chunked_array(
            [
                chunk
                for part, table in zip(parts, tables, strict=True)
                for chunk in _chunks(part, role, table)
            ],
            type=pa.string(),
        )
        for role in shared
    }


def _with_one_time(table: RawTable) -> dict[Role, pa.ChunkedArray]:
    columns = dict(table.columns)
    if {role for role in _TIMES if role in columns} == {Role.DATE}:
        columns[Role.OPEN_TIME] = columns.pop(Role.DATE)
    return columns


def _chunks(part: dict[Role, pa.ChunkedArray], role: Role, table: RawTable) -> Sequence[pa.Array]:
    return part[role].chunks if role in part else [pa.nulls(table.n_rows, pa.string())]
