"""The news of before, from the mirror through the log, each article once; what is not reached is named."""

import json
import uuid

import pytest
from click.testing import CliRunner

from producers.commands import commands
from producers.jobs.backfilling.opening_news import run_news
from producers.jobs.backfilling.stretches import Stretch
from producers.jobs.collecting.settings import CollectorSettings
from schemas import codec
from schemas.errors import NotReadyError
from schemas.events import ArticlePublished
from schemas.gaps import GapKind
from schemas.time import parse_time
from schemas.topics import NEWS_ARTICLE
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import read_range
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.leadership import Leadership
from schemas.wire.postgres.pools import PostgresPool

CLOCK = SystemClock()
SPAN = Stretch(parse_time("2017-01-01", "from"), CLOCK.now_ms())


@pytest.fixture
def environment(servers_directory, mirror):
    return {
        "DRIFTLINE_DATA_DIR": str(servers_directory),
        "DRIFTLINE_SOURCES_MIRROR": mirror.address,
        "DRIFTLINE_LIVE_NEWS": "cointelegraph",
        "DRIFTLINE_STREAM": f"mirror-{uuid.uuid4().hex[:12]}",
    }


def published(endpoints, stream):
    found = read_range(endpoints.kafka, {(NEWS_ARTICLE.name, 0): 0})
    events = [codec.decode(NEWS_ARTICLE, record.value) for record in found]
    articles = [each for each in events if isinstance(each, ArticlePublished) and each.stream == stream]
    return [(each.article_id, each.version, each.asset) for each in articles]


def test_older_articles_are_published_once(endpoints, environment):
    (first,) = run_news(environment, SPAN, clock=CLOCK, is_stopped=lambda: False)
    (again,) = run_news(environment, SPAN, clock=CLOCK, is_stopped=lambda: False)

    keys = published(endpoints, environment["DRIFTLINE_STREAM"])
    assert len(keys) == len(set(keys))
    assert first.is_whole
    assert first.n_new == len({key[0] for key in keys}) > 0
    assert (again.n_new, again.n_duplicate) == (0, first.n_new)


def test_what_is_not_reached_is_an_open_gap_of_articles(endpoints, environment, mirror):
    mirror.fail("status", host="*cointelegraph.com", status=451)

    (tally,) = run_news(environment, SPAN, clock=CLOCK, is_stopped=lambda: False)

    with PostgresPool(endpoints.database_url) as pool:
        (gap,) = StoredGaps(pool).gaps(environment["DRIFTLINE_STREAM"], source="cointelegraph")
    assert (gap.kind, gap.start_ms, gap.end_ms, gap.is_open) == (GapKind.ARTICLES, *SPAN, True)
    assert tally.trouble is not None or tally.reaches_ms is None


def test_collector_that_is_at_work_keeps_its_place(endpoints, environment):
    run = CollectorSettings.from_environment(environment).run
    place = Leadership(endpoints.database_url, f"driftline-collector/{run}")
    assert place.take()
    try:
        with pytest.raises(NotReadyError, match="is at work"):
            run_news(environment, SPAN, clock=CLOCK, is_stopped=lambda: False)
    finally:
        place.close()


def test_command_fills_hours_and_news_and_prints_one_object(environment):
    arguments = ["backfill", "--interval", "1h", "--months", "1", "--news", "--json"]

    ran = CliRunner().invoke(commands, arguments, obj=environment, catch_exceptions=False)

    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout[f"\n{ran.stdout}".index("\n{\n") :])
    by_name = {each["instrument"]: each for each in told["instruments"]}
    assert by_name["BTC-USDT.BINANCE"]["n_new"] >= 24 * 28
    assert by_name["BTC-USD.KRAKEN"]["n_new"] >= 717 - 24
    assert all(each["n_unnamed"] == 0 for each in told["instruments"])
    assert [each["source"] for each in told["news"]] == ["cointelegraph"]
