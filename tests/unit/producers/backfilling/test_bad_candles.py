"""Candles that are put aside: what they leave in the ledger, and what is stored beside them."""

import pytest
from msgspec.structs import replace

from producers.jobs.backfilling.accounts import UNREADABLE
from tests.fakes.backfill_runs import PLACE, run
from tests.fakes.backfills import MemoryBackfill
from tests.fakes.markets import MINUTE_MS, START_MS
from tests.fakes.paged_venues import PagedVenue, made_candles

N = 1_000


def at(minute: int) -> int:
    return START_MS + minute * MINUTE_MS


def venue_of(*missing: range, name: str = "coinbase", page: int = 50) -> PagedVenue:
    gone = {number for each in missing for number in each}
    rows = [each for number, each in enumerate(made_candles(N)) if number not in gone]
    return PagedVenue(["BTC-USD.COINBASE"], rows, name=name, page=page)


def gaps_of(store: MemoryBackfill):
    return [
        (
            (gap.start_ms - START_MS) // MINUTE_MS,
            (gap.end_ms - START_MS) // MINUTE_MS,
            gap.reason,
            gap.closed_by,
        )
        for gap in store.gaps(PLACE._replace(source="coinbase"))
    ]


@pytest.fixture
def store() -> MemoryBackfill:
    return MemoryBackfill()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"high": 1.0}, "is not below low"),
        ({"low": -1.0}, "is positive"),
        ({"volume": None}, "is a number"),
        ({"volume": -2.0}, "is not negative"),
        ({"open": 1e9, "close": 1e9, "high": 1e9, "low": 1e9}, "far from the prices"),
        ({"high": 9_000.0}, "far from the prices"),
        ({"length_ms": 300_000}, "ms long"),
        ({"is_closed": False}, "still forming"),
    ],
)
def test_bad_candle_is_put_aside_and_the_rest_of_the_page_is_stored(store, change, said):
    venue = venue_of()
    venue.rows[520] = replace(venue.rows[520], **change)
    letters: list = []

    tally = run(venue, store, n_minutes=N, letters=letters)

    (gap,) = gaps_of(store)
    assert gap[:2] == (520, 521)
    assert gap[3] is None
    assert said in gap[2]
    assert [letter.reason for letter in letters] == [gap[2]]
    assert (tally.n_new, tally.n_put_aside, tally.n_missing) == (N - 1, 1, 1)


def test_candle_with_a_start_between_two_bars_leaves_an_open_gap(store):
    venue = venue_of()
    venue.rows[520] = replace(venue.rows[520], start_ms=at(520) + 1_000)

    run(venue, store, n_minutes=N)

    assert gaps_of(store) == [(520, 521, UNREADABLE, None)]


def test_row_that_cannot_be_read_is_no_quiet_minute(store):
    venue = venue_of()
    venue.unreadable = {at(20), at(49), at(520)}

    run(venue, store, n_minutes=N)

    assert [each[::3] for each in gaps_of(store)] == [(20, None), (49, None), (520, None)]


def test_two_candles_of_one_minute_with_other_numbers_are_both_put_aside(store):
    venue = venue_of()
    venue.rows.insert(521, replace(venue.rows[520], close=102.5))
    venue.rows.insert(300, venue.rows[300])

    tally = run(venue, store, n_minutes=N)

    assert tally.n_put_aside == 2
    assert gaps_of(store)[0][:2] == (520, 521)


def test_candle_outside_of_what_was_asked_for_is_put_aside(store):
    venue = venue_of()
    given = venue.candles
    stray = made_candles(1, from_ms=at(-5))
    venue.candles = lambda *args, **kwargs: ([*stray, *page] for page in given(*args, **kwargs))
    letters: list = []

    tally = run(venue, store, n_minutes=N, letters=letters)

    assert (tally.n_new, tally.n_missing) == (N, 0)
    assert "which was asked for" in letters[0].reason
