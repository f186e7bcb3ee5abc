"""How much a column tells of the next return that the other columns do not: a stronger search for leaks.

By itself a leaking column is often no better than honest ones: a third of the next return, mixed into
a five-bar return, gives the right direction 52-54 % of the time, as honest reversal does. But features
come in families of near twins. The other columns explain most of an honest column, and hardly any of
the next return that was mixed into it. So the part of each column that the others explain is removed
first; what is judged is the partial rank correlation of the rest with the next return.

The null distribution comes from the data themselves: the returns are shifted in a circle against the
columns, by every shift that is long enough. This keeps what is slow in both, overlapping labels and
heavy tails. Of each shift the largest correlation over all columns is taken, which pays for looking at
a hundred columns. Real predictability is above that null too, so a column raises an alarm only from
:data:`PARTIAL_ALARM` on, about twice what any registered feature reaches on recorded markets.

Source:
    Westfall and Young (1993), the largest statistic under resampling, for the multiple testing.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: A column whose partial rank correlation with the next return is above this is a leak until shown otherwise.
PARTIAL_ALARM = 0.1
#: The same limit for a ranking by all columns together: the correlation at which 56 % of directions are right.
TOGETHER_ALARM = math.sin(math.pi * 0.06)
#: With fewer rows nothing is judged.
LEAST_ROWS = 400
#: The newest rows that are looked at: more rows find no more leaks, and take long.
MOST_ROWS = 60_000
#: The probability that the largest correlation of a shift reaches the limit by chance.
_RISK = 0.001
#: The limit is raised by this factor: in small samples slow columns made of past prices are biased against the returns
#: that follow, which no shift shows (Stambaugh 1999; over 1,800 recorded days a stochastic oscillator had 1.1 times the limit).
_MARGIN = 1.25
_RIDGE, _TOGETHER_RIDGE = 1e-3, 0.03
_SIGNIFICANT = 5.0


class Conditional(NamedTuple):
    """What each column tells of the next return, and the limits above which that is an alarm.

    Attributes:
        partial: By column, its partial rank correlation with the next return.
        limit: The partial correlation above which a column is an alarm, for this number of rows.
        together: The rank correlation of the next return with a ranking by all columns, learnt on the
            older half of the rows and judged on the newer one.
        together_limit: The value of ``together`` above which there is an alarm.
        n: The number of rows.
    """

    partial: dict[str, float]
    limit: float
    together: float
    together_limit: float
    n: int


def conditional(
    columns: NDArray[np.floating],
    names: Sequence[str],
    returns: NDArray[np.float64],
    *,
    given: NDArray[np.floating],
) -> Conditional | None:
    """How much of the next return each column tells that the others do not.

    Args:
        columns: The columns that are judged, shape (n, m), NaN where undefined.
        names: The names of these m columns.
        returns: Over the horizon ahead, shape (n,); rows without one, and ties, are left out.
        given: Columns that are known to be honest, shape (n, k); k may be 0. Each column is judged given these
            and the other columns.

    Returns:
        None if there are too few rows.
    """
    counted = np.flatnonzero(~np.isnan(returns) & (returns != 0))[-MOST_ROWS:]
    counted = counted[len(counted) - _fast_length(len(counted)) :]
    n, m = len(counted), len(names)
    if n < LEAST_ROWS or m == 0:
        return None
    ranks = np.column_stack([standard_ranks(column[counted]) for column in (*columns.T, *given.T)])
    ahead = standard_ranks(returns[counted])
    residual = _residuals(ranks)[:, :m]
    partial = residual.T @ ahead / n
    by_chance = float(np.quantile(_largest_shifted(residual, ahead), 1 - _RISK))
    return Conditional(
        partial=dict(zip(names, partial.tolist(), strict=True)),
        limit=max(PARTIAL_ALARM, _MARGIN * by_chance),
        together=_together(ranks[:, :m], ahead),
        together_limit=max(TOGETHER_ALARM, _SIGNIFICANT / math.sqrt(n / 2)),
        n=n,
    )


def standard_ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ranks with mean 0 and variance 1; equal values share a rank, undefined values have the middle rank.

    The ranks of a constant column are zeros.
    """
    defined = ~np.isnan(values)
    found = values[defined].astype(np.float64)
    ranks = np.zeros(len(values))
    if len(found):
        order = np.argsort(found, kind="stable")
        begins = np.flatnonzero(np.concatenate(([True], np.diff(found[order]) > 0)))
        counts = np.diff(np.append(begins, len(found)))
        shared = np.empty(len(found))
        shared[order] = np.repeat(begins + (counts - 1) / 2, counts)
        ranks[defined] = shared - (len(found) - 1) / 2
    scale = float(ranks.std())
    return ranks / scale if scale > 0 else ranks


def _residuals(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each column without the part that the others explain, scaled to variance 1; a constant column gives zeros."""
    correlation = ranks.T @ ranks / len(ranks)
    residuals: NDArray[np.float64] = ranks @ np.linalg.inv(correlation + _RIDGE * np.eye(len(correlation)))
    scale = residuals.std(axis=0)
    return np.asarray(residuals / np.where(scale > 0, scale, 1.0))


def _largest_shifted(residuals: NDArray[np.float64], ahead: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest correlation over the columns, for every shift of the returns that is long enough."""
    n = len(ahead)
    least = max(LEAST_ROWS // 4, n // 50)
    spectrum = np.fft.rfft(ahead)
    largest = np.zeros(n - 2 * least)
    for column in residuals.T:
        shifted = np.fft.irfft(np.conj(np.fft.rfft(column)) * spectrum, n) / n
        np.maximum(largest, np.abs(shifted[least : n - least]), out=largest)
    return largest


def _together(ranks: NDArray[np.float64], ahead: NDArray[np.float64]) -> float:
    half = len(ahead) // 2
    older, newer = ranks[:half], ranks[half:]
    weights = np.linalg.solve(
        older.T @ older / half + _TOGETHER_RIDGE * np.eye(older.shape[1]), older.T @ ahead[:half] / half
    )
    said = newer @ weights
    return float(np.corrcoef(said, ahead[half:])[0, 1]) if said.std() > 0 else 0.0


def _fast_length(n: int) -> int:
    """The largest number up to n without a prime factor above 5: Fourier transforms of such a length are fast."""
    found = 1
    for fives in (5**i for i in range(9)):
        for threes in (fives * 3**i for i in range(13)):
            if threes <= n:
                found = max(found, threes * 2 ** int(math.log2(n / threes)))
    return found
