"""Reads what is known of the sources of a run: health, watermarks, doubted prices, and gaps."""

from typing import Annotated

from fastapi import Depends

from api.payloads.sources import SourceFacts
from api.reading.guarded import GuardedHistory
from api.reading.parts import part
from schemas.gaps import Gap
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.prices import StoredPrices
from schemas.wire.postgres.sources import StoredSources

_DAY_MS = 86_400_000


class SourceReader:
    """Reads the sources of one run.

    Args:
        history: The history in Postgres.
        stream: The run that is served.
    """

    def __init__(self, history: GuardedHistory, *, stream: str) -> None:
        self._history = history
        self._stream = stream
        self._sources = StoredSources(history.pool)
        self._prices = StoredPrices(history.pool)
        self._gaps = StoredGaps(history.pool)

    def facts(self, *, now_ms: int | None) -> SourceFacts:
        """Return what the store holds about all sources.

        Args:
            now_ms: The clock of the run, by which the last 24 hours are counted; None counts all prices in quarantine.
        """
        with self._history.asked():
            return SourceFacts(
                health=self._sources.health(self._stream),
                watermarks_ms=self._sources.watermarks_ms(self._stream),
                n_quarantined=self._prices.n_quarantined(
                    self._stream, from_ms=0 if now_ms is None else now_ms - _DAY_MS
                ),
                quarantined=[price for price in self._prices.newest(self._stream) if price.is_quarantined],
                open_gaps=self._gaps.gaps(self._stream, is_open=True),
            )

    def gaps(self, *, instrument: str | None, source: str | None, is_open: bool | None) -> list[Gap]:
        """Return gaps, the newest stretch first.

        Args:
            instrument: Only those of this instrument; None for all.
            source: Only those of this source; None for all.
            is_open: Only open ones, or only closed ones; None for both.
        """
        with self._history.asked():
            found = self._gaps.gaps(self._stream, instrument=instrument, source=source, is_open=is_open)
        return found[::-1]


SourcesPart = Annotated[SourceReader, Depends(part(SourceReader))]
