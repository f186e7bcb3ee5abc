"""How much a number known at a time tells of the return that follows: the information coefficient.

The coefficient is Spearman's rank correlation of the number and the forward return. Neighbouring rows depend on each other,
because numbers change slowly and forward returns overlap. So its interval comes from circular blocks of days, and its
control shifts the numbers in a circle against the returns: a shift keeps both series as they are, and breaks only what
ties them together.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.evaluation.block_intervals import (
    BLOCK_DAYS,
    DAY_MS,
    LEAST_BLOCKS,
    Interval95,
    circular_block_sums,
)

#: With fewer rows nothing is stated.
LEAST_ROWS = 50
_LEAST_ROWS_OF_YEAR = 200
_YEAR = "datetime64[Y]"


class InformationCoefficient(NamedTuple):
    """The rank correlation of a number with the forward return.

    Attributes:
        value: In [-1, 1]; NaN if there are too few rows, or the number never changes.
        interval: The 95 % interval by blocks of days; None if there are fewer than three days.
        n: The rows in which both are defined.
        by_year: The coefficient in each year of at least 200 such rows.
    """

    value: float
    interval: Interval95 | None
    n: int
    by_year: dict[int, float]

    @property
    def is_apart_from_zero(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and (self.interval.low > 0 or self.interval.high < 0)

    @property
    def stability(self) -> float | None:
        """The share of the years whose coefficient has the sign of the whole; None without a year."""
        if not self.by_year:
            return None
        return float(np.mean([np.sign(each) == np.sign(self.value) for each in self.by_year.values()]))


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rank of each value from 0; equal values share the mean of their ranks.

    Example:
        >>> ranks(np.array([0.5, 0.1, 0.5])).tolist()
        [1.5, 0.0, 1.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    shared: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return shared


def rank_correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Spearman's correlation; NaN if one of the two never changes."""
    return float(_correlations(_sums_of(ranks(x), ranks(y)).sum(axis=0)[None, :])[0])


def information_coefficient(
    values: NDArray[np.float64],
    returns: NDArray[np.float64],
    as_of_ms: NDArray[np.int64],
    *,
    generator: np.random.Generator,
) -> InformationCoefficient:
    """The information coefficient of a number.

    Args:
        values: Shape (n,), NaN where undefined.
        returns: Shape (n,): the forward return of each row, NaN where undefined.
        as_of_ms: Shape (n,), increasing.
        generator: The source of randomness.
    """
    chosen = np.isfinite(values) & np.isfinite(returns)
    n = int(chosen.sum())
    if n < LEAST_ROWS:
        return InformationCoefficient(np.nan, None, n, {})
    x, y, at_ms = values[chosen], returns[chosen], as_of_ms[chosen]
    sums = _sums_of(ranks(x), ranks(y))
    value = float(_correlations(sums.sum(axis=0)[None, :])[0])
    interval = None if np.isnan(value) else _interval(sums, at_ms, generator)
    return InformationCoefficient(value, interval, n, _by_year(x, y, at_ms))


def shifted_coefficients(
    values: NDArray[np.float64], returns: NDArray[np.float64], as_of_ms: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The coefficients that the same numbers have with returns of other times: what chance alone gives.

    Every shift in a circle is taken that is at least a day long both ways round; in data of less than four days, every shift.

    Args:
        values: Shape (n,), NaN where undefined.
        returns: Shape (n,), NaN where undefined.
        as_of_ms: Shape (n,), increasing.

    Returns:
        Shape (s,); empty if there are too few rows, or one of the two never changes.
    """
    chosen = np.isfinite(values) & np.isfinite(returns)
    n = int(chosen.sum())
    if n < LEAST_ROWS:
        return np.empty(0)
    x, y, at_ms = ranks(values[chosen]), ranks(returns[chosen]), as_of_ms[chosen]
    a_day = int(np.searchsorted(at_ms, at_ms[0] + DAY_MS))
    least = a_day if n > 4 * a_day else 1
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    if scale <= 0:
        return np.empty(0)
    every_shift = np.fft.irfft(np.fft.rfft(x) * np.conj(np.fft.rfft(y)), n)
    return np.asarray(every_shift[least : n - least + 1] / scale)


def shift_p_value(value: float, shifted: NDArray[np.float64]) -> float:
    """The share of shifted coefficients that are at least as large, in either direction; 1 where nothing is defined."""
    if not len(shifted) or np.isnan(value):
        return 1.0
    return float((1 + np.sum(np.abs(shifted) >= abs(value))) / (1 + len(shifted)))


def _sums_of(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each row adds to the sums of a correlation, shape (n, 6); centred first, because ranks are large."""
    x, y = (x - x.mean()) / max(len(x), 1), (y - y.mean()) / max(len(y), 1)
    return np.column_stack([np.ones(len(x)), x, y, x * x, y * y, x * y])


def _correlations(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    n, x, y, xx, yy, xy = sums.T
    n = np.maximum(n, 1)
    spread = (xx - x * x / n) * (yy - y * y / n)
    is_defined = spread > 1e-18
    return np.where(is_defined, (xy - x * y / n) / np.sqrt(np.where(is_defined, spread, 1.0)), np.nan)


def _interval(
    sums: NDArray[np.float64], at_ms: NDArray[np.int64], generator: np.random.Generator
) -> Interval95 | None:
    day = (at_ms - at_ms[0]) // DAY_MS
    n_days = int(day[-1]) + 1
    if n_days < 3:
        return None
    by_day = np.column_stack([np.bincount(day, column) for column in sums.T]).astype(np.float64)
    block = min(BLOCK_DAYS, max(1, n_days // LEAST_BLOCKS))
    drawn = _correlations(circular_block_sums(by_day, block=block, generator=generator))
    defined = drawn[np.isfinite(drawn)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [0.025, 0.975])
    return Interval95(float(low), float(high))


def _by_year(x: NDArray[np.float64], y: NDArray[np.float64], at_ms: NDArray[np.int64]) -> dict[int, float]:
    years = at_ms.astype("datetime64[ms]").astype(_YEAR).astype(np.int64) + 1970
    counted = zip(*np.unique(years, return_counts=True), strict=True)
    found = {
        int(year): rank_correlation(x[years == year], y[years == year])
        for year, n in counted
        if n >= _LEAST_ROWS_OF_YEAR
    }
    return {year: value for year, value in found.items() if not np.isnan(value)}
