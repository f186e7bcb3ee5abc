"""Splits texts into sentences and sentences into clauses, by rules and without a corpus."""

import re
import textwrap

#: Longer sentences are cut between words, because what scorers do with one may grow with the square of its length.
MOST_CHARACTERS = 1_000
_END = re.compile(r"(?<![.!?\u2026])[.!?\u2026]+[\"')\]]*\s+(?=[\"'(\[$#@]?[^\W_a-z])")
#: After these words, a point ends no sentence.
_ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "sen",
        "rep",
        "gov",
        "gen",
        "lt",
        "col",
        "sgt",
        "capt",
        "st",
        "jr",
        "sr",
        "inc",
        "corp",
        "co",
        "ltd",
        "llc",
        "plc",
        "bros",
        "vs",
        "v",
        "no",
        "nos",
        "approx",
        "est",
        "dept",
        "fig",
        "vol",
        "ed",
        "eds",
        "al",
        "etc",
        "e.g",
        "i.e",
        "u.s",
        "u.k",
        "u.n",
        "e.u",
        "a.m",
        "p.m",
        "d.c",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
    ]
)
_LAST_WORD = re.compile(r"[^\s\"'(\[]*$")
#: Between clauses that may speak about different coins.
_CLAUSE_END = re.compile(
    r"\s*(?:[;\u2013\u2014]|\s-\s|,?\s(?:while|as|but|whereas|although|though|even as)\b)\s*", re.IGNORECASE
)


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text, which hold all of its words in their order.

    A line break ends a sentence, and so does a point, an exclamation mark or a question mark before a capital, a digit or
    a sign. A point after an abbreviation or an initial ends none.

    Example:
        >>> sentences_of("Prices fell 3.5 percent. Mr. Saylor bought! Why?")
        ['Prices fell 3.5 percent.', 'Mr. Saylor bought!', 'Why?']
    """
    lines = (line.strip() for line in text.split("\n"))
    return [piece for line in lines for sentence in _of_line(line) for piece in pieces_of(sentence)]


def pieces_of(sentence: str) -> list[str]:
    """Return a sentence, in pieces if it is longer than sentences are, such as a table without a single point."""
    if len(sentence) <= MOST_CHARACTERS:
        return [sentence] if sentence else []
    return textwrap.wrap(sentence, MOST_CHARACTERS, break_on_hyphens=False)


def clauses_of(sentence: str) -> list[str]:
    """Return the clauses of a sentence; one clause if nothing in it separates two."""
    return [clause for clause in (part.strip() for part in _CLAUSE_END.split(sentence)) if clause]


def _of_line(line: str) -> list[str]:
    found, start = [], 0
    for match in _END.finditer(line):
        if not _is_abbreviated(line[start : match.start()], match[0]):
            found.append(line[start : match.end()].strip())
            start = match.end()
    return [*found, line[start:].strip()]


def _is_abbreviated(before: str, mark: str) -> bool:
    """Return whether a mark that is one point follows an abbreviation or an initial."""
    if mark.strip() != ".":
        return False
    match = _LAST_WORD.search(before[-30:])
    word = match[0] if match else ""
    return word.casefold() in _ABBREVIATIONS or (len(word) == 1 and word.isupper())
