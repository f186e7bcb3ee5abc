"""The port of scorers: prepared texts go in, and one score for each comes out.

A text is prepared once (:func:`stream_processors.sentiment.preparing.prepare`) and then scored by every scorer, so that all
scorers read the same words. What cannot be scored is refused there, with a sentence that says why.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from schemas.scorers import ScorerId


class PreparedText(NamedTuple):
    """A text as scorers read it.

    Attributes:
        title: The title, clean; empty if there is none, and then there are sentences.
        sentences: The sentences of the body that speak about the asset, or all of them; clean, in their order.
        is_targeted: Whether sentences that do not mention the asset were left out.
    """

    title: str
    sentences: tuple[str, ...] = ()
    is_targeted: bool = False

    @property
    def text(self) -> str:
        """The whole: the title, and then the sentences, separated by spaces."""
        return " ".join((self.title, *self.sentences)) if self.title else " ".join(self.sentences)


class Refusal(NamedTuple):
    """Why a text cannot be scored: a sentence of at most 500 characters, the ``refusal`` of ``SentimentScored``."""

    sentence: str


class Scored(NamedTuple):
    """The score of a text.

    Attributes:
        score: From -1, very negative, to 1, very positive.
        negative: The probability of the label "negative"; None if the scorer states no probabilities, as lexicons do.
        neutral: The same of "neutral"; all three are None or none is, and they add up to 1.
        positive: The same of "positive".
    """

    score: float
    negative: float | None = None
    neutral: float | None = None
    positive: float | None = None


class Label(StrEnum):
    """The label of a score."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


class Scorer(Protocol):
    """Scores texts. A scorer belongs to one thread at a time, and needs no event loop.

    A score depends on the text alone: neither on the other texts of the batch nor on their order. No text that was
    prepared makes a scorer raise.
    """

    @property
    def id(self) -> ScorerId:
        """The name, and the hash of all that makes the scores."""
        ...

    def score(self, texts: Sequence[PreparedText]) -> list[Scored]:
        """Return the score of each text, in their order; any number of texts, 32 to 256 are quick."""
        ...

    def label(self, scored: Scored) -> Label:
        """Return the label of one of its scores: the most probable one, or by the thresholds of the lexicon."""
        ...


class Unavailable(NamedTuple):
    """A scorer that is configured and cannot run.

    Attributes:
        name: Its name, such as ``finbert``.
        sentence: Why it cannot run, and what to do.
    """

    name: str
    sentence: str


class OpenedScorers(NamedTuple):
    """What was opened.

    Attributes:
        scorers: Those that run, in the order of the setting.
        unavailable: Those that do not, each with its reason. Nothing else runs in their place.
        notes: What to announce about those that run, such as that fp32 weights are used in place of int8; the name of
            the scorer, and a sentence.
    """

    scorers: tuple[Scorer, ...]
    unavailable: tuple[Unavailable, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
