"""Scorers behind their port: their scores follow from the words alone, and they fail where a test says so."""

import hashlib
import time
from collections.abc import Sequence

from schemas.scorers import ScorerId
from stream_processors.sentiment.ports import Label, PreparedText, Refusal, Scored, Scorer

#: Texts with these words are what no scorer should meet.
RAISES, NONSENSE, REFUSED, UNPREPARED = "RAISES", "NONSENSE", "REFUSED", "UNPREPARED"


class FakeScorer(Scorer):
    """Scores a text by its hash.

    Args:
        name: Its name.
        with_probabilities: Whether it states them.
        seconds_per_text: How long each text takes.
    """

    def __init__(self, name: str, *, with_probabilities: bool = False, seconds_per_text: float = 0.0) -> None:
        self._id = ScorerId(name, hashlib.sha256(name.encode()).hexdigest()[:16])
        self._with_probabilities = with_probabilities
        self._seconds = seconds_per_text
        self.n_scored = 0

    @property
    def id(self) -> ScorerId:
        return self._id

    def score(self, texts: Sequence[PreparedText]) -> list[Scored]:
        if any(RAISES in text.text for text in texts):
            message = "a mistake of the scorer"
            raise RuntimeError(message)
        self.n_scored += len(texts)
        time.sleep(self._seconds * len(texts))
        return [self._scored(text.text) for text in texts]

    def _scored(self, text: str) -> Scored:
        if NONSENSE in text:
            return Scored(float("nan"))
        share = int(hashlib.sha256(f"{self._id}{text}".encode()).hexdigest()[:8], 16) / 2**32
        if self._with_probabilities:
            return Scored(share - (1 - share) / 2, (1 - share) / 2, (1 - share) / 2, share)
        return Scored(2 * share - 1)

    def label(self, scored: Scored) -> Label:
        return Label.POSITIVE if scored.score > 0 else Label.NEGATIVE


def prepare(title: str, body: str | None, language: str | None, asset: str) -> PreparedText | Refusal:
    """Prepare a text: the title, and the whole body as a sentence."""
    if UNPREPARED in title:
        raise ValueError(title)
    if REFUSED in title:
        return Refusal("The test refuses it.")
    return PreparedText(title, (body,) if body else ())
