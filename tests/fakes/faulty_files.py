"""Files of candles in every form that is read, with a random fault, and the candles that they truly hold.

A seed gives a file: a stretch of candles, a form, a fault, a compression. Each row knows whether it is true, so that a
reader can be held against it.
"""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tests.fakes.written_forms import DAY, FORMS, MINUTE, Form, Random, Row


class FaultyFile(NamedTuple):
    """A file, and what it truly holds.

    Attributes:
        name: With the ending.
        content: Its bytes.
        what: Form, fault and compression in words.
        truth: By open time, the true rows that stand in it.
        touched: The open times of rows that the fault damages, which may be missing.
        n_lines: How many rows of data it has; None where the fault leaves that open.
        form: Its form.
    """

    name: str
    content: bytes
    what: str
    truth: Mapping[int, Sequence[float]]
    touched: frozenset[int]
    n_lines: int | None
    form: Form


Fault = Callable[[list[Row], Form, Random], list[Row]]


def _some(rows: Sequence[Row], random: Random, most: int = 3) -> list[int]:
    # Not near the ends, so that the file's stretch stays what it is.
    return sorted({int(i) for i in random.integers(5, len(rows) - 5, random.integers(1, most + 1))})


def _no_fault(rows: list[Row], form: Form, random: Random) -> list[Row]:
    return rows


def _newest_first(rows: list[Row], form: Form, random: Random) -> list[Row]:
    return rows[::-1]


def _shuffled(rows: list[Row], form: Form, random: Random) -> list[Row]:
    return [rows[i] for i in random.permutation(len(rows))]


def _repeated(rows: list[Row], form: Form, random: Random) -> list[Row]:
    return rows + [rows[i].copy() for i in _some(rows, random)]


def _contradicted(rows: list[Row], form: Form, random: Random) -> list[Row]:
    for i in _some(rows, random):
        other = rows[i].copy()
        other.values[4] = (other.values[4] or 0) + 1000.0
        rows[i].is_true = other.is_true = False
        rows = [*rows, other]
    return rows


def _with_holes(rows: list[Row], form: Form, random: Random) -> list[Row]:
    kept = random.random(len(rows)) > 0.15
    kept[[0, 1, -2, -1]] = True
    return [row for row, is_kept in zip(rows, kept, strict=True) if is_kept]


def _wrong(change: Callable[[Row], None]) -> Fault:
    def fault(rows: list[Row], form: Form, random: Random) -> list[Row]:
        for i in _some(rows, random):
            change(rows[i])
            rows[i].is_true = False
        return rows

    return fault


def _negative(row: Row) -> None:
    row.values[3] = -abs(row.values[3] or 1)


def _ten_times(row: Row) -> None:
    row.values[3] = (row.values[3] or 1) * 10


def _turned_over(row: Row) -> None:
    row.values[1], row.values[2] = (row.values[2] or 1) * 0.99, (row.values[1] or 1) * 1.01


def _missing_price(row: Row) -> None:
    row.values[0] = None


def _all_times_thousand(row: Row) -> None:
    row.values[:4] = [(value or 1) * 1000 for value in row.values[:4]]


def _long_ago(row: Row) -> None:
    row.time_ms = 86_400_000 * 3


def _far_ahead(row: Row) -> None:
    row.time_ms = 9_214_646_400_000


def _other_years(row: Row) -> None:
    row.time_ms -= 6 * 365 * DAY


def _word(rows: list[Row], form: Form, random: Random) -> list[Row]:
    for i in _some(rows, random):
        if form.is_text:
            rows[i].cells[form.price_column] = str(random.choice(["oops", "N/A", "#REF!", "--"]))
        else:
            rows[i].values[1] = None
        rows[i].is_true = False
    return rows


def _line(text: str) -> Fault:
    def fault(rows: list[Row], form: Form, random: Random) -> list[Row]:
        if form.is_text:
            extra = Row(-1, [0.0] * 5)
            extra.line, extra.is_true = text, False
            rows.insert(_some(rows, random, 1)[0], extra)
        return rows

    return fault


def _header_again(rows: list[Row], form: Form, random: Random) -> list[Row]:
    if not (form.is_text and form.has_header):
        return rows
    first = form.write(rows[:1], MINUTE).decode(
        "utf-16" if form.write(rows[:1], MINUTE)[:2] == b"\xff\xfe" else "utf-8-sig"
    )
    names = next(line for line in first.splitlines() if "pen" in line or "PEN" in line)
    return _line(names)(rows, form, random)


def _units(rows: list[Row], form: Form, random: Random) -> list[Row]:
    if form.has_numeric_times:
        begin = int(random.integers(1, len(rows)))
        unit = float(random.choice([1e-3, 1000.0, 1e6])) if form.is_text else 1000.0
        for row in rows[begin:]:
            row.unit = unit
    return rows


def _other_scale(rows: list[Row], form: Form, random: Random) -> list[Row]:
    for row in rows[: len(rows) // 3]:
        _all_times_thousand(row)
        row.is_true = False
    return rows


def _small_step(rows: list[Row], form: Form, random: Random) -> list[Row]:
    for row in rows[2 * len(rows) // 3 :]:
        row.values[:4] = [(value or 1) * 1.9 for value in row.values[:4]]
        row.is_true = False
    return rows


def _twice(rows: list[Row], form: Form, random: Random) -> list[Row]:
    copies = [row.copy() for row in rows]
    for row in copies:
        row.time_ms += 1
        row.is_true = False
    return [row for pair in zip(rows, copies, strict=True) for row in pair]


def _swapped(rows: list[Row], form: Form, random: Random) -> list[Row]:
    for row in rows[len(rows) // 2 :]:
        row.values[0], row.values[3] = row.values[3], row.values[0]
        row.is_true = False
    return rows


FAULTS: Mapping[str, Fault] = {
    "none": _no_fault,
    "newest first": _newest_first,
    "shuffled": _shuffled,
    "repeated rows": _repeated,
    "rows that contradict each other": _contradicted,
    "holes": _with_holes,
    "negative prices": _wrong(_negative),
    "closes ten times too high": _wrong(_ten_times),
    "high below low": _wrong(_turned_over),
    "missing prices": _wrong(_missing_price),
    "rows a thousand times too high": _wrong(_all_times_thousand),
    "times of 1970": _wrong(_long_ago),
    "times of 2262": _wrong(_far_ahead),
    "times of other years": _wrong(_other_years),
    "words in cells": _word,
    "a comment in the middle": _line("# a remark of somebody"),
    "a line with fewer cells": _line("2024-01-01,1"),
    "a blank line": _line("\n"),
    "the header again": _header_again,
    "other units of time": _units,
    "another price scale": _other_scale,
    "a small step of price": _small_step,
    "each row twice, a millisecond apart": _twice,
    "open and close swapped from the middle on": _swapped,
    "cut off": _no_fault,
}


def _pack(content: bytes, name: str, how: str) -> tuple[bytes, str]:
    match how:
        case "gzip":
            return gzip.compress(content, 1), f"{name}.gz"
        case "bzip2":
            return bz2.compress(content, 1), f"{name}.bz2"
        case "xz":
            return lzma.compress(content, preset=0), f"{name}.xz"
        case "zstd":
            return pa.compress(content, "zstd", asbytes=True), f"{name}.zst"
        case "zip":
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(name, content)
            return buffer.getvalue(), f"{name}.zip"
        case _:
            return content, name


PACKED = ("none", "none", "none", "gzip", "bzip2", "xz", "zstd", "zip")


def recorded_closes(data: Path) -> np.ndarray:
    """The closes that files are made of."""
    path = data / "prices" / "btcusdt_binance_spot_5m.parquet"
    return parquet.ParquetFile(path).read(columns=["close"]).column(0).to_numpy()


def faulty_file(
    seed: int, closes: np.ndarray, *, form: str | None = None, fault: str | None = None
) -> FaultyFile:
    """The file of a seed.

    Args:
        seed: Which file.
        closes: Shape (n,): closes of recorded candles, of which a stretch is taken.
        form: Its form; None draws one.
        fault: Its fault; None draws one.
    """
    random = np.random.default_rng(seed)
    drawn = str(random.choice(list(FORMS))), str(random.choice(list(FAULTS)))
    return _drawn(random, closes, form or drawn[0], fault or drawn[1], seed)


def _drawn(random: Random, closes: np.ndarray, form_name: str, fault_name: str, seed: int) -> FaultyFile:
    packed = str(random.choice(PACKED))
    form = FORMS[form_name]
    step = int(random.choice(form.steps))
    rows = _rows(random, closes, step)
    originals = {row.time_ms: list(row.values) for row in rows}
    changed = FAULTS[fault_name](list(rows), form, random)
    truth = {row.time_ms: row.values for row in changed if row.is_true}
    touched = frozenset(originals) - frozenset(truth)
    content, name = _pack(form.write(changed, step), f"btcusdt_binance_spot_x{form.ending}", packed)
    n_lines: int | None = sum(row.line != "\n" for row in changed)
    if fault_name == "cut off":
        # Never at the very end of a line: what is left is then a whole file, of which nobody could tell.
        content = content[: int(len(content) * random.uniform(0.4, 0.98))].rstrip(b"\r\n\x00")
        n_lines, touched = None, frozenset(originals)
    what = f"{form_name}; {fault_name}; {packed}; {len(rows)} rows of {step // 1000} s; seed {seed}"
    return FaultyFile(name, content, what, truth, touched, n_lines, form)


def _rows(random: Random, closes: np.ndarray, step: int) -> list[Row]:
    n = int(random.integers(40, 300))
    begin = int(random.integers(0, len(closes) - n - 1))
    close, opened = closes[begin + 1 : begin + 1 + n], closes[begin : begin + n]
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    high, low = top * (1 + 1e-4 * random.random(n)), bottom * (1 - 1e-4 * random.random(n))
    volume = random.exponential(50, n) + 0.01
    first_ms = int(random.integers(1_500_000_000_000, 1_760_000_000_000)) // step * step
    numbers = np.round(np.column_stack([opened, high, low, close, volume]), 8)
    return [Row(first_ms + i * step, [float(value) for value in row]) for i, row in enumerate(numbers)]


def written(file: FaultyFile, folder: Path) -> Path:
    path = folder / file.name
    path.write_bytes(file.content)
    return path
