"""Rows of files of many forms, each with its cells by the names of the columns.

CSV and its relatives, JSON, JSON lines, Parquet and ``text@label`` are read, compressed by gzip or not.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import parquet

from schemas.errors import ConfigurationError
from trainers.sentiment.labels import is_label

_DELIMITERS = "\t;|,"
_LONGEST_CELL = 10_000_000
_N_JUDGED = 200
#: The marks at the beginning of a text that is not UTF-8; the first of two bytes is a part of the first of four.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: Follows the text of a table: it is a row of its own unless a quote is open.
_LAST = "\x00end"


def cell(value: Any) -> str:
    """A cell as text; empty if it is missing."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def named_column(known: Sequence[str], names: Iterable[str]) -> str | None:
    """The first column that has one of the names, in the order of the names; None if there is none."""
    plain = {column.strip().lower().replace("_", " "): column for column in reversed(known)}
    return next((plain[name] for name in names if name in plain), None)


def read_records(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, each by the names of its columns.

    Raises:
        ConfigurationError: If the file cannot be read.
    """
    endings = [ending.lower() for ending in path.suffixes]
    if ".parquet" in endings:
        return _parquet(path)
    text = _text_of(path)
    if ".json" in endings or ".jsonl" in endings or text.lstrip()[:1] in {"{", "["}:
        return _json(text, path.name)
    first_lines = text.splitlines()[:_N_JUDGED]
    if first_lines and all(is_label(line.rpartition("@")[2]) for line in first_lines if line.strip()):
        pairs = (line.rpartition("@") for line in text.splitlines())
        return [{"text": words, "label": label} for words, at, label in pairs if at]
    return _table(text, path.name)


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        message = f"{path} cannot be read: {error}"
        raise ConfigurationError(message) from error
    stated = next((encoding for mark, encoding in _MARKS.items() if data.startswith(mark)), "utf-8-sig")
    try:
        return data.decode(stated)
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _parquet(path: Path) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        message = f"{path} cannot be read: {error}"
        raise ConfigurationError(message) from error
    return rows


def _json(text: str, name: str) -> list[dict[str, Any]]:
    """A list of objects, an object of objects, or one object on each line."""
    try:
        found: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        try:
            found = [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
        except (msgspec.DecodeError, RecursionError) as error:
            message = f"{name} is neither JSON nor JSON lines: {error}"
            raise ConfigurationError(message) from error
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 and len(found) < len(lists[0]) else list(found.values())
    rows = found if isinstance(found, list) else []
    return [_flat(record) for record in rows if isinstance(record, dict)]


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """An object with the scores of its inner objects beside its own fields; of several scores their mean."""
    flat = {key: value for key, value in record.items() if not isinstance(value, (dict, list))}
    for inner in record.values():
        objects = [each for each in inner if isinstance(each, dict)] if isinstance(inner, list) else []
        scores = [score for each in objects if (score := _float(each.get("sentiment_score"))) is not None]
        if scores:
            flat.setdefault("sentiment_score", repr(sum(scores) / len(scores)))
    return flat


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _table(text: str, name: str) -> list[dict[str, Any]]:
    """The rows of a table; one with more cells than columns is an empty row, because its cells are nobody's."""
    first = text.partition("\n")[0]
    rows = [row for row in _rows(text, name, max(_DELIMITERS, key=first.count)) if any(row)]
    if not rows:
        return []
    has_header = not any(is_label(cell) for cell in rows[0])
    names = rows[0] if has_header else [f"column {number}" for number in range(1, len(rows[0]) + 1)]
    return [
        {} if any(row[len(names) :]) else dict(zip(names, row, strict=False)) for row in rows[has_header:]
    ]


def _rows(text: str, name: str, delimiter: str) -> list[list[str]]:
    """The cells of each line. A file with tabs whose quotes do not close has none that mean anything.

    Raises:
        ConfigurationError: If a quote is never closed, which would make one cell of all that follows, or a cell is too long.
    """
    csv.field_size_limit(_LONGEST_CELL)
    whole = f"{text}\n{_LAST}"
    rows: list[list[str]] = []
    for quoting in (csv.QUOTE_MINIMAL, *((csv.QUOTE_NONE,) if delimiter == "\t" else ())):
        try:
            rows = list(csv.reader(io.StringIO(whole, newline=""), delimiter=delimiter, quoting=quoting))
        except csv.Error as error:
            message = f"{name} cannot be read as a table: {error}"
            raise ConfigurationError(message) from error
        if rows[-1] == [_LAST]:
            return rows[:-1]
    message = f"{name} has a quote that is never closed, in row {len(rows):,}: close it, or double it if it is part of the text"
    raise ConfigurationError(message)
