"""Tells whether a text is English, where nobody stated its language.

Producers state the language of an article, found in all that they read of it. Recorded articles state none, and a headline
is short. So three questions are asked, from quick to slow: are its letters Latin, does it hold a word that only English
has, and is py3langid sure that it is another language.
"""

import re
from functools import lru_cache
from typing import Any, Protocol

ENGLISH = "en"
_ENGLISH_WORDS = re.compile(
    r"\b(?:the|and|with|from|after|before|its|this|that|these|would|could|should|were|said|than|into|about|their|which|"
    r"what|why|amid|because|through|against|between)\b",
    re.IGNORECASE,
)
#: One such word in so many words is enough; English texts have more, and names such as "The Sandbox" fewer.
_ONE_IN = 25
#: So sure must the model be of another language, and so many letters must there be.
_SURE = 0.95
_LEAST_LETTERS = 30
_MOST_CHARACTERS = 2_000
_LATIN_SHARE = 0.5
_LANGUAGES = (
    ENGLISH,
    "cs",
    "da",
    "de",
    "es",
    "fi",
    "fr",
    "hu",
    "id",
    "it",
    "nl",
    "no",
    "pl",
    "pt",
    "ro",
    "sv",
    "tr",
    "vi",
)


class _Identifier(Protocol):
    def classify(self, text: str) -> tuple[str, float]: ...


def is_english(text: str, stated: str | None) -> bool:
    """Return whether a text counts as English: as stated, or by its letters and words if nothing is stated.

    A text of too few letters to be sure counts as English. One whose letters are mostly not Latin is not English, whatever
    is stated.
    """
    start = text[:_MOST_CHARACTERS]
    letters = [character for character in start if character.isalpha()]
    # The last letter of Latin scripts is U+024F; Vietnamese has more from U+1E00 on.
    n_latin = sum(character < "\u0250" or "\u1e00" <= character < "\u1f00" for character in letters)
    if letters and n_latin < _LATIN_SHARE * len(letters):
        return False
    if stated is not None:
        return stated.casefold().partition("-")[0] == ENGLISH
    if len(letters) < _LEAST_LETTERS or _ONE_IN * len(_ENGLISH_WORDS.findall(start)) > len(start.split()):
        return True
    language, share = _identifier().classify(start)
    return language == ENGLISH or share < _SURE


@lru_cache(maxsize=1)
def _identifier() -> _Identifier:
    """Load the model once, on the first text that needs it."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    whole: Any = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    whole.set_languages(_LANGUAGES)
    identifier: _Identifier = whole
    return identifier
