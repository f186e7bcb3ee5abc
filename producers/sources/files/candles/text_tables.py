"""Reads the columns of candles in delimited text, and in JSON, which is turned into such text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import pyarrow as pa
from pyarrow import csv

from producers.sources.files.candles.column_names import Role
from producers.sources.files.candles.headings import Headings
from producers.sources.files.candles.joined_texts import joined_parts, joined_table
from producers.sources.files.candles.layouts import Layout, text_layout
from producers.sources.files.candles.raw_tables import (
    BadLine,
    RawTable,
    check_headings,
    printable,
    raw_table_of,
)
from producers.sources.files.candles.texts import TextShape
from producers.sources.files.decompressing import HEAD_BYTES, opened, whole_of
from producers.sources.files.json_rows import csv_of_json, is_cut
from schemas.errors import ConfigurationError

_ENDS = b"\x00\r\n \t"
_WIDE = ("utf-16", "utf-32")


class _Content(NamedTuple):
    """The text of a file: whole lines, part of a line after them, and why the file is damaged, if it is."""

    whole: bytes
    rest: bytes
    fault: str | None

    @property
    def is_open_ended(self) -> bool:
        """Whether a file that is not damaged ends inside a line."""
        return self.fault is None and bool(self.rest)


def text_table(path: Path, layout: Layout) -> RawTable:
    """Return the columns of a file of text.

    Raises:
        ConfigurationError: If it has not the columns of candles, JSON holds no rows, or the text is too long for memory.
    """
    if layout.container != "json":
        return _delimited_table(path, layout, _content(path))
    with opened(path) as file:
        written = whole_of(file, path.name)
        fault = file.fault or ("the JSON ends in the middle" if is_cut(written) else None)
    text = csv_of_json(written)
    found = text_layout(text[:HEAD_BYTES], "json", is_whole=len(text) <= HEAD_BYTES)
    if found is None:
        message = f"{path.name} seems to be JSON, and no rows of candles are in it"
        raise ConfigurationError(message)
    return _delimited_table(path, found, _Content(text, b"", fault))


def _delimited_table(path: Path, layout: Layout, content: _Content) -> RawTable:
    """The table of a text, whose parts may have headings of their own."""
    shape = cast("TextShape", layout.shape)
    wide = shape.encoding.startswith(_WIDE)
    text = content.whole.decode(shape.encoding, errors="replace").encode() if wide else content.whole
    parts = joined_parts(text, shape)
    if len(parts) == 1:
        return _table_of_part(path, layout, content)
    layouts = [_layout_of_part(path, part) for part in parts]
    shapes = [cast("TextShape", found.shape) for found in layouts]
    if len({found.has_decimal_comma for found in shapes}) > 1:
        message = (
            f"{path.name} joins files with decimal points and decimal commas: give each as a file of its own"
        )
        raise ConfigurationError(message)
    whole = [_Content(part, b"", None) for part in parts[:-1]]
    tables = [
        _table_of_part(path, found, part)
        for found, part in zip(layouts, [*whole, content._replace(whole=parts[-1])], strict=True)
    ]
    return joined_table(tables, [_head(found, part) for found, part in zip(shapes, parts, strict=True)], path)


def _layout_of_part(path: Path, part: bytes) -> Layout:
    found = text_layout(part[:HEAD_BYTES], "csv", is_whole=len(part) <= HEAD_BYTES)
    if found is None:
        message = (
            f"{path.name} has another heading in the middle, and the rows after it are not those of candles "
            f"({printable(part[:200].decode(errors='replace'), 100)}): give each part as a file of its own"
        )
        raise ConfigurationError(message)
    return found


def _head(shape: TextShape, part: bytes) -> Sequence[str]:
    """The lines of a part before its first row, empty ones left out."""
    lines = part[:HEAD_BYTES].decode(errors="replace").splitlines()[: shape.n_skipped]
    return [printable(line, 100) for line in lines if line]


def _table_of_part(path: Path, layout: Layout, content: _Content) -> RawTable:
    shape = cast("TextShape", layout.shape)
    if shape.names is not None:
        check_headings(layout.headings, shape.names, path)
    try:
        table, bad = _parsed(layout, content, shape.encoding, is_strict=True)
    except (pa.ArrowInvalid, UnicodeError):
        table, bad = _parsed(layout, content, _forgiving(shape.encoding), is_strict=False)
    order = sorted(set(layout.headings.positions.values()))
    headings = Headings({role: order.index(i) for role, i in layout.headings.positions.items()})
    called = shape.names or [f"c{i}" for i in range(shape.n_columns)]
    _check_doubled(layout, path)
    table = table.rename_columns([called[position] for position in order])
    raw = raw_table_of(table, headings, path, bad_lines=bad, fault=content.fault)
    return raw._replace(is_open_ended=content.is_open_ended)


def _check_doubled(layout: Layout, path: Path) -> None:
    for role, same in layout.headings.doubled.items():
        if role not in (Role.SYMBOL, Role.EXCHANGE):
            message = f"{path.name} must have one column {role}, has {len(same)}: {printable(' '.join(same))}"
            raise ConfigurationError(message)


def _forgiving(encoding: str) -> str:
    """An encoding that reads any bytes, for a file whose later bytes are not what the first ones promised."""
    return "latin-1" if encoding in {"utf-8", "utf-8-sig", "cp1252"} else encoding


def _content(path: Path) -> _Content:
    """The text of a file; the line that damage goes through is held back."""
    with opened(path) as file:
        written = whole_of(file, path.name)
        fault = file.fault
    end = max(written.rfind(b"\n"), written.rfind(b"\r")) + 1
    # The second byte of an end of line in UTF-16 belongs to the line.
    end += written[end : end + 1] == b"\x00" and end > 0
    rest = written[end:] if written[end:].strip(_ENDS) else b""
    return _Content(written if fault is None else written[:end], rest, fault)


def _parsed(
    layout: Layout, content: _Content, encoding: str, *, is_strict: bool
) -> tuple[pa.Table, list[BadLine]]:
    """The table of a text file, and what is no row of it.

    Args:
        layout: How its table is written.
        content: The text.
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

    read = csv.ReadOptions(skip_rows=shape.n_skipped, column_names=names, use_threads=is_strict)
    lines = csv.ParseOptions(delimiter=shape.separator, invalid_row_handler=None if is_strict else skip)
    cells = csv.ConvertOptions(column_types={name: pa.string() for name in wanted}, include_columns=wanted)
    text = _as_utf8(content.whole, encoding)
    table = csv.read_csv(text, read_options=read, parse_options=lines, convert_options=cells)
    if content.fault is not None and content.rest:
        cut = BadLine(table.num_rows + len(bad) + 1, printable(repr(content.rest)[2:-1], 100), "is whole")
        return table, [*bad, cut]
    return table, bad


def _as_utf8(text: bytes, encoding: str) -> pa.BufferReader:
    """A text for pyarrow, whose threads hold no object of Python when the process ends."""
    if encoding in {"utf-8", "utf-8-sig"}:
        return pa.BufferReader(text)
    return pa.BufferReader(text.decode(encoding, errors="replace").encode())
