"""The shingles of an article: the hashes of every three words in a row of its title and of its text.

Words are compared without capitals, accents and punctuation; a number keeps its point, so that 1.5 is not 15. Of the text the
first 120 words count, because most sources let only a summary be passed on. A text that begins with the title, as on
sites that put it in front again, loses it there. Hashes are CRC-32, which is the same everywhere and for ever.
"""

import re
import unicodedata
import zlib

import msgspec

from schemas.events import ArticlePublished

N_WORDS = 3
_MOST_WORDS = 120
#: Where the text repeats the title, it begins within so many words: after the name of the site, or a place and a date.
_TITLE_BEGINS_WITHIN = 6
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
#: Chinese and Japanese have no spaces, so there each character is a word.
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_\u3040-\u30ff\u3400-\u9fff]+")
_ACCENT = re.compile("[\u0300-\u036f]")
_APOSTROPHE = re.compile("(?<=\\w)['\u2019\u02bc](?=\\w)")
_THOUSANDS = re.compile(r",(?=\d{3}(?:\D|$))")


class Shingles(msgspec.Struct, frozen=True, array_like=True):
    """The shingles of an article.

    Attributes:
        title: The words of its title, as one text.
        of_title: The shingles of the title, in their order.
        of_text: The shingles of the text, in their order: the first begins at the first word.
    """

    title: str
    of_title: tuple[int, ...]
    of_text: tuple[int, ...]

    @property
    def title_words(self) -> frozenset[str]:
        """The words of the title."""
        return frozenset(self.title.split())

    @property
    def numbers(self) -> frozenset[str]:
        """The numbers in the title. Texts of one series differ in them."""
        return frozenset(word for word in self.title_words if word[0].isdigit())


def words_of(text: str) -> list[str]:
    """Return the words of a text in the form in which they are compared.

    Example:
        >>> words_of("Bitcoin\u2019s caf\u00e9: $1,250.50!")
        ['bitcoins', 'cafe', '1250.50']
    """
    plain = unicodedata.normalize("NFKD", _ADDRESS.sub(" ", text)).casefold()
    plain = _APOSTROPHE.sub("", _ACCENT.sub("", plain))
    return [_THOUSANDS.sub("", word) if word[0].isdigit() else word for word in _WORD.findall(plain)]


def shingles_of(article: ArticlePublished) -> Shingles:
    """Return the shingles of an article; its text is the summary, or without one the beginning of the text."""
    title = words_of(article.title)
    text = words_of((article.summary or article.text or "")[: _MOST_WORDS * 12])[:_MOST_WORDS]
    return Shingles(" ".join(title), _hashes(title), _hashes(_without_title(text, title)))


def _without_title(text: list[str], title: list[str]) -> list[str]:
    n = len(title)
    for begin in range(min(_TITLE_BEGINS_WITHIN, len(text) - n + 1) if n else 0):
        if text[begin : begin + n] == title:
            return text[begin + n :]
    return text


def _hashes(words: list[str]) -> tuple[int, ...]:
    """Return the hashes of every three words in a row; of fewer words there is none."""
    threes = zip(words, words[1:], words[2:], strict=False)
    return tuple([zlib.crc32(f"{first} {second} {third}".encode()) for first, second, third in threes])
