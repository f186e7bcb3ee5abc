"""One series that is being filled: it stores what came, changes the ledger in the same step, and counts."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from producers.jobs.backfilling.accounts import Answer, Changes, changes_of
from producers.jobs.backfilling.judging import BadCandle
from producers.jobs.backfilling.places import Place
from producers.jobs.backfilling.stores import BackfillStore
from producers.jobs.backfilling.stretches import Stretch, inside
from producers.jobs.backfilling.tallies import Tally
from producers.normalise.observations import VenueCandle
from producers.normalise.rejects import RejectedRow
from producers.sources.venues import Venue
from schemas.gaps import Gap
from schemas.sources import SOURCES
from schemas.time import Clock

_LONGEST_REASON = 400
_NAP_S = 0.2


class StoppedError(Exception):
    """The process was asked to end."""


class PutAside(Protocol):
    """Publishes rows as dead letters."""

    def __call__(self, place: Place, rows: Sequence[BadCandle | RejectedRow]) -> None:
        """Return when they are published. After a kill it may be called again with the same rows."""


class Ports(NamedTuple):
    """What a backfill works with.

    Attributes:
        store: Keeps candles and gaps.
        clock: The clock.
        put_aside: Publishes rows as dead letters.
        is_stopped: Whether the process is to end.
        moved: Called with the series and the number of bars that were dealt with since the last call.
    """

    store: BackfillStore
    clock: Clock
    put_aside: PutAside
    is_stopped: Callable[[], bool]
    moved: Callable[[Place, int], None] = lambda _place, _n_bars: None


class Series:
    """A series with its venue.

    Args:
        place: The series.
        span: What is wanted.
        venue: Its venue.
        ports: What the backfill works with.

    Attributes:
        open_gaps: The open gaps of the ledger.
        known: What is stored, and what the ledger names for good, at the beginning.
        tally: What was done.
    """

    def __init__(self, place: Place, span: Stretch, venue: Venue, ports: Ports) -> None:
        self.place = place
        self.span = span
        self.venue = venue
        self.ports = ports
        self.open_gaps: list[Gap] = []
        self.known: list[Stretch] = []
        self.tally = Tally(place=place, span=span)
        spec = SOURCES.get(place.source)
        self._longest_pause_ms = 0 if spec is None else spec.longest_pause_ms

    def settle(self, answer: Answer, candles: Sequence[VenueCandle] = ()) -> None:
        """Store the candles of an answer and change the ledger, in one step.

        Raises:
            StoreUnavailableError: If the store does not answer; nothing was changed.
        """
        at_ms = self.ports.clock.now_ms()
        changes = changes_of(
            self.place,
            answer._replace(known=inside(self.known, answer.about)),
            self.open_gaps,
            longest_pause_ms=self._longest_pause_ms,
            at_ms=at_ms,
        )
        stored = self.ports.store.commit(self.place, candles, changes, at_ms=at_ms)
        self.tally.n_new += stored.n_new
        self.tally.n_corrected += stored.n_corrected
        self._follow(changes)
        self.ports.moved(self.place, answer.about.count(self.place.step_ms))

    def name(self, stretches: Iterable[Stretch], reason: str) -> None:
        """Open gaps where nothing is known; gaps that are open already stay as they are."""
        for each in stretches:
            nothing = np.array([], dtype=np.int64)
            self.settle(Answer(each, nothing, {}, unknown=reason[:_LONGEST_REASON]))

    def _follow(self, changes: Changes) -> None:
        closed = {change.gap.key for change in changes.closing}
        opened = [*changes.opening, *(part for change in changes.closing for part in change.remaining)]
        self.open_gaps = [gap for gap in self.open_gaps if gap.key not in closed]
        self.open_gaps += [gap for gap in opened if gap.is_open]
        self.tally.n_opened += sum(gap.is_open for gap in changes.opening)
        self.tally.n_closed += len(closed)

    def check_stopped(self) -> None:
        """Go on only if the process was not asked to end.

        Raises:
            StoppedError: If it was.
        """
        if self.ports.is_stopped():
            raise StoppedError

    def wait(self, seconds: float) -> None:
        """Wait, and look whether the process was asked to end."""
        until_s = self.ports.clock.monotonic_s() + seconds
        while (left_s := until_s - self.ports.clock.monotonic_s()) > 0:
            self.check_stopped()
            self.ports.clock.sleep(min(left_s, _NAP_S))
