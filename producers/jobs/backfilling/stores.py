"""The port of the durable store of a backfill. A store in memory is in ``tests/fakes/backfills.py``.

Everything of a page is stored in one step: its candles, the gaps that it closes and the gaps that it opens. Therefore
the stored candles and the ledger always say together what is still missing, whenever a backfill was killed.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from producers.jobs.backfilling.accounts import Changes
from producers.jobs.backfilling.places import Place
from producers.jobs.backfilling.stretches import Stretch
from producers.normalise.observations import VenueCandle
from schemas.frames import Columns
from schemas.gaps import Gap


class Stored(NamedTuple):
    """What became of the candles of a page.

    Attributes:
        n_new: Candles that were not there.
        n_corrected: Candles that replaced a stored one with other numbers.
    """

    n_new: int
    n_corrected: int

    @classmethod
    def of(cls, found: Mapping[int, Sequence[VenueCandle]]) -> Self:
        """Count candles by their revision: the first one is new, and any other one is a correction."""
        n_corrected = sum(len(candles) for revision, candles in found.items() if revision)
        return cls(len(found.get(0, ())), n_corrected)


class BackfillStore(ABC):
    """Keeps candles and the ledger of gaps. Every operation may be repeated.

    All methods raise a StoreUnavailableError if the store does not answer; then nothing was changed.
    """

    @abstractmethod
    def held(self, place: Place, span: Stretch) -> NDArray[np.int64]:
        """Return the starts of the stored bars within a span, the platform's own bars included; shape (n,), increasing."""

    @abstractmethod
    def gaps(self, place: Place) -> list[Gap]:
        """Return the gaps of a series, open and closed."""

    @abstractmethod
    def recent(self, place: Place, span: Stretch) -> Columns:
        """Return the stored candles within a span: ``timestamp``, prices and ``volume``, each of shape (n,)."""

    @abstractmethod
    def commit(self, place: Place, candles: Sequence[VenueCandle], changes: Changes, *, at_ms: int) -> Stored:
        """Store candles and change the ledger, all in one step.

        A candle that is stored with other numbers is a correction: it gets the next revision, and is known since now. Any
        other candle is known since its end. A candle that is stored with the same numbers changes nothing.

        Args:
            place: The series.
            candles: Good ones, by start, each start once.
            changes: Of the ledger.
            at_ms: By the clock of the platform.
        """
