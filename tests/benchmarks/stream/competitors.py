"""The processes that do the job: our worker by its own command, and the peers' programs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from deploy.local.environments import kernel_hash
from schemas.topics import Topic
from tests.benchmarks.stream.environments import FOLDER, python_of, version_in
from tests.benchmarks.stream.servers import Servers

LOGS = Path("build") / "bench" / "logs"
_END_S = 20.0
_PEERS = "tests.benchmarks.stream.peers"


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Another library.

    Attributes:
        name: Of its environment.
        package: What is compared, as its registry has it.
        guarantee: What it does, in words.
        module: Its program, and how it is run.
        times_bar: How many times its rate ours is to be.
        share: Of the ticks it is given, so that a slow one ends; its rate is of those.
        topics: It needs besides ours.
    """

    name: str
    package: str
    guarantee: str
    module: Sequence[str]
    times_bar: float
    share: float = 1.0
    topics: tuple[Topic, ...] = ()

    @property
    def title(self) -> str:
        """For the table."""
        return f"{self.package} {version_in(self.name, self.package)}, {self.guarantee}"


PEERS = {
    peer.name: peer
    for peer in (
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
        Peer(
            name="quix",
            package="quixstreams",
            guarantee="windows, exactly once",
            module=(f"{_PEERS}.quix_windows",),
            times_bar=8.0,
        ),
        Peer(
            name="bytewax",
            package="bytewax",
            guarantee="keyed state, no guarantee",
            module=("bytewax.run", f"{_PEERS}.bytewax_keys:flow()"),
            times_bar=3.0,
        ),
    )
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


@contextmanager
def running_worker(servers: Servers, worker: int = 0) -> Iterator[Callable[[], bool]]:
    """Our market processor; yields whether it lives."""
    environment = _environment(FOLDER / "driftline") | {
        "DRIFTLINE_DATA_DIR": str(servers.data_dir),
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
    environment = _environment(FOLDER / peer.name) | {
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
