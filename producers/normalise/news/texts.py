"""Cleans the texts of articles, and computes the hash that tells one content from another.

The hash is of the words alone: other white space, quotation marks, capitals, tracked links and advertisements make no
new version of an article. A number is a word, so a corrected figure does. A point or comma between digits belongs to
the number: ``1.5`` is not ``15``.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

LONGEST_TITLE = 1_000
LONGEST_TEXT = 100_000
LONGEST_SUMMARY = 500
LONGEST_AUTHOR = 500
LONGEST_CATEGORY = 200
MOST_CATEGORIES = 100
_HASH_DIGITS = 16
#: Characters that take no room: soft hyphens, joiners, marks of direction and of the byte order.
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]"
)
_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[%$\u20ac\u00a3\u20bf]")
#: Accents make no other word: a wrong encoding damages them first.
_ACCENT = re.compile("[\u0300-\u036f]")
_FIGURE = re.compile(r"[.,](?=\d{3}(?:\D|$))")
#: What WordPress adds to each item of a feed, and how it cuts one.
_ENDINGS = (
    re.compile(
        r"\b[Tt]he post\b.{0,400}?\b(?:appeared|was) (?:first )?(?:published )?(?:on|in|at)"
        r"(?:\s[A-Z0-9][\w&\u2019'-]*(?:\.\w+)*){1,4}\.?"
    ),
    re.compile(r"\[(?:\u2026|\.\.\.)\]\s*$"),
)
_ADVERTISEMENT = (
    r"advertis(?:ement|ing)|sponsored(?: content| by .{0,60})?|ad|promoted|"
    r"(?:story |article )?continues(?: below)?(?: this)?(?: ad| advertisement)?"
)
_INVITATION = (
    r"(?:read (?:more|also|next)|related(?: (?:reading|articles?|posts?))?|see also|also read|recommended|"
    r"subscribe|sign up|join (?:us|our|the)|follow us|get (?:the|our) .{0,40}newsletter|"
    r"mentioned in this article|posted in|latest alpha market report)\b.{0,150}"
)
_BUTTON = r"share|tweet|print|copy link|email|facebook|twitter|linkedin|telegram|whatsapp|reddit|\d+ min(?:ute)?s? read"
_AGE = r"(?:updated? |published |posted )?(?:just now|(?:an?|\d+) (?:sec(?:ond)?|min(?:ute)?|hour|hr|day|week)s? ago)"
_LIVE_PRICES = r"(?:bitcoin|crypto) market (?:data|summary)\b.*|.{0,60}at the time of press.{0,400}bitcoin is ranked #\d.*"
#: What a site puts between and after the paragraphs of an article. Each is a whole line.
_FRAME = re.compile(
    rf"\W*(?:{_ADVERTISEMENT}|{_INVITATION}|{_BUTTON}|{_AGE}|{_LIVE_PRICES})\W*", re.IGNORECASE
)


def clean_line(text: str, longest: int) -> str:
    """Return a text on one line, without invisible characters, and cut at a word if it is too long.

    Args:
        text: A title, an author, a category.
        longest: How many characters it may have.
    """
    return _cut(" ".join(_visible(text).split()), longest)


def clean_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text whose paragraphs are lines: without empty lines, invisible characters and surplus spaces.

    Args:
        text: Plain text, without HTML.
        longest: How many characters it may have; a longer one is cut at a word.
    """
    lines = (" ".join(line.split()) for line in _visible(text).splitlines())
    return _cut("\n".join(line for line in lines if line), longest)


def without_frames(text: str) -> str:
    """Return a text without what the site puts around it: advertisements, invitations, "The post ... appeared first"."""
    lines = (without_ending(line) for line in text.splitlines() if not _FRAME.fullmatch(line))
    return "\n".join(line for line in lines if line)


def without_ending(line: str) -> str:
    """Return a paragraph without the sentence that WordPress adds to it."""
    for ending in _ENDINGS:
        line = ending.sub("", line)
    return line.strip()


def _visible(text: str) -> str:
    return unicodedata.normalize(
        "NFC", _INVISIBLE.sub("", text.replace("\u2028", "\n").replace("\u2029", "\n"))
    )


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    head = text[: longest - 1]
    whole_words, space, _ = head.rpartition(" ")
    return f"{whole_words if space and len(whole_words) > longest // 2 else head}\u2026"


def words_of(text: str) -> list[str]:
    """Return the words of a text in small letters without accents, with numbers in one form and without addresses.

    Example:
        >>> words_of("Bitcoin\u2019s price: $1,250.5 (https://x.com/a)")
        ['bitcoins', 'price', '$', '1250.5']
    """
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", _ADDRESS.sub(" ", text)).casefold())
    plain = re.sub("(?<=\\w)['\u2019\u02bc](?=\\w)", "", plain)
    return [_FIGURE.sub("", word) if word[0].isdigit() else word for word in _WORD.findall(plain)]


def hash_of_words(text: str) -> str:
    """Return 16 hexadecimal digits of the hash of a text's words."""
    return hashlib.sha256(" ".join(words_of(text)).encode()).hexdigest()[:_HASH_DIGITS]


def content_hash(title: str, text: str) -> str:
    """Return the hash of the words of an article, which only another content changes.

    Its first half is of the title alone, so that a feed, which has the title and not the text, shows whether the title was
    changed: see :func:`title_part`.

    Example:
        >>> content_hash("A  title", "Some \u201ctext\u201d.") == content_hash("a title", 'Some "text"')
        True
    """
    return hash_of_words(title) + hash_of_words(without_frames(text))


def title_part(content: str) -> str:
    """Return the part of a content's hash that is of the title alone."""
    return content[:_HASH_DIGITS]


def clean_categories(found: Iterable[str]) -> tuple[str, ...]:
    """Return categories in their order, each once in the form in which it came first."""
    kept: dict[str, str] = {}
    for each in found:
        category = clean_line(each, LONGEST_CATEGORY)
        if category:
            kept.setdefault(category.casefold(), category)
    return tuple(kept.values())[:MOST_CATEGORIES]
