"""One measured run of one competitor: from letting the ticks go to the last feature read."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from schemas.topics import MARKET_TICK, Topic
from tests.benchmarks.stream.competitors import running_limit, running_worker
from tests.benchmarks.stream.expectations import Expected, Key, expected_features
from tests.benchmarks.stream.feeding import Feed
from tests.benchmarks.stream.markets import MINUTE_MS, ORIGIN_MS, Market, make_market
from tests.benchmarks.stream.records import records
from tests.benchmarks.stream.servers import Servers
from tests.benchmarks.stream.watching import FeaturesWatch, WrongOutputError, check_output

#: Minutes that everyone may start on; the last of them is closed by the first measured tick.
READY_MINUTES = 3
_READY_S = 120.0
_SETTLE_S = 1.0
_AT_REST_S = 3.0
#: Nobody who is slower than this is waited for.
_SLOWEST_RATE = 500.0
_GROUP = "driftline-market"

Alive = Callable[[], bool]
#: Starts a competitor on the servers; it lives within the block.
Start = Callable[[], AbstractContextManager[Alive]]


class Job(NamedTuple):
    """A market, and what must come of it."""

    market: Market
    expected: dict[Key, Expected]

    @property
    def n_ready(self) -> int:
        """How many ticks may be read before the start."""
        return self.market.n_before(READY_MINUTES)

    @property
    def n_measured(self) -> int:
        """How many are let go of."""
        return len(self.market.trades) - self.n_ready

    @property
    def first_bars(self) -> list[Key]:
        """The bars that close before the start, whoever closes them by ticks alone."""
        until_ms = ORIGIN_MS + (READY_MINUTES - 1) * MINUTE_MS
        return [key for key in self.expected if key[1] <= until_ms]


class Run(NamedTuple):
    """What was measured.

    Attributes:
        moments: When each feature could be read, counted from letting go, in order.
    """

    rate: float
    n_ticks: int
    n_watermarks: int
    moments: list[float]

    def rate_of_last(self, share: float) -> float:
        """Ticks/s of the last part of the ticks, from one feature that could be read to the last.

        Outputs come in transactions: counted is what came after the moment at which all before
        that part were there.
        """
        first = round(len(self.moments) * (1 - share)) - 1
        n_after = sum(moment > self.moments[first] for moment in self.moments)
        n_ticks = self.n_ticks * n_after / len(self.moments)
        return n_ticks / (self.moments[-1] - self.moments[first])


def make_job(n_minutes: int) -> Job:
    """A job of so many measured minutes."""
    market = make_market(READY_MINUTES + n_minutes)
    return Job(market, expected_features(market))


def measure(
    servers: Servers,
    job: Job,
    start: Start,
    *,
    n_partitions: int = MARKET_TICK.n_partitions,
    extra: Sequence[Topic] = (),
    starts_first: bool = False,
) -> Run:
    """Run a competitor over a job, and check its output.

    Args:
        start: Starts it.
        extra: Topics that it needs besides ours.
        starts_first: Whether it starts on empty topics rather than on those that are filled.

    Raises:
        WrongOutputError: If it did not do the job.
    """
    servers.empty(n_partitions=n_partitions, extra=extra)
    watch = FeaturesWatch(servers.kafka, n_partitions=n_partitions)
    try:
        with ExitStack() as stack:
            early = stack.enter_context(start()) if starts_first else None
            feed = make_feed(servers, job, n_partitions=n_partitions)
            is_alive = early or stack.enter_context(start())
            watch.wait_for(job.first_bars, timeout_s=_READY_S, is_alive=is_alive)
            time.sleep(_SETTLE_S)
            let_go = feed.let_go()
            budget_s = 30.0 + job.n_measured / _SLOWEST_RATE
            end = watch.wait_for(job.expected, timeout_s=budget_s, is_alive=is_alive)
            check_output(watch, job.expected, redis_url=servers.redis_url)
    finally:
        watch.close()
    moments = sorted(moment - let_go for moment in watch.moments.values() if moment > let_go)
    return Run(job.n_measured / (end - let_go), job.n_measured, feed.n_waiting - job.n_measured, moments)


def make_feed(servers: Servers, job: Job, *, n_partitions: int) -> Feed:
    """A job's records in the log, the measured ones waiting."""
    market, n_all = job.market, len(job.market.trades)
    return Feed(
        servers.kafka,
        ready=records(market, 0, job.n_ready, n_partitions=n_partitions),
        held=records(market, job.n_ready, n_all, n_partitions=n_partitions),
    )


def measure_worker(servers: Servers, job: Job, *, n_partitions: int = 4, n_workers: int = 1) -> Run:
    """Ours; with more than one worker, all have their partitions before there are ticks."""

    @contextmanager
    def start() -> Iterator[Alive]:
        with ExitStack() as stack:
            alive = [stack.enter_context(running_worker(servers, worker)) for worker in range(n_workers)]
            if n_workers > 1:
                _wait_for_members(servers, n_workers)
            yield lambda: all(is_alive() for is_alive in alive)

    return measure(servers, job, start, n_partitions=n_partitions, starts_first=n_workers > 1)


def _wait_for_members(servers: Servers, n_workers: int) -> None:
    """Until the group has been at rest for a while: partitions may move in more than one round."""
    deadline = time.monotonic() + _READY_S
    at_rest_since = time.monotonic()
    while time.monotonic() - at_rest_since < _AT_REST_S:
        if servers.n_busy_members(_GROUP) < n_workers:
            at_rest_since = time.monotonic()
        if time.monotonic() > deadline:
            message = f"{n_workers} workers did not come together in the group {_GROUP}"
            raise WrongOutputError(message)
        time.sleep(0.2)


def measure_limit(servers: Servers, job: Job) -> float:
    """Ticks/s of consuming and decoding alone."""
    servers.empty()
    feed = make_feed(servers, job, n_partitions=MARKET_TICK.n_partitions)
    with running_limit(servers, n_ready=job.n_ready, n_all=len(job.market.trades)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(_SETTLE_S)
        let_go = feed.let_go()
        end = float(process.stdout.readline())
    return job.n_measured / (end - let_go)


def fresh_folder(directory: Path, name: str) -> Path:
    """A folder that is not there yet."""
    n = 0
    while (directory / f"{name}-{n}").exists():
        n += 1
    return directory / f"{name}-{n}"
