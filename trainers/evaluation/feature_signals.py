"""What each feature tells of the returns that follow: a table over every column of a feature table.

Any column is judged, whatever it was made of: indicators, companions, and scores of news where the table has them.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.features import FeatureTable
from trainers.evaluation.information import (
    InformationCoefficient,
    information_coefficient,
    shift_p_value,
    shifted_coefficients,
)
from trainers.evaluation.significance import benjamini_hochberg


class FeatureSignal(NamedTuple):
    """What one feature tells of the return over one horizon.

    Attributes:
        coefficient: With its interval, and by year.
        p_value: The share of shifts in time that give at least as much.
        adjusted: The same for all features of the horizon together, by Benjamini and Hochberg.
    """

    feature: str
    horizon: str
    coefficient: InformationCoefficient
    p_value: float
    adjusted: float = 1.0

    @property
    def is_shown(self) -> bool:
        """Whether it is more than chance: the interval leaves out 0, and the adjusted p-value is under 5 %."""
        return self.coefficient.is_apart_from_zero and self.adjusted < 0.05


def feature_signals(
    table: FeatureTable,
    returns: Mapping[str, NDArray[np.float64]],
    *,
    seed: int,
    progress: Callable[[float], None] = lambda _share: None,
) -> list[FeatureSignal]:
    """Judge every column of a table by every horizon.

    Args:
        table: The features; rows that are not warm are left out.
        returns: By horizon: the forward return of each row, NaN where undefined, shape (n,).
        seed: The seed of the intervals, which is the same for all features.
        progress: Told the share that is done.
    """
    signals: list[FeatureSignal] = []
    n = max(1, len(returns) * len(table.names))
    for turn, (horizon, forward) in enumerate(returns.items()):
        found = []
        for column in range(len(table.names)):
            found.append(_signal(table, column, horizon=horizon, forward=forward, seed=seed))
            progress((turn * len(table.names) + column + 1) / n)
        adjusted = benjamini_hochberg([signal.p_value for signal in found])
        signals += [signal._replace(adjusted=p) for signal, p in zip(found, adjusted, strict=True)]
    return signals


def _signal(
    table: FeatureTable, column: int, *, horizon: str, forward: NDArray[np.float64], seed: int
) -> FeatureSignal:
    values = np.where(table.is_warm, table.values[:, column], np.nan)
    found = information_coefficient(values, forward, table.as_of_ms, generator=np.random.default_rng(seed))
    shifted = shifted_coefficients(values, forward, table.as_of_ms)
    return FeatureSignal(table.names[column], horizon, found, shift_p_value(found.value, shifted))
