"""Candle files of every odd structure that a user's tools may write, by what is wrong with them."""

import datetime as dt
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, feather, parquet

from tests.fakes.candle_files import simulated_candles

N = 30
_CANDLES = simulated_candles(n=N, seed=1)
_CLOSE = _CANDLES.column("close").to_pylist()
_TIMES = _CANDLES.column("timestamp").to_pylist()


def with_column(name: str, values: pa.Array) -> pa.Table:
    """The candles with other values in a column."""
    return _CANDLES.set_column(_CANDLES.column_names.index(name), name, values)


def _doubled(name: str) -> pa.Table:
    return pa.table([*_CANDLES.columns, _CANDLES.column("close")], names=[*_CANDLES.column_names, name])


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


def _csv(table: pa.Table = _CANDLES) -> bytes:
    buffer = io.BytesIO()
    csv.write_csv(table, buffer)
    return buffer.getvalue()


def _feather() -> bytes:
    buffer = io.BytesIO()
    feather.write_feather(_CANDLES, buffer)
    return buffer.getvalue()


def _second_row_longer() -> bytes:
    lines = _csv().split(b"\n")
    return b"\n".join([lines[0], lines[1] + b",7", *lines[2:]])


def _doubled_in_csv() -> bytes:
    return b"".join(
        line + (b",close\n" if number == 0 else b",1\n") for number, line in enumerate(_csv().splitlines())
    )


_Bytes = Callable[[], bytes]

#: Ending, content, and what the one sentence about it has to say.
ODD_FILES: Mapping[str, tuple[str, _Bytes, str]] = {
    "struct": (
        ".parquet",
        lambda: _parquet(with_column("close", pa.array([{"v": one} for one in _CLOSE]))),
        "close in .* must be one plain value a row, was struct",
    ),
    "list": (
        ".parquet",
        lambda: _parquet(with_column("close", pa.array([[one] for one in _CLOSE]))),
        "close in .* must be one plain value a row, was list",
    ),
    "nested time": (
        ".parquet",
        lambda: _parquet(with_column("timestamp", pa.array([{"v": 1}] * N))),
        "timestamp in .* must be one plain value a row, was struct",
    ),
    "nested segment": (
        ".parquet",
        lambda: _parquet(_CANDLES.append_column("segment", pa.array([[1]] * N))),
        "segment in .* must be one plain value a row, was list",
    ),
    "duration": (
        ".parquet",
        lambda: _parquet(with_column("close", pa.array([dt.timedelta(seconds=1)] * N))),
        "close in .* must be numbers, was duration",
    ),
    "time as price": (
        ".parquet",
        lambda: _parquet(with_column("close", _CANDLES.column("timestamp"))),
        "close in .* must be numbers, was timestamp",
    ),
    "truth as price": (
        ".parquet",
        lambda: _parquet(with_column("close", pa.array([True] * N))),
        "close in .* must be numbers, was bool",
    ),
    "bytes as price": (
        ".parquet",
        lambda: _parquet(with_column("close", pa.array([b"1"] * N))),
        "close in .* must be numbers, was binary",
    ),
    "fractions as time": (
        ".parquet",
        lambda: _parquet(with_column("timestamp", pa.array([1.5] * N))),
        "timestamp in .* must be a time",
    ),
    "time of day as time": (
        ".parquet",
        lambda: _parquet(with_column("timestamp", pa.array([dt.time(1)] * N))),
        "timestamp in .* must be a time",
    ),
    "times beyond 63 bits": (
        ".parquet",
        lambda: _parquet(with_column("timestamp", pa.array([2**64 - 1] * N, pa.uint64()))),
        "must be one of 1m, .* apart",
    ),
    "times before the first year": (
        ".parquet",
        lambda: _parquet(with_column("timestamp", pa.array(["0001-01-01T00:00:00+05:00"] * N))),
        "must be one of 1m, .* apart",
    ),
    "doubled": (".parquet", lambda: _parquet(_doubled("close")), "must have one column close, has 2"),
    "doubled but for its case": (
        ".parquet",
        lambda: _parquet(_doubled("Close")),
        "must have one column close, has 2: close Close",
    ),
    "capitals": (
        ".parquet",
        lambda: _parquet(_CANDLES.rename_columns([name.upper() for name in _CANDLES.column_names])),
        "must have the columns timestamp",
    ),
    "no rows": (".parquet", lambda: _parquet(_CANDLES.slice(0, 0)), "has no rows"),
    "cut off": (".parquet", lambda: _parquet(_CANDLES)[:-100], "cannot be read as parquet"),
    "no bytes": (".parquet", lambda: b"", "cannot be read as parquet"),
    "feather": (".parquet", _feather, "cannot be read as parquet"),
    "csv as parquet": (".parquet", _csv, "cannot be read as parquet"),
    "parquet as csv": (".csv", lambda: _parquet(_CANDLES), "cannot be read as csv"),
    "semicolons": (
        ".csv",
        lambda: _csv().replace(b",", b";"),
        "columns must be separated by commas, seem to be by ';'",
    ),
    "tabs": (".csv", lambda: _csv().replace(b",", b"\t"), "columns must be separated by commas"),
    "two bytes a letter": (".csv", lambda: _csv().decode().encode("utf-16"), "cannot be read as csv"),
    "a longer row": (".csv", _second_row_longer, "cannot be read as csv"),
    "doubled in csv": (".csv", _doubled_in_csv, "must have one column close, has 2"),
    "a header alone": (".csv", lambda: _csv().splitlines()[0] + b"\n", "has no rows"),
    "no header": (".csv", lambda: b"".join(_csv().splitlines(keepends=True)[1:]), "must have the columns"),
    "no gzip": (".csv.gz", _csv, "cannot be read as csv"),
}

#: Unusual, and read like any other: every one has the same candles.
PLAIN_TABLES: Mapping[str, pa.Table] = {
    "dictionary": with_column("close", _CANDLES.column("close").combine_chunks().dictionary_encode()),
    "dictionary of text": with_column("close", pa.array(map(repr, _CLOSE)).dictionary_encode()),
    "text": with_column("close", pa.array(map(repr, _CLOSE))),
    "long text": with_column("close", pa.array(map(repr, _CLOSE), pa.large_string())),
    "time with a zone": with_column(
        "timestamp", _CANDLES.column("timestamp").cast(pa.timestamp("ms", tz="Europe/Berlin"))
    ),
    "time by nanoseconds": with_column("timestamp", _CANDLES.column("timestamp").cast(pa.timestamp("ns"))),
    "time as text": with_column("timestamp", pa.array(map(str, _TIMES))),
    "time as long text": with_column("timestamp", pa.array(map(str, _TIMES), pa.large_string())),
    "time as dictionary": with_column(
        "timestamp", _CANDLES.column("timestamp").combine_chunks().dictionary_encode()
    ),
    "another column doubled": pa.table(
        [*_CANDLES.columns, _CANDLES.column("close"), _CANDLES.column("close")],
        names=[*_CANDLES.column_names, "other", "other"],
    ),
}


def odd_file(name: str, folder: Path) -> Path:
    """One of the odd files on disk, named as a recorded file is."""
    ending, content, _ = ODD_FILES[name]
    path = folder / f"btcusdt_binance_spot_1h{ending}"
    path.write_bytes(content())
    return path
