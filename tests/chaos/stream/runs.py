"""A run: servers, workers and the flow between them, and the loop in which faults are waited out."""

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.stream.telling import tell
from tests.chaos.stream.feeding import Feeder
from tests.chaos.stream.flows import Flow
from tests.chaos.stream.options import Options
from tests.chaos.stream.servers import Servers, running_chaos_servers
from tests.chaos.stream.watching import Subscriber
from tests.chaos.stream.workers import Fleet

#: What workers said is kept here.
LOGS = Path("build") / "chaos" / "logs"
_POLL_S = 0.01
_LONGEST_S = 90.0


class NotRecoveredError(Exception):
    """The flow did not come back."""


class Span(NamedTuple):
    """What was going on in a stretch of time."""

    scenario: str
    start_s: float
    stop_s: float


class Run:
    """One cluster under faults. Use it in the main thread.

    Attributes:
        options: How much is done.
        chance: Draws victims and moments.
        spans: Which scenario was on when.
        samples: Seconds to recover, by kind of fault.
    """

    def __init__(self, servers: Servers, flow: Flow, fleet: Fleet, options: Options) -> None:
        self.servers = servers
        self.flow = flow
        self.fleet = fleet
        self.options = options
        self.chance = random.Random(options.seed)
        self.spans: list[Span] = []
        self.samples: dict[str, list[float]] = {}

    def wait_until(self, is_so: Callable[[], bool], what: str, *, longest_s: float = _LONGEST_S) -> None:
        """Keep the workers running until something is so.

        Raises:
            NotRecoveredError: If it does not become so.
        """
        deadline = time.monotonic() + longest_s
        while not is_so():
            self.fleet.look()
            if time.monotonic() > deadline:
                message = f"{what}: not within {longest_s:g} s; workers ended so far: {self.fleet.ends[-5:]}"
                raise NotRecoveredError(message)
            time.sleep(_POLL_S)

    def pause(self, seconds: float) -> None:
        """Let it flow for a while."""
        until = time.monotonic() + seconds
        self.wait_until(lambda: time.monotonic() >= until, "time")

    def recovery_s(self, kind: str, since_s: float) -> float:
        """Wait until bars flow that were closed after a fault; how long that took."""
        self.wait_until(lambda: self.flow.has_passed(since_s), kind)
        for moment, worker_id, code in self.fleet.ends:
            if moment > since_s and code != -signal.SIGKILL:
                tell(
                    f"  worker {worker_id} ended by itself with {code}, {moment - since_s:.2f} s behind the fault"
                )
        took_s = self.flow.passed_at_s(since_s) - since_s
        self.samples.setdefault(kind, []).append(took_s)
        return took_s

    @contextmanager
    def scenario(self, name: str) -> Iterator[None]:
        """Remember what was on."""
        tell(f"{name} ...")
        start_s = time.monotonic()
        yield
        self.spans.append(Span(name, start_s, time.monotonic()))

    def scenario_at(self, end_ms: int) -> str:
        """What was on when a bar closed."""
        moment = self.flow.moment_of(end_ms)
        return next((s.scenario for s in self.spans if s.start_s <= moment < s.stop_s), "no fault")


@contextmanager
def running(path: Path, options: Options, *, n_nodes: int, n_workers: int = 2) -> Iterator[Run]:
    """Servers, workers and a feed within the block, from the first bars on."""
    with (
        running_chaos_servers(path, n_nodes=n_nodes) as servers,
        Subscriber(servers.kafka) as subscriber,
        Feeder(servers.kafka, seed=options.seed, n_instruments=options.n_instruments) as feeder,
    ):
        fleet = Fleet(servers.directory)
        try:
            run = Run(servers, Flow(feeder, subscriber), fleet, options)
            for number in range(n_workers):
                fleet.add(str(number))
            start_s = time.monotonic()
            run.wait_until(lambda: run.flow.has_passed(start_s), "the first bars")
            run.pause(1.0)
            yield run
        finally:
            fleet.close()
            shutil.copytree(servers.directory.logs, LOGS / path.name, dirs_exist_ok=True)
