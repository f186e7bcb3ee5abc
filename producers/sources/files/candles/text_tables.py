"""Reads the columns of candles in delimited text, and in JSON, which is turned into such text."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import pyarrow as pa
from pyarrow import csv

from producers.sources.files.candles.headings import Headings, Role
from producers.sources.files.candles.layouts import Layout, text_layout
from producers.sources.files.candles.raw_tables import (
    BadLine,
    RawTable,
    check_headings,
    printable,
    raw_table_of,
)
from producers.sources.files.candles.texts import TextShape
from producers.sources.files.candles.whole_lines import WholeLines
from producers.sources.files.decompressing import HEAD_BYTES, opened
from producers.sources.files.json_rows import csv_of_json, is_cut
from schemas.errors import ConfigurationError


def text_table(path: Path, layout: Layout) -> RawTable:
    """Return the columns of a file of text.

    Raises:
        ConfigurationError: If it has not the columns of candles, or JSON holds no rows.
    """
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
    raw = raw_table_of(table, headings, path, bad_lines=parsed.bad_lines, fault=parsed.fault)
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
