"""``make demo SOURCE=mirror``, each of whose processes is killed with -9 in turn.

The names come from the launcher, so that no process is forgotten. A kill is over when the process runs again and a
prediction of a time after the kill is judged and stored, which takes every process of the flow. The demo runs in real
time, so that takes one to two minutes of the market at least::

    python -m tests.chaos.collect.demo      (KILLED=producer,collector for some processes)
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from deploy.processes import PREPARE, Lifetime, MarketKind, processes_of_a_run
from tests.benchmarks.reporting import Figure, report
from tests.fixtures.running_demo import Demo, launched

FIRST_PREDICTION_S = 60.0
HEALED_S = 600.0
CAUGHT_UP_MS = 180_000
_LOOK_S = 0.5


def killed_names(demo: Demo) -> tuple[str, ...]:
    """Return the processes of a run that live on, as its launcher lists them; one-shots end by themselves."""
    table = (PREPARE, *processes_of_a_run(market=MarketKind.LIVE, has_news=True))
    one_shots = {process.name for process in table if process.lifetime is Lifetime.ONE_SHOT}
    listed = (process["name"] for process in demo.status()["state"]["processes"])
    return tuple(name for name in listed if name not in one_shots)


def kills(folder: Path, wanted: tuple[str, ...]) -> list[Figure]:
    """Run the demo, kill each process, and return the time to the first prediction and each recovery.

    Args:
        folder: Where the demo keeps its data.
        wanted: The processes that are killed; empty for all.
    """
    with launched(
        folder / "data", ["--source", "mirror"], log=folder / "demo.log", deadline_s=HEALED_S
    ) as demo:
        start = _start(folder / "data" / "start.json")
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
        return figures + [_healed(demo, name) for name in wanted or killed_names(demo)]


def _start(path: Path) -> dict[str, Any]:
    """What the launcher says of the start. It may say it after the first prediction of a past minute is judged."""
    ends_s = time.monotonic() + HEALED_S
    while not path.exists() and time.monotonic() < ends_s:
        time.sleep(_LOOK_S)
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _healed(demo: Demo, name: str) -> Figure:
    """Kill a process; the seconds until it runs again and a prediction of a time after the kill is judged and stored.

    The run has caught up with the clock before: what it missed while models were trained comes quickly. The newest
    judged prediction is of some minutes before, so one that follows it may be of before the kill.
    """
    demo.wait_for_judged(after_ms=time.time_ns() // 1_000_000 - CAUGHT_UP_MS, deadline_s=HEALED_S)
    before = demo.pid_of(name)
    os.kill(before, signal.SIGKILL)
    killed_ms, began_s = time.time_ns() // 1_000_000, time.monotonic()
    is_back = _is_back(demo, name, before)
    try:
        demo.wait_for_judged(after_ms=killed_ms, deadline_s=HEALED_S)
    except AssertionError:
        if demo.process.poll() is not None:
            raise
        is_back = False
    seconds = time.monotonic() - began_s
    Console().print(f"{name}: {seconds:.0f} s{'' if is_back else ', not healed'}")
    return Figure(
        metric=f"healed after kill -9 of {name}", value=seconds, unit="s", bar=HEALED_S, holds=is_back
    )


def _is_back(demo: Demo, name: str, before: int) -> bool:
    ends_s = time.monotonic() + HEALED_S
    while time.monotonic() < ends_s:
        try:
            if demo.pid_of(name) != before:
                return True
        except LookupError:
            pass  # it is not started again yet
        time.sleep(_LOOK_S)
    return False


def main() -> None:
    """Run it; the exit code is 1 if the first prediction came late, or a process did not heal."""
    folder = (Path("build") / "chaos" / "demo").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    compiling = [sys.executable, "-m", "deploy.local", "compile"]  # as `make demo` finds it after installing
    subprocess.run(compiling, env=os.environ | {"DRIFTLINE_DATA_DIR": str(folder / "data")}, check=True)
    wanted = tuple(name.strip() for name in os.environ.get("KILLED", "").split(",") if name.strip())
    figures = kills(folder, wanted)
    report("chaos-demo", figures)
    if any(figure.holds is False for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
