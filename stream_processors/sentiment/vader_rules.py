"""The rules of VADER, as vaderSentiment 3.3.2 publishes them, at the speed that a stream needs.

The results are equal to those of the library, which a property test holds over arbitrary texts. The library looks at
every word several times; here a word that is not in the lexicon costs one look, and the rules about capitals, negation
and amplifiers run only for the words that have a value. The oddities of the library are kept, such as that
"but" changes the first of several equal values twice.

Source:
    Hutto and Gilbert (2014), VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text.
"""

import math
import string
from collections.abc import Mapping
from typing import NamedTuple

_CAPITALS = 0.733
_NEGATION = -0.74
_NEVER_SO = 1.25
_ALPHA = 15
_EXCLAMATION = 0.292
_QUESTION = 0.18
_MOST_QUESTION = 0.96
_REACHES = ((1, 1.0), (2, 0.95), (3, 0.9))


class Lexicon(NamedTuple):
    """The words that VADER's rules look at, all in small letters.

    Attributes:
        values: The value of each word, from -4 to 4.
        boosters: Words that strengthen or weaken what follows, and by how much.
        idioms: Phrases of two or three words whose value replaces that of their words.
        negations: Words that negate what follows.
        emoji: The description of each emoji.
    """

    values: Mapping[str, float]
    boosters: Mapping[str, float]
    idioms: Mapping[str, float]
    negations: frozenset[str]
    emoji: Mapping[str, str]


def words_of(text: str, emoji: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return a text with its emoji described, and its words and emoticons."""
    described = text if text.isascii() else _described(text, emoji)
    stripped = described.strip()
    punctuation = string.punctuation
    words = []
    for token in stripped.split():
        bare = token.strip(punctuation)
        words.append(bare if len(bare) > 2 else token)
    return stripped, words


def compound(text: str, words: list[str], lexicon: Lexicon) -> float:
    """Return the compound score of a text, from -1 to 1, rounded to four digits as in the library.

    Args:
        text: The text, for its exclamation and question marks.
        words: Its words and emoticons.
        lexicon: What the words are worth.
    """
    lower = [word.lower() for word in words]
    values, boosters = lexicon.values, lexicon.boosters
    valences: list[float] = [0.0] * len(words)
    found = is_loud = False
    for place, word in enumerate(lower):
        if word in values and word not in boosters and not _is_kind_of(lower, place):
            if not found:
                found, is_loud = True, _are_capitals_mixed(words)
            valences[place] = _valence(words, lower, place, lexicon, is_loud=is_loud)
    if not found:
        return 0.0
    if "but" in lower:
        _weigh_around_but(valences, lower.index("but"))
    total = float(sum(valences))
    if total == 0:
        return 0.0
    emphasis = _emphasis(text)
    total += emphasis if total > 0 else -emphasis
    return round(max(-1.0, min(1.0, total / math.sqrt(total * total + _ALPHA))), 4)


def _described(text: str, emoji: Mapping[str, str]) -> str:
    """Return a text with the descriptions of its emoji, each after a space."""
    if not any(character in emoji for character in text):
        return text
    parts, follows_space = [], True
    for character in text:
        description = emoji.get(character)
        if description is None:
            parts.append(character)
            follows_space = character == " "
        else:
            parts.append(description if follows_space else f" {description}")
            follows_space = False
    return "".join(parts)


def _is_kind_of(lower: list[str], place: int) -> bool:
    return lower[place] == "kind" and place < len(lower) - 1 and lower[place + 1] == "of"


def _valence(words: list[str], lower: list[str], place: int, lexicon: Lexicon, *, is_loud: bool) -> float:
    """Return the value of a word of the lexicon in its place; ``is_loud`` says that capitals mean something."""
    values = lexicon.values
    value = _value_beside_no(lower, place, values)
    if is_loud and words[place].isupper():
        value += _CAPITALS if value > 0 else -_CAPITALS
    for reach, share in _REACHES:
        before = place - reach
        if before >= 0 and lower[before] not in values:
            value += share * _boost(words[before], lower[before], value, lexicon, is_loud=is_loud)
            value = _negated(value, lower, place, reach, lexicon)
            if reach == len(_REACHES):
                value = _in_idiom(value, lower, place, lexicon)
    return _after_least(value, lower, place, values)


def _value_beside_no(lower: list[str], place: int, values: Mapping[str, float]) -> float:
    """Return the value of a word, which "no" before it negates; "no" itself has none before a word of the lexicon."""
    word = lower[place]
    value = values[word]
    if word == "no" and place < len(lower) - 1 and lower[place + 1] in values:
        value = 0.0
    is_negated = (
        (place > 0 and lower[place - 1] == "no")
        or (place > 1 and lower[place - 2] == "no")
        or (place > 2 and lower[place - 3] == "no" and lower[place - 1] in {"or", "nor"})
    )
    return values[word] * _NEGATION if is_negated else value


def _are_capitals_mixed(words: list[str]) -> bool:
    """Return whether some words, but not all, are in capitals, so that capitals mean something."""
    n_capitals = sum(map(str.isupper, words))
    return 0 < n_capitals < len(words)


def _boost(word: str, lower: str, value: float, lexicon: Lexicon, *, is_loud: bool) -> float:
    boost = lexicon.boosters.get(lower, 0.0)
    if not boost:
        return 0.0
    if value < 0:
        boost = -boost
    if is_loud and word.isupper():
        boost += _CAPITALS if value > 0 else -_CAPITALS
    return boost


def _negated(value: float, lower: list[str], place: int, reach: int, lexicon: Lexicon) -> float:
    """Return the value after a look at the word that lies ``reach`` words before."""
    before = lower[place - reach]
    between = lower[place - reach + 1 : place]
    if reach > 1 and _is_never_so(before, between):
        return value * _NEVER_SO
    if before == "without" and "doubt" in between:
        return value
    return value * _NEGATION if before in lexicon.negations or "n't" in before else value


def _is_never_so(before: str, between: list[str]) -> bool:
    """Return whether "never so" or "never this" stands before a word; of three words, the nearest suffices alone."""
    first, *nearest = between
    return (before == "never" and first in {"so", "this"}) or (bool(nearest) and nearest[0] in {"so", "this"})


def _in_idiom(value: float, lower: list[str], place: int, lexicon: Lexicon) -> float:
    """Return the value of the idiom in which a word stands with three words before it, else its own."""
    three, two, one, zero = lower[place - 3 : place + 1]
    idioms = lexicon.idioms
    threes, pair_before, pair = f"{three} {two} {one}", f"{two} {one}", f"{three} {two}"
    for phrase in (f"{one} {zero}", f"{two} {one} {zero}", pair_before, threes, pair):
        if phrase in idioms:
            value = idioms[phrase]
            break
    for n_words in (2, 3):
        if place + n_words <= len(lower):
            value = idioms.get(" ".join(lower[place : place + n_words]), value)
    for phrase in (threes, pair, pair_before):
        value += lexicon.boosters.get(phrase, 0.0)
    return value


def _after_least(value: float, lower: list[str], place: int, values: Mapping[str, float]) -> float:
    """Return the value, negated after "least" that is neither "at least" nor "very least"."""
    if place == 0 or lower[place - 1] != "least" or "least" in values:
        return value
    if place > 1 and lower[place - 2] in {"at", "very"}:
        return value
    return value * _NEGATION


def _weigh_around_but(valences: list[float], but: int) -> None:
    """Halve what stands before "but" and raise what stands after it by half, found by value as in the library."""
    for valence in valences:
        place = valences.index(valence)
        if place < but:
            valences[place] = valence * 0.5
        elif place > but:
            valences[place] = valence * 1.5


def _emphasis(text: str) -> float:
    """Return what exclamation and question marks add."""
    emphasis = min(text.count("!"), 4) * _EXCLAMATION
    n_questions = text.count("?")
    if n_questions > 1:
        emphasis += n_questions * _QUESTION if n_questions <= 3 else _MOST_QUESTION
    return emphasis
