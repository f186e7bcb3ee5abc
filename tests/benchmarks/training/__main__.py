"""Runs the three parts, and reports. ``PARTS=retraining,features,backtest``; ``PEERS=none``, ``MINUTES=`` as there."""

import os
import sys
from collections.abc import Callable

from tests.benchmarks.backtests.__main__ import backtest_figures
from tests.benchmarks.features import feature_figures
from tests.benchmarks.reporting import Figure, report
from tests.benchmarks.training.retraining import retraining_figures

PARTS: dict[str, Callable[[], list[Figure]]] = {
    "retraining": retraining_figures,
    "features": feature_figures,
    "backtest": backtest_figures,
}


def main() -> None:
    """Run it."""
    asked = os.environ.get("PARTS", ",".join(PARTS)).split(",")
    if set(asked) - set(PARTS):
        sys.exit(f"PARTS must be of {', '.join(PARTS)}, was {','.join(asked)}")
    report("train", [figure for name in asked for figure in PARTS[name]()])


if __name__ == "__main__":
    main()
