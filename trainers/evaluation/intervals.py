"""Confidence intervals: how far chance alone could have moved a figure.

Outcomes near in time depend on each other, so rows are resampled in blocks. The running record of
live predictions, which keeps sums and no rows, gets the Wilson interval.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

N_REPLICATES = 1000
_LEVEL = 0.95
_NORMAL_QUANTILE = 1.959963984540054
_MILLISECONDS_PER_DAY = 86_400_000
_LEAST_BLOCKS = 50


def wilson_interval(n_hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of independent trials.

    Args:
        n_hits: The number of hits among ``n``, at least 0.
        n: The number of trials, without ties; 0 gives (0, 1).

    Returns:
        Lower and upper end, within [0, 1].

    Raises:
        ValueError: If the hits are negative or more than the trials.

    Source:
        Wilson (1927).

    Example:
        >>> [round(end, 3) for end in wilson_interval(52, 100)]
        [0.423, 0.615]
    """
    if not 0 <= n_hits <= n:
        message = f"hits must be within 0 and n, were {n_hits} of {n}"
        raise ValueError(message)
    if n == 0:
        return 0.0, 1.0
    z2 = _NORMAL_QUANTILE**2
    share = n_hits / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _NORMAL_QUANTILE * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def wilson_lower(n_hits: int, n: int, *, risk: float) -> float:
    """A lower bound of the true share of hits; the truth lies below it with about this probability at most.

    Args:
        n_hits: The number of hits among ``n``.
        n: The number of independent trials, without ties; 0 gives 0.
        risk: The probability of a wrong bound, one-sided, in (0, 1).

    Returns:
        The bound, in [0, 1]; exactly 0 without a hit, where the two terms cancel but for rounding.

    Source:
        Wilson (1927), one-sided.
    """
    if n_hits == 0:
        return 0.0
    z = NormalDist().inv_cdf(1 - risk)
    share = n_hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half)


def block_rows(*, n: int, interval_ms: int, horizon_ms: int) -> int:
    """The number of rows that a bootstrap block has on average.

    A block has the rows of one day, since volatility and direction have daily habits. It is shorter where
    fewer than fifty blocks would be left, and never shorter than the rows that one label overlaps.

    Args:
        n: The number of rows in all.
        interval_ms: The time between rows.
        horizon_ms: The horizon of the labels.
    """
    overlap = math.ceil(horizon_ms / interval_ms)
    return max(1, overlap, min(_MILLISECONDS_PER_DAY // interval_ms, n // _LEAST_BLOCKS))


def bootstrap_sums(
    contributions: NDArray[np.float64],
    *,
    mean_block_rows: int,
    generator: np.random.Generator,
    n_replicates: int = N_REPLICATES,
) -> NDArray[np.float64]:
    """Column sums of resamples by the stationary bootstrap.

    Blocks start anywhere, have lengths from a geometric distribution, and wrap round the end; each
    resample has exactly n rows. The sums are differences of running sums, so the cost does not grow with
    the rows in a block.

    Args:
        contributions: Shape (n, m), oldest first, n > 0.
        mean_block_rows: The mean number of rows in a block, at least 1.
        generator: The source of randomness.
        n_replicates: The number of resamples, B.

    Returns:
        Shape (B, m).

    Source:
        Politis and Romano (1994).
    """
    n = len(contributions)
    starts, lengths = _blocks(n, mean_block_rows, n_replicates, generator)
    running = np.zeros((2 * n + 1, contributions.shape[1]))
    np.cumsum(np.concatenate([contributions, contributions]), axis=0, out=running[1:])
    sums: NDArray[np.float64] = np.empty((n_replicates, contributions.shape[1]))
    for column in range(contributions.shape[1]):
        total = running[:, column]
        sums[:, column] = (total[starts + lengths] - total[starts]).sum(axis=1)
    return sums


def _blocks(
    n: int, mean_rows: int, n_replicates: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The starts and lengths of blocks, shape (B, blocks); in each row the lengths add up to n and the last ones are 0."""
    expected = n / mean_rows
    n_blocks = math.ceil(expected + 6 * math.sqrt(expected)) + 6
    starts = generator.integers(0, n, size=(n_replicates, n_blocks))
    drawn = generator.geometric(1 / mean_rows, size=(n_replicates, n_blocks))
    ends = np.minimum(np.cumsum(drawn, axis=1), n)
    ends[:, -1] = n
    return starts, np.diff(ends, axis=1, prepend=0)


def percentile_interval(replicates: NDArray[np.float64]) -> tuple[float, float] | None:
    """The middle 95 % of bootstrap replicates; None if no replicate is defined.

    Args:
        replicates: Shape (B,); NaN where a resample left a score undefined.
    """
    defined = replicates[~np.isnan(replicates)]
    if len(defined) == 0:
        return None
    low, high = np.quantile(defined, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)
