"""Recorded bars where they are, and simulated ones, which say so, where they are not."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tests.fixtures.bar_tables import random_walk

#: The rows of the recorded hourly file.
N_HOURS = 73_284
_FILE = Path("prices") / "btcusdt_binance_spot_1h.parquet"
_HOUR_MS = 3_600_000


class HourlyFile(NamedTuple):
    """A parquet file of hourly candles, and whether they are real ones."""

    path: Path
    is_recorded: bool

    @property
    def words(self) -> str:
        """For people."""
        return "recorded hours" if self.is_recorded else "simulated hours"


def hourly_file(folder: Path) -> HourlyFile:
    """The recorded one; or as many simulated hours, written into the folder."""
    given = os.environ.get("DRIFTLINE_RECORDED_DATA", str(Path("..") / "shared" / "data"))
    recorded = Path(given) / _FILE
    if recorded.is_file():
        return HourlyFile(recorded, is_recorded=True)
    path = folder / _FILE.name
    rows = random_walk(N_HOURS, seed=1).rows
    opened_ms = 1_500_000_000_000 // _HOUR_MS * _HOUR_MS + np.arange(N_HOURS) * _HOUR_MS
    columns = {"timestamp": pa.array(opened_ms.astype("datetime64[ms]"))}
    columns |= {name: rows[:, i] for i, name in enumerate(("open", "high", "low", "close", "volume"))}
    parquet.write_table(pa.table(columns), path)
    return HourlyFile(path, is_recorded=False)
