"""Candle files of simulated markets whose truth is known."""

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from producers.sources.files.candles.reading import read_candle_file
from producers.sources.files.forms import ReadRequest
from producers.sources.files.tables import read_candles

#: The files of these tests are read as on this day: 2026-12-01.
READ_MS = 1_796_083_200_000
HOUR_MS = 3_600_000
FIRST_MS = int(np.datetime64("2021-01-01", "ms").astype(np.int64))


def simulated_candles(*, n: int, seed: int, continuation: float = 0.5, step_ms: int = HOUR_MS) -> pa.Table:
    """Bars whose return has the sign of the one before with probability ``continuation``."""
    generator = np.random.default_rng(seed)
    signs = np.cumprod(np.where(generator.random(n) < continuation, 1, -1))
    close = 50_000 * np.exp(np.cumsum(signs * 1e-3 * (0.2 + generator.exponential(size=n))))
    opened = np.concatenate([[50_000.0], close[:-1]])
    return pa.table(
        {
            "timestamp": pa.array(FIRST_MS + np.arange(n) * step_ms, pa.timestamp("ms")),
            "open": opened,
            "high": np.maximum(opened, close) * (1 + 1e-4 * generator.random(n)),
            "low": np.minimum(opened, close) * (1 - 1e-4 * generator.random(n)),
            "close": close,
            "volume": generator.exponential(size=n),
        }
    )


def written(table: pa.Table, path):
    """The file, in the form that its name asks for."""
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        csv.write_csv(table, path)
    return path


def read_file(path, **known):
    """A file of candles as every command reads it."""
    return read_candle_file(path, ReadRequest(**({"not_after_ms": READ_MS} | known)))


def read_table(path, **known):
    """A file of candles as a run plays it."""
    return read_candles(path, ReadRequest(**({"not_after_ms": READ_MS} | known)))
