"""A short ``make chaos-collect``: sockets cut, the collecting processes killed, on live code with a mirror."""

from pathlib import Path

import pytest

from tests.chaos.collect.options import QUICK_ONLY, Options
from tests.chaos.collect.sessions import chaos

pytestmark = [pytest.mark.recorded, pytest.mark.servers]


@pytest.mark.timeout(900)
def test_failures_of_sources_lose_and_double_nothing(recorded_data: Path, tmp_path: Path) -> None:
    """How long recoveries take is for ``make chaos-collect`` to show; a test run's machine is busy."""
    options = Options(recorded_data, QUICK_ONLY, has_backfill=False, n_warm_up_kills=1)
    figures = {figure.metric: figure for figure in chaos(tmp_path, options)}
    counts = {metric: figure.value for metric, figure in figures.items() if figure.bar == 0}
    assert len(counts) > 10
    assert {metric: n for metric, n in counts.items() if n} == {}
    assert figures["trades made"].value > 0
