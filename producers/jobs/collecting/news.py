"""The articles of one news source, round by round."""

from collections.abc import Iterator

from producers.jobs.collecting.rounds import CollectedRound, CollectedSource, KnownBefore, RejectedItem
from producers.normalise.news.articles import events_of
from producers.sources.news.counting import CountingFetcher
from producers.sources.news.languages import let_go_of_model, n_texts_judged
from producers.sources.news.rounds import ArticleSeen, KnownVersion, NewsReading, NewsRound
from schemas.wire.freeing import give_memory_back


class NewsSource(CollectedSource):
    """Reads a news source, and makes events of what is new.

    Args:
        reading: Reads the source.
        asked: The fetcher over which it does.
        stream: The run.
        usual_s: How often it has something new; None learns it.
    """

    def __init__(
        self, reading: NewsReading, asked: CountingFetcher, *, stream: str, usual_s: float | None
    ) -> None:
        self.name = reading.name
        self.interval_s = reading.interval_s
        self.usual_s = usual_s
        self._reading = reading
        self._asked = asked
        self._stream = stream
        self._articles: tuple[ArticleSeen, ...] = ()
        self._n_texts = 0

    @property
    def n_requests(self) -> int:
        """How often the source was asked since the start; see the port."""
        return self._asked.n_requests

    def restore(self, known: KnownBefore) -> None:
        """Take every version of the source's articles; see the port."""
        self._reading.restore(
            KnownVersion(
                article_id=each.article_id,
                version=each.version,
                content_hash=each.content_hash,
                modified_ms=each.modified_ms,
                first_seen_ms=each.known_time_ms,
                url=each.url,
                summary=each.summary,
            )
            for each in known.versions
            if each.source == self.name
        )

    def collect(self, *, now_ms: int, is_last: bool = False) -> CollectedRound:
        """Read the source once; see the port."""
        found = self._reading.collect(now_ms=now_ms, is_last=is_last)
        self._articles = found.articles
        return self._round(found)

    def history(
        self, *, from_ms: int, until_ms: int, now_ms: int
    ) -> Iterator[tuple[CollectedRound, int | None]]:
        """Yield the articles of a stretch of published time, newest first, each part confirmed before the next is taken.

        Args:
            from_ms: The earliest published time.
            until_ms: The latest published time, exclusive.
            now_ms: The wall clock.

        Yields:
            A part, and since when every article was looked at; None until that is known.

        Raises:
            SourceUnavailableError: If the source stops answering. A later call goes on from there.
        """
        for found in self._reading.backfill(from_ms=from_ms, until_ms=until_ms, now_ms=now_ms):
            self._articles = found.articles
            yield self._round(found), found.reaches_ms

    def confirm(self, read: CollectedRound) -> None:  # noqa: ARG002  (it is the round that was read last)
        """Take note that the articles of the last round are in the log; see the port.

        If no text was judged since the last call, the model of languages is let go of.
        """
        self._reading.confirm(self._articles)
        self._articles = ()
        n_texts, self._n_texts = self._n_texts, n_texts_judged()
        if n_texts == self._n_texts and let_go_of_model():
            give_memory_back()

    def _round(self, found: NewsRound) -> CollectedRound:
        return CollectedRound(
            source=self.name,
            events=tuple(
                event for article in found.articles for event in events_of(article, stream=self._stream)
            ),
            rejected=tuple(
                RejectedItem(
                    source=self.name, place=each.url, rule=each.rule, reason=each.reason, raw=each.raw
                )
                for each in found.rejected
            ),
            n_seen=found.n_items,
            n_new=len(found.articles),
            n_duplicate=found.n_duplicate,
            newest_ms=found.newest_ms,
            is_waiting=found.n_waiting > 0,
            notes=found.notes,
        )
