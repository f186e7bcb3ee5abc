"""The columns of a file of candles as the file writes them; nothing is judged here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from producers.sources.files.candles.column_names import Role
from producers.sources.files.candles.headings import Headings
from schemas.errors import ConfigurationError

#: What pyarrow raises for bytes that are no such table, or a kind of table that it does not know.
UNREADABLE = (pa.ArrowException, UnicodeError, OSError)
_MOST_LETTERS, _MOST_LISTED = 300, 20


class BadLine(NamedTuple):
    """A line of a text file that is no row of its table.

    Attributes:
        row: Its number; the first row of data is 1.
        text: What it says.
        rule: What it is not.
    """

    row: int
    text: str
    rule: str = "has as many columns as the others"


class RawTable(NamedTuple):
    """The columns of a file of candles.

    Attributes:
        columns: By role; text stands as plain text and no dictionary is left.
        names: By role, what the file calls the column.
        n_rows: The rows of the columns.
        bad_lines: Lines that are in no column, by row.
        fault: Why the file could not be read to its end, or None.
        is_open_ended: Whether a text ends inside its last line.
        instrument: What the file itself says that it holds, or None.
    """

    columns: Mapping[Role, pa.ChunkedArray]
    names: Mapping[Role, str]
    n_rows: int
    bad_lines: Sequence[BadLine] = ()
    fault: str | None = None
    instrument: str | None = None
    is_open_ended: bool = False


def printable(text: str, most: int = _MOST_LETTERS) -> str:
    """Return a text that others wrote on one short line of a terminal, without its control characters."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return plain if len(plain) <= most else plain[:most] + "..."


def check_headings(headings: Headings, names: Sequence[str], path: Path) -> None:
    """Refuse a table that has not the columns of candles.

    Args:
        headings: What its columns mean.
        names: What its columns are called.
        path: The file, for the message.

    Raises:
        ConfigurationError: If columns are missing; says which.
    """
    if headings.missing:
        shown = " ".join(names[:_MOST_LISTED])
        more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
        message = (
            f"{path.name} must have the columns timestamp open high low close volume, was {printable(shown)}{more}; "
            f"missing: {' '.join(headings.missing)}; name the columns so, and leave out the others"
        )
        raise ConfigurationError(message)


def raw_table_of(
    table: pa.Table,
    headings: Headings,
    path: Path,
    *,
    bad_lines: Sequence[BadLine] = (),
    fault: str | None = None,
    instrument: str | None = None,
) -> RawTable:
    """Return the columns of a table of pyarrow by their roles.

    Args:
        table: As it was read.
        headings: Which column means what.
        path: The file, for messages.
        bad_lines: Lines that are no rows of the table.
        fault: Why the file could not be read to its end, or None.
        instrument: What the file itself says that it holds, or None.

    Raises:
        ConfigurationError: If there are no rows, or two columns of one name differ.
    """
    if not table.num_rows:
        message = (
            f"{path.name} has no rows" if not bad_lines else f"{path.name} has no row with all of its columns"
        )
        raise ConfigurationError(message)
    names = {role: table.column_names[position] for role, position in headings.positions.items()}
    for role, same in headings.doubled.items():
        _check_equal(table, role, same, path)
    columns = {role: plain_column(table, position, path) for role, position in headings.positions.items()}
    return RawTable(columns, names, table.num_rows, bad_lines, fault, instrument)


def _check_equal(table: pa.Table, role: Role, same: Sequence[str], path: Path) -> None:
    if role in (Role.SYMBOL, Role.EXCHANGE):
        return
    positions = [i for i, name in enumerate(table.column_names) if name in same]
    first = table.column(positions[0])
    if not all(table.column(position).equals(first) for position in positions[1:]):
        message = f"{path.name} must have one column {role}, has {len(same)} that differ: {printable(' '.join(same))}"
        raise ConfigurationError(message)


def plain_column(table: pa.Table, position: int, path: Path) -> pa.ChunkedArray:
    """Return a column, its text as plain text and its dictionary looked up.

    Args:
        table: Whose column it is.
        position: Of the column.
        path: The file, for the message.

    Raises:
        ConfigurationError: If its cells hold tables.
    """
    column, name = table.column(position), table.column_names[position]
    try:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        is_text = pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type)
        column = column.cast(pa.string()) if is_text else column
    except pa.ArrowException as error:
        message = (
            f"{name} in {path.name} must be one plain value a row, was {column.type}: {printable(str(error))}"
        )
        raise ConfigurationError(message) from error
    if pa.types.is_nested(column.type):
        message = f"{name} in {path.name} must be one plain value a row, was {printable(str(column.type))}"
        raise ConfigurationError(message)
    return column
