"""Backfills six months of recorded hours from a mirror, killed with -9 in every phase, and judges every hour.

Each failure has a run of its own. The backfill suffers it, then it runs again in peace, and then once more. Every hour of the
three venues must then be stored once with the market's own numbers, or be named by the ledger, and never both.

    python -m tests.chaos.collect.backfilling [ONLY=kill]
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from rich.console import Console

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from producers.jobs.backfilling.places import Place
from producers.jobs.backfilling.storing import StoredBackfill
from producers.jobs.backfilling.stretches import Stretch
from schemas.time import Interval, text_of_time
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import Endpoints
from tests.benchmarks.reporting import Figure, report
from tests.chaos.collect.backfill_judging import HOUR_MS, Result, added, hours_of, show
from tests.chaos.collect.backfill_scenarios import REST, SCENARIOS, Scenario
from tests.mirror.markets import Market
from tests.mirror.running import RunningMirror, started

ROOT = Path(__file__).resolve().parents[3]
SPAN_MS = 182 * 24 * HOUR_MS
END_S = 600.0


class BackfillCourse:
    """All failures of the backfill, on one mirror.

    Args:
        mirror: The sources.
        endpoints: The servers.
        environment: Of the processes; it names the data directory and the mirror.
        logs: Where logs lie.
    """

    def __init__(
        self, mirror: RunningMirror, endpoints: Endpoints, environment: Mapping[str, str], logs: Path
    ) -> None:
        self._mirror = mirror
        self._endpoints = endpoints
        self._environment = dict(environment)
        self._data_dir = Path(environment["DRIFTLINE_DATA_DIR"])
        self._logs = logs
        self._n_usual = 0
        world = mirror.mirror.world
        end_ms = world.tape_start_ms // HOUR_MS * HOUR_MS
        self.span = Stretch(end_ms - SPAN_MS, end_ms)
        self._markets: dict[str, Market] = {
            "BTC-USDT.BINANCE": world.binance,
            "BTC-USD.COINBASE": world.coinbase,
            "BTC-USD.KRAKEN": world.kraken,
        }

    def suffer(self, scenario: Scenario) -> Result:
        """Backfill in the midst of a failure, then in peace, then once more."""
        stream = f"mirror-{os.urandom(6).hex()}"
        asked = self._n_asked()
        for fault in scenario.faults:
            self._mirror.mirror.control({"faults": [fault]})
        codes = tuple(self._suffered(stream, scenario))
        self._mirror.heal()
        code, told = self._finished(self._started(stream))
        n_requests = self._n_asked() - asked
        before = self._n_asked()
        again, _ = self._finished(self._started(stream))
        if (code, again) != (0, 0):
            raise RuntimeError(
                f"{scenario.name}: the backfill in peace ended with {code} and {again}: {told}"
            )
        self._n_usual = self._n_usual or n_requests
        result = self._judged(stream, Result(scenario.name, codes))
        return result._replace(n_again=self._n_asked() - before, n_extra=max(0, n_requests - self._n_usual))

    def _suffered(self, stream: str, scenario: Scenario) -> Iterator[int]:
        for n in scenario.after_requests:
            until = self._n_asked() + n
            yield self._killed(stream, lambda until=until: self._n_asked() >= until, scenario.number)
        for seconds in scenario.after_s:
            ends_s = time.monotonic() + seconds
            yield self._killed(stream, lambda ends_s=ends_s: time.monotonic() >= ends_s, scenario.number)
        for seconds in scenario.after_first_s:
            yield self._killed(stream, self._after_first(seconds), scenario.number)
        if scenario.locked is not None:
            with _locked(self._endpoints, scenario.locked) as is_waited_for:
                yield self._killed(stream, is_waited_for, scenario.number)
        kills = (*scenario.after_requests, *scenario.after_s, *scenario.after_first_s)
        if not kills and scenario.locked is None and scenario.faults:
            yield self._finished(self._started(stream))[0]

    def _after_first(self, seconds: float) -> Callable[[], bool]:
        """Whether some time has passed since the first request from now on."""
        n_before, seen_s = self._n_asked(), list[float]()

        def has_passed() -> bool:
            if not seen_s and self._n_asked() > n_before:
                seen_s.append(time.monotonic())
            return bool(seen_s) and time.monotonic() >= seen_s[0] + seconds

        return has_passed

    def _started(self, stream: str) -> subprocess.Popen[bytes]:
        # A source that refused is left alone for ten minutes, which is remembered here: they have passed.
        shutil.rmtree(self._data_dir / "web" / stream, ignore_errors=True)
        times = [text_of_time(at_ms, "iso") for at_ms in self.span]
        options = ("--interval", "1h", "--from", times[0], "--to", times[1], "--json")
        with (self._logs / "backfill.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "producers", "backfill", *options],
                env={**self._environment, "DRIFTLINE_STREAM": stream},
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def _killed(self, stream: str, is_due: Callable[[], bool], number: int) -> int:
        process = self._started(stream)
        deadline_s = time.monotonic() + END_S
        while process.poll() is None and not is_due() and time.monotonic() < deadline_s:
            time.sleep(0.005)
        if process.poll() is None:
            process.send_signal(number)
        return self._finished(process)[0]

    def _finished(self, process: subprocess.Popen[bytes]) -> tuple[int, str]:
        try:
            output, _ = process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return process.returncode, output.decode(errors="replace")

    def _n_asked(self) -> int:
        return sum(len(self._mirror.log(host=host)) for host in REST.values())

    def _judged(self, stream: str, result: Result) -> Result:
        with PostgresPool(self._endpoints.database_url) as pool:
            for instrument, market in self._markets.items():
                source = instrument.partition(".")[2].lower()
                place = Place(stream, source, instrument, Interval.ONE_HOUR)
                result = added(result, hours_of(StoredBackfill(pool), place, self.span, market))
        return result


@contextmanager
def _locked(endpoints: Endpoints, table: str) -> Iterator[Callable[[], bool]]:
    """Lock a table against writers within the block, and yield whether somebody waits for it."""
    with (
        psycopg.connect(endpoints.database_url) as holder,
        psycopg.connect(endpoints.database_url, autocommit=True) as looker,
    ):
        holder.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

        def is_waited_for() -> bool:
            row = looker.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", (table,)
            ).fetchone()
            return row is not None and row[0] > 0

        yield is_waited_for
        holder.rollback()


def backfill_chaos(
    mirror: RunningMirror,
    endpoints: Endpoints,
    environment: Mapping[str, str],
    logs: Path,
    *,
    wants: Callable[[str], bool] = lambda _name: True,
) -> list[Figure]:
    """Let the backfill suffer every failure, print the table, and return the counts that must be 0."""
    course = BackfillCourse(mirror, endpoints, environment, logs)
    results: list[Result] = []
    for scenario in SCENARIOS:
        if scenario is SCENARIOS[0] or wants(scenario.name):
            results.append(course.suffer(scenario))
            Console().print(results[-1])
    show(results)
    must_be_none = {
        "hours lost": sum(each.n_lost for each in results),
        "hours neither stored nor named": sum(each.n_unnamed for each in results),
        "hours stored twice, or stored and named": sum(each.n_twice for each in results),
        "hours with other numbers": sum(each.n_other for each in results),
    }
    counts = {
        "hours of all runs": sum(each.n_true for each in results),
        "hours stored": sum(each.n_stored for each in results),
        "hours named by the ledger": sum(each.n_named for each in results),
        "kill -9 of the backfill": sum(each.codes.count(-signal.SIGKILL) for each in results),
    }
    return [
        *(Figure(metric=f"backfill: {name}", value=n, unit="", bar=0, holds=n == 0) for name, n in must_be_none.items()),
        *(Figure(metric=f"backfill: {name}", value=n, unit="", bar=None, holds=None) for name, n in counts.items()),
    ]  # fmt: skip


def main() -> None:
    """Run it on servers of its own; the exit code is 1 if anything was lost, doubled or not named."""
    data = Path(os.environ.get("DRIFTLINE_RECORDED_DATA", ROOT.parent / "shared" / "data"))
    only = [part for part in os.environ.get("ONLY", "").split(",") if part]
    Path("build").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir="build", prefix="chaos-backfill-")).absolute()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTLINE_")}
    with running_servers(
        LauncherSettings(data_dir=folder / "data"), {"PATH": os.environ.get("PATH", "")}
    ) as endpoints:
        mirror = started(data)
        try:
            environment = {
                **kept,
                "PYTHONPATH": str(ROOT),
                "DRIFTLINE_DATA_DIR": str(folder / "data"),
                "DRIFTLINE_SOURCES_MIRROR": mirror.address,
            }
            figures = backfill_chaos(
                mirror, endpoints, environment, folder,
                wants=lambda name: not only or any(part in name for part in only),
            )  # fmt: skip
        finally:
            mirror.stop()
    report("chaos-backfill", figures)
    if any(figure.holds is False for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
