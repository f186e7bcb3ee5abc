"""VADER: with our finance and crypto lexicon (``vader``), and as it is published (``vader_plain``)."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from schemas.scorers import ScorerId, hash_of
from stream_processors.sentiment.lexical import LEXICAL_VERSION, label_of, scored
from stream_processors.sentiment.ports import Label, PreparedText, Scored
from stream_processors.sentiment.preparing import PREPARATION_VERSION
from stream_processors.sentiment.vader_rules import Lexicon, compound, words_of

#: The threshold that the authors of VADER state.
THRESHOLD = 0.05
#: Counts up when the rules here or in ``vader_rules`` change a score.
_VERSION = 1


class LexiconEntry(NamedTuple):
    """An entry of the extension: a word or a phrase, its value, and where it is from."""

    phrase: str
    value: float
    source: str


class Phrases(NamedTuple):
    """The entries of several words, by their first word: what follows it, the longest first."""

    by_first: Mapping[str, tuple[tuple[str, ...], ...]]

    def joined(self, words: list[str]) -> list[str]:
        """Return words in which each phrase of the lexicon is one word."""
        found, place = [], 0
        while place < len(words):
            n_words = self._n_words_at(words, place)
            found.append(words[place] if n_words == 1 else " ".join(words[place : place + n_words]))
            place += n_words
        return found

    def _n_words_at(self, words: list[str], place: int) -> int:
        for phrase in self.by_first.get(words[place].lower(), ()):
            n_words = len(phrase)
            if tuple(word.lower() for word in words[place : place + n_words]) == phrase:
                return n_words
        return 1


class VaderScorer:
    """Scores by a lexicon and VADER's rules.

    Args:
        name: The name of the scorer.
        lexicon: What words are worth.
        phrases: The entries of several words; None if there are none.
    """

    def __init__(self, name: str, lexicon: Lexicon, phrases: Phrases | None = None) -> None:
        self._lexicon = lexicon
        self._phrases = phrases
        versions = (_VERSION, LEXICAL_VERSION, PREPARATION_VERSION)
        parts = [
            sorted(part.items()) for part in (lexicon.values, lexicon.boosters, lexicon.idioms, lexicon.emoji)
        ]
        content = msgspec.json.encode((*parts, sorted(lexicon.negations), versions))
        self._id = ScorerId(name, hash_of({"lexicon": content}))

    @property
    def id(self) -> ScorerId:
        """The name, and the hash of the lexicon and of the versions of the rules."""
        return self._id

    def score(self, texts: Sequence[PreparedText]) -> list[Scored]:
        """Return the score of each text: VADER's compound, of which a half is the title's."""
        return scored(texts, self.polarity)

    def polarity(self, passage: str) -> float:
        """Return VADER's compound score of a passage, from -1 to 1."""
        text, words = words_of(passage, self._lexicon.emoji)
        return compound(text, self._phrases.joined(words) if self._phrases else words, self._lexicon)

    def label(self, scored: Scored) -> Label:
        """Return the label: neutral between -0.05 and 0.05."""
        return label_of(scored.score, THRESHOLD)


def open_vader() -> VaderScorer:
    """Return VADER with the finance and crypto lexicon."""
    entries = finance_lexicon()
    lexicon = published_lexicon()
    values = {**lexicon.values, **{entry.phrase: entry.value for entry in entries}}
    return VaderScorer("vader", lexicon._replace(values=values), _phrases(entries))


def open_vader_plain() -> VaderScorer:
    """Return VADER with the lexicon that is published with it."""
    return VaderScorer("vader_plain", published_lexicon())


def finance_lexicon() -> tuple[LexiconEntry, ...]:
    """Return the entries of the finance and crypto lexicon, as their file states them."""
    text = files("stream_processors.sentiment").joinpath("lexicons/finance.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(LexiconEntry(phrase, float(value), source) for phrase, value, source in rows)


@cache
def published_lexicon() -> Lexicon:
    """Return the lexicon of the library, read once."""
    library: Any = import_module("vaderSentiment.vaderSentiment")
    analyzer = library.SentimentIntensityAnalyzer()
    return Lexicon(
        values=analyzer.lexicon,
        boosters=library.BOOSTER_DICT,
        idioms=library.SPECIAL_CASES,
        negations=frozenset(library.NEGATE),
        emoji=analyzer.emojis,
    )


def _phrases(entries: Sequence[LexiconEntry]) -> Phrases:
    found: dict[str, list[tuple[str, ...]]] = {}
    for entry in entries:
        words = tuple(entry.phrase.split())
        if len(words) > 1:
            found.setdefault(words[0], []).append(words)
    return Phrases({first: tuple(sorted(each, key=len, reverse=True)) for first, each in found.items()})
