"""What scorers by lexicon share: how title and body are weighted, and when a score is neutral.

The title weighs as much as all sentences of the body together, because it is written to state what matters. Only the first
sentences of a body count: news states its facts at the top, and what follows is background on older ones.
"""

from collections.abc import Callable, Sequence

from stream_processors.sentiment.ports import Label, PreparedText, Scored

#: Counts up when the weighting changes.
LEXICAL_VERSION = 1
TITLE_WEIGHT = 0.5
MOST_SENTENCES = 30
_DIGITS = 6


def blended(text: PreparedText, polarity: Callable[[str], float]) -> Scored:
    """Return the score of a text from the polarity of its title and of its sentences.

    Args:
        text: The text.
        polarity: Gives a value in [-1, 1] for a passage.
    """
    if not text.sentences:
        return Scored(polarity(text.title))
    counted = text.sentences[:MOST_SENTENCES]
    body = sum(map(polarity, counted)) / len(counted)
    if not text.title:
        return Scored(round(body, _DIGITS))
    return Scored(round(TITLE_WEIGHT * polarity(text.title) + (1 - TITLE_WEIGHT) * body, _DIGITS))


def label_of(score: float, threshold: float) -> Label:
    """Return the label of a score: neutral if it lies between the thresholds of its lexicon."""
    if score >= threshold:
        return Label.POSITIVE
    return Label.NEGATIVE if score <= -threshold else Label.NEUTRAL


def scored(texts: Sequence[PreparedText], polarity: Callable[[str], float]) -> list[Scored]:
    """Return the score of each text."""
    return [blended(text, polarity) for text in texts]
