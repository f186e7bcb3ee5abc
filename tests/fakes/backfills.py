"""The store of a backfill in memory."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from producers.jobs.backfilling.accounts import Changes
from producers.jobs.backfilling.places import Place
from producers.jobs.backfilling.revising import Held, columns_of_held, revised
from producers.jobs.backfilling.stores import BackfillStore, Stored
from producers.jobs.backfilling.stretches import Stretch
from producers.normalise.observations import VenueCandle
from schemas.frames import Columns
from schemas.gaps import Gap, MemoryGaps


class MemoryBackfill(BackfillStore):
    """Keeps everything in memory, for tests.

    Attributes:
        candles: By series and start.
        ledger: The gaps.
        bars: The starts of the platform's own bars, by series.
    """

    def __init__(self) -> None:
        self.candles: dict[Place, dict[int, tuple[VenueCandle, Held]]] = {}
        self.ledger = MemoryGaps()
        self.bars: dict[Place, set[int]] = {}

    def held(self, place: Place, span: Stretch) -> NDArray[np.int64]:
        """Return the starts of the stored bars; see the port."""
        starts = self.candles.get(place, {}).keys() | self.bars.get(place, set())
        found = sorted(start_ms for start_ms in starts if span.start_ms <= start_ms < span.end_ms)
        return np.array(found, dtype=np.int64)

    def gaps(self, place: Place) -> list[Gap]:
        """Return the gaps of a series."""
        found = self.ledger.gaps(place.stream, instrument=place.instrument, source=place.source)
        return [gap for gap in found if gap.kind is place.gap_kind]

    def recent(self, place: Place, span: Stretch) -> Columns:
        """Return the stored candles within a span."""
        rows = [
            held
            for start_ms, (_, held) in sorted(self.candles.get(place, {}).items())
            if span.start_ms <= start_ms < span.end_ms
        ]
        return columns_of_held(rows)

    def commit(self, place: Place, candles: Sequence[VenueCandle], changes: Changes, *, at_ms: int) -> Stored:
        """Store candles and change the ledger; see the port."""
        stored = self.candles.setdefault(place, {})
        found = revised(candles, {start_ms: held for start_ms, (_, held) in stored.items()})
        for revision, revised_candles in found.items():
            for candle in revised_candles:
                stored[candle.start_ms] = (candle, Held.of(candle, revision))
        for change in changes.closing:
            self.ledger.close(change.gap, by=change.by, at_ms=at_ms, remaining=change.remaining)
        for gap in changes.opening:
            self.ledger.open(gap)
        return Stored.of(found)
