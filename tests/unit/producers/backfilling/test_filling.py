"""One series is filled: what is stored, what the ledger says, and what is put aside."""

import pytest
from msgspec.structs import replace

from producers.jobs.backfilling.accounts import NOT_CLOSED, NOT_GIVEN
from producers.jobs.backfilling.places import BACKFILL, NOT_TRADED
from producers.sources.fetching import SourceBusyError, SourceRefusedError, SourceUnreachableError
from schemas.errors import DecodeError
from tests.fakes.backfill_runs import PLACE, check_covered, run, span_of
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


def gaps_of(store: MemoryBackfill, name: str = "coinbase"):
    return [
        (
            (gap.start_ms - START_MS) // MINUTE_MS,
            (gap.end_ms - START_MS) // MINUTE_MS,
            gap.reason,
            gap.closed_by,
        )
        for gap in store.gaps(PLACE._replace(source=name))
    ]


@pytest.fixture
def store() -> MemoryBackfill:
    return MemoryBackfill()


def test_every_candle_is_stored_and_a_second_run_asks_nothing(store):
    venue = venue_of()

    first = run(venue, store, n_minutes=N)
    venue.asked.clear()
    second = run(venue, store, n_minutes=N)

    assert (first.n_new, first.n_before, first.n_missing) == (N, 0, 0)
    assert (second.n_new, second.n_before, second.n_asked) == (0, N, 0)
    assert not venue.asked
    assert not gaps_of(store)


def test_minutes_without_a_trade_are_closed_for_good(store):
    venue = venue_of(range(70, 80))

    tally = run(venue, store, n_minutes=N)
    venue.asked.clear()
    again = run(venue, store, n_minutes=N)

    assert [(each[:2], each[3]) for each in gaps_of(store)] == [((70, 80), NOT_TRADED)]
    assert (tally.n_quiet, tally.n_missing, again.n_quiet) == (10, 0, 10)
    assert not venue.asked


def test_hole_of_a_venue_that_leaves_nothing_out_stays_open(store):
    run(venue_of(range(70, 80), name="binance"), store, n_minutes=N)

    assert gaps_of(store, "binance") == [(70, 80, NOT_GIVEN, None)]


def test_long_hole_is_no_quiet_market(store):
    run(venue_of(range(70, 131)), store, n_minutes=N)

    assert gaps_of(store) == [(70, 131, NOT_GIVEN, None)]


def test_empty_answer_proves_no_quiet_market(store):
    """An API may answer an empty list by mistake; the minutes must not be given up for good."""
    venue = venue_of(range(70, 75))
    store.bars[PLACE] = {at(number) for number in range(N) if number not in range(70, 75)}

    run(venue, store, n_minutes=N)

    assert gaps_of(store) == [(70, 75, NOT_GIVEN, None)]


def test_later_backfill_closes_what_it_finds_and_keeps_the_rest_open(store):
    run(venue_of(range(100, 300), name="binance"), store, n_minutes=N)

    tally = run(venue_of(range(250, 280), name="binance"), store, n_minutes=N)

    gaps = gaps_of(store, "binance")
    assert (100, 300, NOT_GIVEN, BACKFILL) in gaps
    assert [gap for gap in gaps if gap[3] is None] == [(250, 280, NOT_GIVEN, None)]
    assert (tally.n_new, tally.n_missing) == (170, 30)
    check_covered(store, N, PLACE._replace(source="binance"))


def test_own_bar_is_not_asked_for(store):
    venue = venue_of()
    store.bars[PLACE] = {at(number) for number in range(400, 500)}

    run(venue, store, n_minutes=N)

    assert venue.asked == [(at(0), at(400)), (at(500), at(N))]


def test_what_lies_beyond_the_reach_is_named_and_not_asked_for(store):
    venue = venue_of(name="kraken")
    venue._reach_ms = at(600)

    tally = run(venue, store, n_minutes=N)

    assert venue.asked == [(at(600), at(N))]
    (gap,) = gaps_of(store, "kraken")
    assert gap[:2] == (0, 600)
    assert "older ones are not made of its trades" in gap[2]
    assert (tally.reach_ms, tally.n_missing) == (at(600), 600)


def test_minutes_that_leave_the_reach_while_it_is_asked_are_no_quiet_market(store):
    venue = venue_of(range(600, 603), name="kraken")
    venue._reach_ms = at(600)

    run(venue, store, n_minutes=N)

    assert [each[:2] for each in gaps_of(store, "kraken") if each[3] is None] == [(0, 600), (600, 602)]


def test_end_that_is_not_closed_yet_is_asked_for_again(store):
    venue = venue_of(range(N - 2, N))

    run(venue, store, n_minutes=N, now_ms=at(N) + 30_000)
    tally = run(venue_of(), store, n_minutes=N)

    assert gaps_of(store) == [(N - 2, N, NOT_CLOSED, BACKFILL)]
    assert tally.n_new == 2


def test_refusal_names_the_rest_and_the_next_backfill_goes_on(store):
    venue = venue_of()

    def refuse(number: int) -> None:
        if number == 3:
            raise SourceRefusedError("451 for this country", status=451)

    venue.before_page = refuse
    tally = run(venue, store, n_minutes=N)

    assert "451" in (tally.trouble or "")
    assert gaps_of(store) == [(100, N, tally.trouble, None)]
    check_covered(store, N)
    assert run(venue_of(), store, n_minutes=N).n_new == N - 100


@pytest.mark.parametrize("error", [SourceUnreachableError("500"), DecodeError("HTML")])
def test_page_that_fails_is_named_and_the_next_one_is_read(store, error):
    venue = venue_of()

    def fail(number: int) -> None:
        if number == 3:
            raise error

    venue.before_page = fail
    tally = run(venue, store, n_minutes=N)

    assert gaps_of(store) == [(100, 400, f"A page failed: {error}", None)]
    assert (tally.n_new, tally.trouble) == (N - 300, None)


def test_venue_that_fails_three_times_in_a_row_is_given_up(store):
    venue = venue_of()

    def fail(number: int) -> None:
        raise SourceUnreachableError("500")

    venue.before_page = fail
    tally = run(venue, store, n_minutes=N)

    assert venue.n_pages == 3
    assert (tally.n_missing, tally.n_unnamed) == (N, 0)
    check_covered(store, N)


def test_busy_source_is_waited_for(store):
    venue = venue_of()
    waits = iter(
        [None, SourceBusyError("429", retry_after_s=30.0), SourceBusyError("429", retry_after_s=5.0)]
    )

    def busy(_number: int) -> None:
        if (error := next(waits, None)) is not None:
            raise error

    venue.before_page = busy

    assert run(venue, store, n_minutes=N).n_new == N


def test_source_that_asks_for_too_long_a_wait_is_given_up(store):
    venue = venue_of()

    def busy(_number: int) -> None:
        raise SourceBusyError("429", retry_after_s=3_600.0)

    venue.before_page = busy
    tally = run(venue, store, n_minutes=N)

    assert "too busy" in (tally.trouble or "")
    check_covered(store, N)


def test_correction_gets_the_next_revision(store):
    run(venue_of(), store, n_minutes=N)
    venue = venue_of()
    venue.rows[7] = replace(venue.rows[7], volume=3.0)

    tally = run(venue, store, n_minutes=N, asks_again=True)
    run(venue, store, n_minutes=N, asks_again=True)

    stored = store.candles[PLACE]
    assert (tally.n_new, tally.n_corrected) == (0, 1)
    assert stored[at(7)][1].revision == 1
    assert sum(held.revision for _, held in stored.values()) == 1


def test_asking_again_opens_no_gap_over_what_is_stored(store):
    run(venue_of(), store, n_minutes=N)

    tally = run(venue_of(range(200, 400)), store, n_minutes=N, asks_again=True)

    assert not gaps_of(store)
    assert tally.n_missing == 0


def test_interval_that_the_venue_does_not_have_is_named(store):
    venue = venue_of()
    venue.traits = replace(venue.traits, candle_intervals=frozenset())

    run(venue, store, n_minutes=N)

    assert [each[:3] for each in gaps_of(store)] == [(0, N, "The API of coinbase has no candles of 1m.")]


def test_span_is_that_of_whole_bars():
    assert PLACE.span(at(0) + 1, at(3) + 59_999) == (at(1), at(3))
    assert span_of(3) == PLACE.span(at(0), at(3))
