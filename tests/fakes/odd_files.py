"""Candle files of every odd structure that a user's tools may write, by what is wrong with them."""

import bz2
import datetime as dt
import gzip
import io
import lzma
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


def _doubled(name: str, values: pa.ChunkedArray) -> pa.Table:
    return pa.table([*_CANDLES.columns, values], names=[*_CANDLES.column_names, name])


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
        "too few have a time",
    ),
    "time of day as time": (
        ".parquet",
        lambda: _parquet(with_column("timestamp", pa.array([dt.time(1)] * N))),
        "timestamp in .* must be a time, ISO text or a whole number, was time64",
    ),
    "times beyond 63 bits": (
        ".parquet",
        lambda: _parquet(with_column("timestamp", pa.array([2**64 - 1] * N, pa.uint64()))),
        "too few have a time",
    ),
    "times before the first year": (
        ".parquet",
        lambda: _parquet(with_column("timestamp", pa.array(["0001-01-01T00:00:00+05:00"] * N))),
        "too few have a time",
    ),
    "doubled": (
        ".parquet",
        lambda: _parquet(_doubled("close", _CANDLES.column("open"))),
        "must have one column close, has 2 that differ",
    ),
    "doubled but for its case": (
        ".parquet",
        lambda: _parquet(_doubled("Close", _CANDLES.column("open"))),
        "must have one column close, has 2 that differ: close Close",
    ),
    "no rows": (".parquet", lambda: _parquet(_CANDLES.slice(0, 0)), "has no rows"),
    "cut off": (
        ".parquet",
        lambda: _parquet(_CANDLES)[:-100],
        "seems to be a parquet file and cannot be read",
    ),
    "no bytes": (".parquet", lambda: b"", "is empty"),
    "doubled in csv": (".csv", _doubled_in_csv, "must have one column close, has 2"),
    "a header alone": (".csv", lambda: _csv().splitlines()[0] + b"\n", "has no rows"),
    "another column": (
        ".csv",
        lambda: _csv().replace(b"volume", b"colour"),
        "must have the columns timestamp open .*missing: volume",
    ),
    "a letter": (
        ".csv",
        lambda: b"Dear all,\nplease find the prices attached.\n",
        "seems to be text without a table",
    ),
    "a picture": (".csv", lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "seems to be a picture"),
    "months": (
        ".csv",
        lambda: (
            b"date,open,high,low,close,volume\n"
            + b"".join(f"2024-{month:02}-01,1,1,1,1,1\n".encode() for month in range(1, 13))
        ),
        "candles of months",
    ),
}

#: By name, ending and content: the same candles in other bytes.
READ_FILES: Mapping[str, tuple[str, _Bytes]] = {
    "feather": (".feather", _feather),
    "feather under another name": (".parquet", _feather),
    "csv as parquet": (".parquet", _csv),
    "parquet as csv": (".csv", lambda: _parquet(_CANDLES)),
    "capitals": (
        ".parquet",
        lambda: _parquet(_CANDLES.rename_columns([name.upper() for name in _CANDLES.column_names])),
    ),
    "doubled and equal": (".parquet", lambda: _parquet(_doubled("Close", _CANDLES.column("close")))),
    "semicolons": (".csv", lambda: _csv().replace(b",", b";")),
    "tabs": (".csv", lambda: _csv().replace(b",", b"\t")),
    "decimal commas": (".csv", lambda: _csv().replace(b",", b";").replace(b".", b",")),
    "two bytes a letter": (".csv", lambda: _csv().decode().encode("utf-16")),
    "a mark of byte order": (".csv", lambda: b"\xef\xbb\xbf" + _csv()),
    "no header": (".csv", lambda: b"".join(_csv().splitlines(keepends=True)[1:])),
    "no gzip": (".csv.gz", _csv),
    "gzip": (".gz", lambda: gzip.compress(_csv())),
    "bzip2": (".csv", lambda: bz2.compress(_csv())),
    "xz": (".csv", lambda: lzma.compress(_csv())),
    "parquet in gzip": (".gz", lambda: gzip.compress(_parquet(_CANDLES))),
    "a separator line": (".csv", lambda: b"sep=,\n" + _csv()),
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


def readable_file(name: str, folder: Path) -> Path:
    """One of the files that are read as ever, named as a recorded file is."""
    ending, content = READ_FILES[name]
    path = folder / f"btcusdt_binance_spot_1h{ending}"
    path.write_bytes(content())
    return path
