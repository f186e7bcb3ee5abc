"""Runs both parts, and reports. ``PEERS=vectorbt,backtesting`` or ``none``; ``MINUTES=`` of the year."""

import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.backtests.commanding import command_figures
from tests.benchmarks.backtests.markets import MINUTES_PER_YEAR, make_place
from tests.benchmarks.backtests.rivals import rival_figures
from tests.benchmarks.reporting import Figure, report
from tests.benchmarks.stream.telling import tell

PEERS = ("vectorbt", "backtesting")


def backtest_figures() -> list[Figure]:
    """The command's, and those of the same positions by us and by the peers."""
    asked = os.environ.get("PEERS", ",".join(PEERS))
    peers = () if asked == "none" else tuple(asked.split(","))
    if set(peers) - set(PEERS):
        sys.exit(f"PEERS must be of {', '.join(PEERS)}, or none, was {asked}")
    minutes = int(os.environ.get("MINUTES", MINUTES_PER_YEAR))
    Path("build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="build", prefix="bench-backtest-") as folder:
        tell(f"making {minutes:,} minutes and a model ...")
        place = make_place(Path(folder).absolute(), minutes)
        return command_figures(place) + rival_figures(place, peers)


def main() -> None:
    """Run it."""
    report("backtest", backtest_figures())


if __name__ == "__main__":
    main()
