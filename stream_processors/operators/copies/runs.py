"""The kept articles of one run: who may be a copy of whom, who was first, and who leaves.

An article is kept as long as it was published within 72 hours of the newest one. Articles that are older than that when they come, as
a backfill brings them, are kept by their number, whatever their times are.
"""

import heapq
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from datasketch import MinHash

from schemas.events import ArticlePublished
from stream_processors.operators.copies.frames import Frames
from stream_processors.operators.copies.index import CopyIndex, Signatures, bytes_of
from stream_processors.operators.copies.judging import are_copies, says_enough
from stream_processors.operators.copies.shingles import Shingles, shingles_of

WINDOW_MS = 72 * 3_600_000
#: So many articles are kept that are older than the window when they come: more than half a year of two sources.
MOST_OLDER = 10_000
_NEVER_MS = -(2**62)


class KeptArticle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An article, as the state holds it.

    Attributes:
        number: Its place among all articles of the run, by when it was first seen.
        root: The article of which it is a copy; its own id if it is none.
        root_ms: When that was published.
        is_older: Whether it was older than the window when it came.
        is_counted: Whether its text counts towards the frame of its source; that of another edition of an article that has
            the same title does not.
    """

    number: int
    article_id: str
    version: int
    source: str
    published_ms: int
    known_ms: int
    content: str
    shingles: Shingles
    signature: bytes
    root: str
    root_ms: int
    is_older: bool
    is_counted: bool = True


class Progress(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far a run is: the newest published time, and how many articles it had."""

    published_ms: int
    n_articles: int


class ReadArticle(NamedTuple):
    """An article that was read now.

    Attributes:
        kept: What is kept of it.
        text: The shingles of its text without the frame of its source.
        signature: Of those and of the title's.
    """

    kept: KeptArticle
    text: frozenset[int]
    signature: MinHash


class ArticleRun:
    """The kept articles of one run.

    Args:
        signatures: Makes signatures.
        most_older: See :data:`MOST_OLDER`.
    """

    def __init__(self, signatures: Signatures, most_older: int = MOST_OLDER) -> None:
        self._signatures = signatures
        self._most_older = most_older
        self._index = CopyIndex()
        self._frames = Frames()
        self.by_id: dict[str, KeptArticle] = {}
        self._by_number: dict[int, KeptArticle] = {}
        self._times: list[tuple[int, int]] = []
        self._older: dict[int, None] = {}
        self.newest = Progress(_NEVER_MS, 0)

    def add(self, kept: KeptArticle, signature: MinHash | None = None) -> None:
        """Keep an article.

        Args:
            kept: The article.
            signature: Its signature; None if it has to be read from what is kept.
        """
        self.by_id[kept.article_id] = self._by_number[kept.number] = kept
        signature = self._signatures.read(kept.signature) if signature is None else signature
        self._index.add(kept.number, signature, kept.shingles, kept.content)
        if kept.is_counted:
            self._frames.add(kept.source, kept.shingles.of_text)
        if kept.is_older:
            self._older[kept.number] = None  # another version keeps the place of the first one
        else:
            heapq.heappush(self._times, (kept.published_ms, kept.number))

    def remove(self, kept: KeptArticle) -> None:
        """Keep an article no longer. Its place in the order of leaving stays, and means nothing then."""
        del self.by_id[kept.article_id], self._by_number[kept.number]
        self._index.remove(kept.number, kept.shingles, kept.content)
        if kept.is_counted:
            self._frames.remove(kept.source, kept.shingles.of_text)

    def leaving(self) -> Iterator[KeptArticle]:
        """Yield the articles that are kept no longer, and remove them."""
        from_ms = self.newest.published_ms - WINDOW_MS
        while self._times and self._times[0][0] < from_ms:
            yield from self._removed(heapq.heappop(self._times))
        while len(self._older) > self._most_older:
            kept = self._by_number[next(iter(self._older))]
            del self._older[kept.number]
            self.remove(kept)
            yield kept

    def _removed(self, place: tuple[int, int]) -> Iterator[KeptArticle]:
        published_ms, number = place
        kept = self._by_number.get(number)
        if kept is not None and kept.published_ms == published_ms:
            self.remove(kept)
            yield kept

    def read(self, article: ArticlePublished, before: KeptArticle | None) -> ReadArticle:
        """Return what is kept of an article, which is no copy as far as this knows, and what finds copies.

        Args:
            article: The article.
            before: Its version of before, which is not kept any more; None if there is none.
        """
        shingles = shingles_of(article)
        text = self._frames.without(article.source, shingles.of_text)
        signature = self._signatures.of(text.union(shingles.of_title))
        kept = KeptArticle(
            number=self.newest.n_articles if before is None else before.number,
            article_id=article.article_id,
            version=article.version,
            source=article.source,
            published_ms=article.event_time_ms,
            known_ms=article.known_time_ms,
            content=article.content_hash,
            shingles=shingles,
            signature=bytes_of(signature),
            root=article.article_id,
            root_ms=article.event_time_ms,
            is_older=self._is_older(article.event_time_ms) if before is None else before.is_older,
        )
        return ReadArticle(kept, text, signature)

    def _is_older(self, published_ms: int) -> bool:
        return published_ms < self.newest.published_ms - WINDOW_MS

    def first_of(self, read: ReadArticle) -> KeptArticle | None:
        """Return the first article that an article is a copy of; None if there is none."""
        kept = read.kept
        for number in self._index.candidates(read.signature, kept.shingles, kept.content):
            other = self._by_number[number]
            is_near = number < kept.number and abs(other.published_ms - kept.published_ms) <= WINDOW_MS
            if is_near and self._is_copy(kept, read.text, other):
                return self._root_of(other, kept)
        return None

    def _is_copy(self, kept: KeptArticle, text: frozenset[int], other: KeptArticle) -> bool:
        if kept.content == other.content and says_enough(kept.shingles):
            return True
        n_own = int(other.is_counted)
        other_text = self._frames.without(other.source, other.shingles.of_text, n_own=n_own)
        is_one_source = kept.source == other.source
        return are_copies(kept.shingles, text, other.shingles, other_text, is_one_source=is_one_source)

    def _root_of(self, other: KeptArticle, kept: KeptArticle) -> KeptArticle:
        root = self.by_id.get(other.root, other)
        return root if abs(root.published_ms - kept.published_ms) <= WINDOW_MS else other

    def similarity(self, one: KeptArticle, other: KeptArticle) -> float:
        """Return the estimated Jaccard similarity of two articles."""
        return float(self._signatures.read(one.signature).jaccard(self._signatures.read(other.signature)))
