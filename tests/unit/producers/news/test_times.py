"""Times of articles, as feeds and pages state them."""

import pytest

from producers.normalise.news.rules import ItemRefusedError, Rule
from producers.normalise.news.times import check_published, read_time
from schemas.time import text_of_time

#: What is stated, the time in UTC, the offset.
STATED = [
    ("Fri, 25 Sep 2026 14:41:53 +0000", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("Fri, 25 Sep 2026 14:41:53 GMT", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("Fri, 25 Sep 2026 14:41:53 UT", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("Fri, 25 Sep 2026 14:41:53 Z", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("Fri, 25 Sep 2026 14:41:53 EST", "2026-09-25T19:41:53.000Z", "-05:00"),
    ("Fri, 25 Sep 2026 14:41:53 EDT", "2026-09-25T18:41:53.000Z", "-04:00"),
    ("Fri, 25 Sep 2026 14:41:53 PDT", "2026-09-25T21:41:53.000Z", "-07:00"),
    ("Fri, 25 Sep 2026 14:41:53 JST", "2026-09-25T05:41:53.000Z", "+09:00"),
    ("Fri, 25 Sep 2026 14:41:53 +0530", "2026-09-25T09:11:53.000Z", "+05:30"),
    ("Fri, 25 Sep 2026 14:41:53 -05:00", "2026-09-25T19:41:53.000Z", "-05:00"),
    ("Fri, 25 Sep 2026 14:41:53 GMT+2", "2026-09-25T12:41:53.000Z", "+02:00"),
    (
        "Fri, 25 Sep 2026 14:41:53 GMT+0200 (Central European Summer Time)",
        "2026-09-25T12:41:53.000Z",
        "+02:00",
    ),
    ("Fri, 25 Sep 2026 14:41:53 \u22120500", "2026-09-25T19:41:53.000Z", "-05:00"),
    ("Fri,  25  Sep  2026\n 14:41:53  +0000", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("25 Sep 26 14:41 GMT", "2026-09-25T14:41:00.000Z", "+00:00"),
    ("Friday, 25-Sep-26 14:41:53 GMT", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("Fri, 1 May 09 09:05:00 +0100", "2009-05-01T08:05:00.000Z", "+01:00"),
    ("2026-09-25T14:41:53Z", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("2026-09-25T14:41:53.123456+02:00", "2026-09-25T12:41:53.123Z", "+02:00"),
    ("2026-09-25 14:41:53 +0000", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("2026-09-25T14:41-0330", "2026-09-25T18:11:00.000Z", "-03:30"),
    ("2026-09-25T14:41:53Z[UTC]", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("2026-09-25 14:41:53 +0000 UTC", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("2026/09/25 14:41:53", "2026-09-25T14:41:53.000Z", None),
    ("Fr, 25 Sep 2026 14:41:53 +0200", "2026-09-25T12:41:53.000Z", "+02:00"),
    ("20260925T144153Z", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("September 25, 2026 at 2:41 PM ET", "2026-09-25T18:41:00.000Z", "-04:00"),
    ("Dec 25, 2026, 2:41 p.m. ET", "2026-12-25T19:41:00.000Z", "-05:00"),
    ("Sep 25, 2026, 12:05 a.m. UTC", "2026-09-25T00:05:00.000Z", "+00:00"),
    ("Fri Sep 25 14:41:53 UTC 2026", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("1790347313", "2026-09-25T14:41:53.000Z", "+00:00"),
    ("1790347313000", "2026-09-25T14:41:53.000Z", "+00:00"),
]
#: Without a zone they are UTC, and say so; ``-0000`` is how RFC 2822 says that no zone is known.
NAIVE = [
    ("2025-11-14T20:35:12", "2025-11-14T20:35:12.000Z"),
    ("2025-11-14 20:35", "2025-11-14T20:35:00.000Z"),
    ("2025-11-14", "2025-11-14T00:00:00.000Z"),
    ("Fri, 14 Nov 2025 20:35:12", "2025-11-14T20:35:12.000Z"),
    ("Fri, 14 Nov 2025 20:35:12 -0000", "2025-11-14T20:35:12.000Z"),
    ("November 14, 2025", "2025-11-14T00:00:00.000Z"),
]


@pytest.mark.parametrize(("text", "in_utc", "zone"), STATED)
def test_time_is_read_with_the_zone_that_is_stated(text: str, in_utc: str, zone: str) -> None:
    found = read_time(text)
    assert (text_of_time(found.ms, "iso"), found.zone) == (in_utc, zone)


@pytest.mark.parametrize(("text", "in_utc"), NAIVE)
def test_time_without_a_zone_is_taken_as_utc_and_says_so(text: str, in_utc: str) -> None:
    found = read_time(text)
    assert (text_of_time(found.ms, "iso"), found.zone) == (in_utc, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Fri, 25 Sep 2026 14:41:53 XYZ",
        "2026-02-30",
        "2026-13-01T00:00:00Z",
        "Fri, 25 Sep 2026 25:00:00 GMT",
        "Sep 25, 2026, 13:41 p.m. EDT",
        "2026-09-25T14:41:53+25:00",
        "5 minutes ago",
        "0",
    ],
)
def test_what_is_no_time_is_refused_with_its_rule(text: str) -> None:
    with pytest.raises(ItemRefusedError) as caught:
        read_time(text)
    assert caught.value.rule is Rule.TIME


def test_american_zone_changes_with_the_seconds_of_march_and_november() -> None:
    zones = [read_time(f"{day}, 2026 {clock} ET").zone for day, clock in (
        ("March 8", "1:59 AM"), ("March 8", "2:00 AM"), ("November 1", "1:59 AM"), ("November 1", "2:00 AM"),
    )]  # fmt: skip
    assert zones == ["-05:00", "-04:00", "-04:00", "-05:00"]


def test_article_of_the_future_or_of_before_2009_is_refused() -> None:
    now_ms = read_time("2026-09-25T12:00:00Z").ms
    check_published(now_ms + 60_000, now_ms=now_ms)  # clocks differ
    for stated, rule in (
        ("2026-09-25T12:01:01Z", Rule.NOT_IN_FUTURE),
        ("2008-12-31T23:59:59Z", Rule.NOT_TOO_EARLY),
        ("1970-01-01T00:00:00Z", Rule.NOT_TOO_EARLY),
    ):
        with pytest.raises(ItemRefusedError) as caught:
            check_published(read_time(stated).ms, now_ms=now_ms)
        assert caught.value.rule is rule
