"""A short ``make chaos-news``: the agent with its own scorers is killed while recorded articles flow."""

from pathlib import Path

import pytest

from schemas.wire.settings import Endpoints
from tests.benchmarks.duplicates.articles import recorded_articles
from tests.chaos.news.options import Options
from tests.chaos.news.sessions import chaos_beside


@pytest.mark.recorded
@pytest.mark.timeout(600)
def test_kills_lose_and_double_no_score(endpoints: Endpoints, recorded_data: Path, tmp_path: Path) -> None:
    articles = recorded_articles(recorded_data)[:600]
    figures = chaos_beside("embedded", tmp_path, articles, Options(n_kills=2), endpoints)
    counts = {figure.metric: figure.value for figure in figures if figure.bar == 0}
    assert len(counts) > 5
    assert {metric: n for metric, n in counts.items() if n} == {}
