"""Training sets with a known truth, for laws that every recipe must keep."""

import numpy as np

from trainers.models.recipes import Outcome, TrainingSet

HOUR_MS = 3_600_000
NAMES = tuple("abcdefgh")


def training_set(*, n: int = 2_000, seed: int = 1, strength: float = 1.0) -> TrainingSet:
    """Rows with missing values and columns of unlike scale; the first column tells the direction."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(n, len(NAMES))).astype(np.float32)
    rows[:, 2] = np.abs(rows[:, 2]) * 1e-8
    rows[:, 3] = 1e4 * rows[:, 3]
    rows[generator.random(rows.shape) < 0.05] = np.nan
    is_up = strength * np.nan_to_num(rows[:, 0]) + generator.normal(size=n) > 0
    as_of_ms = HOUR_MS * np.arange(n, dtype=np.int64)
    outcomes = {
        multiple: Outcome(np.arange(n, dtype=np.int64), is_up, None, as_of_ms + multiple * HOUR_MS)
        for multiple in (1, 2)
    }
    return TrainingSet(NAMES, rows, outcomes, as_of_ms)
