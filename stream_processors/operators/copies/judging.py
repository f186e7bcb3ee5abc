"""Judges whether two articles are copies: by their titles, or by how much of the shorter text stands in the other.

The rule is that of the judged pairs (``tests/benchmarks/duplicates``): one text was made from the other if more than half of the words of
the shorter one stand in the other in runs of three or more. Two articles of one source need titles that are alike besides, since sites put the
same list or greeting into articles that are about something else. Titles with other numbers are of a series.
"""

from stream_processors.operators.copies.shingles import N_WORDS, Shingles

#: Shorter titles are common to strangers ("Bitcoin price analysis").
_LEAST_TITLE_WORDS = 5
#: A text of fewer words says too little by itself.
_LEAST_WORDS = 10
_COPIED_SHARE = 0.5
#: One run at least must be so long: names of laws, companies and places are shorter.
_LEAST_RUN = 6
#: So much of all the words of two titles must be common: of one source, and where there is no text to compare.
_ALIKE_IN_SOURCE = 0.25
_ALIKE_WITHOUT_TEXT = 0.7


def are_copies(
    one: Shingles,
    one_text: frozenset[int],
    other: Shingles,
    other_text: frozenset[int],
    *,
    is_one_source: bool,
) -> bool:
    """Return whether one article was made from the other.

    Args:
        one: An article.
        one_text: The shingles of its text without the frame of its source.
        other: Another article.
        other_text: The same of that.
        is_one_source: Whether both are of the same source.
    """
    if one.title == other.title and _is_long(one):
        return True
    if is_one_source and not _may_be_one_text(one, other):
        return False
    texts = (one.of_text, one_text), (other.of_text, other_text)
    (n_words, ordered, own), (_, _, others) = sorted(
        ((sum(runs_in(ordered, own)), ordered, own) for ordered, own in texts), key=lambda each: each[0]
    )
    if n_words >= _LEAST_WORDS:
        common = runs_in(ordered, own & others)
        return sum(common) > _COPIED_SHARE * n_words and max(common) >= _LEAST_RUN
    return not n_words and _are_alike(one, other)


def says_enough(article: Shingles) -> bool:
    """Return whether an article has a text or a title by which it can be known; "Market wrap" alone is every day's."""
    return bool(article.of_text) or _is_long(article)


def runs_in(ordered: tuple[int, ...], counted: frozenset[int]) -> list[int]:
    """Return the lengths, in words, of the runs of a text that lie in shingles that count.

    Args:
        ordered: All shingles of the text, in their order.
        counted: Those that count.

    Example:
        >>> runs_in((11, 12, 13, 14, 15, 16, 17), frozenset({12, 13, 17}))
        [4, 3]
    """
    runs: list[int] = []
    end = 0
    for begin, shingle in enumerate(ordered):
        if shingle not in counted:
            continue
        if runs and begin <= end:
            runs[-1] += begin + N_WORDS - end
        else:
            runs.append(N_WORDS)
        end = begin + N_WORDS
    return runs


def _is_long(article: Shingles) -> bool:
    return len(article.title.split()) >= _LEAST_TITLE_WORDS


def _are_alike(one: Shingles, other: Shingles) -> bool:
    """Whether two titles differ in a word or two, none of which is a number."""
    is_long = _is_long(one) and _is_long(other)
    return is_long and one.numbers == other.numbers and _likeness(one, other) >= _ALIKE_WITHOUT_TEXT


def _may_be_one_text(one: Shingles, other: Shingles) -> bool:
    is_other_number = bool(one.numbers) and bool(other.numbers) and one.numbers != other.numbers
    return _likeness(one, other) >= _ALIKE_IN_SOURCE and not is_other_number


def _likeness(one: Shingles, other: Shingles) -> float:
    """Return how much of all the words of two titles is common to them."""
    n_all = len(one.title_words | other.title_words)
    return len(one.title_words & other.title_words) / n_all if n_all else 0.0
