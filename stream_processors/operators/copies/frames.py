"""Which shingles are the frame of a site, and not the text of an article.

Sites put the same words into every text: an invitation in front, a list of further articles, the greeting of a column. They
make strangers similar. A shingle that stands in two other articles of the same source is such a frame, and does
not count. Editions of one article with one title are counted once, so that what a source published five times is no frame.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

_FRAME_FROM = 3


class Frames:
    """How many articles of each source hold a shingle."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def add(self, source: str, shingles: Iterable[int]) -> None:
        """Count the shingles of an article."""
        self._counts[source].update(set(shingles))

    def remove(self, source: str, shingles: Iterable[int]) -> None:
        """Take an article back."""
        counts = self._counts[source]
        for shingle in set(shingles):
            counts[shingle] -= 1
            if counts[shingle] <= 0:
                del counts[shingle]

    def without(self, source: str, shingles: Iterable[int], *, n_own: int = 0) -> frozenset[int]:
        """Return the shingles that are not the frame of the source.

        Args:
            source: The source of the article.
            shingles: Its shingles.
            n_own: 1 if the article itself was counted.
        """
        counts = self._counts.get(source)
        if not counts:
            return frozenset(shingles)
        n_most = _FRAME_FROM + n_own
        return frozenset(shingle for shingle in shingles if counts[shingle] < n_most)
