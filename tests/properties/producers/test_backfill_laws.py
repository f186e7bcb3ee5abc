"""Laws of the backfill: a kill changes nothing, and the stored bars and the ledger are the span, each bar once."""

from collections.abc import Collection

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from producers.jobs.backfilling.stretches import Stretch, joined, of_starts, total, without
from tests.fakes.backfill_runs import PLACE, KilledError, check_covered, run, state_of
from tests.fakes.backfills import MemoryBackfill
from tests.fakes.markets import MINUTE_MS, START_MS
from tests.fakes.paged_venues import PagedVenue, made_candles

N = 240
_MINUTES = st.integers(0, N - 1)
_HOLES = st.lists(st.tuples(_MINUTES, st.integers(1, 90)), max_size=4)


def _venue(holes: Collection[tuple[int, int]], bad: set[int], name: str, page: int) -> PagedVenue:
    gone = {at + k for at, length in holes for k in range(length)}
    rows = [
        replace(candle, high=candle.low / 2) if number in bad else candle
        for number, candle in enumerate(made_candles(N))
        if number not in gone
    ]
    return PagedVenue([f"BTC-USD.{name.upper()}"], rows, name=name, page=page)


def _run_with_kills(venue: PagedVenue, store: MemoryBackfill, kills: list[int]) -> None:
    def kill(number: int) -> None:
        if kills and number >= kills[0]:
            kills.pop(0)
            raise KilledError

    venue.before_page = kill
    while True:
        try:
            run(venue, store, n_minutes=N)
        except KilledError:
            continue
        return


@settings(max_examples=60, deadline=None)
@given(
    holes=_HOLES,
    bad=st.sets(_MINUTES, max_size=4),
    name=st.sampled_from(["coinbase", "binance"]),
    page=st.integers(3, 80),
    kills=st.lists(st.integers(1, 90), max_size=5),
)
def test_kills_at_any_page_change_nothing(
    holes: list[tuple[int, int]], bad: set[int], name: str, page: int, kills: list[int]
) -> None:
    whole, resumed = MemoryBackfill(), MemoryBackfill()
    place = PLACE._replace(source=name, instrument=f"BTC-USD.{name.upper()}")
    run(_venue(holes, bad, name, page), whole, n_minutes=N)

    _run_with_kills(_venue(holes, bad, name, page), resumed, sorted(kills))

    assert state_of(resumed, place) == state_of(whole, place)
    check_covered(resumed, N, place)


@settings(max_examples=60, deadline=None)
@given(
    first=_HOLES,
    later=_HOLES,
    bad=st.sets(_MINUTES, max_size=4),
    name=st.sampled_from(["coinbase", "binance"]),
    bars=st.sets(_MINUTES, max_size=60),
)
def test_later_backfill_fills_what_it_finds_and_asks_for_nothing_that_is_there(
    first: list[tuple[int, int]], later: list[tuple[int, int]], bad: set[int], name: str, bars: set[int]
) -> None:
    store = MemoryBackfill()
    place = PLACE._replace(source=name, instrument=f"BTC-USD.{name.upper()}")
    store.bars[place] = {START_MS + number * MINUTE_MS for number in bars}
    run(_venue(first, bad, name, 50), store, n_minutes=N)
    stored = store.held(place, Stretch(START_MS, START_MS + N * MINUTE_MS))
    venue = _venue(later, set(), name, 50)

    run(venue, store, n_minutes=N)

    check_covered(store, N, place)
    asked = [Stretch(*each) for each in venue.asked]
    held = of_starts(stored, MINUTE_MS)
    assert total(without(joined(asked), held), MINUTE_MS) == total(joined(asked), MINUTE_MS)


@given(
    some=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=6),
    others=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=6),
)
def test_stretches_are_sets_of_times(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    left = [Stretch(at, at + length) for at, length in some]
    right = [Stretch(at, at + length) for at, length in others]

    found = without(left, right)

    assert _times(found) == _times(left) - _times(right)
    assert found == joined(found)
    assert total(found, 1) == len(_times(found))


def _times(stretches: list[Stretch]) -> set[int]:
    return {time for each in stretches for time in range(each.start_ms, each.end_ms)}
