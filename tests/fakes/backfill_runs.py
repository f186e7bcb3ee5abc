"""A backfill of the paged fake venue into memory, and what must hold when it has ended."""

from collections.abc import Sequence
from typing import Any

from producers.jobs.backfilling.places import NOT_TRADED, Place, stretch_of
from producers.jobs.backfilling.running import Request, backfill
from producers.jobs.backfilling.series import Ports
from producers.jobs.backfilling.stores import BackfillStore
from producers.jobs.backfilling.stretches import Stretch, joined, of_starts, total
from producers.jobs.backfilling.tallies import Tally
from schemas.time import Interval
from schemas.wire.clocks import ManualClock
from tests.fakes.fetching import FakeFetcher
from tests.fakes.markets import MINUTE_MS, START_MS
from tests.fakes.paged_venues import PagedVenue
from tests.fakes.web import ScriptedWeb

PLACE = Place("live", "coinbase", "BTC-USD.COINBASE", Interval.ONE_MINUTE)


class KilledError(Exception):
    """The process was killed here."""


def span_of(n_minutes: int) -> Stretch:
    """Return the first minutes of the made market."""
    return Stretch(START_MS, START_MS + n_minutes * MINUTE_MS)


def run(
    venue: PagedVenue,
    store: BackfillStore,
    *,
    n_minutes: int,
    place: Place | None = None,
    letters: list[Any] | None = None,
    asks_again: bool = False,
    now_ms: int | None = None,
) -> Tally:
    """Backfill the first minutes of the fake venue, a day after their end."""
    span = span_of(n_minutes)
    clock = ManualClock(now_ms=span.end_ms + 86_400_000 if now_ms is None else now_ms)
    put_aside = [] if letters is None else letters
    place = place or PLACE._replace(source=venue.name, instrument=venue.instruments[0])
    ports = Ports(store, clock, lambda _place, rows: put_aside.extend(rows), lambda: False)
    return backfill(
        Request({place: span}, asks_again), lambda *_: venue, FakeFetcher(ScriptedWeb(), clock), ports
    )[0]


def check_covered(store: BackfillStore, n_minutes: int, place: Place = PLACE) -> None:
    """Check that each minute is stored, or named by the ledger, and not both."""
    stored = of_starts(store.held(place, span_of(n_minutes)), MINUTE_MS)
    named = [stretch_of(gap) for gap in store.gaps(place) if gap.is_open or gap.closed_by == NOT_TRADED]
    assert joined([*stored, *named]) == [span_of(n_minutes)]
    assert total([*stored, *named], MINUTE_MS) == n_minutes


def _columns(store: BackfillStore, place: Place) -> dict[str, list[Any]]:
    whole = Stretch(0, 2**52)
    return {name: column.tolist() for name, column in store.recent(place, whole).items()}


def state_of(store: BackfillStore, place: Place = PLACE) -> tuple[Any, Sequence[Any]]:
    """Return the candles and what the ledger says of each stretch, in as few stretches as possible."""
    said: dict[tuple[bool, str | None], list[Stretch]] = {}
    for gap in store.gaps(place):
        if gap.is_open or gap.closed_by == NOT_TRADED:
            said.setdefault((gap.is_open, gap.closed_by), []).append(stretch_of(gap))
    return _columns(store, place), sorted((str(key), joined(parts)) for key, parts in said.items())
