"""Runs the parts that ``PARTS`` names, on servers of their own, and reports."""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.benchmarks.reporting import Figure, report
from tests.benchmarks.stream.breadth.part import breadth
from tests.benchmarks.stream.competitors import LOGS, PEERS, compile_kernels
from tests.benchmarks.stream.growth import growth
from tests.benchmarks.stream.latency import latency
from tests.benchmarks.stream.options import read_options
from tests.benchmarks.stream.rates import make_job, measure_worker
from tests.benchmarks.stream.scaling import scaling
from tests.benchmarks.stream.servers import running_bench_servers
from tests.benchmarks.stream.telling import tell
from tests.benchmarks.stream.throughput import throughput
from tests.benchmarks.stream.virtual_machines import lacking
from tests.benchmarks.stream.watching import WrongOutputError

_WARM_UP_MINUTES = 20
_PARTS = {
    "throughput": throughput,
    "latency": latency,
    "scaling": scaling,
    "growth": growth,
    "breadth": breadth,
}


def _prepared(names: Sequence[str]) -> tuple[str, ...]:
    """Those of the peers that can run here, installed."""
    reasons = {name: lacking() for name in names if any(peer.is_on_jvm for peer in PEERS[name])}
    for name, reason in reasons.items():
        if reason is not None:
            tell(f"{name} is left out: {reason}")
    able = tuple(name for name in names if reasons.get(name) is None)
    for name in able:
        PEERS[name][0].install()
    return able


def main() -> None:
    """Run it."""
    try:
        options = read_options(os.environ)
    except ValueError as error:
        sys.exit(str(error))
    if "throughput" in options.parts:
        options = msgspec.structs.replace(options, peers=_prepared(options.peers))
    figures: list[Figure] = []
    failures: list[str] = []
    Path("build").mkdir(exist_ok=True)
    # Under build/ and not in memory: the log of ten million ticks has some 4 GB.
    with tempfile.TemporaryDirectory(dir="build", prefix="bench-stream-") as folder:
        directory = Path(folder).absolute()
        with running_bench_servers(directory) as servers:
            tell("warming the broker and our kernel, not measured ...")
            compile_kernels(servers)
            measure_worker(servers, make_job(_WARM_UP_MINUTES))
            for part in options.parts:
                tell(f"{part} ...")
                try:
                    figures += _PARTS[part](servers, options, directory)
                except WrongOutputError as error:
                    failures.append(f"{part}: {error}; see {LOGS}")
    report("stream", figures)
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
