"""The articles of a file beside prices: what is published when, what watermarks vouch for, and how a run continues."""

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from producers.jobs.news_plans import MINUTE_MS, NewsPlan, NewsPublisher
from producers.jobs.replaying import replay
from producers.jobs.runs import RunRequest, run_environment
from producers.jobs.warming import warm_up
from producers.normalise.watermarks import SourceRecord
from producers.settings import ProducerSettings
from producers.sources.files.articles import read_articles
from schemas import codec
from schemas.companions import NEWS
from schemas.errors import ConfigurationError
from schemas.events import (
    END_OF_TIME_MS,
    ArticlePublished,
    CandleObserved,
    Event,
    SourceFellSilent,
    SourceReturned,
    WatermarkAdvanced,
)
from schemas.streams import StreamDescription, StreamKind
from schemas.time import parse_time
from schemas.topics import NEWS_ARTICLE
from tests.unit.producers.fakes import RecordingOutlet, RememberingHistory
from tests.unit.producers.test_sessions import minutes_file, session_of

BEGIN_MS = parse_time("2025-06-01T00:00", "FROM") or 0
DAY_MS = 24 * 60 * MINUTE_MS
FIELDS = ("timestamp", "headline", "domain", "url", "categories", "tags", "api_source", "summary")


def row(time: str, number: int, headline: str = "Bitcoin rises", **changes: str) -> dict[str, str]:
    return {
        "timestamp": f"2025-{time}Z",
        "headline": headline,
        "domain": "coindesk.com",
        "url": f"https://www.coindesk.com/markets/2025/06/01/article-{number}?utm_source=rss",
        **changes,
    }


def articles_file(tmp_path: Path, rows: Sequence[dict[str, str]]) -> Path:
    path = tmp_path / "articles.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def description(*, minutes: int = 10) -> StreamDescription:
    return StreamDescription(
        stream="replay-0123456789ab",
        kind=StreamKind.REPLAY,
        title="a test",
        source="binance",
        instruments=("BTC-USDT.BINANCE",),
        origin_ms=BEGIN_MS,
        warm_up_until_ms=BEGIN_MS,
        end_ms=BEGIN_MS + minutes * MINUTE_MS,
        speed=0.0,
        parameters={},
        created_ms=0,
    )


def plan(path: Path, *, delay: int = 0, minutes: int = 10) -> NewsPlan:
    return NewsPlan(path, description(minutes=minutes), delay_ms=delay * MINUTE_MS)


def events(found: NewsPlan, *, after_ms: int | None = None, until_ms: int | None = None) -> list[Event]:
    return [record.event for record in found.records(after_ms=after_ms, until_ms=until_ms)]


def drawn(made: Sequence[Event]) -> str:
    """``a`` an article, ``W3`` a watermark of minute 3, ``S0-4`` an absence, ``R4`` a return."""

    def minute(time_ms: int | None) -> str:
        return "" if time_ms in {None, END_OF_TIME_MS} else str(((time_ms or 0) - BEGIN_MS) // MINUTE_MS)

    letters = []
    for event in made:
        match event:
            case ArticlePublished():
                letters.append("a")
            case WatermarkAdvanced():
                letters.append(f"W{minute(event.event_time_ms)}")
            case SourceFellSilent():
                letters.append(f"S{minute(event.event_time_ms)}-{minute(event.absent_until_ms)}")
            case SourceReturned():
                letters.append(f"R{minute(event.event_time_ms)}")
    return " ".join(letters)


def test_each_minute_has_its_articles_before_its_watermark(tmp_path: Path) -> None:
    rows = [row("06-01T00:01:59", 1), row("06-01T00:02:00", 2), row("06-02T00:00:00", 3)]
    made = events(plan(articles_file(tmp_path, rows), minutes=4))
    assert drawn(made) == "S0-1 R1 a W2 a W3 W4 S4-"
    assert [event.known_time_ms for event in made] == sorted(event.known_time_ms for event in made)


def test_news_is_absent_outside_of_the_stretch_of_the_file(tmp_path: Path) -> None:
    path = articles_file(tmp_path, [row("06-01T00:04:10", 1), row("06-01T00:06:10", 2)])
    assert drawn(events(plan(path))) == "S0-4 R4 a W5 W6 a W7 S7-"
    assert drawn(events(plan(articles_file(tmp_path, [row("05-01T00:00:00", 1)])))) == "S0-"
    assert drawn(events(plan(articles_file(tmp_path, [])))) == "S0-"


def test_known_time_is_the_published_time_and_the_delay_and_is_marked_as_assumed(tmp_path: Path) -> None:
    made = events(plan(articles_file(tmp_path, [row("06-01T00:01:30", 1)]), delay=5))
    assert drawn(made) == "S0-6 R6 a W7 S7-"
    (article,) = [event for event in made if isinstance(event, ArticlePublished)]
    assert (article.event_time_ms, article.known_time_ms) == (BEGIN_MS + 90_000, BEGIN_MS + 390_000)
    assert article.is_known_time_assumed
    assert (article.source, article.asset) == ("coindesk", "BTC")
    assert article.url == "https://www.coindesk.com/markets/2025/06/01/article-1"


def test_articles_of_the_seven_days_before_come_first_and_older_ones_do_not(tmp_path: Path) -> None:
    rows = [row("05-20T00:00:00", 1), row("05-26T00:00:00", 2), row("06-01T00:02:30", 3)]
    made = events(plan(articles_file(tmp_path, rows), minutes=3))
    assert drawn(made) == "a R0 W1 W2 a W3 S3-"


def test_article_that_names_two_coins_is_published_for_each_and_one_of_none_for_the_market(
    tmp_path: Path,
) -> None:
    rows = [row("06-01T00:01:10", 1, "Bitcoin and Ethereum fall"), row("06-01T00:01:20", 2, "Rates are cut")]
    made = events(plan(articles_file(tmp_path, rows)))
    found = [event.asset for event in made if isinstance(event, ArticlePublished)]
    assert found == ["BTC", "ETH", "MARKET"]


@pytest.mark.parametrize("minute", range(1, 8))
def test_session_that_continues_publishes_what_the_log_lacks(tmp_path: Path, minute: int) -> None:
    rows = [row(f"06-01T00:0{number}:30", number) for number in range(1, 9)]
    path = articles_file(tmp_path, rows)
    whole, after_ms = events(plan(path)), BEGIN_MS + minute * MINUTE_MS
    assert events(plan(path), after_ms=after_ms) == [
        event
        for event in whole
        if (event.known_time_ms if isinstance(event, ArticlePublished) else event.event_time_ms - 1)
        >= after_ms
    ]


def test_other_content_of_an_address_is_a_version_and_the_same_again_is_none(tmp_path: Path) -> None:
    rows = [
        row("06-01T00:01:00", 1),
        row("06-01T00:02:00", 1),
        row("06-01T00:03:00", 1, "Bitcoin falls after all"),
        row("06-01T00:03:00", 2, headline=""),
        row("06-01T00:03:00", 3, url="no address"),
        row("yesterday", 4),
    ]
    found = read_articles(articles_file(tmp_path, rows), delay_ms=0)
    assert [(each.version, each.title) for each in found.articles] == [
        (0, "Bitcoin rises"),
        (1, "Bitcoin falls after all"),
    ]
    assert found.n_repeated == 1
    assert [(refused.row, refused.rule) for refused in found.refused] == [
        (3, "title"), (4, "address"), (5, "published_time"),
    ]  # fmt: skip


def test_what_is_a_version_follows_from_the_whole_file_and_not_from_the_stretch_of_a_run(
    tmp_path: Path,
) -> None:
    """The second content of an address was version 0 in a run that began after the first, and 1 in a backtest."""
    rows = [
        row("05-01T00:00:00", 1),
        row("05-01T00:00:00", 2),
        row("06-01T00:01:10", 1, "Bitcoin falls after all"),
        row("06-01T00:02:10", 2),
        row("06-01T00:03:10", 3),
    ]
    made = events(plan(articles_file(tmp_path, rows)))
    found = [(event.url[-1], event.version) for event in made if isinstance(event, ArticlePublished)]
    assert found == [("1", 1), ("3", 0)]


def test_column_of_headlines_may_be_called_title(tmp_path: Path) -> None:
    named = articles_file(tmp_path, [row("06-01T00:01:00", 1)])
    read = read_articles(named, delay_ms=0)
    named.write_text(named.read_text().replace("headline", "title"))
    assert read_articles(named, delay_ms=0) == read
    assert read.articles


def test_file_without_the_needed_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "articles.csv"
    path.write_text("timestamp,headline\n2025-06-01T00:00:00Z,Bitcoin\n")
    with pytest.raises(ConfigurationError, match="lacks url"):
        read_articles(path, delay_ms=0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"timestamp,headline,headline,url\n2025-06-01T00:00:00Z,a,b,https://a.com/b\n", "one column headline, has 2"),
        (gzip.compress(b"timestamp,headline,url\n" + b"2025-06-01T00:00:00Z,a,https://a.com/b\n" * 9)[:-20],
         "is damaged or cut off"),
        ("timestamp,headline,url\n2025-06-01T00:00:00Z,a,https://a.com/b\n".encode("utf-16"), "CSV in UTF-8"),
    ],
)  # fmt: skip
def test_file_that_would_be_read_in_part_or_wrongly_is_refused(
    tmp_path: Path, content: bytes, words: str
) -> None:
    """A doubled column was a KeyError; of a file that was cut off, the articles before the cut were played."""
    path = tmp_path / "articles.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=words):
        read_articles(path, delay_ms=0)


def test_time_before_2009_is_not_the_first_of_a_file(tmp_path: Path) -> None:
    """One row of 1970 made news present from the run's beginning, with counts of 0 where nothing was known."""
    rows = [row("06-01T00:03:10", 1), {**row("", 2), "timestamp": "1970-01-01T00:00:00Z"}]
    found = plan(articles_file(tmp_path, rows), minutes=5)
    assert drawn(events(found)) == "S0-3 R3 a W4 S4-"
    assert [reject.rule for reject in found.rejects] == ["published_too_early"]


def test_pause_of_a_file_is_an_absence(tmp_path: Path) -> None:
    """The recorded file pauses for eleven months, in which a run had a row of "no article" each minute."""
    rows = [row("06-01T00:01:10", 1), row("06-08T00:01:00", 2), row("06-15T00:01:01", 3)]
    made = drawn(events(plan(articles_file(tmp_path, rows), minutes=20 * 24 * 60))).split()
    pause = next(place for place, letter in enumerate(made) if letter.startswith("S10"))
    assert made[:3] == ["S0-1", "R1", "a"]
    assert made[pause - 1 : pause + 4] == ["W10082", "S10082-20161", "R20161", "a", "W20162"]
    assert made[-1] == "S20162-"


def test_run_that_continues_in_a_pause_publishes_what_is_missing(tmp_path: Path) -> None:
    rows = [row("06-01T00:01:10", 1), row("06-15T00:01:01", 3)]
    found = plan(articles_file(tmp_path, rows), minutes=20 * 24 * 60)
    assert drawn(events(found, after_ms=BEGIN_MS + 2 * MINUTE_MS)) == "R20161 a W20162 S20162-"


def test_publisher_keys_articles_by_asset_and_says_its_last_word_twice(tmp_path: Path) -> None:
    outlet = RecordingOutlet()
    publisher = NewsPublisher(outlet)
    for record in plan(articles_file(tmp_path, [row("06-01T00:01:10", 1)])).records(
        after_ms=None, until_ms=None
    ):
        publisher.publish(record)
    publisher.finish(lambda _topic, _again: None)
    assert publisher.n_events == 1
    assert {record.topic for record in outlet.records} == {NEWS_ARTICLE.name}
    assert {record.partition for record in outlet.records} == {0}
    kinds = [
        (type(event).__name__, record.key)
        for event, record in zip(outlet.events(), outlet.records, strict=True)
    ]
    assert ("ArticlePublished", b"BTC") in kinds
    assert kinds[-2:] == [("SourceFellSilent", NEWS.encode())] * 2
    with pytest.raises(TypeError, match="not made of"):
        publisher.publish(SourceRecord(NEWS_ARTICLE, CandleObserved))  # type: ignore[arg-type]


# Runs with prices and news


def settings_of(tmp_path: Path, **changes: object) -> ProducerSettings:
    rows = [row(f"06-01T0{number // 60}:{number % 60:02d}:30", number) for number in range(0, 300, 7)]
    given = {
        "data": minutes_file(tmp_path, 300),
        "news": articles_file(tmp_path, rows),
        "speed": 0.0,
    } | changes
    return ProducerSettings.from_environment({}, **given)


def test_warm_up_and_replay_publish_prices_and_news_once_in_the_order_of_known_time(tmp_path: Path) -> None:
    history = RememberingHistory()
    session = session_of(settings_of(tmp_path), history)
    warm_up(session)
    n_warm = len(session.outlet.records)  # type: ignore[attr-defined]
    history.store([e for e in session.outlet.events() if isinstance(e, CandleObserved)])  # type: ignore[attr-defined]
    look_up = session.plan.description.warm_up_until_ms
    session = session._replace(news_look_up=lambda _stream: look_up)
    assert replay(session)
    outlet = session.outlet
    assert isinstance(outlet, RecordingOutlet)
    for part in (outlet.events()[:n_warm], outlet.events()[n_warm:-1]):
        times = [event.known_time_ms for event in part]
        assert times == sorted(times)
    articles = [event for event in outlet.events() if isinstance(event, ArticlePublished)]
    assert len({event.fact() for event in articles}) == len(articles) == 43
    said = [
        event for event in outlet.events() if event.source == NEWS and isinstance(event, WatermarkAdvanced)
    ]
    minutes = [event.event_time_ms for event in said]
    assert sorted(set(minutes)) == list(
        range(BEGIN_MS + 6 * MINUTE_MS, BEGIN_MS + 300 * MINUTE_MS + 1, MINUTE_MS)
    )


def test_news_and_its_delay_are_part_of_what_a_run_is(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    data, news = settings.data, settings.news
    assert data is not None
    assert news is not None
    asked = [
        RunRequest(data=data), RunRequest(data=data, news=news), RunRequest(data=data, news=news, news_delay=60)
    ]  # fmt: skip
    found = [run_environment(request) for request in asked]
    assert len({each["DRIFTLINE_STREAM"] for each in found}) == 3
    assert found[2]["DRIFTLINE_NEWS"] == str(news.resolve())
    assert found[2]["DRIFTLINE_NEWS_DELAY"] == "60"


def test_run_whose_companion_is_news_needs_news(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    companions = {"DRIFTLINE_COMPANIONS": "BTC-USDT.BINANCE:news/vader@0123456789abcdef"}
    with pytest.raises(ConfigurationError, match="DRIFTLINE_NEWS"):
        run_environment(RunRequest(data=settings.data), companions)
    found = run_environment(RunRequest(data=settings.data, news=settings.news), companions)
    assert found["DRIFTLINE_COMPANIONS"] == companions["DRIFTLINE_COMPANIONS"]
    with pytest.raises(ConfigurationError, match="beside recorded prices"):
        run_environment(RunRequest(news=settings.news))


def test_what_is_published_decodes(tmp_path: Path) -> None:
    rows = [row("06-01T00:01:10", 1, summary="x" * 5_000, tags="Bitcoin|ETF", categories="Markets")]
    for event in events(plan(articles_file(tmp_path, rows))):
        assert codec.decode(NEWS_ARTICLE, codec.encode(event)) == event
