"""Writes candles in every form in which files of them are found."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import feather, parquet

READ_MS = 1_796_083_200_000
NAMES = ("open", "high", "low", "close", "volume")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
Random = np.random.Generator


class Row:
    """One row of a file: what it says, and whether that is true."""

    def __init__(self, time_ms: int, values: Sequence[float]) -> None:
        self.time_ms = time_ms
        self.values: list[float | None] = list(values)
        self.is_true = True
        self.cells: dict[int, str] = {}
        self.unit = 1.0
        self.line: str | None = None

    def copy(self) -> "Row":
        other = Row(self.time_ms, [0.0] * 5)
        other.__dict__ = {**self.__dict__, "values": list(self.values), "cells": dict(self.cells)}
        return other


class Form(NamedTuple):
    """One form of files.

    Attributes:
        write: The bytes of rows.
        steps: The lengths of candles that it has.
        is_text: Whether it is lines of text, to which faults of text can be done.
        has_header: Whether its first line names the columns.
        has_numeric_times: Whether times are numbers of some unit.
        tolerance: How exactly it states numbers, relative.
        ending: Of its files.
        price_column: Where a price stands in its lines.
    """

    write: Callable[[Sequence[Row], int], bytes]
    steps: tuple[int, ...] = (MINUTE, 5 * MINUTE, HOUR, 2 * HOUR, 12 * HOUR, DAY)
    is_text: bool = True
    has_header: bool = True
    has_numeric_times: bool = False
    tolerance: float = 1e-7
    ending: str = ".csv"
    price_column: int = 2


def _utc(time_ms: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + _delta(time_ms)


def _delta(time_ms: int):
    return np.timedelta64(time_ms, "ms").astype(object)


def _when(pattern: str) -> Callable[[int], str]:
    return lambda time_ms: _utc(time_ms).strftime(pattern)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.8f}"


def _comma(value: float | None) -> str:
    return _number(value).replace(".", ",")


def _grouped(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def _thousands(value: float | None) -> str:
    return "" if value is None else f"{value / 1000:.8f}K"


def _text(
    header: str | None,
    order: str,
    time: Callable[[int], str],
    *,
    sep: str = ",",
    number: Callable[[float | None], str] = _number,
    volume: Callable[[float | None], str] | None = None,
    before: str = "",
    encoding: str = "utf-8",
    end: str = "\n",
    extra: Callable[[Row, int], str] = lambda row, step: "0",
) -> Callable[[Sequence[Row], int], bytes]:
    """A writer of lines; ``order`` names the columns: t o h l c v, x for another one, and m for close times."""

    def cell(row: Row, letter: str, position: int, step: int) -> str:
        if position in row.cells:
            return row.cells[position]
        if letter == "t":
            return time(row.time_ms) if row.unit == 1.0 else str(int(row.time_ms * row.unit))
        if letter == "m":
            return time(row.time_ms + step - 1)
        if letter == "x":
            return extra(row, step)
        value = row.values["ohlcv".index(letter)]
        return (volume or number)(value) if letter == "v" else number(value)

    def line(row: Row, step: int) -> str:
        cells = [cell(row, letter, position, step) for position, letter in enumerate(order)]
        return sep.join(f'"{text}"' if sep in text else text for text in cells)

    def write(rows: Sequence[Row], step: int) -> bytes:
        lines = ([header] if header else []) + [row.line or line(row, step) for row in rows]
        return (before + end.join(lines) + end).encode(encoding)

    return write


def _json_arrays(rows: Sequence[Row], step: int) -> bytes:
    return json.dumps([[int(row.time_ms * row.unit), *row.values] for row in rows]).encode()


def _json_objects(rows: Sequence[Row], step: int) -> bytes:
    return json.dumps(
        {
            "data": [
                {"timestamp": str(row.time_ms // 1000), **dict(zip(NAMES, row.values, strict=True))}
                for row in rows
            ]
        }
    ).encode()


def _table(rows: Sequence[Row]) -> pa.Table:
    columns = {name: pa.array([row.values[i] for row in rows], pa.float64()) for i, name in enumerate(NAMES)}
    return pa.table({"timestamp": pa.array([row.time_ms for row in rows], pa.int64()), **columns})


def _parquet(change: Callable[[pa.Table], pa.Table]) -> Callable[[Sequence[Row], int], bytes]:
    def write(rows: Sequence[Row], step: int) -> bytes:
        buffer = io.BytesIO()
        parquet.write_table(change(_table(rows)), buffer)
        return buffer.getvalue()

    return write


def _feather(rows: Sequence[Row], step: int) -> bytes:
    buffer = io.BytesIO()
    feather.write_feather(_as_dates(_table(rows)).rename_columns(["date", *NAMES]), buffer)
    return buffer.getvalue()


def _as_dates(table: pa.Table) -> pa.Table:
    return table.set_column(0, "timestamp", table.column(0).cast(pa.timestamp("ms", "UTC")))


def _as_long_text(table: pa.Table) -> pa.Table:
    for i, name in enumerate(NAMES, start=1):
        table = table.set_column(i, name, table.column(i).cast(pa.large_string()))
    return table


def _as_float_times(table: pa.Table) -> pa.Table:
    return table.set_column(0, "Timestamp", table.column(0).cast(pa.float64()))


_SECONDS = lambda time_ms: str(time_ms // 1000)  # noqa: E731
_FLOATS = lambda time_ms: f"{time_ms // 1000}.0"  # noqa: E731
_MS = str
_US = lambda time_ms: str(time_ms * 1000)  # noqa: E731
_ISO = _when("%Y-%m-%d %H:%M:%S")
_KLINES = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
_CMC = "timeOpen;timeClose;timeHigh;timeLow;name;open;high;low;close;volume;marketCap;timestamp"

FORMS: Mapping[str, Form] = {
    "our csv": Form(_text("timestamp,open,high,low,close,volume", "tohlcv", _ISO)),
    "binance klines, ms": Form(_text(None, "tohlcvmxxxxx", _MS), has_header=False, has_numeric_times=True),
    "binance klines, us": Form(_text(None, "tohlcvmxxxxx", _US), has_header=False, has_numeric_times=True),
    "binance klines with names": Form(_text(_KLINES, "tohlcvmxxxxx", _MS), has_numeric_times=True),
    "kraken": Form(
        _text(None, "tohlcvx", _SECONDS, extra=lambda row, step: "5"),
        has_header=False,
        has_numeric_times=True,
    ),
    "coinbase": Form(_text("time,low,high,open,close,volume", "tlhocv", _SECONDS), has_numeric_times=True),
    "coinbase without names": Form(_text(None, "tlhocv", _SECONDS), has_header=False, has_numeric_times=True),
    "kucoin": Form(
        _text(None, "tochlvx", _SECONDS, extra=lambda row, step: "1.5"),
        has_header=False,
        has_numeric_times=True,
    ),
    "cryptodatadownload": Form(
        _text(
            "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD",
            "txxohlcvx",
            _MS,
            before="https://www.CryptoDataDownload.com\n",
            extra=lambda row, step: "BTC/USD",
        ),
        has_numeric_times=True,
        price_column=3,
    ),
    "cryptodatadownload, hours": Form(
        _text("Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USD", "txohlcvx", _when("%Y-%m-%d %I-%p")),
        steps=(HOUR, 2 * HOUR, 12 * HOUR),
    ),
    "kaggle": Form(_text("Timestamp,Open,High,Low,Close,Volume", "tohlcv", _FLOATS), has_numeric_times=True),
    "kaggle, older": Form(
        _text(
            "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price",
            "tohlcvxx",
            _SECONDS,
        ),
        has_numeric_times=True,
    ),
    "yahoo": Form(
        _text("Date,Open,High,Low,Close,Adj Close,Volume", "tohlccv", _when("%Y-%m-%d")), steps=(DAY,)
    ),
    "yfinance": Form(
        _text(
            None,
            "tchlov",
            _when("%Y-%m-%d"),
            before="Price,Close,High,Low,Open,Volume\nTicker,BTC-USD,BTC-USD,BTC-USD,BTC-USD,BTC-USD\nDate,,,,,\n",
        ),
        steps=(DAY,),
    ),
    "investing": Form(
        _text(
            '"Date","Price","Open","High","Low","Vol.","Change %"',
            "tcohlvx",
            _when("%b %d, %Y"),
            number=_grouped,
            volume=_thousands,
            encoding="utf-8-sig",
            extra=lambda row, step: "0.5%",
        ),
        steps=(DAY,),
        tolerance=2e-2,
    ),
    "coinmarketcap": Form(
        _text(_CMC, "txxxxohlcvxm", _when("%Y-%m-%dT%H:%M:%S.000Z"), sep=";", encoding="utf-8-sig"),
        steps=(DAY,),
        price_column=5,
    ),
    "spreadsheet with decimal commas": Form(
        _text("Date;Open;High;Low;Close;Volume", "tohlcv", _when("%d.%m.%Y %H:%M"), sep=";", number=_comma)
    ),
    "spreadsheet with tabs, UTF-16": Form(
        _text(
            "DATE\tOPEN\tHIGH\tLOW\tCLOSE\tVOLUME",
            "tohlcv",
            _when("%m/%d/%Y %H:%M"),
            sep="\t",
            encoding="utf-16",
            end="\r\n",
        )
    ),
    "compact dates": Form(_text("timestamp,open,high,low,close,volume", "tohlcv", _when("%Y%m%d %H:%M:%S"))),
    "pandas with an index": Form(
        _text(",open,high,low,close,volume", "tohlcv", _when("%Y-%m-%d %H:%M:%S+00:00"))
    ),
    "metatrader": Form(
        _text("<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<VOL>", "tohlcv", _when("%Y.%m.%d %H:%M:%S"), sep="\t")
    ),
    "arrays": Form(_json_arrays, is_text=False, has_numeric_times=True, ending=".json"),
    "objects": Form(_json_objects, is_text=False, ending=".json"),
    "parquet": Form(_parquet(_as_dates), is_text=False, ending=".parquet"),
    "parquet of whole numbers": Form(_parquet(lambda table: table), is_text=False, ending=".parquet"),
    "parquet of text": Form(_parquet(_as_long_text), is_text=False, ending=".parquet"),
    "parquet of float times": Form(_parquet(_as_float_times), is_text=False, ending=".parquet"),
    "feather": Form(_feather, is_text=False, ending=".feather"),
}
