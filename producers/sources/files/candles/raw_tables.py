"""Reads the columns of a file of candles as the file writes them; nothing is judged here."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import pyarrow as pa
from pyarrow import csv, feather, parquet

from producers.sources.files.candles.headings import Headings, Role, headings_of
from producers.sources.files.candles.layouts import Layout, text_layout
from producers.sources.files.candles.texts import TextShape
from producers.sources.files.candles.whole_lines import WholeLines
from producers.sources.files.decompressing import HEAD_BYTES, opened
from producers.sources.files.json_rows import csv_of_json, is_cut
from schemas.errors import ConfigurationError

_UNREADABLE = (pa.ArrowException, UnicodeError, OSError)
_FEATHER = b"ARROW1"
_PARQUET = b"PAR1"
_MOST_LETTERS, _MOST_LISTED = 300, 20
#: Under this name ``driftline convert`` states the instrument in the parquet that it writes.
INSTRUMENT_METADATA = b"driftline.instrument"


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


def raw_table(path: Path, layout: Layout) -> RawTable:
    """Read the columns of a file.

    Args:
        path: The file.
        layout: How its table is written.

    Raises:
        ConfigurationError: If it cannot be read, or has not the columns of candles.
    """
    try:
        match layout.container:
            case "parquet" | "feather":
                return _binary_table(path, layout.container)
            case _:
                return _text_table(path, layout)
    except _UNREADABLE as error:
        message = f"{path.name} seems to be a {layout.container} file and cannot be read as one: {printable(str(error))}"
        raise ConfigurationError(message) from error


def printable(text: str, most: int = _MOST_LETTERS) -> str:
    """Return a text that others wrote on one short line of a terminal, without its control characters."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return plain if len(plain) <= most else plain[:most] + "..."


def _binary_table(path: Path, container: str) -> RawTable:
    with _seekable(path) as file:
        source = parquet.ParquetFile(file) if container == "parquet" else feather.read_table(file)
        schema = source.schema_arrow if container == "parquet" else source.schema
        headings = _headings_of_types(schema)
        check_headings(headings, schema.names, path)
        table = source.read(columns=_selected(schema, headings)) if container == "parquet" else source
    if len(table.column_names) != len(schema.names):
        headings = _headings_of_types(table.schema)
    metadata = schema.metadata or {}
    return _raw(table, headings, path, instrument=metadata.get(INSTRUMENT_METADATA, b"").decode() or None)


def instrument_in_parquet(path: Path) -> str | None:
    """Return the instrument that ``driftline convert`` wrote into a parquet file, or None."""
    try:
        with _seekable(path) as file:
            metadata = parquet.read_schema(file).metadata or {}
    except _UNREADABLE:
        return None
    return metadata.get(INSTRUMENT_METADATA, b"").decode() or None


@contextmanager
def _seekable(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as plain:
        if plain.read(6).startswith((_PARQUET, _FEATHER)):
            plain.seek(0)
            yield plain
            return
    with opened(path) as file:
        yield io.BytesIO(file.readall() or b"")


def _selected(schema: pa.Schema, headings: Headings) -> list[str] | None:
    """The names of the columns that are needed; None if two columns share a name, which would select both."""
    names = [schema.names[position] for position in sorted(headings.positions.values())]
    names += [name for same in headings.doubled.values() for name in same if name not in names]
    return names if len(set(schema.names)) == len(schema.names) else None


def _headings_of_types(schema: pa.Schema) -> Headings:
    """What the columns mean; the one column of times is the time, whatever it is called."""
    headings = headings_of(schema.names)
    if "timestamp" not in headings.missing:
        return headings
    times = [i for i, kind in enumerate(schema.types) if pa.types.is_timestamp(kind)]
    if len(times) != 1:
        return headings
    return Headings({**headings.positions, Role.OPEN_TIME: times[0]}, headings.doubled)


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
            f"missing: {' '.join(headings.missing)}"
        )
        raise ConfigurationError(message)


def _raw(
    table: pa.Table,
    headings: Headings,
    path: Path,
    *,
    bad_lines: Sequence[BadLine] = (),
    fault: str | None = None,
    instrument: str | None = None,
) -> RawTable:
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


def _text_table(path: Path, layout: Layout) -> RawTable:
    if layout.container != "json":
        return _delimited_table(path, layout)
    with opened(path) as file:
        written = file.readall() or b""
        fault = file.fault or ("the JSON ends in the middle" if is_cut(written) else None)
    content = csv_of_json(written)
    found = text_layout(content[:HEAD_BYTES], "json", is_whole=len(content) <= HEAD_BYTES)
    if found is None:
        message = f"{path.name} seems to be JSON, and no rows of candles are in it"
        raise ConfigurationError(message)
    return _delimited_table(path, found, content)._replace(fault=fault)


def _delimited_table(path: Path, layout: Layout, content: bytes | None = None) -> RawTable:
    shape = cast("TextShape", layout.shape)
    names = [f"c{i}" for i in range(shape.n_columns)]
    if shape.names is not None:
        check_headings(layout.headings, shape.names, path)
    try:
        table, parsed = _parsed(path, layout, content, shape.encoding, is_strict=True)
    except (pa.ArrowInvalid, UnicodeError):
        table, parsed = _parsed(path, layout, content, _forgiving(shape.encoding), is_strict=False)
    order = sorted(set(layout.headings.positions.values()))
    headings = Headings({role: order.index(i) for role, i in layout.headings.positions.items()})
    called = shape.names or names
    _check_doubled(layout, path)
    table = table.rename_columns([called[position] for position in order])
    raw = _raw(table, headings, path, bad_lines=parsed.bad_lines, fault=parsed.fault)
    return raw._replace(is_open_ended=parsed.is_open_ended)


def _check_doubled(layout: Layout, path: Path) -> None:
    for role, same in layout.headings.doubled.items():
        if role not in (Role.SYMBOL, Role.EXCHANGE):
            message = f"{path.name} must have one column {role}, has {len(same)}: {printable(' '.join(same))}"
            raise ConfigurationError(message)


def _forgiving(encoding: str) -> str:
    """An encoding that reads any bytes, for a file whose later bytes are not what the first ones promised."""
    return "latin-1" if encoding in {"utf-8", "utf-8-sig", "cp1252"} else encoding


class _Parsed(NamedTuple):
    """What is no row of a text's table: lines, damage, and a last line without an end."""

    bad_lines: Sequence[BadLine]
    fault: str | None
    is_open_ended: bool


def _parsed(
    path: Path, layout: Layout, content: bytes | None, encoding: str, *, is_strict: bool
) -> tuple[pa.Table, _Parsed]:
    """The table of a text file, and what is no row of it.

    Args:
        path: The file.
        layout: How its table is written.
        content: The text, where it is not that of the file itself.
        encoding: Of the text.
        is_strict: Whether a line of another width is an error; it is quicker, and most files have none.
    """
    shape = cast("TextShape", layout.shape)
    names = [f"c{i}" for i in range(shape.n_columns)]
    wanted = [names[position] for position in sorted(set(layout.headings.positions.values()))]
    bad: list[BadLine] = []

    def skip(row: Any) -> str:
        bad.append(BadLine((row.number or 0) - shape.n_lines_before, printable(row.text, 100)))
        return "skip"

    read = csv.ReadOptions(
        skip_rows=shape.n_skipped,
        column_names=names,
        use_threads=is_strict,
        encoding="utf8" if encoding in {"utf-8", "utf-8-sig"} else encoding,
    )
    lines = csv.ParseOptions(delimiter=shape.separator, invalid_row_handler=None if is_strict else skip)
    cells = csv.ConvertOptions(column_types={name: pa.string() for name in wanted}, include_columns=wanted)
    with opened(path) as file:
        whole = WholeLines(file)
        text = io.BufferedReader(whole) if content is None else io.BytesIO(content)
        table = csv.read_csv(text, read_options=read, parse_options=lines, convert_options=cells)
        if file.fault is not None and whole.is_open_ended:
            cut = BadLine(table.num_rows + len(bad) + 1, printable(repr(whole.rest)[2:-1], 100), "is whole")
            bad.append(cut)
        return table, _Parsed(bad, file.fault, file.fault is None and whole.is_open_ended)
