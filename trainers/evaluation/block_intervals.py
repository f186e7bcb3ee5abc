"""The intervals of shares and means by circular blocks of days, which every report states."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.evaluation.intervals import wilson_interval

DAY_MS = 86_400_000
N_REPLICATES = 2000
BLOCK_DAYS = 7
#: With fewer bootstrap blocks than this, blocks are made shorter.
LEAST_BLOCKS = 10


class Interval95(NamedTuple):
    """The 95 % interval of a share."""

    low: float
    high: float


def share_interval(
    is_hit: NDArray[np.bool_], as_of_ms: NDArray[np.int64], *, generator: np.random.Generator
) -> Interval95 | None:
    """The 95 % interval of a share of hits, by circular blocks of seven days.

    Days are drawn and not rows, so that quiet and busy weeks stay as they were. The caller passes the chosen
    decisions only. A stretch of fewer than ten such blocks gets shorter blocks, and no interval narrower than
    Wilson's: a bootstrap of few blocks says hardly anything, and that of a single block nothing at all.

    Args:
        is_hit: Whether each decision was right, shape (n,).
        as_of_ms: Shape (n,), increasing.
        generator: The source of randomness.

    Returns:
        None if there are no rows.

    Source:
        Politis and Romano (1992), a circular block-resampling procedure.
    """
    drawn = mean_interval(is_hit.astype(np.float64), as_of_ms, generator=generator)
    if drawn is None or _n_days(as_of_ms) >= LEAST_BLOCKS * BLOCK_DAYS:
        return drawn
    least, most = wilson_interval(int(is_hit.sum()), len(is_hit))
    return Interval95(min(drawn.low, least), max(drawn.high, most))


def mean_interval(
    values: NDArray[np.float64], as_of_ms: NDArray[np.int64], *, generator: np.random.Generator
) -> Interval95 | None:
    """The 95 % interval of a mean, by circular blocks of seven days, or fewer if there are not ten such blocks.

    Args:
        values: Shape (n,): hits, money, losses.
        as_of_ms: Shape (n,), increasing.
        generator: The source of randomness.

    Returns:
        None if there are no rows.

    Source:
        Politis and Romano (1992), a circular block-resampling procedure.
    """
    if not len(values):
        return None
    day = (as_of_ms - as_of_ms[0]) // DAY_MS
    sums_and_counts = np.column_stack([np.bincount(day, values), np.bincount(day).astype(np.float64)])
    block = min(BLOCK_DAYS, max(1, _n_days(as_of_ms) // LEAST_BLOCKS))
    sums = circular_block_sums(sums_and_counts, block=block, generator=generator)
    drawn = sums[sums[:, 1] > 0]
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return Interval95(float(low), float(high))


def _n_days(as_of_ms: NDArray[np.int64]) -> int:
    return int((as_of_ms[-1] - as_of_ms[0]) // DAY_MS) + 1


def circular_block_sums(
    table: NDArray[np.float64],
    *,
    block: int,
    generator: np.random.Generator,
    n_replicates: int = N_REPLICATES,
) -> NDArray[np.float64]:
    """Column sums of resamples made of blocks that may wrap round the end.

    Args:
        table: Shape (n, m), oldest first.
        block: The number of rows in a block, at most n.
        generator: The source of randomness.
        n_replicates: The number of resamples, B.

    Returns:
        Shape (B, m).
    """
    n = len(table)
    running = np.zeros((n + block + 1, table.shape[1]))
    np.cumsum(np.concatenate([table, table[:block]]), axis=0, out=running[1:])
    blocks = running[block : block + n] - running[:n]
    starts = generator.integers(0, n, size=(n_replicates, -(-n // block)))
    sums: NDArray[np.float64] = blocks[starts].sum(axis=1)
    return sums
