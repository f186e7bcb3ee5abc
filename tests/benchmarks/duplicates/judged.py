"""The judged pairs, and how links agree with them."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("judged_pairs.csv")
_Z_95 = 1.959964


class JudgedPair(NamedTuple):
    """A pair of articles, and whether the second is a copy of the first or both are of a third."""

    first: str
    second: str
    tenth: int
    is_copy: bool


class Share(NamedTuple):
    """A share of cases, with its interval of 95 % after Wilson."""

    value: float
    low: float
    high: float


class Confusion(NamedTuple):
    """How links agree with the judgements."""

    n_found: int
    n_false: int
    n_missed: int

    @property
    def precision(self) -> Share:
        """The share of the links that are right."""
        return share(self.n_found, self.n_found + self.n_false)

    @property
    def recall(self) -> Share:
        """The share of the copies that are linked."""
        return share(self.n_found, self.n_found + self.n_missed)


def judged_pairs() -> list[JudgedPair]:
    """Return all judged pairs."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        return [
            JudgedPair(row["first"], row["second"], int(row["tenth"]), row["is_copy"] == "1")
            for row in csv.DictReader(lines)
        ]


def share(n: int, n_all: int) -> Share:
    """Return a share with its interval; of no cases it is 0, and may be anything.

    Source:
        Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    if n_all == 0:
        return Share(0.0, 0.0, 1.0)
    value, z2 = n / n_all, _Z_95**2 / n_all
    middle = (value + z2 / 2) / (1 + z2)
    half = _Z_95 / (1 + z2) * math.sqrt(value * (1 - value) / n_all + z2 / (4 * n_all))
    return Share(value, middle - half, middle + half)


def confusion_of(pairs: list[JudgedPair], first_of: Mapping[str, str]) -> Confusion:
    """Return how links agree with judged pairs. Two articles are linked if they have one first article.

    Args:
        pairs: The judged pairs.
        first_of: The first article of each copy.
    """
    found = [
        (pair.is_copy, first_of.get(pair.first, pair.first) == first_of.get(pair.second, pair.second))
        for pair in pairs
    ]
    return Confusion(
        n_found=sum(is_copy and is_linked for is_copy, is_linked in found),
        n_false=sum(is_linked and not is_copy for is_copy, is_linked in found),
        n_missed=sum(is_copy and not is_linked for is_copy, is_linked in found),
    )
