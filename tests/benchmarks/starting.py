"""``make bench-start``: from an installed checkout to the first prediction, and memory then and later.

The simulated market, or with ``SOURCE=mirror`` the venues of a mirror, in an empty data directory with the kernel
compiled, as ``make demo`` leaves it. With ``MINUTES=60`` it stays for an hour and tells how memory grew, and how much of
that was the embedded broker's, which keeps its log in memory. The mirror is of the tests, so it is left out of the sums.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.reporting import Figure, report

START_BAR_S = 30.0
MEMORY_BAR_MB = 1_300.0
_MIRROR = "mirror"
GROWTH_BAR_MB_PER_HOUR = 150.0
_MB = 1e6


def _first_prediction(data_dir: Path) -> dict[str, Any]:
    path = data_dir / "start.json"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_bytes())
            return found
        time.sleep(0.2)
    return sys.exit("no first prediction within 300 s; see the logs in the data directory")


def _memory(environment: dict[str, str]) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local", "status", "--json"],
        env=environment,
        capture_output=True,
        check=True,
    )
    memory: dict[str, int] = json.loads(done.stdout)["state"]["memory"]["by_process"]
    return {name: held for name, held in memory.items() if name != _MIRROR}


def _watched(environment: dict[str, str], minutes: float) -> list[Figure]:
    """How memory grew, from five minutes after the first prediction on, when caches have filled."""
    settle_s = min(300.0, minutes * 30)
    time.sleep(settle_s)
    first = _memory(environment)
    time.sleep(max(0.0, minutes * 60 - settle_s))
    last = _memory(environment)
    hours = max(1e-9, (minutes * 60 - settle_s) / 3600)
    grown = (sum(last.values()) - sum(first.values())) / _MB / hours
    broker = (last["broker"] - first["broker"]) / _MB / hours
    total = sum(last.values()) / _MB
    return [
        Figure(
            metric=f"memory after {minutes:g} minutes",
            value=total,
            unit="MB",
            bar=MEMORY_BAR_MB,
            holds=total <= MEMORY_BAR_MB,
        ),
        Figure(
            metric="growth of all processes",
            value=grown,
            unit="MB/h",
            bar=GROWTH_BAR_MB_PER_HOUR,
            holds=grown <= GROWTH_BAR_MB_PER_HOUR,
        ),
        Figure(metric="growth of the embedded broker", value=broker, unit="MB/h", bar=None, holds=None),
        *(
            Figure(
                metric=f"{name} after {minutes:g} minutes", value=held / _MB, unit="MB", bar=None, holds=None
            )
            for name, held in last.items()
        ),
    ]


def main() -> None:
    """Run it."""
    minutes = float(os.environ.get("MINUTES", "0"))
    source = os.environ.get("SOURCE", "") or "simulated"
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        environment = os.environ | {"DRIFTLINE_DATA_DIR": str(data_dir)}
        subprocess.run([sys.executable, "-m", "deploy.local", "compile"], env=environment, check=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "up", "--no-logs", "--source", source],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            start = _first_prediction(data_dir)
            later = _watched(environment, minutes) if minutes else []
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
    held = start["memory"]["by_process"]
    seconds = start["first_prediction_after_s"]
    memory = (start["memory"]["total_bytes"] - held.get(_MIRROR, 0)) / _MB
    report(
        "start",
        [
            Figure(
                metric="start to first prediction",
                value=seconds,
                unit="s",
                bar=START_BAR_S,
                holds=seconds <= START_BAR_S,
            ),
            Figure(
                metric=f"memory then ({start['memory']['kind']}, all processes)",
                value=memory,
                unit="MB",
                bar=MEMORY_BAR_MB,
                holds=memory <= MEMORY_BAR_MB,
            ),
            *later,
        ],
    )


if __name__ == "__main__":
    main()
