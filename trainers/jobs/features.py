"""The job of ``driftline features``: what each feature of a file's bars tells of the returns that follow."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from schemas.errors import ConfigurationError
from schemas.time import Interval, Length, text_of_time
from trainers.evaluation.feature_signals import FeatureSignal, feature_signals
from trainers.inputs.bar_files import read_bars
from trainers.inputs.evaluation_files import EvaluationFiles, EvaluationInput
from trainers.training.evaluating import Question

#: The newest years that a table shows; JSON has all of them.
_SHOWN_YEARS = 6


class FeatureQuestion(NamedTuple):
    """What is asked of the features.

    Attributes:
        interval: The time between rows; None takes that of the file.
        horizons: How far ahead returns are taken.
        also: Further intervals of the same bars whose features are judged, too.
        seed: The seed of the intervals.
    """

    interval: Length | None
    horizons: tuple[Length, ...]
    also: tuple[Interval, ...] = ()
    seed: int = 0


class JudgedFeatures(NamedTuple):
    """What was found.

    Attributes:
        signals: By horizon, then by the order of the columns.
        span: The first and the last time, in words.
        warnings: What is to be known of the files, a sentence each.
    """

    signals: list[FeatureSignal]
    span: str
    warnings: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """Returns the figures, ready for JSON."""
        return {
            "span": self.span,
            "warnings": list(self.warnings),
            "features": [_plain(signal) for signal in self.signals],
        }


def judged_features(
    files: EvaluationFiles, question: FeatureQuestion, progress: Callable[[float], None]
) -> JudgedFeatures:
    """Judge every feature that the files give.

    Args:
        files: The files.
        question: What is asked.
        progress: Told the share that is done.

    Raises:
        ConfigurationError: If a file cannot be used, or a horizon does not fit its bars.
    """
    interval = question.interval or _own_interval(files)
    read = EvaluationInput(
        files, Question(interval, question.horizons[0], train_until_ms=0, also=question.also)
    )
    prices, table = read.bars.prices(), read.table
    wrong = [str(one) for one in question.horizons if one.milliseconds % prices.interval_ms]
    if wrong:
        message = f"--horizons must be multiples of the file's bars, was {', '.join(wrong)}"
        raise ConfigurationError(message)
    returns = {
        str(one): prices.log_returns(table.as_of_ms, table.as_of_ms + one.milliseconds)
        for one in question.horizons
    }
    signals = feature_signals(table, returns, seed=question.seed, progress=progress)
    ends = (text_of_time(int(at), "minute") for at in table.as_of_ms[[0, -1]])
    return JudgedFeatures(signals, " to ".join(ends), read.warnings)


def _own_interval(files: EvaluationFiles) -> Length:
    return read_bars(files.bars, files.reading).interval


def _plain(signal: FeatureSignal) -> dict[str, Any]:
    found = signal.coefficient
    ends = (None, None) if found.interval is None else found.interval
    return {
        "feature": signal.feature,
        "horizon": signal.horizon,
        "information_coefficient": None if np.isnan(found.value) else found.value,
        "low": ends[0],
        "high": ends[1],
        "n": found.n,
        "p_value": signal.p_value,
        "adjusted": signal.adjusted,
        "is_more_than_chance": signal.is_shown,
        "by_year": {str(year): value for year, value in found.by_year.items()},
        "stability": found.stability,
    }


def feature_tables(judged: JudgedFeatures) -> list[Table]:
    """A table for each horizon, the strongest feature first.

    Args:
        judged: What was found.
    """
    by_horizon: dict[str, list[FeatureSignal]] = {}
    for signal in judged.signals:
        by_horizon.setdefault(signal.horizon, []).append(signal)
    return [_table(horizon, signals, judged.span) for horizon, signals in by_horizon.items()]


def _table(horizon: str, signals: Sequence[FeatureSignal], span: str) -> Table:
    years = sorted({year for signal in signals for year in signal.coefficient.by_year})[-_SHOWN_YEARS:]
    n_shown = sum(signal.is_shown for signal in signals)
    table = Table(
        title=f"Return over {horizon}, {span} UTC: {n_shown} of {len(signals)} features tell more than chance",
        title_justify="left",
    )
    table.add_column("feature", no_wrap=True)
    for name in ("coefficient", "95 % interval", "rows", "p of all", "same sign", *map(str, years)):
        table.add_column(name, justify="right", no_wrap=True)
    for signal in sorted(signals, key=lambda one: -np.nan_to_num(abs(one.coefficient.value))):
        table.add_row(*_cells(signal, years), style=None if signal.is_shown else "dim")
    return table


def _cells(signal: FeatureSignal, years: Sequence[int]) -> list[str]:
    found = signal.coefficient
    interval = found.interval
    stability = found.stability
    return [
        signal.feature,
        "-" if np.isnan(found.value) else f"{found.value:+.4f}",
        "-" if interval is None else f"[{interval.low:+.4f}, {interval.high:+.4f}]",
        f"{found.n:,}",
        f"{signal.adjusted:.2g}",
        "-" if stability is None else f"{stability:.0%}",
        *("-" if year not in found.by_year else f"{found.by_year[year]:+.3f}" for year in years),
    ]
