"""The command as a user runs it: a process from its start to its end, and its own account of the time."""

import json
import os
import resource
import subprocess
import sys
import time

from tests.benchmarks.backtests.markets import Place
from tests.benchmarks.reporting import Figure
from tests.benchmarks.stream.telling import tell

_BAR_S = 3.0
_REPEATS = 3


def command_figures(place: Place) -> list[Figure]:
    """The best of three runs behind a first one, which compiles what is not compiled yet."""
    walls, busy, inside = [], [], {}
    for number in range(_REPEATS + 1):
        began_s, used_s = time.monotonic(), _processor_s()
        report = _run(place)
        wall_s, used_s = time.monotonic() - began_s, _processor_s() - used_s
        decisions = report["results"]["n_decisions"]
        tell(f"driftline backtest: {wall_s:.2f} s, {used_s:.2f} s of a processor, {decisions:,} decisions")
        if number and (not walls or wall_s < min(walls)):
            inside = report["seconds"]
        if number:
            walls.append(wall_s)
            busy.append(used_s)
    work = sum(inside.values())
    return [
        _figure("driftline backtest, the whole process", min(walls), bar=_BAR_S),
        _figure("its processor time, which other work disturbs less", min(busy)),
        _figure("of that, the backtest", work, bar=_BAR_S),
        *(_figure(f"  {what}", seconds) for what, seconds in inside.items()),
    ]


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(place: Place) -> dict:  # type: ignore[type-arg]
    out = place.folder / "out.json"
    command = [sys.executable, "-m", "deploy.local", "backtest", "--model", place.version]
    command += ["--bars", str(place.candles), "--every", "15m", "--json", str(out)]
    command += ["--html", str(place.folder / "sheet.html")]
    environment = os.environ | {"DRIFTLINE_DATA_DIR": str(place.folder)}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    found: dict = json.loads(out.read_bytes())  # type: ignore[type-arg]
    return found


def _figure(metric: str, seconds: float, *, bar: float | None = None) -> Figure:
    return Figure(
        metric=metric, value=seconds, unit="s", bar=bar, holds=None if bar is None else seconds <= bar
    )
