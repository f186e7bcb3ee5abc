"""TextBlob's polarity: the mean value of the words of a passage that its lexicon knows, with negation. It needs no corpus.

The library imports nltk, which imports much else and takes seconds and memory. So it is imported when the scorer is opened and
not before.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from schemas.scorers import ScorerId, hash_of
from stream_processors.sentiment.lexical import LEXICAL_VERSION, label_of, scored
from stream_processors.sentiment.ports import Label, PreparedText, Scored
from stream_processors.sentiment.preparing import PREPARATION_VERSION

#: TextBlob states none; this one reproduces the published figures on the Financial PhraseBank.
THRESHOLD = 0.05
_DIGITS = 6
#: What nltk imports where it is installed, for classifiers and pictures that TextBlob's lexicon does not need: 115 MB.
_UNUSED = ("matplotlib", "pandas", "scipy", "sklearn")


class TextBlobScorer:
    """Scores by TextBlob's lexicon.

    Args:
        sentiment: TextBlob's function: polarity and subjectivity of a passage.
        lexicon: The content of its lexicon, for the hash.
        library: The version of the library, for the hash.
    """

    def __init__(self, sentiment: Callable[[str], Any], *, lexicon: bytes, library: str) -> None:
        self._sentiment = sentiment
        code = f"{library}:{LEXICAL_VERSION}:{PREPARATION_VERSION}"
        self._id = ScorerId("textblob", hash_of({"lexicon": lexicon, "code": code.encode()}))

    @property
    def id(self) -> ScorerId:
        """The name, and the hash of the lexicon and of the versions of the code."""
        return self._id

    def score(self, texts: Sequence[PreparedText]) -> list[Scored]:
        """Return the score of each text: its polarity, of which a half is the title's."""
        return scored(texts, self.polarity)

    def polarity(self, passage: str) -> float:
        """Return the polarity of a passage, from -1 to 1."""
        return round(max(-1.0, min(1.0, float(self._sentiment(passage)[0]))), _DIGITS)

    def label(self, scored: Scored) -> Label:
        """Return the label: neutral between -0.05 and 0.05."""
        return label_of(scored.score, THRESHOLD)


def open_textblob() -> TextBlobScorer:
    """Return the scorer that asks TextBlob for its polarity."""
    with _hidden(_UNUSED):
        from textblob.en import sentiment

    lexicon = files("textblob.en").joinpath("en-sentiment.xml").read_bytes()
    return TextBlobScorer(sentiment, lexicon=lexicon, library=version("textblob"))


@contextmanager
def _hidden(names: Sequence[str]) -> Iterator[None]:
    """Let imports of libraries fail within the block, unless they were imported before. None lets an import fail."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
