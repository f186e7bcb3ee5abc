"""The processes that do the job: our worker by its own command, and the peers' programs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from deploy.local.environments import kernel_hash
from schemas.topics import FEATURES_MARKET, MARKET_TICK, Topic
from tests.benchmarks.stream import virtual_machines
from tests.benchmarks.stream.environments import FOLDER, python_of, version_in
from tests.benchmarks.stream.servers import Servers

LOGS = Path("build") / "bench" / "logs"
_END_S = 20.0
_PEERS = "tests.benchmarks.stream.peers"


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Another library, in one configuration: a row of the table.

    Attributes:
        name: Of its environment.
        package: What is compared, as its registry has it.
        guarantee: What it does, in words.
        module: Its program, and how it is run.
        is_on_jvm: Whether its program starts one, for what lies beside it in Java.
        times_bar: How many times its rate ours is to be; None where it is only shown.
        share: Of the ticks that we are given: less, so that a slow one ends, or more, so that a
            just-in-time compiler has warmed up. Its rate is of those.
        warm_share: The last part of its ticks, of which the rate is shown too and held against
            ours; None where all of them count alike.
        topics: It needs besides ours.
        settings: Of its program, as variables.
    """

    name: str
    package: str
    guarantee: str
    module: Sequence[str]
    is_on_jvm: bool = False
    times_bar: float | None
    share: float = 1.0
    warm_share: float | None = None
    topics: tuple[Topic, ...] = ()
    settings: Mapping[str, str] = {}

    @property
    def title(self) -> str:
        """For the table."""
        return f"{self.package} {self.version}, {self.guarantee}"

    @property
    def version(self) -> str:
        """As its lock or its POM states it."""
        stated_in = virtual_machines.version_in if self.is_on_jvm else version_in
        return stated_in(self.name, self.package)

    def install(self) -> None:
        """Have at hand what it needs."""
        python_of(self.name)
        if self.is_on_jvm:
            virtual_machines.classes_of(self.name)

    def environment(self) -> dict[str, str]:
        """Its own variables."""
        if not self.is_on_jvm:
            return dict(self.settings)
        classes = os.pathsep.join(map(str, virtual_machines.classes_of(self.name)))
        options = " ".join(virtual_machines.OPTIONS)
        return {**self.settings, "BENCH_CLASSES": classes, "BENCH_JVM": options}


def _kafka_streams(n_threads: int, *, times_bar: float | None) -> Peer:
    return Peer(
        name="kafka-streams",
        package="kafka-streams",
        module=(f"{_PEERS}.kafka_streams",),
        is_on_jvm=True,
        guarantee=f"store, exactly once, {n_threads} thread{'s' if n_threads > 1 else ''}",
        times_bar=times_bar,
        share=5.0,
        warm_share=0.2,
        settings={
            "BENCH_THREADS": str(n_threads),
            "BENCH_INPUT": MARKET_TICK.name,
            "BENCH_OUTPUT": FEATURES_MARKET.name,
        },
    )


#: The rows of each name that can be asked for.
PEERS: dict[str, tuple[Peer, ...]] = {
    "faust": (
        Peer(
            name="faust",
            package="faust-streaming",
            guarantee="table, exactly once",
            module=(f"{_PEERS}.faust_table",),
            times_bar=50.0,
            share=0.1,
            topics=(
                Topic(
                    name="bench-faust-bars-changelog",
                    events=(),
                    owner="faust",
                    retention_ms=None,
                    is_compacted=True,
                ),
            ),
        ),
    ),
    "quix": (
        Peer(
            name="quix",
            package="quixstreams",
            guarantee="windows, exactly once",
            module=(f"{_PEERS}.quix_windows",),
            times_bar=8.0,
        ),
    ),
    "bytewax": (
        Peer(
            name="bytewax",
            package="bytewax",
            guarantee="keyed state, no guarantee",
            module=("bytewax.run", f"{_PEERS}.bytewax_keys:flow()"),
            times_bar=3.0,
        ),
    ),
    "kafka-streams": (_kafka_streams(1, times_bar=3.0), _kafka_streams(2, times_bar=None)),
}


@contextmanager
def running(
    name: str, command: Sequence[str], environment: dict[str, str], *, stdout: int | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """Run a process within the block; what it says lies in ``build/bench/logs``."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            list(command),
            env=environment,
            stdout=stdout or log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def processor_environment(servers: Servers) -> dict[str, str]:
    """What a job of ours is started with."""
    return _environment(FOLDER / "driftline") | {"DRIFTLINE_DATA_DIR": str(servers.data_dir)}


def compile_kernels(servers: Servers) -> None:
    """Have the compiled code of our jobs at hand, as an installation does, so that no start waits for it."""
    command = (sys.executable, "-m", "stream_processors", "compile-kernel")
    subprocess.run(command, env=processor_environment(servers), check=True)


@contextmanager
def running_worker(servers: Servers, worker: int = 0) -> Iterator[Callable[[], bool]]:
    """Our market processor; yields whether it lives."""
    environment = processor_environment(servers) | {
        "DRIFTLINE_INTERVALS": "1m",
        "DRIFTLINE_WORKER_ID": str(worker),
    }
    command = (sys.executable, "-m", "stream_processors", "market")
    with running(f"driftline-{worker}", command, environment) as process:
        yield lambda: process.poll() is None


@contextmanager
def running_peer(servers: Servers, peer: Peer, state: Path) -> Iterator[Callable[[], bool]]:
    """A peer's program with an empty state; yields whether it lives."""
    python = python_of(peer.name)
    state.mkdir(parents=True)
    environment = {
        **_environment(FOLDER / peer.name),
        **peer.environment(),
        "BENCH_BROKER": servers.kafka.bootstrap_servers,
        "BENCH_REDIS": servers.redis_url,
        "BENCH_DIRECTORY": str(state),
    }
    with running(peer.name, (str(python), "-m", *peer.module), environment) as process:
        yield lambda: process.poll() is None


@contextmanager
def running_limit(servers: Servers, *, n_ready: int, n_all: int) -> Iterator["subprocess.Popen[str]"]:
    """The limit, whose standard output tells how far it is."""
    environment = _environment(FOLDER / "driftline") | {"BENCH_BROKER": servers.kafka.bootstrap_servers}
    command = (sys.executable, "-m", f"{_PEERS}.limit", str(n_ready), str(n_all))
    with running("limit", command, environment, stdout=subprocess.PIPE) as process:
        yield process


def _environment(folder: Path) -> dict[str, str]:
    kernels = folder.absolute() / "kernels" / kernel_hash()
    return dict(os.environ) | {"PYTHONPATH": str(Path.cwd()), "NUMBA_CACHE_DIR": str(kernels)}
