"""``driftline quality`` on a real Postgres: what is complete, what is missing, what is broken, and what is open."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from schemas.events import (
    ArticleLinked,
    ArticlePublished,
    Event,
    PriceObserved,
    QuoteObserved,
    SourceHealth,
    SourceHealthChanged,
)
from schemas.gaps import Gap, GapKind
from schemas.streams import StreamDescription, kind_of_stream
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import Endpoints
from tests.fixtures.market_events import HOUR, INSTRUMENT, MINUTE, T0, bar, tick
from trainers.commands import commands
from trainers.quality.reports import DataKind, DayQuality, QualityReport

DAY = 24 * HOUR


@pytest.fixture(scope="module")
def endpoints(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """The session's servers with a broker of this module, on which no other test leaves dead letters."""
    settings = LauncherSettings(
        data_dir=tmp_path_factory.mktemp("quality") / "data",
        redis_url=endpoints.redis_url,
        database_url=endpoints.database_url,
    )
    with running_servers(settings, {"PATH": os.environ.get("PATH", "")}) as found:
        yield found


@pytest.fixture
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    with PostgresPool(endpoints.database_url) as pool:
        yield pool


@pytest.fixture
def stream() -> str:
    return f"replay-{uuid.uuid4().hex[:12]}"


def _register(pool: PostgresPool, stream: str, *, end_ms: int, origin_ms: int = T0) -> None:
    description = StreamDescription(
        stream=stream,
        kind=kind_of_stream(stream),
        title="two days of minutes",
        source="binance",
        instruments=(INSTRUMENT,),
        origin_ms=origin_ms,
        warm_up_until_ms=end_ms,
        end_ms=end_ms,
        speed=0.0,
        parameters={},
        created_ms=T0,
    )
    StoredStreams(pool).register_stream(description)


def _bars(stream: str, n: int, *, without: range = range(0)) -> list[Event]:
    closes = 60_000 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 4e-4, n)))
    return [bar(i * MINUTE, float(closes[i]), stream=stream) for i in range(n) if i not in without]


def _run(endpoints: Endpoints, *options: str) -> Result:
    environment = {
        "DATABASE_URL": endpoints.database_url,
        "KAFKA_BOOTSTRAP_SERVERS": endpoints.kafka.bootstrap_servers,
        "REDIS_URL": endpoints.redis_url,
        "DRIFTLINE_TARGETS": "15m:15m",
    }
    return CliRunner().invoke(commands, ["quality", *options], obj=environment)


def _report(endpoints: Endpoints, stream: str, *options: str) -> QualityReport:
    result = _run(endpoints, "--stream", stream, "--json", *options)
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout, type=QualityReport)


def _days(report: QualityReport, data: DataKind) -> list[DayQuality]:
    return [day for day in report.days if day.data is data]


def test_missing_bars_are_counted_by_day(endpoints: Endpoints, pool: PostgresPool, stream: str) -> None:
    """Two days of minutes, and half an hour of the second one is missing."""
    _register(pool, stream, end_ms=T0 + 2 * DAY)
    EventWriter(pool).write(_bars(stream, 2880, without=range(2000, 2030)))
    first, second = _days(_report(endpoints, stream, "--no-targets"), DataKind.BARS)
    assert (first.day, first.n_rows, first.n_expected) == ("2025-06-01", 1440, 1440)
    assert (second.n_rows, second.n_expected, second.n_unexplained) == (1410, 1440, 30)
    assert first.broken == second.broken == {}


def test_a_gap_of_the_ledger_explains_missing_bars_and_is_open(
    endpoints: Endpoints, pool: PostgresPool, stream: str
) -> None:
    _register(pool, stream, end_ms=T0 + DAY)
    EventWriter(pool).write(_bars(stream, 1440, without=range(100, 110)))
    gap = Gap(
        stream=stream,
        source="binance",
        instrument=INSTRUMENT,
        kind=GapKind.TRADES,
        start_ms=T0 + 100 * MINUTE + 1,
        end_ms=T0 + 110 * MINUTE,
        reason="The connection was cut.",
        opened_ms=T0 + DAY,
    )
    StoredGaps(pool).open(gap)
    report = _report(endpoints, stream, "--no-targets")
    (day,) = _days(report, DataKind.BARS)
    assert (day.n_rows, day.n_expected, day.n_unexplained) == (1430, 1440, 0)
    assert report.gaps == [gap]
    assert report.findings == [f"1 gap in the trades of {INSTRUMENT} is open."]
    StoredGaps(pool).close(gap, by="backfill", at_ms=T0 + DAY)
    closed = _report(endpoints, stream, "--no-targets")
    assert (closed.gaps, closed.n_gaps_closed, closed.findings) == ([], 1, [])


def test_a_live_run_names_bars_that_no_gap_explains(endpoints: Endpoints, pool: PostgresPool) -> None:
    """A mirror goes by the clock on the wall, so that bars are expected up to now."""
    stream = f"mirror-{uuid.uuid4().hex[:12]}"
    _register(pool, stream, end_ms=T0 + HOUR)
    EventWriter(pool).write(_bars(stream, 60))
    report = _report(endpoints, stream, "--no-targets", "--days", "2")
    assert [day.n_rows for day in _days(report, DataKind.BARS)] == [0, 0]
    assert "the ledger has no gap there" in report.findings[0]
    assert report.freshness[0].age_s > DAY / 1000


def test_outliers_late_trades_and_broken_rules_are_told_apart(
    endpoints: Endpoints, pool: PostgresPool, stream: str
) -> None:
    _register(pool, stream, end_ms=T0 + HOUR)
    bars = _bars(stream, 60)
    bars[30] = msgspec.structs.replace(bar(30 * MINUTE, 30_000.0, stream=stream), n_late=4)
    bars[40] = msgspec.structs.replace(bars[40], volume=1.0, buy_volume=7.0)
    EventWriter(pool).write(bars)
    report = _report(endpoints, stream, "--no-targets")
    (day,) = _days(report, DataKind.BARS)
    assert (day.n_outliers, day.n_duplicates) == (2, 4)
    assert day.broken == {"buy_volume is not more than the volume": 1}
    assert report.findings == [
        f"1 row of the bars of {INSTRUMENT} breaks the rule that each buy_volume is not more than the volume."
    ]


def _quote(at_ms: int, stream: str, *, bid: float = 100.0, ask: float = 100.1) -> QuoteObserved:
    return QuoteObserved(
        event_time_ms=T0 + at_ms, known_time_ms=T0 + at_ms + 50, source="binance", stream=stream,
        instrument=INSTRUMENT, bid=bid, bid_size=1.0, ask=ask, ask_size=2.0,
    )  # fmt: skip


def _price(at_ms: int, stream: str, *, is_quarantined: bool = False) -> PriceObserved:
    return PriceObserved(
        event_time_ms=T0 + at_ms, known_time_ms=T0 + at_ms + 900, source="coingecko", stream=stream,
        instrument="BTC-USD.COINGECKO", price=100.0, is_quarantined=is_quarantined,
        reason="It strays." if is_quarantined else None,
    )  # fmt: skip


def _article(number: int, stream: str, *, published_ms: int) -> ArticlePublished:
    return ArticlePublished(
        event_time_ms=T0 + published_ms, known_time_ms=T0 + published_ms + MINUTE, source="coindesk", stream=stream,
        asset="BTC", article_id=f"{number:024x}", version=0, url=f"https://coindesk.com/{number}", title="Bitcoin",
        text=None, summary=None, author=None, categories=(), assets=("BTC",), language="en", published_zone="+00:00",
        modified_ms=None, content_hash=f"{number}",
    )  # fmt: skip


def test_everything_that_is_collected_has_a_line_a_day(
    endpoints: Endpoints, pool: PostgresPool, stream: str
) -> None:
    _register(pool, stream, end_ms=T0 + HOUR)
    link = ArticleLinked(
        event_time_ms=T0 + MINUTE, known_time_ms=T0 + MINUTE, source="coindesk", stream=stream,
        article_id=f"{1:024x}", version=0, first_article_id=f"{0:024x}", similarity=1.0, is_exact=True,
    )  # fmt: skip
    health = SourceHealthChanged(
        event_time_ms=T0, known_time_ms=T0, source="kraken", stream=stream, state=SourceHealth.FAILING,
        reason="It answers 500.",
    )  # fmt: skip
    EventWriter(pool).write(
        [
            *_bars(stream, 60),
            *(tick(i * 1000, trade_id=i, stream=stream) for i in range(25)),
            *(_quote(i * 1000, stream) for i in range(30)),
            *(_price(i * MINUTE, stream, is_quarantined=i == 3) for i in range(5)),
            *(_article(i, stream, published_ms=i * MINUTE) for i in range(3)),
            link,
            health,
        ]
    )
    report = _report(endpoints, stream, "--no-targets")
    counted = {day.data: (day.source, day.n_rows, day.n_duplicates, day.n_quarantined) for day in report.days}
    assert counted == {
        DataKind.BARS: ("binance", 60, 0, 0),
        DataKind.TRADES: ("binance", 25, 0, 0),
        DataKind.QUOTES: ("binance", 30, 0, 0),
        DataKind.PRICES: ("coingecko", 5, 0, 1),
        DataKind.ARTICLES: ("coindesk", 3, 1, 0),
    }
    assert report.findings == ["1 price is in quarantine.", "kraken is failing: It answers 500."]
    delays = {each.data: each.delay_s for each in report.freshness}
    assert delays[DataKind.PRICES] == pytest.approx(0.9)


def test_a_target_with_too_few_rows_says_what_would_bring_them(
    endpoints: Endpoints, pool: PostgresPool
) -> None:
    stream = f"mirror-{uuid.uuid4().hex[:12]}"
    _register(pool, stream, end_ms=T0 + 2 * DAY)
    EventWriter(pool).write(_bars(stream, 2880))
    (target,) = _report(endpoints, stream).targets
    assert target.target.startswith(INSTRUMENT)
    assert 0 < target.n_rows < target.n_needed == 250
    assert "driftline backfill --months" in target.remedy


def test_strict_fails_if_anything_is_open_and_the_table_says_what(
    endpoints: Endpoints, pool: PostgresPool, stream: str
) -> None:
    _register(pool, stream, end_ms=T0 + HOUR)
    EventWriter(pool).write([*_bars(stream, 60), _price(0, stream, is_quarantined=True)])
    result = _run(endpoints, "--stream", stream, "--strict", "--no-targets")
    assert result.exit_code == 1
    assert "in quarantine" in result.output
    EventWriter(pool).write(_bars(other := f"replay-{uuid.uuid4().hex[:12]}", 60))
    _register(pool, other, end_ms=T0 + HOUR)
    closed = _run(endpoints, "--stream", other, "--strict", "--no-targets")
    assert closed.exit_code == 0, closed.output


def test_the_page_stands_alone(endpoints: Endpoints, pool: PostgresPool, stream: str, tmp_path: Path) -> None:
    _register(pool, stream, end_ms=T0 + 2 * DAY)
    EventWriter(pool).write([*_bars(stream, 2880), *(_quote(i * HOUR, stream) for i in range(40))])
    page = tmp_path / "reports" / "quality.html"
    assert _run(endpoints, "--stream", stream, "--html", str(page)).exit_code == 0
    text = page.read_text()
    assert text.count("<svg") >= 3
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "This is no live run" in text


def test_a_run_that_is_not_there_is_one_line(endpoints: Endpoints) -> None:
    result = _run(endpoints, "--stream", "replay-ffffffffffff")
    assert result.exit_code == 1
    assert "replay-ffffffffffff is registered" in str(result.exception)
