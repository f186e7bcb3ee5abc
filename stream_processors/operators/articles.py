"""Links copies of articles to the one that was seen first.

Other sites publish a press release, and one site publishes an article under several addresses. A copy has the same content
hash, the same title, or a text most of which stands in the other; see :mod:`stream_processors.operators.copies`. Articles are compared if they
were published within 72 hours of each other::

    published     |---- 72 h ----| newest          kept as long as they are in the window of the newest article
                ^ ^   ^                            older ones, which a backfill brings, are kept by their number
               ^ ^  ^ ^

1. An article comes once for each asset that it mentions, and counts once.
2. Another version of an article replaces the one before, and is compared anew. It keeps its place among the first seen.
3. A copy of a copy is linked to the first of all, as long as that was published within the window too. So a column that
   changes a little each day makes no chain without end.
4. Times are event times, so neither a restart nor the pace of reading changes a link.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas.errors import SnapshotMismatchError
from schemas.events import ArticleLinked, ArticlePublished, Event
from schemas.topics import NEWS_DUPLICATE, Topic
from stream_processors.operators.changing import StateChanges, encode
from stream_processors.operators.copies.index import Signatures
from stream_processors.operators.copies.runs import MOST_OLDER, ArticleRun, KeptArticle, Progress
from stream_processors.operators.protocols import Output, StateChange

_ARTICLE, _NEWEST = "article", "newest"


class ArticlesOperator:
    """Finds the copies among the articles of each run.

    Args:
        most_older: So many articles of a run are kept that were older than the window when they came.
    """

    def __init__(self, *, most_older: int = MOST_OLDER) -> None:
        self._most_older = most_older
        self._signatures = Signatures()
        self._runs: dict[str, ArticleRun] = {}
        self._changes = StateChanges()

    def step(self, _topic: Topic, event: Event) -> Iterator[Output]:
        """Take an article, and yield the link if it is a copy."""
        match event:
            case ArticlePublished():
                yield from self._on_article(event)
            case _ if event.key_fields == ("source",):
                return  # what a source says of itself is no article
            case _:
                message = f"the finding of copies takes no {type(event).__name__}"
                raise TypeError(message)

    def _on_article(self, article: ArticlePublished) -> Iterator[Output]:
        run = self._run_of(article.stream)
        before = run.by_id.get(article.article_id)
        if before is not None and article.version <= before.version:
            return  # a repeat, or the record of another asset
        if before is not None:
            run.remove(before)
        read = run.read(article, before)
        kept, first = read.kept, run.first_of(read)
        if first is not None:
            is_counted = kept.shingles.title != first.shingles.title
            kept = msgspec.structs.replace(
                kept, root=first.article_id, root_ms=first.published_ms, is_counted=is_counted
            )
        run.add(kept, read.signature)
        self._note(article.stream, run, kept, is_new=before is None)
        if first is not None:
            yield _link(article, first, run.similarity(kept, first))

    def _note(self, stream: str, run: ArticleRun, kept: KeptArticle, *, is_new: bool) -> None:
        """Note what changed, and let go of what leaves the window."""
        note = self._changes.add if is_new else self._changes.put
        note((_ARTICLE, stream, kept.article_id), lambda: encode(kept))
        newest = Progress(
            max(run.newest.published_ms, kept.published_ms), run.newest.n_articles + int(is_new)
        )
        run.newest = newest
        self._changes.put((_NEWEST, stream), lambda: encode(newest))
        for gone in run.leaving():
            self._changes.drop((_ARTICLE, stream, gone.article_id))

    def _run_of(self, stream: str) -> ArticleRun:
        run = self._runs.get(stream)
        if run is None:
            run = self._runs[stream] = ArticleRun(self._signatures, self._most_older)
        return run

    def changes(self) -> list[StateChange]:
        """Return which articles came and went."""
        return [StateChange(key, value) for key, value in self._changes.take()]

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Restore a state.

        Raises:
            SnapshotMismatchError: If the state belongs to another release.
        """
        self._runs.clear()
        self._changes = StateChanges()
        kept: list[tuple[str, KeptArticle]] = []
        try:
            for key, value in entries.items():
                parts: tuple[Any, ...] = msgspec.msgpack.decode(key, type=tuple[Any, ...])
                match parts:
                    case ("article", str() as stream, str()):
                        kept.append((stream, msgspec.msgpack.decode(value, type=KeptArticle)))
                    case ("newest", str() as stream):
                        self._run_of(stream).newest = msgspec.msgpack.decode(value, type=Progress)
                    case _:
                        message = f"expected a key of the finding of copies, was {parts!r}"
                        raise ValueError(message)  # noqa: TRY301  (told below)
            for stream, each in sorted(kept, key=lambda one: one[1].number):
                self._run_of(stream).add(each)
        except (msgspec.DecodeError, ValueError) as error:
            message = f"the state belongs to another release: {error}"
            raise SnapshotMismatchError(message) from error

    def forget(self, stream: str) -> None:
        """Forget a run that ended."""
        run = self._runs.pop(stream, None)
        if run is None:
            return
        for article_id in run.by_id:
            self._changes.drop((_ARTICLE, stream, article_id))
        self._changes.drop((_NEWEST, stream))

    def newest(self) -> Iterator[Event]:
        """Yield nothing, because links are no view."""
        yield from ()


def _link(article: ArticlePublished, first: KeptArticle, similarity: float) -> Output:
    is_exact = article.content_hash == first.content
    link = ArticleLinked(
        event_time_ms=article.event_time_ms,
        known_time_ms=max(article.known_time_ms, first.known_ms),
        source=article.source,
        stream=article.stream,
        article_id=article.article_id,
        version=article.version,
        first_article_id=first.article_id,
        similarity=1.0 if is_exact else similarity,
        is_exact=is_exact,
    )
    return Output(NEWS_DUPLICATE, link, link.article_id)
