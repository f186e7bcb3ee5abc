"""Reads the news of one source: its feed, then the page of each article that is new or may have changed."""

import threading
from collections.abc import Iterable, Iterator

import msgspec

from producers.normalise.news.addresses import canonical_address, comparable
from producers.normalise.news.articles import ArticleSeen
from producers.normalise.news.rules import ItemRefusedError
from producers.normalise.news.times import check_published, read_time
from producers.normalise.news.versions import ArticleVersions, KnownVersion
from producers.sources.fetching import Fetcher
from producers.sources.news.article_pages import ArticlePages
from producers.sources.news.backfilling import backfill
from producers.sources.news.counting import CountingFetcher
from producers.sources.news.entries import FeedEntry
from producers.sources.news.finding import find
from producers.sources.news.rounds import NewsReading, NewsRound
from producers.sources.news.specs import NewsSpec
from producers.sources.news.taking import Looking, Taken, Taker

#: So many pages are read in one round, so that what was read is soon published.
PAGES_PER_ROUND = 10
_MOST_NOTES = 20


class NewsReader(NewsReading):
    """Reads one source over the network.

    Args:
        spec: The source.
        fetcher: Asks it.
    """

    def __init__(self, spec: NewsSpec, fetcher: Fetcher) -> None:
        self._spec = spec
        self._fetcher = CountingFetcher(fetcher)
        self._versions = ArticleVersions()
        self._pages = ArticlePages(self._fetcher, most=PAGES_PER_ROUND)
        self._taker = Taker(spec, self._versions, self._pages)
        self._lock = threading.Lock()
        self._confirmed: list[ArticleSeen] = []

    @property
    def name(self) -> str:
        """The name of the source."""
        return self._spec.name

    @property
    def interval_s(self) -> float:
        """How often it should be read."""
        return self._spec.interval_s

    def restore(self, known: Iterable[KnownVersion]) -> None:
        """Take every version of the source's articles that was published before."""
        self._versions.restore(known)

    def confirm(self, articles: Iterable[ArticleSeen]) -> None:
        """Take note that articles were published; the next round knows them."""
        with self._lock:
            self._confirmed.extend(articles)

    def collect(self, *, now_ms: int, is_last: bool = False) -> NewsRound:
        """Read the source once; see :class:`NewsReading`."""
        self._begin(is_last=is_last)
        found = find(self._spec, self._fetcher)
        looking = Looking(
            way=found.way, base=found.base, language=found.language, now_ms=now_ms, is_last=is_last
        )
        taken = Taken()
        entries = _once_each(found.entries, found.base)
        for entry in self._taker.ordered(entries):
            self._taker.take(entry, looking, taken)
        return self._round(
            NewsRound(
                source=self.name,
                way=found.way,
                n_items=len(entries),
                newest_ms=_newest_ms(entries, taken.articles, now_ms),
                is_unchanged=found.is_unchanged,
                notes=found.notes,
            ),
            taken,
        )

    def backfill(self, *, from_ms: int, until_ms: int, now_ms: int) -> Iterator[NewsRound]:
        """Yield older articles; see the port."""
        n_left = 0
        for part in backfill(self._spec, self._fetcher, from_ms=from_ms, until_ms=until_ms):
            self._begin(is_last=True)
            looking = Looking(
                way=part.way, base=part.base, now_ms=now_ms, is_last=True, from_ms=from_ms, until_ms=until_ms
            )
            taken = Taken()
            for entry in part.entries:
                self._taker.take(entry, looking, taken)
            n_left += taken.n_waiting
            yield self._round(
                NewsRound(
                    source=self.name,
                    way=part.way,
                    n_items=len(part.entries),
                    newest_ms=_newest_ms(part.entries, taken.articles, now_ms),
                    notes=part.notes,
                    reaches_ms=None if n_left else part.reaches_ms,
                ),
                taken,
            )

    def _begin(self, *, is_last: bool) -> None:
        with self._lock:
            confirmed, self._confirmed = self._confirmed, []
        self._versions.confirm(confirmed)
        self._taker.published(confirmed)
        self._pages.begin(is_last=is_last)
        self._fetcher.n_requests = 0

    def _round(self, began: NewsRound, taken: Taken) -> NewsRound:
        return msgspec.structs.replace(
            began,
            articles=tuple(sorted(taken.articles, key=lambda each: (each.published_ms, each.article_id))),
            rejected=tuple(taken.rejected),
            n_requests=self._fetcher.n_requests,
            n_duplicate=taken.n_duplicate,
            n_waiting=taken.n_waiting,
            notes=(*began.notes, *self._pages.notes)[:_MOST_NOTES],
        )


def _once_each(entries: Iterable[FeedEntry], base: str) -> list[FeedEntry]:
    """Return the items, newest copy first: an item whose address came before is the same article with another id."""
    kept: dict[str, FeedEntry] = {}
    for number, entry in enumerate(entries):
        try:
            key = comparable(canonical_address(entry.link, base=base))
        except ItemRefusedError:
            key = f"{number}"
        kept.setdefault(key, entry)
    return list(kept.values())


def _newest_ms(entries: Iterable[FeedEntry], articles: Iterable[ArticleSeen], now_ms: int) -> int | None:
    """Return the published time of the newest item that states a time which can be true."""
    times = [article.published_ms for article in articles]
    for entry in entries:
        try:
            stated = read_time(entry.published or "")
            check_published(stated.ms, now_ms=now_ms)
        except ItemRefusedError:
            continue
        times.append(stated.ms)
    return max(times, default=None)
