"""Reads which versions were promoted to an arm of the run, and which arms there are."""

from collections.abc import Collection
from typing import Annotated

from fastapi import Depends

from api.reading.guarded import GuardedHistory
from api.reading.parts import part
from schemas.arms import CHAMPION
from schemas.events import ModelPromoted
from schemas.wire.postgres.promotions import StoredPromotions


class PromotionReader:
    """Reads the promotions of one run.

    Args:
        history: The history in Postgres.
        stream: The run that is served.
    """

    def __init__(self, history: GuardedHistory, *, stream: str) -> None:
        self._history = history
        self._promotions = StoredPromotions(history.pool)
        self._stream = stream

    def newest(
        self, arm: str = CHAMPION, *, instruments: Collection[str] | None = None
    ) -> list[ModelPromoted]:
        """Return the newest promotion to an arm of every target of the run.

        Args:
            arm: The arm.
            instruments: Only the targets of these instruments; None for all.
        """
        with self._history.asked():
            return self._promotions.newest_promotions(self._stream, arm, instruments=instruments)

    def arms(self) -> list[str]:
        """Return the arms that versions of the run were promoted to."""
        with self._history.asked():
            return self._promotions.arms(self._stream)


PromotionsPart = Annotated[PromotionReader, Depends(part(PromotionReader))]
