"""Bars and articles from files of the user's, for evaluations: what is bad is counted and left out."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from producers.sources.files.candles.cautions import UNNAMED
from producers.sources.files.candles.reading import CandleFile
from producers.sources.files.forms import ReadRequest
from producers.sources.files.tables import bought_volume, candle_file
from schemas.errors import ConfigurationError
from schemas.frames import PRICES
from schemas.time import Interval, Length, text_of_time
from schemas.wire.clocks import SystemClock
from stream_processors.features.bars import CLOSE, BarTable, bar_table, roll_up
from stream_processors.features.declarations import SPEC
from trainers.datasets.prices import PricePath


class BarFile(NamedTuple):
    """The good bars of a file.

    Attributes:
        interval: Of the bars, recognised by their commonest step; it need not be one of the platform's.
        n_left_out: Rows that broke a rule, exact duplicates included.
        n_missing: Bars that are missing between the first and the last.
        warnings: Whole sentences about what is doubtful in the file.
    """

    path: Path
    interval: Length
    bars: BarTable
    n_left_out: int
    n_missing: int = 0
    warnings: tuple[str, ...] = ()

    def rolled_up(self, into: Length) -> BarTable:
        """Its bars in another length.

        Bars of more than a day are taken as the file has them and never made of shorter ones, because exchanges
        begin weeks, and stretches of three days, on different days.

        Raises:
            ConfigurationError: If the file's bars are longer than that, do not divide it, or make up none of it.
        """
        if into.milliseconds == self.interval.milliseconds:
            return self._unbroken(self.bars, into)
        if into.milliseconds % self.interval.milliseconds:
            message = (
                f"an interval must be at least the file's and a multiple of it, was {into} "
                f"for {self.path.name} with bars of {self.interval}"
            )
            raise ConfigurationError(message)
        if into.milliseconds > Interval.ONE_DAY.milliseconds:
            message = (
                f"bars of {into} are not made of shorter ones, because exchanges begin them on different days: give a "
                f"file with bars of {into}, {self.path.name} has bars of {self.interval}"
            )
            raise ConfigurationError(message)
        longer = roll_up(self.bars, interval=self.interval, into=into)
        if not len(longer.start_ms):
            message = (
                f"{self.path.name} holds no whole {into} that begins at a multiple of its length in UTC: its bars of "
                f"{self.interval} begin at {self._beginning()}; the interval {self.interval} takes them as they are"
            )
            raise ConfigurationError(message)
        return self._unbroken(longer, into)

    def _beginning(self) -> str:
        """The time of day at which its first bar begins."""
        return text_of_time(int(self.bars.start_ms[0]), "minute").split(" ")[1]

    def _unbroken(self, bars: BarTable, interval: Length) -> BarTable:
        """The bars, if some stretch of them is long enough for features."""
        is_hole = np.diff(bars.start_ms) != interval.milliseconds
        longest = int(np.diff(np.flatnonzero(np.concatenate(([True], is_hole, [True])))).max(initial=0))
        if is_hole.any() and longest < SPEC.warm_up_bars:
            message = (
                f"{self.path.name} has no stretch of {SPEC.warm_up_bars} bars of {interval} without a hole, which "
                f"features need: the longest has {longest}, and {self.n_missing:,} bars of {self.interval} are missing. "
                "If nothing was traded in short holes, say --no-trade-minutes 60"
            )
            raise ConfigurationError(message)
        return bars

    def prices(self) -> PricePath:
        """Its closes by time."""
        return PricePath(
            end_ms=self.bars.start_ms + self.interval.milliseconds,
            known_ms=self.bars.known_ms,
            close=self.bars.rows[:, CLOSE].copy(),
            interval_ms=self.interval.milliseconds,
        )


def read_bars(path: Path, request: ReadRequest | None = None) -> BarFile:
    """Return the good bars of a file of candles, in any form that is read.

    Args:
        path: The file.
        request: What is known beside the file; None knows the wall clock alone.

    Raises:
        ConfigurationError: If it cannot be read, its columns are others, or no row is good.
    """
    file = candle_file(path, ReadRequest(SystemClock().now_ms()) if request is None else request)
    return bar_file(path, file)


def bar_file(path: Path, file: CandleFile) -> BarFile:
    """Return the bars of a file that was read."""
    bars = bar_table(
        start_ms=file.columns["start_ms"],
        prices=np.column_stack([file.columns[name] for name in PRICES]),
        volume=file.columns["volume"],
        buy_volume=bought_volume(file.columns),
        interval=file.length,
    )
    report = file.report
    n_missing = int(file.holes.n_missing.sum()) - file.holes.n_added
    interval = file.length.own or file.length
    warnings = tuple(f"{path.name}: {warning}" for warning in report.warnings if warning != UNNAMED)
    return BarFile(path, interval, bars, report.n_rows - report.n_good, n_missing, warnings)
