"""Which shingles are the frame of a site, and not the text of an article.

Sites put the same words into every text: an invitation in front, a list of further articles, the greeting of a column. They
make strangers similar. A shingle that stands in two other articles of the same source is such a frame, and does
not count. Editions of one article with one title are counted once, so that what a source published five times is no frame.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

_FRAME_FROM = 3
_NOTHING: frozenset[int] = frozenset()


class Frames:
    """How many articles of each source hold a shingle."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._frames: defaultdict[str, set[int]] = defaultdict(set)

    def add(self, source: str, shingles: Iterable[int]) -> None:
        """Count the shingles of an article."""
        counts, each = self._counts[source], set(shingles)
        counts.update(each)
        self._frames[source].update(shingle for shingle in each if counts[shingle] == _FRAME_FROM)

    def remove(self, source: str, shingles: Iterable[int]) -> None:
        """Take an article back."""
        counts, frame = self._counts[source], self._frames[source]
        for shingle in set(shingles):
            n = counts[shingle] - 1
            if n:
                counts[shingle] = n
            else:
                del counts[shingle]
            if n < _FRAME_FROM:
                frame.discard(shingle)

    def without(self, source: str, shingles: Iterable[int], *, n_own: int = 0) -> frozenset[int]:
        """Return the shingles that are not the frame of the source.

        Args:
            source: The source of the article.
            shingles: Its shingles.
            n_own: 1 if the article itself was counted.
        """
        each = frozenset(shingles)
        framed = each & self._frames.get(source, _NOTHING)
        if not framed:
            return each
        counts, n_most = self._counts[source], _FRAME_FROM + n_own
        return each - {shingle for shingle in framed if counts[shingle] >= n_most}
