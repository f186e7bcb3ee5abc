"""Feature tables of simulated markets whose truth is known."""

import numpy as np

from schemas.features import FeatureTable
from schemas.time import Interval
from stream_processors.features.bars import bar_table
from stream_processors.features.batch import compute_table

MINUTE_MS = 60_000


def table_of(close, *, as_of_ms=None, values=None, is_warm=None, known_ms=None) -> FeatureTable:
    """A table with two features, of minutes unless the times say otherwise."""
    close = np.asarray(close, dtype=np.float64)
    n = len(close)
    as_of = (
        np.arange(1, n + 1, dtype=np.int64) * MINUTE_MS
        if as_of_ms is None
        else np.asarray(as_of_ms, np.int64)
    )
    return FeatureTable(
        names=("a", "b"),
        feature_spec_hash="spec",
        as_of_ms=as_of,
        known_ms=as_of if known_ms is None else np.asarray(known_ms, np.int64),
        close=close,
        is_warm=np.ones(n, dtype=np.bool_) if is_warm is None else np.asarray(is_warm, np.bool_),
        values=np.zeros((n, 2)) if values is None else np.asarray(values, np.float64),
    )


def simulated_table(*, n: int, seed: int, continuation: float = 0.5) -> FeatureTable:
    """The real features of a simulated market of minutes.

    Each return has the sign of the one before with probability ``continuation``: a martingale at
    one half, and otherwise an edge with which the best possible accuracy is ``continuation``.
    """
    generator = np.random.default_rng(seed)
    signs = np.cumprod(np.where(generator.random(n) < continuation, 1, -1))
    close = 50_000 * np.exp(np.cumsum(signs * 1e-4 * (0.2 + generator.exponential(size=n))))
    opened = np.concatenate([[50_000.0], close[:-1]])
    high = np.maximum(opened, close) * (1 + 1e-5 * generator.random(n))
    low = np.minimum(opened, close) * (1 - 1e-5 * generator.random(n))
    bars = bar_table(
        start_ms=np.arange(n, dtype=np.int64) * MINUTE_MS,
        prices=np.column_stack([opened, high, low, close]),
        volume=generator.exponential(size=n),
        interval=Interval.ONE_MINUTE,
    )
    return compute_table(bars)
