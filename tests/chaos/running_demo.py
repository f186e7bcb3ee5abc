"""A running demo on a stretch of recorded candles, whose processes can be killed one by one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

INSTRUMENT = "BTC-USDT.BINANCE"
CANDLES = Path("prices") / "btcusdt_binance_spot_1m_segments.parquet"
FROM, UNTIL = "2025-06-20T00:00", "2025-06-24T00:00"
SPEED = 60
_TARGET = {"interval": "1m", "horizon": "1m"}
#: Everything that ``make demo`` starts and that lives on.
LONG_LIVED = ("broker", "valkey", "postgres", "market", "outcomes", "history", "scoring", "api", "producer")


class Demo:
    """The demo of one data directory."""

    def __init__(self, data_dir: Path, process: "subprocess.Popen[bytes]") -> None:
        self._data_dir = data_dir
        self.process = process

    def status(self) -> dict[str, Any]:
        """What ``driftline status --json`` prints."""
        command = [sys.executable, "-m", "deploy.local", "status", "--json"]
        done = subprocess.run(
            command, env=_environment(self._data_dir), capture_output=True, check=True, timeout=60
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def pid_of(self, name: str) -> int:
        """The process id of a running process by its name in the status table."""
        for process in self.status()["state"]["processes"]:
            if process["name"] == name and process["pid"] is not None:
                return int(process["pid"])
        message = f"{name} does not run"
        raise LookupError(message)

    def database_url(self) -> str:
        """Of the demo's Postgres."""
        return str(json.loads((self._data_dir / "endpoints.json").read_bytes())["database_url"])

    def newest_judged_ms(self) -> int | None:
        """As-of time of the newest prediction that has an outcome in the history; None when it cannot be told."""
        try:
            url = json.loads((self._data_dir / "endpoints.json").read_bytes())["api_url"]
            answer = httpx.get(f"{url}/v1/predictions/{INSTRUMENT}/history", params=_TARGET, timeout=2.0)
            items = answer.json()["items"]
        except (OSError, httpx.HTTPError, KeyError, ValueError):
            return None
        judged = [int(item["features_as_of_ms"]) for item in items if item["outcome"] is not None]
        return max(judged, default=None)

    def wait_for_judged(self, *, after_ms: int, deadline_s: float) -> int:
        """Wait until a prediction later than ``after_ms`` has been judged and stored: its as-of time."""
        ends = time.monotonic() + deadline_s
        while time.monotonic() < ends:
            if self.process.poll() is not None:
                message = f"the demo ended with {self.process.returncode}"
                raise AssertionError(message)
            newest = self.newest_judged_ms()
            if newest is not None and newest > after_ms:
                return newest
            time.sleep(0.1)
        message = f"no prediction after {after_ms} was judged within {deadline_s:g} s"
        raise AssertionError(message)

    def heal_s(self, name: str, *, deadline_s: float = 90.0) -> float:
        """Kill a process with -9; seconds until a prediction made since then is judged and stored.

        That takes every process of the flow, and two minutes of market time besides.
        """
        before_ms = self.wait_for_judged(after_ms=0, deadline_s=deadline_s)
        os.kill(self.pid_of(name), signal.SIGKILL)
        began = time.monotonic()
        self.wait_for_judged(after_ms=before_ms + 2 * 60_000, deadline_s=deadline_s)
        return time.monotonic() - began


def _environment(data_dir: Path) -> dict[str, str]:
    return os.environ | {"DRIFTLINE_DATA_DIR": str(data_dir), "DRIFTLINE_TARGETS": "1m:1m"}


@contextmanager
def running_demo(data_dir: Path, candles: Path, *, log: Path) -> Iterator[Demo]:
    """Run ``driftline up`` on recorded candles within the block, from its first judged prediction on."""
    command = [sys.executable, "-m", "deploy.local", "up", "--data", str(candles)]
    command += ["--from", FROM, "--to", UNTIL, "--speed", str(SPEED)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=_environment(data_dir), stdout=output, stderr=output)
        demo = Demo(data_dir, process)
        try:
            demo.wait_for_judged(after_ms=0, deadline_s=180)
            yield demo
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def descendants(pid: int) -> list[psutil.Process]:
    """Every process below one."""
    return psutil.Process(pid).children(recursive=True)
