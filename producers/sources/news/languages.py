"""The language of an article: found in its words by py3langid, else the one that is declared.

Sites declare the language of their theme. So the words decide if they are many enough to be sure. The model of all 97
languages takes 75 MB, most of which are columns of languages in which nobody publishes news that we read; so only
those below are kept. They still take 65 MB, so whoever has read what is new lets go of the model until something is new
again; loading it takes half a second.
"""

import re
from functools import lru_cache
from typing import Any, Protocol

#: Languages in which feeds about coins are published.
LANGUAGES = (
    *(
        "ar",
        "bg",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "fa",
        "fi",
        "fr",
        "he",
        "hi",
        "hu",
        "id",
        "it",
        "ja",
        "ko",
        "ms",
    ),
    *("nl", "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh"),
)
#: So sure must the model be; below that the declared language counts.
_SURE = 0.7
_LEAST_CHARACTERS = 20
_MOST_CHARACTERS = 2_000
_TAG = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{2,8})*", re.IGNORECASE)


class _Identifier(Protocol):
    def classify(self, text: str) -> tuple[str, float]: ...


def language_of(text: str, declared: str | None) -> str | None:
    """Return the language of a text, such as ``en``; None if it can be neither found nor is declared.

    Args:
        text: The title and whatever else was read of the article.
        declared: What the page or the feed declares, such as ``en-US``.
    """
    if len(text) >= _LEAST_CHARACTERS:
        found, share = _identifier().classify(text[:_MOST_CHARACTERS])
        if share >= _SURE:
            return str(found)
    match = _TAG.fullmatch((declared or "").strip())
    return match[1].lower() if match else None


def n_texts_judged() -> int:
    """Return how many texts the loaded model has judged."""
    used = _identifier.cache_info()
    return used.hits + used.misses


def let_go_of_model() -> bool:
    """Let go of the model of languages until the next text, and return whether it was loaded."""
    is_loaded = _identifier.cache_info().currsize > 0
    _identifier.cache_clear()
    return is_loaded


@lru_cache(maxsize=1)
def _identifier() -> _Identifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    whole: Any = LanguageIdentifier.from_model_file(MODEL_FILE)
    whole.set_languages(LANGUAGES)
    part: _Identifier = LanguageIdentifier(
        whole.nb_ptc,
        whole.nb_pc,
        whole.nb_classes,
        whole.tk_nextmove,
        whole.tk_output,
        norm_probs=True,
        tk_row=whole.tk_row,
    )
    return part
