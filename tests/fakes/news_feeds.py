"""A source of news behind its port: what it has is what the test says."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from producers.normalise.news.articles import ArticleSeen, Reading
from producers.normalise.news.versions import ArticleVersions, KnownVersion
from producers.sources.news.rounds import NewsReading, NewsRound, Way


class FakeNewsReading(NewsReading):
    """Gives readings that a test states; what it gave comes again until it is confirmed."""

    def __init__(
        self, readings: Sequence[Reading] = (), older: Sequence[Reading] = (), *, name: str = "coindesk"
    ) -> None:
        self.readings = list(readings)
        self.older = list(older)
        self.error: Exception | None = None
        self._name = name
        self._versions = ArticleVersions()

    @property
    def name(self) -> str:
        return self._name

    @property
    def interval_s(self) -> float:
        return 300.0

    def restore(self, known: Iterable[KnownVersion]) -> None:
        self._versions.restore(known)

    def confirm(self, articles: Iterable[ArticleSeen]) -> None:
        self._versions.confirm(articles)

    def collect(self, *, now_ms: int, is_last: bool = False) -> NewsRound:
        if self.error is not None:
            raise self.error
        return self._round(self.readings, now_ms, Way.FEED)

    def backfill(self, *, from_ms: int, until_ms: int, now_ms: int) -> Iterator[NewsRound]:
        asked = [each for each in self.older if from_ms <= each.published.ms < until_ms]
        for each in sorted(asked, key=lambda reading: -reading.published.ms):
            yield self._round([each], now_ms, Way.SITEMAP)
        yield msgspec.structs.replace(self._round([], now_ms, Way.SITEMAP), reaches_ms=from_ms)

    def _round(self, readings: Sequence[Reading], now_ms: int, way: Way) -> NewsRound:
        seen = [
            self._versions.seen(each, source=self._name, now_ms=now_ms, may_pass_on_text=False)
            for each in readings
        ]
        articles = sorted((each for each in seen if each is not None), key=lambda each: each.published_ms)
        return NewsRound(
            source=self._name,
            way=way,
            articles=tuple(articles),
            n_requests=1,
            n_items=len(readings),
            n_duplicate=len(readings) - len(articles),
            newest_ms=max((each.published.ms for each in readings), default=None),
        )
