"""Fits every kind, times it, and reports. ``KINDS=xgboost,vote``; ``ROUNDS=`` of fifty calls each."""

import os
import sys
import tempfile
from pathlib import Path

from schemas.time import Interval
from stream_processors.features.batch import compute_table
from tests.benchmarks.inference.explanations import explanation_figures
from tests.benchmarks.inference.kinds import KINDS, ONLINE
from tests.benchmarks.inference.latencies import Row, latency_figures
from tests.benchmarks.inference.online import online_figures
from tests.benchmarks.recorded import hourly_file
from tests.benchmarks.reporting import Figure, report
from tests.benchmarks.stream.telling import tell
from trainers.datasets.decisions import DecisionSet, decision_set
from trainers.evaluation.training_sets import training_set_at
from trainers.inputs.bar_files import read_bars
from trainers.models.recipes import OWN_HORIZON

#: Rows that models learn from: trees as large as real ones, fitted in a minute or two.
N_ROWS = 30_000


def main() -> None:
    """Run it."""
    known = (*KINDS, *ONLINE)
    asked = os.environ.get("KINDS", ",".join(known)).split(",")
    if set(asked) - set(known):
        sys.exit(f"KINDS must be of {', '.join(known)}, was {','.join(asked)}")
    n_rounds = int(os.environ.get("ROUNDS", "20"))
    multiples = frozenset({OWN_HORIZON}).union(*(KINDS[name].multiples for name in asked if name in KINDS))
    decisions = _decisions(multiples)
    training_set, row = training_set_at(decisions, multiples), Row.of(decisions)
    figures: list[Figure] = []
    for name in asked:
        if name in ONLINE:
            tell(f"{name}: teaching row by row ...")
            figures += online_figures(name, ONLINE[name], training_set, row, n_rounds=n_rounds)
            continue
        tell(f"{name}: fitting on {len(training_set.rows):,} rows ...")
        fitted = KINDS[name].fit(training_set)
        figures += latency_figures(name, fitted, row, n_rounds=n_rounds)
        figures += explanation_figures(name, fitted, row, n_rounds=n_rounds)
    report("inference", figures)


def _decisions(multiples: frozenset[int]) -> DecisionSet:
    with tempfile.TemporaryDirectory() as folder:
        file = hourly_file(Path(folder))
        bars = read_bars(file.path)
    tell(f"the newest {N_ROWS:,} {file.words}")
    rows = bars.bars
    newest = type(rows)(
        start_ms=rows.start_ms[-N_ROWS:], rows=rows.rows[-N_ROWS:], known_ms=rows.known_ms[-N_ROWS:]
    )
    return decision_set(
        compute_table(newest),
        bars.prices(),
        interval=Interval.ONE_HOUR,
        horizon=Interval.ONE_HOUR,
        multiples=tuple(sorted(multiples)),
    )


if __name__ == "__main__":
    main()
