"""``make bench-healing``: seconds until the product predicts and judges again after a kill with -9.

Every process of the demo in turn, embedded servers included, on recorded candles at 60 times their
speed. A time counts until a prediction made after the kill has its outcome in Postgres, which
takes every process of the flow, and two minutes of market time (two seconds) besides.
"""

import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.reporting import Figure, report
from tests.fixtures.running_demo import CANDLES, LONG_LIVED, running_demo

BAR_S = 15.0


def main() -> None:
    """Run it."""
    recorded = Path(os.environ.get("DRIFTLINE_RECORDED_DATA", "../shared/data"))
    if not (recorded / CANDLES).exists():
        sys.exit(f"no {CANDLES} in {recorded}: set DRIFTLINE_RECORDED_DATA")
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        with running_demo(data_dir, recorded / CANDLES, log=Path(folder) / "demo.log") as demo:
            took = {name: demo.heal_s(name) for name in LONG_LIVED}
    report(
        "healing",
        [
            Figure(metric=f"{name} killed", value=seconds, unit="s", bar=BAR_S, holds=seconds <= BAR_S)
            for name, seconds in took.items()
        ],
    )


if __name__ == "__main__":
    main()
