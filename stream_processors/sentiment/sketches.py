"""Sketches of texts: 64 bits that differ little between texts that have most of their words in common.

A sketch is a simhash. Every word, and every pair of words that follow each other, votes with the 64 bits of its hash;
a bit is set if more votes set it than clear it. So one changed word moves few bits, and strangers differ in about half.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

N_BITS = 64
_MOST_LETTERS = 100
#: A lane counts up to 16 million votes; texts have at most 100,000 characters.
_LANE_BITS = 24
_LANE = (1 << _LANE_BITS) - 1
_WORD = re.compile(r"[^\W_]+(?:[.,'\u2019][^\W_]+)*")


def sketch(text: str) -> str:
    """Return the sketch of a text, 16 hexadecimal digits; zeros if the text has no word.

    Capitals, punctuation and spaces do not matter.

    Source:
        Charikar (2002), Similarity estimation techniques from rounding algorithms.

    Example:
        >>> sketch("Bitcoin rallies!") == sketch("BITCOIN rallies")
        True
    """
    words = [word[:_MOST_LETTERS] for word in _WORD.findall(text.casefold())]
    votes = [*words, *map(" ".join, pairwise(words))]
    total, half = sum(map(_lanes, votes)), len(votes) // 2
    counts = ((total >> _LANE_BITS * bit) & _LANE for bit in range(N_BITS))
    return f"{sum(1 << bit for bit, count in enumerate(counts) if count > half):016x}"


def similarity(one: str, other: str) -> float:
    """Return the share of bits in which two sketches agree: 1 for equal texts, about 0.5 for strangers.

    Args:
        one: A sketch.
        other: Another one.
    """
    return 1 - (int(one, 16) ^ int(other, 16)).bit_count() / N_BITS


@lru_cache(maxsize=16_384)
def _lanes(vote: str) -> int:
    """Return the hash of a word with each of its bits in a lane of its own, so that one sum counts all 64 votes."""
    digits = int.from_bytes(blake2b(vote.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    return sum(1 << _LANE_BITS * bit for bit in range(N_BITS) if digits >> bit & 1)
