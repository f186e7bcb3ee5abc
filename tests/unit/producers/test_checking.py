"""A start says which targets its files can make: all of them, some, or none."""

import re

import pytest

from producers.jobs.checking import check_run
from producers.settings import ProducerSettings
from schemas.errors import ConfigurationError

DAY_S = 86_400
NOW_MS = 1_800_000_000_000


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """A file of daily candles, as chart sites give them."""
    path = tmp_path_factory.mktemp("files") / "btcusd_kraken_spot_1d.csv"
    begin_s = 1_600_041_600
    rows = [f"{begin_s + i * DAY_S},{100 + i % 3},{104 + i % 3},{98},{101 + i % 3},5" for i in range(200)]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows, ""]))
    return path


def settings(path, **variables):
    return ProducerSettings.from_environment({"DRIFTLINE_DATA": str(path), **variables})


def test_bars_too_long_for_every_target_stop_the_start_and_the_setting_that_helps_is_named(days):
    with pytest.raises(ConfigurationError, match=r"needs shorter bars.*set DRIFTLINE_TARGETS=1d:1d"):
        check_run(settings(days), now_ms=NOW_MS)


def test_bars_too_long_for_some_targets_are_noted(days):
    notes = check_run(settings(days, DRIFTLINE_TARGETS="1d:1d,1h:1h"), now_ms=NOW_MS)
    assert any("no model is trained of 1h:1h" in note for note in notes)


def test_bars_that_make_every_target_need_no_note(days):
    notes = check_run(settings(days, DRIFTLINE_TARGETS="1d:1d"), now_ms=NOW_MS)
    assert not any("no model is trained" in note for note in notes)


HEAD = "timestamp,headline,url\n"


def article(time, url="https://a.com/b"):
    return f"{time},Bitcoin rises,{url}\n"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (article("2021-03-30T10:00:00Z"), None),
        (article("2020-10-01T10:00:00Z"), "no article from 2020-10-01 10:06.* to 2021-04-02 .*: news is absent there"),
        (article("2025-06-01T10:00:00Z"), "from 2025-06-01.* only, none of them in this run's stretch"),
        ("", "has no articles"),
        (article("2021-03-30T10:00:00Z") + article("2020-10-01T11:00:00Z", "nowhere"),
         "1 row is no article and left out; the first is row 2: expected an address"),
        (article("2021-03-30T10:00:00Z") + article("2099-01-01T00:00:00Z"), "articles of the future: the newest is of 2099"),
        (article("2021-03-30T10:00:00Z") + article("1970-01-01T00:00:00Z"), "before the year 2009"),
    ],
)  # fmt: skip
def test_articles_of_a_run_are_checked_before_its_start(days, tmp_path, rows, words):
    """A file of another year played no news at all, and nothing said so."""
    news = tmp_path / "articles.csv"
    news.write_text(HEAD + rows)
    variables = {"DRIFTLINE_TARGETS": "1d:1d", "DRIFTLINE_NEWS": str(news)}
    notes = [
        note for note in check_run(settings(days, **variables), now_ms=NOW_MS) if note.startswith("NEWS")
    ]
    if words is None:
        assert notes == []
    else:
        assert len(notes) == 1
        assert re.search(words, notes[0])


def test_file_of_articles_without_a_needed_column_stops_the_start(days, tmp_path):
    """The servers were started for it, and the replay ended again and again."""
    news = tmp_path / "articles.csv"
    news.write_text("timestamp;headline;url\n")
    with pytest.raises(ConfigurationError, match=r"its columns are timestamp;headline;url"):
        check_run(settings(days, DRIFTLINE_TARGETS="1d:1d", DRIFTLINE_NEWS=str(news)), now_ms=NOW_MS)
