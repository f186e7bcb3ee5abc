"""Bars and articles from files of the user's, for evaluations: what is bad is counted and left out."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError
from schemas.frames import CANDLE_COLUMNS, PRICES, Fate, broken_rules, candle_rules
from schemas.time import Interval
from schemas.wire.candle_files import candle_columns, recognised_interval, times_ms
from stream_processors.features.bars import CLOSE, BarTable, bar_table, roll_up
from trainers.datasets.prices import PricePath

_PARQUET = (".parquet", ".pq")


class BarFile(NamedTuple):
    """The good bars of a file.

    Attributes:
        interval: Of the bars, recognised by their commonest step.
        n_left_out: Rows that broke a rule, exact duplicates included.
    """

    path: Path
    interval: Interval
    bars: BarTable
    n_left_out: int

    def rolled_up(self, into: Interval) -> BarTable:
        """Its bars in another length.

        Raises:
            ConfigurationError: If the file's bars are longer than that, or do not divide it.
        """
        if into is self.interval:
            return self.bars
        if into.milliseconds % self.interval.milliseconds:
            message = (
                f"an interval must be at least the file's and a multiple of it, was {into} "
                f"for {self.path.name} with bars of {self.interval}"
            )
            raise ConfigurationError(message)
        return roll_up(self.bars, interval=self.interval, into=into)

    def prices(self) -> PricePath:
        """Its closes by time."""
        return PricePath(
            end_ms=self.bars.start_ms + self.interval.milliseconds,
            known_ms=self.bars.known_ms,
            close=self.bars.rows[:, CLOSE].copy(),
            interval_ms=self.interval.milliseconds,
        )


def read_bars(path: Path) -> BarFile:
    """A file of candles: parquet, or CSV by any other name.

    Raises:
        ConfigurationError: If it cannot be read, its columns are others, or no row is good.
    """
    columns = candle_columns(path, is_parquet=path.name.lower().endswith(_PARQUET))
    interval = recognised_interval(columns["timestamp"], path)
    broken = broken_rules(columns, candle_rules(interval))
    left_out = np.zeros(len(columns["timestamp"]), dtype=np.bool_)
    for rule, rows in broken.items():
        if rule.fate is not Fate.KEPT:
            left_out |= rows
    kept = np.flatnonzero(~left_out)
    if not len(kept):
        rules = "; ".join(
            f"{rule.column} {rule.name}: broken by {rows.sum()}" for rule, rows in broken.items()
        )
        message = f"{path.name} must have good rows, has none of {len(left_out)}; {rules}"
        raise ConfigurationError(message)
    kept = kept[np.argsort(columns["timestamp"][kept], kind="stable")]
    good = {name: columns[name][kept] for name in CANDLE_COLUMNS}
    bars = bar_table(
        start_ms=good["timestamp"],
        prices=np.column_stack([good[name] for name in PRICES]),
        volume=good["volume"],
        interval=interval,
    )
    return BarFile(path, interval, bars, int(left_out.sum()))


def read_publication_times(path: Path) -> NDArray[np.int64]:
    """When the articles of a file came out, increasing; rows without a time are left out.

    Raises:
        ConfigurationError: If it cannot be read or has no column ``timestamp``.
    """
    times = times_ms(path, is_parquet=path.name.lower().endswith(_PARQUET))
    return np.sort(times[times >= 0])
