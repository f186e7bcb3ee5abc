"""The news features of single cases, and which rows there are."""

import math
from collections.abc import Sequence

import pytest

from schemas.errors import SnapshotMismatchError
from schemas.events import (
    END_OF_TIME_MS,
    Event,
    NewsFeaturesComputed,
    SourceFellSilent,
    SourceReturned,
    WatermarkAdvanced,
)
from schemas.topics import FEATURES_NEWS, NEWS_SENTIMENT
from stream_processors.operators.news import NewsOperator
from tests.fixtures.articles import article
from tests.fixtures.keeping import kept, restored_from
from tests.fixtures.market_events import HOUR, MINUTE, STREAM, T0
from tests.fixtures.news import (
    DAY,
    OLD_VADER,
    TEXTBLOB,
    absent,
    back,
    news_operator,
    passed,
    scored,
)

SECOND = 1000
Row = dict[str, float | None]


def stepped(events: Sequence[Event], operator: NewsOperator | None = None) -> list[Event]:
    held = news_operator() if operator is None else operator
    outputs = [output for event in events for output in held.step(NEWS_SENTIMENT, event)]
    assert all(output.topic is FEATURES_NEWS for output in outputs)
    return [output.event for output in outputs]


def rows(*events: Event, asset: str = "BTC") -> dict[float, NewsFeaturesComputed]:
    """The rows by minute after T0."""
    return {
        (row.event_time_ms - T0) / MINUTE: row
        for row in stepped(events)
        if isinstance(row, NewsFeaturesComputed) and row.asset == asset
    }


def last(*events: Event) -> Row:
    """The features of the last minute."""
    return list(rows(*events).values())[-1].values


def said(*events: Event) -> list[str]:
    """Rows and what is forwarded, each as its kind and minute."""
    kinds = {
        NewsFeaturesComputed: "row",
        WatermarkAdvanced: "watermark",
        SourceFellSilent: "silent",
        SourceReturned: "back",
    }
    found = stepped(events)
    return [
        f"{kinds[type(event)]} {(event.event_time_ms - T0) / MINUTE:g}"
        for event in found
        if not isinstance(event, NewsFeaturesComputed) or event.asset == "BTC"
    ]


# Which rows there are


def test_row_of_a_minute_is_made_when_the_watermark_has_reached_it() -> None:
    assert said(passed(0), passed(59 * SECOND)) == ["row 0", "watermark 0"]
    assert said(passed(30 * SECOND), passed(2 * MINUTE + 1)) == [
        "row 1",
        "watermark 1",
        "row 2",
        "watermark 2",
    ]


def test_every_asset_of_the_run_has_a_row_before_the_watermark() -> None:
    found = stepped([scored(1, known_ms=-1, asset="ETH"), scored(2, known_ms=-1, asset="XRP"), passed(0)])
    assert [(type(event).__name__, getattr(event, "asset", None)) for event in found] == [
        ("NewsFeaturesComputed", "BTC"),
        ("NewsFeaturesComputed", "ETH"),
        ("WatermarkAdvanced", None),
    ]
    assert [event.n_articles for event in found if isinstance(event, NewsFeaturesComputed)] == [0, 1]


def test_score_is_used_by_the_rows_after_its_known_time_alone() -> None:
    found = rows(passed(0), scored(1, known_ms=MINUTE), passed(3 * MINUTE))
    assert [found[minute].n_articles for minute in (0, 1, 2, 3)] == [0, 0, 1, 1]


def test_older_and_repeated_watermarks_change_nothing() -> None:
    assert said(passed(0), passed(0), passed(-MINUTE), passed(MINUTE)) == said(passed(0), passed(MINUTE))


def test_watermark_of_an_earlier_session_is_void() -> None:
    assert said(passed(0, epoch=2), passed(MINUTE, epoch=1)) == ["row 0", "watermark 0"]


def test_more_than_a_day_between_two_watermarks_is_an_outage() -> None:
    assert said(passed(0), passed(25 * HOUR)) == ["row 0", "watermark 0", "row 1500", "watermark 1500"]


def test_absent_time_has_no_rows_and_what_comes_after_it_counts_from_its_end_on() -> None:
    """``W0 | absent from 0 to 5, as the agent died | its scores and watermarks of 1 to 4 come late | W6``."""
    late = [scored(1, known_ms=MINUTE), passed(2 * MINUTE), scored(2, known_ms=3 * MINUTE)]
    script = [passed(0), absent(0, 3 * MINUTE), absent(0, 5 * MINUTE), *late, passed(7 * MINUTE)]
    assert said(*script) == [
        "row 0",
        "watermark 0",
        "silent 0",
        "silent 0",
        "row 6",
        "watermark 6",
        "row 7",
        "watermark 7",
    ]
    assert rows(*script)[6].n_articles == 2
    assert rows(*script)[6].values["news_age_minutes"] == 3.0


def test_absence_that_was_stated_after_the_agent_had_gone_on_begins_where_it_was() -> None:
    script = [passed(0), passed(2 * MINUTE), absent(0, 3 * MINUTE), passed(4 * MINUTE)]
    assert said(*script)[-3:] == ["silent 2", "row 4", "watermark 4"]


def test_absence_is_forwarded_once_and_its_end_too() -> None:
    script = [passed(0), absent(MINUTE), absent(MINUTE), back(3 * MINUTE), back(3 * MINUTE), absent(MINUTE)]
    assert said(*script, passed(4 * MINUTE)) == [
        "row 0",
        "watermark 0",
        "row 1",
        "watermark 1",
        "silent 1",
        "back 3",
        "row 4",
        "watermark 4",
    ]


def test_return_that_follows_no_stated_absence_ends_an_outage() -> None:
    assert said(passed(0), back(10 * MINUTE), passed(11 * MINUTE))[2:] == [
        "back 10",
        "row 11",
        "watermark 11",
    ]


def test_news_that_has_ended_can_begin_again() -> None:
    end = absent(MINUTE, END_OF_TIME_MS - T0)
    assert said(passed(0), end, end, passed(5 * MINUTE), passed(6 * MINUTE))[2:] == [
        "row 1",
        "watermark 1",
        "silent 1",
        "row 5",
        "watermark 5",
        "row 6",
        "watermark 6",
    ]


def test_what_other_sources_say_is_not_about_news() -> None:
    other = WatermarkAdvanced(event_time_ms=T0, known_time_ms=T0, source="coindesk", stream=STREAM)
    assert stepped([other]) == []


def test_other_events_are_refused() -> None:
    with pytest.raises(TypeError, match="ArticlePublished"):
        stepped([article(1)])


# Scores


def test_newer_version_counts_in_the_place_of_the_older_one_from_its_own_known_time_on() -> None:
    old, new = scored(1, known_ms=-HOUR, score=1.0), scored(1, known_ms=MINUTE, score=-1.0, version=1)
    found = rows(passed(-MINUTE), old, passed(0), new, passed(2 * MINUTE))
    assert [(found[at].n_articles, found[at].values["news_vader_mean_7d"]) for at in (0, 1, 2)] == [
        (1, 1.0),
        (1, 1.0),
        (1, -1.0),
    ]
    assert found[2].values["news_novelty_newest"] == 1.0  # it is not compared with itself


def test_late_score_of_an_older_version_changes_nothing() -> None:
    new, old = scored(1, known_ms=-MINUTE, version=1, score=-1.0), scored(1, known_ms=-HOUR, score=1.0)
    found = rows(passed(-DAY), new, passed(0), old, passed(MINUTE))
    assert [(found[at].n_articles, found[at].values["news_vader_mean_7d"]) for at in (0, 1)] == [
        (1, -1.0)
    ] * 2


def test_scores_of_a_scorer_that_has_no_column_are_left_out() -> None:
    assert rows(scored(1, known_ms=-1, scorer=OLD_VADER), passed(0))[0].n_articles == 0


def test_scorer_without_a_score_is_undefined_and_not_averaged_away() -> None:
    row = last(scored(1, known_ms=-1, score=0.5), passed(0))
    assert row["news_vader_mean_15m"] == 0.5
    assert row["news_textblob_mean_15m"] is None
    assert row["news_disagreement_15m"] is None
    both = last(scored(1, known_ms=-1), scored(1, known_ms=-1, scorer=TEXTBLOB, score=-0.5), passed(0))
    assert both["news_disagreement_15m"] == 0.5


def test_refused_text_is_counted_and_has_no_score() -> None:
    row = last(scored(1, known_ms=-1, score=None), passed(0))
    assert row["news_log_count_15m"] == math.log1p(1)
    assert row["news_vader_mean_15m"] is None


def test_equal_scores_deviate_by_exactly_zero() -> None:
    many = [scored(number, known_ms=-number * 7_001, score=0.1) for number in range(1, 100)]
    row = last(*many, passed(0))
    assert {row[f"news_vader_dispersion_{window}"] for window in ("15m", "1h", "4h", "1d", "7d")} == {0.0}
    assert {row[f"news_vader_mean_{window}"] for window in ("15m", "7d")} == {0.1}
    assert row["news_vader_surprise_15m"] is None


def test_younger_articles_and_believed_sources_weigh_more() -> None:
    """Of a window of an hour: ages 15 and 45 minutes weigh 3/4 and 1/4, and half of that where half believed."""
    young, old = scored(1, known_ms=-15 * MINUTE, score=1.0), scored(2, known_ms=-45 * MINUTE, score=0.0)
    assert last(young, old, passed(0))["news_vader_mean_1h"] == 0.75
    half = scored(1, known_ms=-15 * MINUTE, score=1.0, source="cryptoslate")
    assert last(half, old, passed(0))["news_vader_mean_1h"] == 0.6
    assert last(half, old, passed(0))["news_log_count_1h"] == math.log1p(1.5)


def test_source_without_credibility_is_left_out() -> None:
    rumour = scored(1, known_ms=-1, source="rumours", sketch=5)
    found = rows(rumour, scored(2, known_ms=-1, sketch=5), passed(0))
    assert (found[0].n_articles, found[0].values["news_novelty_newest"]) == (1, 1.0)


@pytest.mark.parametrize(("n_bits", "novelty"), [(0, 0.0), (8, 0.25), (31, 31 / 32), (32, 1.0), (64, 1.0)])
def test_novelty_follows_from_the_bits_that_differ(n_bits: int, novelty: float) -> None:
    first, second = (scored(1, known_ms=-HOUR, sketch=0), scored(2, known_ms=-1, sketch=(1 << n_bits) - 1))
    assert last(first, second, passed(0))["news_novelty_newest"] == novelty


def test_novelty_looks_back_72_hours_and_no_further() -> None:
    first = scored(1, known_ms=-72 * HOUR - 1, sketch=5)
    assert last(first, scored(2, known_ms=-1, sketch=5), passed(0))["news_novelty_newest"] == 1.0
    assert last(first, scored(2, known_ms=-2, sketch=5), passed(0))["news_novelty_newest"] == 0.0


def test_nearest_text_that_leaves_the_seven_days_no_longer_counts() -> None:
    twin, near, of = (
        scored(1, known_ms=0, sketch=0),
        scored(2, known_ms=HOUR, sketch=0xFF),
        scored(3, known_ms=DAY, sketch=0),
    )
    script = [twin, near, of, passed(7 * DAY - MINUTE)]
    script += [passed(7 * DAY + minute * MINUTE) for minute in range(62)]
    found = rows(*script)
    at = [7 * DAY // MINUTE + minute for minute in (-1, 0, 59, 60)]
    assert [found[minute].values["news_novelty_newest"] for minute in at] == [0.0, 0.25, 0.25, 1.0]


def test_surprise_is_measured_against_seven_days() -> None:
    calm = [scored(number, known_ms=-number * HOUR, score=0.1 * (number % 3)) for number in range(5, 160)]
    row = last(*calm, scored(1, known_ms=-1, score=1.0), passed(0))
    spread = row["news_vader_dispersion_7d"]
    mean = row["news_vader_mean_7d"]
    assert spread is not None
    assert mean is not None
    assert row["news_vader_surprise_15m"] == pytest.approx((1.0 - mean) / spread)


# State


def test_state_holds_seven_days_and_no_more() -> None:
    operator = news_operator()
    for day in range(30):
        for number in range(20):
            known_ms = day * DAY + number * HOUR
            stepped([scored(100 * day + number, known_ms=known_ms, asset="XRP")], operator)
        stepped([passed(day * DAY + 23 * HOUR)], operator)
    assert len(kept(operator)) == 1 + 7 * 20


def test_restored_operator_shows_the_newest_row_of_each_asset() -> None:
    operator = news_operator()
    made = stepped([scored(1, known_ms=-DAY), scored(2, known_ms=-1), passed(0), absent(0, DAY)], operator)
    again = restored_from(news_operator(), kept(operator))
    assert list(again.newest()) == [event for event in made if isinstance(event, NewsFeaturesComputed)]


def test_state_of_another_release_is_refused() -> None:
    for entries in ({b"\x93\xa4note\xa1s\xa1x": b""}, {b"\x92\xa8progress\xa1s": b"\x01"}, {b"?": b""}):
        with pytest.raises(SnapshotMismatchError, match="another release"):
            restored_from(news_operator(), entries)
