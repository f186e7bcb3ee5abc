"""``make demo SOURCE=mirror``, each of whose processes is killed with -9 in turn.

The demo runs in real time, so each kill takes two minutes of the market and more::

    python -m tests.chaos.collect.demo      (KILLED=producer,collector for some processes)
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from tests.benchmarks.reporting import Figure, report
from tests.fixtures.running_demo import LONG_LIVED, Demo, launched

#: What a run on a mirror has more than a replay.
KILLED = (*LONG_LIVED, "collector", "mirror")
FIRST_PREDICTION_S = 60.0
HEALED_S = 600.0
CAUGHT_UP_MS = 180_000


def kills(folder: Path, names: tuple[str, ...]) -> list[Figure]:
    """Run the demo, kill each process, and return the time to the first prediction and each recovery."""
    with launched(
        folder / "data", ["--source", "mirror"], log=folder / "demo.log", deadline_s=HEALED_S
    ) as demo:
        start = json.loads((folder / "data" / "start.json").read_bytes())
        first_s = start["first_prediction_after_s"]
        figures = [
            Figure(
                metric="first prediction",
                value=first_s,
                unit="s",
                bar=FIRST_PREDICTION_S,
                holds=first_s <= FIRST_PREDICTION_S,
            ),
            Figure(
                metric="memory then",
                value=start["memory"]["total_bytes"] / 1e6,
                unit="MB",
                bar=None,
                holds=None,
            ),
        ]
        return figures + [_healed(demo, name) for name in names]


def _healed(demo: Demo, name: str) -> Figure:
    """Kill a process; the seconds until a prediction that was made since then is judged and stored.

    The run has caught up with the clock before: what it missed while models were trained comes quickly.
    """
    demo.wait_for_judged(after_ms=time.time_ns() // 1_000_000 - CAUGHT_UP_MS, deadline_s=HEALED_S)
    seconds = demo.heal_s(name, deadline_s=HEALED_S)
    Console().print(f"{name}: {seconds:.0f} s")
    return Figure(metric=f"healed after kill -9 of {name}", value=seconds, unit="s", bar=HEALED_S, holds=True)


def main() -> None:
    """Run it; the exit code is 1 if the first prediction came late. A process that does not heal ends it with an error."""
    folder = (Path("build") / "chaos" / "demo").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    compiling = [sys.executable, "-m", "deploy.local", "compile"]  # as `make demo` finds it after installing
    subprocess.run(compiling, env=os.environ | {"DRIFTLINE_DATA_DIR": str(folder / "data")}, check=True)
    wanted = tuple(name.strip() for name in os.environ.get("KILLED", "").split(",") if name.strip())
    figures = kills(folder, wanted or KILLED)
    report("chaos-demo", figures)
    if any(figure.holds is False for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
