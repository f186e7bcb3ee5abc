"""What a single column tells of the direction by its own rule, which an audit judges."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: A column whose own rule is right more often than this over all rows is a leak until shown otherwise.
LEAK_ALARM = 0.56
_N_BINS = 20
_SIGNIFICANT = 5.0


def accuracy_limit(n: int, *, alarm: float = LEAK_ALARM) -> float:
    """The accuracy above which a column is found: the alarm, or what chance may reach with few rows.

    Args:
        n: The number of rows with an outcome; half of them are judged.
        alarm: The least accuracy that is called a leak.
    """
    return float(max(alarm, 0.5 + _SIGNIFICANT * 0.5 / np.sqrt(n / 2)))


def accuracy_alone(values: NDArray[np.float32], is_up: NDArray[np.bool_]) -> float:
    """The share of the newer half on which a column's own rule is right, which was learnt on the older half."""
    half = len(values) // 2
    edges = _edges(values[:half])
    old, new = _bins(values[:half], edges), _bins(values[half:], edges)
    balance = np.bincount(old, weights=2.0 * is_up[:half] - 1, minlength=_N_BINS + 2)
    return float(np.mean((balance[new] >= 0) == is_up[half:]))


def _edges(values: NDArray[np.float32]) -> NDArray[np.float64]:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return np.empty(0)
    edges: NDArray[np.float64] = np.unique(np.quantile(defined, np.linspace(0, 1, _N_BINS + 1)[1:-1]))
    return edges


def _bins(values: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of each value; undefined values have a bin of their own."""
    binned = np.searchsorted(edges, values, side="right")
    return np.where(np.isnan(values), _N_BINS + 1, binned).astype(np.int64)


def permuted_in_blocks(
    labels: NDArray[np.bool_], *, block: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """The labels with their blocks in random order, so that what is slow within a block stays slow.

    Args:
        labels: Oldest first.
        block: The number of labels in a block; there are at least two blocks.
        generator: The source of randomness.
    """
    blocks: Sequence[NDArray[np.bool_]] = np.array_split(labels, max(2, len(labels) // block))
    return np.concatenate([blocks[i] for i in generator.permutation(len(blocks))])
