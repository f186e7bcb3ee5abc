"""``make bench-stream PARTS=breadth``, with little of it: every row is there, once, and what was measured."""

from pathlib import Path

import msgspec
import pytest

from deploy.local.servers.apache import ApacheCluster
from tests.benchmarks.stream.breadth.part import breadth
from tests.benchmarks.stream.breadth.scales import QUICK
from tests.benchmarks.stream.competitors import compile_kernels
from tests.benchmarks.stream.options import Options
from tests.benchmarks.stream.servers import running_bench_servers

pytestmark = pytest.mark.kafka


@pytest.mark.timeout(900)
def test_many_instruments_go_through_the_worker_and_both_stores(
    apache_node: ApacheCluster, tmp_path: Path
) -> None:
    """How fast that is, is for ``make bench-stream`` to judge; a test run's machine is busy.

    The shared broker is only asked for so that this is skipped, or fails, where none can run.
    """
    assert apache_node.nodes
    many = msgspec.structs.replace(QUICK[-1], n_closes=2)
    with running_bench_servers(tmp_path) as servers:
        compile_kernels(servers)
        figures = breadth(servers, Options(scales=(many,)), tmp_path)
    values = {figure.metric: figure.value for figure in figures}
    assert values["100 instruments: at full speed"] > 0
    assert values["100 instruments: until it had them"] < float("inf")
    assert values["100 instruments: kill -9 to committing again, p95 of 1"] > 0
