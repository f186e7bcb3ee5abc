"""A year of simulated minutes as a file, and a registry with a model for them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from schemas.artifacts import ModelTarget
from schemas.time import Interval
from stream_processors.features.bars import CLOSE
from tests.fakes.backtests import small_artifact
from tests.fixtures.bar_tables import random_walk
from tests.fixtures.market_events import T0
from trainers.inputs.materials import from_file
from trainers.models.gradient_boosting import BoostingParameters
from trainers.registry.folders import FolderRegistry

MINUTES_PER_YEAR = 525_600
TRAINING_MINUTES = 20_000
TARGET = ModelTarget(
    instrument="BTC-USDT.BINANCE", interval=Interval.ONE_MINUTE, horizon=Interval.FIFTEEN_MINUTES
)
QUARTER = 15


class Place(NamedTuple):
    """Where everything lies.

    Attributes:
        closes: Shape (n,), of the year behind the training.
        positions: Shape (n,): 1 or -1 at every fifteenth minute, NaN between.
    """

    folder: Path
    candles: Path
    version: str
    from_ms: int
    closes: NDArray[np.float64]
    positions: NDArray[np.float64]


def make_place(folder: Path, minutes: int) -> Place:
    """The file, the model, and positions for the peers' part."""
    bars = random_walk(TRAINING_MINUTES + minutes, seed=21)
    candles = folder / "btcusdt_binance_spot_1m.parquet"
    columns = {"timestamp": pa.array(bars.start_ms.astype("datetime64[ms]"))}
    for place, name in enumerate(("open", "high", "low", "close", "volume")):
        columns[name] = bars.rows[:, place]
    parquet.write_table(pa.table(columns), candles)
    until_ms = T0 + TRAINING_MINUTES * 60_000
    table = from_file(candles, TARGET, instrument=None, begin_ms=None).table
    n_rounds = BoostingParameters().n_rounds
    manifest, files = small_artifact(table, until_ms=until_ms, target=TARGET, n_rounds=n_rounds)
    FolderRegistry(folder / "registry").publish(manifest, files)
    closes = bars.rows[TRAINING_MINUTES:, CLOSE].copy()
    return Place(folder, candles, manifest.version, until_ms, closes, _positions(len(closes)))


def _positions(n: int) -> NDArray[np.float64]:
    positions = np.full(n, np.nan)
    rows = np.arange(0, n - 1, QUARTER)
    positions[rows] = np.random.default_rng(3).choice([-1.0, 1.0], len(rows))
    return positions
