"""The backfill on a real Postgres: pages are whole or absent, and what is stored has the form of every candle."""

import uuid

import numpy as np
import psycopg
import pytest
from msgspec.structs import replace

from producers.jobs.backfilling.accounts import Changes
from producers.jobs.backfilling.places import NOT_TRADED
from producers.jobs.backfilling.storing import StoredBackfill
from producers.jobs.backfilling.stretches import Stretch
from schemas.errors import PlatformError
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.minutes import stored_minutes
from schemas.wire.postgres.pools import PostgresPool
from tests.fakes.backfill_runs import PLACE, KilledError, check_covered, run, span_of, state_of
from tests.fakes.backfills import MemoryBackfill
from tests.fakes.markets import MINUTE_MS, START_MS
from tests.fakes.paged_venues import PagedVenue, made_candles

N = 400


@pytest.fixture
def pool(endpoints):
    with PostgresPool(endpoints.database_url, max_connections=3) as opened:
        yield opened


@pytest.fixture
def place():
    return PLACE._replace(stream=f"mirror-{uuid.uuid4().hex[:12]}")


def venue_of(*missing):
    gone = {number for each in missing for number in each}
    rows = [each for number, each in enumerate(made_candles(N)) if number not in gone]
    rows[50] = replace(rows[50], high=1.0)
    return PagedVenue(["BTC-USD.COINBASE"], rows)


def test_postgres_holds_what_the_memory_holds_after_kills(pool, place):
    memory = MemoryBackfill()
    run(venue_of(range(70, 80), range(200, 290)), memory, n_minutes=N, place=place)
    store = StoredBackfill(pool)
    venue = venue_of(range(70, 80), range(200, 290))
    kills = [2, 3, 5, 9]

    def kill(number):
        if kills and number >= kills[0]:
            kills.pop(0)
            raise KilledError

    venue.before_page = kill
    while True:
        try:
            run(venue, store, n_minutes=N, place=place)
        except KilledError:
            continue
        break

    check_covered(store, N, place)
    assert state_of(store, place) == state_of(memory, place)
    again = run(venue_of(), store, n_minutes=N, place=place)
    assert again.n_before + again.n_quiet + again.n_new + again.n_missing == N


def test_page_that_cannot_be_stored_whole_is_not_stored_at_all(pool, place):
    """The gaps of a page and its candles are one transaction."""
    store = StoredBackfill(pool)
    gap = place.gap(Stretch(START_MS, START_MS + MINUTE_MS), "a reason", at_ms=START_MS)
    unwritable = replace(gap, reason="no \0 in a text of Postgres")

    with pytest.raises((PlatformError, psycopg.Error, ValueError)):
        store.commit(place, made_candles(10), Changes(opening=[gap, unwritable]), at_ms=START_MS)

    assert len(store.held(place, span_of(N))) == 0
    assert store.gaps(place) == []


def test_stored_candle_is_known_since_its_end_and_a_correction_since_now(pool, place):
    store = StoredBackfill(pool)
    first = [replace(each, n_trades=3, taker_buy_volume=1.5) for each in made_candles(3)]
    corrected = replace(first[1], volume=9.0)

    store.commit(place, first, Changes(), at_ms=START_MS + 10**9)
    stored = store.commit(place, [first[0], corrected], Changes(), at_ms=START_MS + 2 * 10**9)

    candles = list(StoredMarket(pool).candles(place.stream))
    assert stored == (0, 1)
    ends = [START_MS + MINUTE_MS, START_MS + 3 * MINUTE_MS, START_MS + 2 * 10**9]
    assert [candle.known_time_ms for candle in candles] == ends
    assert [candle.revision for candle in candles] == [0, 0, 1]
    assert {(candle.n_trades, candle.taker_buy_volume) for candle in candles} == {(3, 1.5)}


def test_training_reads_every_stored_minute_and_own_bars_are_not_asked_for(pool, place):
    store = StoredBackfill(pool)

    run(venue_of(), store, n_minutes=N, place=place)

    minutes = stored_minutes(pool, place.stream, instrument=place.instrument)
    assert len(minutes.start_ms) == N - 1
    assert np.array_equal(minutes.start_ms, store.held(place, span_of(N)))


def test_quiet_minutes_are_one_closed_row_of_the_ledger(pool, place):
    store = StoredBackfill(pool)

    run(venue_of(range(70, 80)), store, n_minutes=N, place=place)

    quiet = [gap for gap in store.gaps(place) if gap.closed_by == NOT_TRADED]
    assert [(gap.n_missing, gap.is_open) for gap in quiet] == [(10, False)]
