"""The ids of scorers: which scorer a score is from, and which version of all that makes its scores.

An id is ``NAME@HASH``. The hash stands for everything that a score depends on: weights, tokenizer, lexicon, labels,
precision, and the version of the preparation of texts. So two scores with one id were made in the same way.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.errors import ConfigurationError

VARIABLE = "DRIFTLINE_SCORERS"
#: What an agent runs if nothing is configured.
DEFAULT_NAMES = ("vader", "textblob")
HASH_DIGITS = 16
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_HASH = re.compile(rf"[0-9a-f]{{{HASH_DIGITS}}}")


class ScorerId(NamedTuple):
    """The id of a scorer.

    Attributes:
        name: Such as ``vader``.
        hash: The first 16 hexadecimal digits of the hash of what makes its scores.
    """

    name: str
    hash: str

    def __str__(self) -> str:
        """Return the id as it is written, ``NAME@HASH``."""
        return f"{self.name}@{self.hash}"


def parse_scorer(text: str) -> ScorerId:
    """Parse the id of a scorer.

    Raises:
        ConfigurationError: If the text has another form.

    Example:
        >>> parse_scorer("vader@0123456789abcdef").name
        'vader'
    """
    name, _, digits = text.strip().partition("@")
    if not is_scorer_name(name) or _HASH.fullmatch(digits) is None:
        message = (
            f"the id of a scorer must look like vader@0123456789abcdef: its name in small letters, digits and "
            f"underscores, and {HASH_DIGITS} hexadecimal digits; was {text!r}"
        )
        raise ConfigurationError(message)
    return ScorerId(name, digits)


def is_scorer_name(name: str) -> bool:
    """Return whether a name has the form of the name of a scorer: at most 31 small letters, digits and underscores."""
    return _NAME.fullmatch(name) is not None


def parse_scorer_names(text: str | None) -> tuple[str, ...]:
    """Return the names of scorers in a setting, each once, in their order; the default names if the text is empty.

    Raises:
        ConfigurationError: If one of them has another form.

    Example:
        >>> parse_scorer_names("vader, encoder")
        ('vader', 'encoder')
    """
    names = tuple(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))
    for name in names:
        if not is_scorer_name(name):
            message = (
                f"{VARIABLE} must hold names of scorers separated by commas, such as vader,textblob: "
                f"small letters, digits and underscores, at most 31; was {name!r}"
            )
            raise ConfigurationError(message)
    return names or DEFAULT_NAMES


def hash_of(parts: Mapping[str, bytes] | Sequence[tuple[str, bytes]]) -> str:
    """Return the hash of all that makes the scores of a scorer.

    Args:
        parts: The name and the content of each part. The order of the names does not matter, and no content can be
            mistaken for a part of another one.
    """
    digest = hashlib.sha256()
    for name, content in sorted(dict(parts).items()):
        digest.update(f"{len(name)}:{name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:HASH_DIGITS]
