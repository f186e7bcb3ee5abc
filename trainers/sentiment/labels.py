"""The three labels of sentiment, and how those of other people's files are read.

Numbers mean what the file's author says, and two conventions contradict each other: in ``-1, 0, 1`` the 0 is neutral, and
in ``0, 1, 2`` it is mostly negative, while 1 and 2 are now neutral and positive, now positive and neutral. So ``-1, 0, 1``
and words are recognised, numbers with decimals are read as scores, and everything else needs a stated mapping.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError

#: The labels by their index, in every array of this room.
LABELS = ("negative", "neutral", "positive")
NEGATIVE, NEUTRAL, POSITIVE = range(3)
#: Scores beyond this are positive or negative: the threshold that VADER's authors state for its compound score.
SCORE_THRESHOLD = 0.05

_WORDS: Mapping[str, int] = {
    **dict.fromkeys(("negative", "neg", "bearish", "bear", "somewhat bearish", "very negative"), NEGATIVE),
    **dict.fromkeys(("neutral", "neu", "mixed"), NEUTRAL),
    **dict.fromkeys(("positive", "pos", "bullish", "bull", "somewhat bullish", "very positive"), POSITIVE),
}
_SIGNS: Mapping[str, int] = {"-1": NEGATIVE, "0": NEUTRAL, "1": POSITIVE, "+1": POSITIVE}
#: Published sets whose numbers have a meaning of their own, by the beginning of the file's name.
_PUBLISHED: Mapping[str, Mapping[str, int]] = {
    "twitter_financial_news_sentiment": {"0": NEGATIVE, "1": POSITIVE, "2": NEUTRAL},
}


class ReadLabels(NamedTuple):
    """The labels of a file.

    Attributes:
        labels: Shape (n,): the index of each label.
        mapping: How they were read, in words.
    """

    labels: NDArray[np.int8]
    mapping: str


def parse_mapping(text: str | None) -> Mapping[str, int]:
    """Read a mapping that a user stated, such as ``0=negative,1=positive,2=neutral``.

    Raises:
        ConfigurationError: If the text has another form.
    """
    found: dict[str, int] = {}
    for pair in (text or "").split(","):
        written, equals, label = (part.strip() for part in pair.partition("="))
        if not pair.strip():
            continue
        if not equals or label.lower() not in _WORDS:
            message = f"a mapping of labels must be like 0=negative,1=neutral,2=positive, was {text!r}"
            raise ConfigurationError(message)
        found[_plain(written)] = _WORDS[label.lower()]
    return found


def is_label(written: str) -> bool:
    """Whether a cell could be a label: a known word, or a number."""
    return _plain(written) in _WORDS or _number(written) is not None


def read_labels(written: Sequence[str], name: str, stated: Mapping[str, int] = {}) -> ReadLabels:
    """Read the labels of a file.

    Args:
        written: The label of each row, as it is written.
        name: The name of the file, for published sets and for messages.
        stated: A mapping that a user stated; it is used where it has every label of the file.

    Raises:
        ConfigurationError: If the labels have no certain meaning.
    """
    plain = [_plain(each) for each in written]
    kinds = set(plain)
    published = next((m for begin, m in _PUBLISHED.items() if name.startswith(begin)), {})
    for mapping, words in ((stated, "as stated"), (published, "as this published set defines them")):
        if mapping and kinds <= set(mapping):
            return _mapped(plain, mapping, words)
    if kinds <= set(_WORDS):
        return _mapped(plain, _WORDS, "words")
    if kinds <= set(_SIGNS) and "-1" in kinds:
        return _mapped(plain, _SIGNS, "signs: -1 negative, 0 neutral, 1 positive")
    scores = [_number(each) for each in written]
    numbers = [score for score in scores if score is not None]
    if len(numbers) == len(scores) and any(not score.is_integer() for score in numbers):
        return _scored(numbers, name)
    raise ConfigurationError(_unclear(name, kinds))


def label_of_scores(scores: NDArray[np.float64]) -> NDArray[np.int8]:
    """The label of each score in [-1, 1]: neutral within the threshold."""
    return (1 + (scores >= SCORE_THRESHOLD).astype(np.int8) - (scores <= -SCORE_THRESHOLD)).astype(np.int8)


def _plain(written: str) -> str:
    plain = (
        re.sub(r"[\s_-]+", " ", written.strip().lower()).strip() if not _number(written) else written.strip()
    )
    number = _number(plain)
    return str(int(number)) if number is not None and number.is_integer() else plain


def _number(written: str) -> float | None:
    try:
        number = float(written)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _mapped(plain: Sequence[str], mapping: Mapping[str, int], words: str) -> ReadLabels:
    return ReadLabels(np.array([mapping[each] for each in plain], dtype=np.int8), words)


def _scored(numbers: Sequence[float], name: str) -> ReadLabels:
    scores = np.array(numbers)
    if np.abs(scores).max() > 1:
        message = f"scores must be within [-1, 1], {name} has {scores.min():g} to {scores.max():g}"
        raise ConfigurationError(message)
    return ReadLabels(label_of_scores(scores), f"scores: neutral within {SCORE_THRESHOLD:g} of 0")


def _unclear(name: str, kinds: set[str]) -> str:
    shown = ", ".join(sorted(kinds)[:8])
    return (
        f"the labels of {name} have no certain meaning: {shown}. Words such as positive and bearish, the signs -1, 0, 1 "
        "and scores with decimals are recognised; for others state them: --labels 0=negative,1=neutral,2=positive"
    )
