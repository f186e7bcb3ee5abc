"""A short ``make chaos-stream``: workers, Redis and the only broker killed while bars flow, on Apache Kafka."""

from pathlib import Path

import pytest

from deploy.local.servers.apache import ApacheCluster
from tests.chaos.stream.options import QUICK
from tests.chaos.stream.sessions import chaos

pytestmark = pytest.mark.kafka


@pytest.mark.timeout(280)
def test_faults_lose_and_double_nothing(apache_node: ApacheCluster, tmp_path: Path) -> None:
    """How long recoveries take is for ``make chaos-stream`` to judge; a test run's machine is busy.

    The shared broker is only asked for so that this is skipped, or fails, where none can run.
    """
    assert apache_node.nodes
    counts = {figure.metric: figure.value for figure in chaos(tmp_path, QUICK) if figure.bar == 0}
    assert len(counts) > 5
    assert {metric: n for metric, n in counts.items() if n} == {}
