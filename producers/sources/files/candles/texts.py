"""Recognises how a text file writes a table: its letters, separators, header and decimal mark.

It looks at the beginning of a file only and imports nothing heavy, because the launcher asks it.
"""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from producers.sources.files.candles.column_names import Role
from producers.sources.files.candles.decimal_marks import doubtful_number, has_decimal_comma
from producers.sources.files.candles.headings import Headings, headings_of

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS = (";", "\t", "|", ",")
_LINES_LOOKED_AT = 200
_LARGEST_PREAMBLE = 40
_FEWEST_CELLS = 5
_TIME = re.compile(
    r"\s*(\d{9,19}(\.\d*)?(e\+?\d+)?|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/. ]\w{1,9}[-/. ,]+\d{2,4}.*|\d{8}([ T_-].*)?"
    r"|[a-z]{3,9}\.? \d{1,2},? \d{4}.*|1\.\d+e\+\d+)\s*",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\s*[-+]?[$€£]?\s*([\d.,' \u00a0\u202f]*\d|\d[\d.,' \u00a0\u202f]*)(e[-+]?\d+)?\s*[kmbt%]?\s*",
    re.IGNORECASE,
)
_LINE_END = re.compile(r"\r\n|\n|\r")
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_NOT_TEXT = re.compile("[\x00-\x08\x0e-\x1f]")
_EPOCHS_S = (1_230_768_000, 4_102_444_800)
_COMPACT_DAYS = (20_090_101, 20_991_231)
_DIGIT = re.compile(r"\d")
_EMPTY = {"", "nan", "null", "none", "n/a", "-"}


class TextShape(NamedTuple):
    """How a text file writes its table.

    Attributes:
        encoding: A name that Python knows.
        separator: Between the cells of a line.
        n_skipped: Lines before the first line of data, the header included.
        n_lines_before: Those of them that are not empty.
        names: The header's names; None where the file has no header.
        headings: Which column means what; without a header it is empty.
        has_decimal_comma: Whether 63327,6 is a number with one decimal.
        doubtful: A number such as 51.697 whose point may group thousands, or None.
        sample: Cells of the first lines of data.
        preamble: What stands before the header.
        symbol: The symbol that a header of several lines states, or None.
    """

    encoding: str
    separator: str
    n_skipped: int
    n_lines_before: int
    names: tuple[str, ...] | None
    headings: Headings
    has_decimal_comma: bool
    sample: Sequence[Sequence[str]]
    preamble: str
    symbol: str | None = None
    doubtful: str | None = None

    @property
    def n_columns(self) -> int:
        """How many cells a line has."""
        return (
            len(self.names) if self.names is not None else Counter(map(len, self.sample)).most_common(1)[0][0]
        )


def is_time(cell: str) -> bool:
    """Return whether a cell looks like a time."""
    if _TIME.fullmatch(cell) is None:
        return False
    try:
        return _is_epoch(float(cell))
    except ValueError:
        return True


def _is_epoch(value: float) -> bool:
    """Whether a number counts seconds, or thousandths of them and so on, up to a time of 2009 to 2100."""
    if _COMPACT_DAYS[0] <= value <= _COMPACT_DAYS[1]:
        return True
    return any(_EPOCHS_S[0] <= value / scale < _EPOCHS_S[1] for scale in (1, 1e3, 1e6, 1e9))


def text_of(beginning: bytes) -> tuple[str, str] | None:
    """Return the text that a file begins with and its encoding, or None if it is no text."""
    encoding = _encoding(beginning)
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(beginning)
    return None if _NOT_TEXT.search(text[:4096]) else (text, encoding)


def _encoding(beginning: bytes) -> str:
    marked = next((name for mark, name in _BYTE_ORDER_MARKS if beginning.startswith(mark)), None)
    if marked is not None:
        return marked
    zeros = beginning[:400]
    if zeros[1::2].count(0) > len(zeros) // 4:
        return "utf-16-le"
    if zeros[::2].count(0) > len(zeros) // 4:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def shape_of(beginning: bytes, *, is_whole: bool) -> TextShape | None:
    """Return how a file that begins so writes its table, or None if it writes none.

    Args:
        beginning: The first bytes, decompressed.
        is_whole: Whether they are the whole file; else the last line may be cut.
    """
    decoded = text_of(beginning)
    if decoded is None:
        return None
    text, encoding = decoded
    lines = _LINE_END.split(text)[: _LINES_LOOKED_AT + _LARGEST_PREAMBLE]
    if not is_whole and len(lines) > 1:
        lines = lines[:-1]
    stated = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    separators = _SEPARATORS if stated is None else (stated[1],)
    shapes = (_shape(lines, separator, encoding) for separator in separators)
    found = [shape for shape in shapes if shape is not None]
    return max(found, key=_goodness, default=None)


def _goodness(shape: TextShape) -> tuple[bool, bool, int]:
    """How well a separator explains a text: all columns, then prices, then the most lines of one width."""
    widths = Counter(map(len, shape.sample))
    return (not shape.headings.missing, shape.headings.has_prices, max(widths.values(), default=0))


def _shape(lines: Sequence[str], separator: str, encoding: str) -> TextShape | None:
    rows = [_cells(line, separator) for line in lines]
    first = _first_of_data(rows)
    header, n_header_lines = _header(rows, len(rows) if first is None else first)
    if first is None and header is None:
        return None
    begin = first if first is not None else (header or 0) + n_header_lines
    names = None if header is None else tuple(cell.strip().strip('"') for cell in rows[header])
    sample = _sample(rows[begin:])
    headings = Headings({}) if names is None else _headings(names, rows, header or 0, n_header_lines, sample)
    preamble = "\n".join(lines[: begin if header is None else header])
    symbol = _symbol(rows, header) if n_header_lines > 1 else None
    return TextShape(
        encoding=encoding,
        separator=separator,
        n_skipped=begin,
        n_lines_before=sum(bool(line) for line in lines[:begin]),
        names=names,
        headings=headings,
        has_decimal_comma=has_decimal_comma(_amounts(sample), separator),
        sample=sample,
        preamble=preamble,
        symbol=symbol,
        doubtful=doubtful_number(_amounts(sample), separator),
    )


def _sample(rows: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """The first rows that are not empty, up to another heading: what follows it is another table."""
    end = next(
        (i for i, row in enumerate(rows) if row and not _DIGIT.search(row[0]) and _is_header(row)), None
    )
    return [row for row in rows[:end] if any(cell.strip() for cell in row)][:_LINES_LOOKED_AT]


def _amounts(sample: Sequence[Sequence[str]]) -> Sequence[str]:
    """The cells that hold numbers and no times."""
    return [cell for row in sample for cell in row if _NUMBER.fullmatch(cell) and not is_time(cell)]


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _first_of_data(rows: Sequence[Sequence[str]]) -> int | None:
    """The number of the first line that holds a time and at least four numbers."""
    return next((i for i, row in enumerate(rows[:_LARGEST_PREAMBLE]) if _is_data(row)), None)


def _is_data(row: Sequence[str]) -> bool:
    if len(row) < _FEWEST_CELLS or not any(is_time(cell) for cell in row[:3]):
        return False
    numbers = sum(bool(_NUMBER.fullmatch(cell)) for cell in row)
    return numbers >= _FEWEST_CELLS - 1 or all(cell.strip().lower() in _EMPTY for cell in row[-4:])


def _header(rows: Sequence[Sequence[str]], before: int) -> tuple[int | None, int]:
    """The number of the header's line, and how many lines it has."""
    found = [i for i, row in enumerate(rows[:before]) if _is_header(row)]
    if not found and before < len(rows):
        found = [i for i in range(before) if _is_unknown_header(rows[i], rows[before])][-1:]
    if not found:
        return None, 0
    return found[-1], before - found[-1] if before < len(rows) else 1


def _is_header(row: Sequence[str]) -> bool:
    if len(row) < _FEWEST_CELLS:
        return False
    return (
        sum(role in headings_of(row).positions for role in (Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE)) >= 2
    )


def _is_unknown_header(row: Sequence[str], first_of_data: Sequence[str]) -> bool:
    """Whether a line is a heading whose names are not known: it has a word for each cell of the data."""
    words = [cell for cell in row if cell.strip() and not _NUMBER.fullmatch(cell) and not is_time(cell)]
    return len(row) == len(first_of_data) and len(words) >= len(row) - 1


def _headings(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    header: int,
    n_header_lines: int,
    sample: Sequence[Sequence[str]],
) -> Headings:
    """What the columns mean; the first one is the time where it has no name, or that of a lower line.

    Args:
        names: Of the header's first line.
        rows: The cells of all lines.
        header: The number of the header's line.
        n_header_lines: How many lines it has.
        sample: The first lines of data.
    """
    headings = headings_of(names)
    first = headings_of([rows[header + n_header_lines - 1][0]] if n_header_lines > 1 else [])
    has_times = bool(sample) and all(is_time(row[0]) for row in sample[:5] if row)
    is_nameless = not names[0].strip() or names[0].startswith("Unnamed")
    if "timestamp" in headings.missing and has_times and (is_nameless or first.positions):
        kept = {role: i for role, i in headings.positions.items() if i != 0}
        return Headings({**kept, Role.OPEN_TIME: 0}, headings.doubled)
    return headings


def _symbol(rows: Sequence[Sequence[str]], header: int | None) -> str | None:
    """The ticker that stands in the second line of a header of yfinance."""
    below = rows[(header or 0) + 1]
    return below[1].strip() if len(below) > 1 and below[0].strip().lower() == "ticker" else None
