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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
from rich.console import Console
from rich.table import Table

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from producers.jobs.backfilling.places import NOT_TRADED, Place
from producers.jobs.backfilling.storing import StoredBackfill
from producers.jobs.backfilling.stretches import Stretch
from schemas.time import Interval, text_of_time
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import Endpoints
from tests.benchmarks.reporting import Figure, report
from tests.mirror.markets import Market
from tests.mirror.running import RunningMirror, started

ROOT = Path(__file__).resolve().parents[3]
HOUR_MS = 3_600_000
SPAN_MS = 182 * 24 * HOUR_MS
END_S = 600.0
REST = {
    "BTC-USDT.BINANCE": "api.binance.com",
    "BTC-USD.COINBASE": "api.exchange.coinbase.com",
    "BTC-USD.KRAKEN": "api.kraken.com",
}


class Scenario(NamedTuple):
    """One failure.

    Attributes:
        name: In the table.
        faults: What the mirror does meanwhile.
        after_requests: The process is killed when it has made so many requests, one number for each start.
        after_s: It is killed so long after each of its starts.
        locked: It is killed when a transaction waits for this table, which is locked meanwhile.
        number: The signal.
        is_failed: Whether a source is given up, so that the exit code says so.
    """

    name: str
    faults: tuple[dict, ...] = ()
    after_requests: tuple[int, ...] = ()
    after_s: tuple[float, ...] = ()
    locked: str | None = None
    number: int = signal.SIGKILL


def slow(seconds: float) -> tuple[dict, ...]:
    """Return that each answer of REST waits."""
    return tuple({"kind": "slow", "host": host, "seconds": seconds} for host in REST.values())


def each(kind: str, **fields: object) -> tuple[dict, ...]:
    """Return one failure for each host."""
    return tuple({"kind": kind, "host": host, **fields} for host in REST.values())


_COINBASE_EMPTY = ({"kind": "empty", "host": "api.exchange.coinbase.com", "count": 1},)

SCENARIOS = (
    Scenario("nothing happens"),
    Scenario("kill -9 while it starts", after_s=(0.2, 0.7, 1.2, 1.6)),
    Scenario("kill -9 in the midst of the first answers", slow(1.0), after_requests=(1, 2, 3)),
    Scenario("kill -9 in the midst of later answers", slow(0.3), after_requests=(5, 9, 7)),
    Scenario("kill -9 right after a request", after_requests=(4, 6, 8, 3)),
    Scenario("kill -9 right after the last request", after_requests=(21,)),
    Scenario("kill -9 while candles of a page are written", locked="candles"),
    Scenario("kill -9 between a page's candles and its gaps", _COINBASE_EMPTY, locked="gaps"),
    Scenario("kill -9 while it waits after 429", each("status", status=429, retry_after_s=20.0, count=1), after_requests=(4,)),
    Scenario("kill -9 at ten moments", slow(0.2), after_s=tuple(1.8 + 0.21 * n for n in range(10))),
    Scenario("Ctrl-C in the midst of pages", slow(0.3), after_requests=(6,), number=signal.SIGINT),
    Scenario("kill -9 after 451 from Kraken", ({"kind": "status", "host": "api.kraken.com", "status": 451}, *slow(0.3)), after_requests=(6,)),
    Scenario("status 451 everywhere", each("status", status=451)),
    Scenario("status 429, retry after 1 s", each("status", status=429, retry_after_s=1.0, count=2)),
    Scenario("status 500 for two answers", each("status", status=500, count=2, skip=1)),
    Scenario("status 500 for ever", each("status", status=500)),
    Scenario("bodies cut off", each("cut", count=2)),
    Scenario("HTML instead of JSON", each("html", count=2)),
    Scenario("empty but valid", each("empty", count=2)),
    Scenario("clocks behind by an hour", each("skew", seconds=-3600.0)),
)  # fmt: skip


class Result(NamedTuple):
    """What came of one failure, in hours of all venues.

    Attributes:
        codes: The exit codes of the backfills that suffered it.
        n_true: Hours of the span.
        n_stored: Of them stored.
        n_named: Named by the ledger as missing.
        n_quiet: Named by the ledger as without a trade.
        n_lost: Within the reach of the venue and not stored.
        n_unnamed: Neither stored nor named.
        n_twice: Stored twice, or stored and named.
        n_other: Stored with other numbers than the market's.
        n_again: Requests of a further backfill for what had been there.
        n_extra: Requests beyond those of an uninterrupted backfill.
    """

    name: str
    codes: tuple[int, ...]
    n_true: int = 0
    n_stored: int = 0
    n_named: int = 0
    n_quiet: int = 0
    n_lost: int = 0
    n_unnamed: int = 0
    n_twice: int = 0
    n_other: int = 0
    n_again: int = 0
    n_extra: int = 0


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
        if scenario.locked is not None:
            with _locked(self._endpoints, scenario.locked) as is_waited_for:
                yield self._killed(stream, is_waited_for, scenario.number)
        if not (scenario.after_requests or scenario.after_s or scenario.locked) and scenario.faults:
            yield self._finished(self._started(stream))[0]

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
                result = _added(result, _hours(StoredBackfill(pool), place, self.span, market))
        return result


class _Hours(NamedTuple):
    """The hours of one venue: by start, what the market has and what is stored; and what the ledger names."""

    wanted: set[int]
    true: dict[int, tuple[float, ...]]
    stored: dict[int, tuple[float, ...]]
    n_rows: int
    named: list[int]
    quiet: list[int]
    out_of_reach: set[int]


def _hours(store: StoredBackfill, place: Place, span: Stretch, market: Market) -> _Hours:
    names = ("open", "high", "low", "close", "volume")
    rows = market.candles(HOUR_MS, span.start_ms, span.end_ms, span.end_ms)
    true = {int(row["open_ms"]): tuple(float(row[name]) for name in names) for row in rows}
    found = store.recent(place, span)
    columns = [found[name].tolist() for name in ("timestamp", *names)]
    stored = {at: numbers for at, *numbers in zip(*columns, strict=True)}
    gaps = store.gaps(place)
    named = [at for gap in gaps if gap.is_open for at in range(gap.start_ms, gap.end_ms, HOUR_MS)]
    quiet = [
        at for gap in gaps if gap.closed_by == NOT_TRADED for at in range(gap.start_ms, gap.end_ms, HOUR_MS)
    ]
    return _Hours(
        wanted=set(range(span.start_ms, span.end_ms, HOUR_MS)),
        true=true,
        stored={at: tuple(numbers) for at, numbers in stored.items()},
        n_rows=len(columns[0]),
        named=named,
        quiet=quiet,
        out_of_reach={
            at
            for gap in gaps
            if gap.is_open and "gives only" in gap.reason
            for at in range(gap.start_ms, gap.end_ms, HOUR_MS)
        },
    )


def _added(result: Result, hours: _Hours) -> Result:
    stored, named = set(hours.stored), [*hours.named, *hours.quiet]
    other = [at for at, numbers in hours.stored.items() if not _is_same(numbers, hours.true.get(at))]
    twice = (hours.n_rows - len(stored)) + len(stored & set(named)) + len(named) - len(set(named))
    return result._replace(
        n_true=result.n_true + len(hours.wanted),
        n_stored=result.n_stored + len(stored),
        n_named=result.n_named + len(hours.named),
        n_quiet=result.n_quiet + len(hours.quiet),
        n_lost=result.n_lost + len(hours.true.keys() - stored - hours.out_of_reach),
        n_unnamed=result.n_unnamed + len(hours.wanted - stored - set(named)),
        n_twice=result.n_twice + twice,
        n_other=result.n_other + len(other),
    )


def _is_same(numbers: Sequence[float], true: Sequence[float] | None) -> bool:
    """Whether a stored hour is the market's; the venues round to 8 decimals and fewer."""
    return true is not None and all(
        abs(one - two) <= 1e-6 * max(1.0, abs(two)) for one, two in zip(numbers, true, strict=True)
    )


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


def show(results: Sequence[Result]) -> None:
    """Print what came of each failure."""
    table = Table(
        title="backfill of six months of hours: each failure, then a backfill in peace (three venues)"
    )
    for heading in (
        "failure",
        "exits",
        "hours",
        "stored",
        "named",
        "quiet",
        "lost",
        "unnamed",
        "twice",
        "other",
        "again",
        "extra",
    ):
        table.add_column(heading, justify="left" if heading == "failure" else "right", overflow="fold")
    for each_of in results:
        codes = " ".join(str(code) for code in each_of.codes)
        table.add_row(each_of.name, codes, *(f"{n:,}" for n in each_of[2:]))
    Console(width=160).print(table)


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
