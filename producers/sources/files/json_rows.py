"""Turns JSON that holds rows of a table into CSV, which is what the readers of tables read.

Arrays of arrays are what ccxt, freqtrade and most exchanges give; some answers hide them inside objects.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_ARRAYS = re.compile(rb"\s*\[\s*\[")
_BETWEEN_ROWS = re.compile(rb"\]\s*,\s*\[")
_FIRST_ROW = re.compile(rb"\[\s*[\[{]")
_OUTER = rb" \t\r\n[]"
_MOST_DEEP = 4


def is_json(beginning: bytes) -> bool:
    """Return whether a file that begins so is JSON alone, without anything before it."""
    return beginning.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"[", b"{"}


def is_cut(content: bytes) -> bool:
    """Return whether JSON ends before it is closed."""
    return content.rstrip()[-1:] not in {b"]", b"}"}


def csv_of_json(content: bytes) -> bytes:
    """Return the rows of a table in JSON as lines of CSV; empty if it holds no table.

    Args:
        content: The JSON. Where it was cut off, the row that the cut goes through is left out.
    """
    content = content.removeprefix(b"\xef\xbb\xbf")
    if _ARRAYS.match(content):
        whole = content[: content.rfind(b"]")] if is_cut(content) else content
        flat = _BETWEEN_ROWS.sub(b"\n", whole.strip(_OUTER))
        return flat.replace(b"null", b"").replace(b" ", b"") + b"\n"
    rows = _rows_of(content)
    return _as_csv(rows) if rows else b""


def _rows_of(content: bytes) -> Sequence[Any]:
    try:
        return _table_in(msgspec.json.decode(content), _MOST_DEEP)
    except msgspec.DecodeError:
        return _rows_of_lines(content) or _rows_before_a_cut(content)


def _rows_before_a_cut(content: bytes) -> Sequence[Any]:
    """The rows of the first list of rows in JSON that was cut off inside it."""
    begin = _FIRST_ROW.search(content)
    if begin is None:
        return []
    end = content.rfind(b"}" if begin[0].endswith(b"{") else b"]")
    try:
        return _table_in(msgspec.json.decode(content[begin.start() : end + 1] + b"]"), 1)
    except msgspec.DecodeError:
        return []


def _rows_of_lines(content: bytes) -> Sequence[Any]:
    """The rows of JSON lines; what is no JSON at the end was cut off."""
    rows = []
    for line in content.splitlines():
        try:
            rows.append(msgspec.json.decode(line))
        except msgspec.DecodeError:
            continue
    return rows if rows and isinstance(rows[0], (dict, list)) else []


def _table_in(value: Any, deep: int) -> Sequence[Any]:
    """The longest list of rows inside a value."""
    if isinstance(value, list):
        return value if value and isinstance(value[0], (dict, list)) else []
    if not isinstance(value, dict) or not deep:
        return []
    if _is_by_column(value):
        return _transposed(value)
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        return [dict(zip(value["columns"], row, strict=False)) for row in value["data"]]
    return max((_table_in(inner, deep - 1) for inner in value.values()), key=len, default=[])


def _is_by_column(value: Mapping[str, Any]) -> bool:
    """Whether an object has a column in each of its members, as pandas writes it."""
    names = {name.lower() for name in value}
    return {"open", "high", "low", "close"} <= names


def _transposed(value: Mapping[str, Any]) -> Sequence[Any]:
    columns = {
        name: list(cells.values()) if isinstance(cells, dict) else cells
        for name, cells in value.items()
        if isinstance(cells, (dict, list))
    }
    index = next((list(cells) for cells in value.values() if isinstance(cells, dict)), None)
    if index is not None and not {"timestamp", "date", "time"} & {name.lower() for name in columns}:
        columns = {"timestamp": index, **columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=False)]


def _as_csv(rows: Sequence[Any]) -> bytes:
    text = io.StringIO()
    if isinstance(rows[0], dict):
        dicts = csv.DictWriter(text, list(rows[0]), extrasaction="ignore")
        dicts.writeheader()
        dicts.writerows(row for row in rows if isinstance(row, dict))
    else:
        csv.writer(text).writerows(row for row in rows if isinstance(row, list))
    return text.getvalue().encode()
