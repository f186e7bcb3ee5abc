"""Writes the candles of a file of any form as the platform's own parquet."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from producers.sources.files.candles.binary_tables import INSTRUMENT_METADATA
from producers.sources.files.candles.reading import CandleFile
from producers.sources.files.forms import ReadRequest
from producers.sources.files.tables import candle_file
from schemas.errors import ConfigurationError
from schemas.frames import CANDLE_COLUMNS, candle_rules, report_on_candles

_EXTRAS = ("quote_volume", "taker_buy_volume", "taker_buy_quote_volume")


def convert(path: Path, out: Path, request: ReadRequest) -> str:
    """Write a file's candles, and return one sentence about what was written.

    Args:
        path: The file.
        out: The parquet file to write.
        request: What is known beside the file.

    Raises:
        ConfigurationError: If the file is none of candles, or cannot be written.
    """
    if out.exists() and out.samefile(path):
        message = f"OUT must be another file than FILE, was {out} for both"
        raise ConfigurationError(message)
    file = candle_file(path, request)
    table = candle_table(file)
    check(file)
    try:
        parquet.write_table(table, out, compression="zstd")
    except OSError as error:
        message = f"{out} cannot be written: {error}"
        raise ConfigurationError(message) from error
    left_out = file.report.n_rows - file.report.n_good
    without = f" without {left_out:,} rows that break a rule" if left_out else ""
    added = (
        f"; {file.holes.n_added:,} of them are bars without a trade that were added (n_trades 0)"
        if file.holes.n_added
        else ""
    )
    return f"{out} holds {len(file):,} candles of {file.length}{without}{added}"


def candle_table(file: CandleFile) -> pa.Table:
    """Return a file's candles as the table that is written."""
    columns = {"timestamp": pa.array(file.columns["start_ms"]).cast(pa.timestamp("ms"))}
    columns |= {name: pa.array(file.columns[name]) for name in CANDLE_COLUMNS[1:]}
    if "n_trades" in file.columns:
        counts = file.columns["n_trades"]
        columns["n_trades"] = pa.array(np.nan_to_num(counts).astype(np.int64), mask=np.isnan(counts))
    columns |= {name: pa.array(file.columns[name]) for name in _EXTRAS if name in file.columns}
    if len(file.segment_starts) > 1:
        rows = np.arange(len(file))
        columns["segment"] = pa.array(np.searchsorted(file.segment_starts, rows, side="right") - 1)
    metadata = (
        {} if file.report.instrument is None else {INSTRUMENT_METADATA: file.report.instrument.encode()}
    )
    return pa.table(columns).replace_schema_metadata(metadata)


def check(file: CandleFile) -> None:
    """Hold candles against the pandera schema of tables of candles before they are written.

    Raises:
        ValueError: If the reader let a bad row pass, which is a mistake of ours.
    """
    table = {"timestamp": file.columns["start_ms"]} | {
        name: file.columns[name] for name in CANDLE_COLUMNS[1:]
    }
    breaches = report_on_candles(table, candle_rules(file.length, phase_ms=file.length.phase_ms))
    if breaches:
        message = f"a candle that was read breaks a rule: {breaches[0]}"
        raise ValueError(message)
