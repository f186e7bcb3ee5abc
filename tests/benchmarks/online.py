"""``make bench-online``: rows learnt a second by each online model, and what its snapshots cost.

On the features of a random walk: all of them, 99 columns. Rates are in processor time, which other work on the
machine does not stretch; a row is predicted and learnt, as the learner does.
"""

import time
from collections.abc import Callable

import numpy as np

from schemas.features import FeatureTable
from stream_processors.features.batch import compute_table
from tests.benchmarks.reporting import Figure, report
from tests.fixtures.bar_tables import random_walk
from trainers.models.online.protocols import OnlineRecipe
from trainers.models.online.river_models import RiverModel
from trainers.models.vectors import model_input
from trainers.training.offered import online_offered

N_ROWS = 10_000
REPEATS = 5


def main() -> None:
    table = compute_table(random_walk(N_ROWS + 1_000, seed=1))
    report("online", [figure for recipe in online_offered().values() for figure in _figures(recipe, table)])


def _figures(recipe: OnlineRecipe, table: FeatureTable) -> list[Figure]:
    warm = np.flatnonzero(table.is_warm)[:N_ROWS]
    rows = model_input(table.values[warm])
    is_up = (np.diff(table.close, append=table.close[-1]) > 0)[warm].tolist()
    model = recipe.begin(table.names)
    began_s = time.process_time()
    for row, up in zip(rows, is_up, strict=True):
        model.predict_one(row)
        model.learn_one(row, is_up=up)
    rate = len(rows) / (time.process_time() - began_s)
    data = model.snapshot()
    measured = {
        "rows predicted and learnt": (rate, "rows/s"),
        "a prediction": (_seconds(lambda: [model.predict_one(row) for row in rows[:200]]) / 200 * 1e6, "us"),
        f"snapshot after {len(rows):,} rows": (len(data) / 1e3, "kB"),
        "writing it": (_seconds(model.snapshot) * 1e3, "ms"),
        "restoring it": (_seconds(lambda: RiverModel.restored(data)) * 1e3, "ms"),
    }
    return [
        Figure(metric=f"{recipe.name}: {name}", value=value, unit=unit, bar=None, holds=None)
        for name, (value, unit) in measured.items()
    ]


def _seconds(call: Callable[[], object]) -> float:
    """Processor seconds of a call, the least of some."""
    found = []
    for _ in range(REPEATS):
        began_s = time.process_time()
        call()
        found.append(time.process_time() - began_s)
    return min(found)


if __name__ == "__main__":
    main()
