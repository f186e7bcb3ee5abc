"""What a backtest is made from: features and prices of one instrument; here, out of a file.

The batch driver computes what the live driver would have. Out of stores it comes by
:mod:`.stored_materials`, which stands apart since it loads their clients.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from producers.sources.files.recognition import instrument_of_name
from producers.sources.files.tables import CandleTable, read_candles
from schemas.artifacts import ModelTarget
from schemas.errors import ConfigurationError
from schemas.features import FeatureTable
from stream_processors.features.bars import CLOSE, END_MS, BarTable, bar_table, roll_up
from stream_processors.features.batch import compute_table
from trainers.backtesting.prices import Prices


class Material(NamedTuple):
    """What was found.

    Attributes:
        table: Of the model's interval.
        prices: Of the shortest bars there are.
        title: One line for people: from where.
    """

    table: FeatureTable
    prices: Prices
    title: str


def from_file(
    path: Path,
    target: ModelTarget,
    *,
    instrument: str | None,
    begin_ms: int | None,
    every_ms: int | None = None,
) -> Material:
    """Features and prices of a file of candles.

    Args:
        path: The file.
        target: Of the model.
        instrument: Of the file; None as its name says.
        begin_ms: Candles that begin before are left out, as for a run that began then; None is all.
        every_ms: Only features at multiples of it are wanted; None is all.

    Raises:
        ConfigurationError: If it is missing, unreadable, of another instrument, or of bars that
            cannot be rolled up to the model's.
    """
    if not path.is_file():
        message = f"--bars must be an existing file of candles, was {path}"
        raise ConfigurationError(message)
    _check_instrument(path, target, instrument)
    candles = read_candles(path)
    if target.interval.milliseconds % candles.interval.milliseconds:
        message = (
            f"{path.name} has {candles.interval} candles, from which no {target.interval} bars can be made, "
            f"which the model of {target} looks at"
        )
        raise ConfigurationError(message)
    bars = _bars(candles, begin_ms)
    table = compute_table(
        bars
        if candles.interval is target.interval
        else roll_up(bars, interval=candles.interval, into=target.interval),
        every_ms=every_ms,
    )
    prices = Prices(
        interval=candles.interval,
        end_ms=bars.rows[:, END_MS].astype(np.int64),
        close=bars.rows[:, CLOSE].copy(),
    )
    return Material(table, prices, f"{path.name}, {len(prices):,} candles of {candles.interval}")


def _check_instrument(path: Path, target: ModelTarget, instrument: str | None) -> None:
    found = instrument or instrument_of_name(path)
    if found is None:
        message = (
            f"cannot tell the instrument of {path.name}: name it like btcusdt_binance_spot_1m.parquet, "
            "or say --instrument BTC-USDT.BINANCE"
        )
        raise ConfigurationError(message)
    if found != target.instrument:
        message = f"{path.name} is of {found}, the model predicts {target.instrument}"
        raise ConfigurationError(message)


def _bars(candles: CandleTable, begin_ms: int | None) -> BarTable:
    columns = candles.columns
    here = slice(0 if begin_ms is None else int(np.searchsorted(columns["start_ms"], begin_ms)), None)
    return bar_table(
        start_ms=columns["start_ms"][here],
        prices=np.column_stack([columns[name][here] for name in ("open", "high", "low", "close")]),
        volume=columns["volume"][here],
        interval=candles.interval,
    )
