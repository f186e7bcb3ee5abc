"""Takes the items of a source one by one, and sorts them: new, known, waiting, rejected.

The rounds of the feed and the rounds of a backfill do this alike, so it stands apart from both.
"""

from collections.abc import Iterable

import msgspec

from producers.normalise.news.addresses import canonical_address, comparable, is_of_site
from producers.normalise.news.articles import ArticleSeen, Reading
from producers.normalise.news.rules import ItemRefusedError, Rule
from producers.normalise.news.versions import ArticleVersions, KnownArticle
from producers.sources.news.article_pages import ArticlePages, Missing
from producers.sources.news.entries import FeedEntry
from producers.sources.news.merging import merged
from producers.sources.news.pages import Page
from producers.sources.news.rounds import Rejected, Way
from producers.sources.news.specs import NewsSpec
from producers.sources.news.tracking import Tracking, states_another
from producers.sources.news.turns import Turns

_MOST_REJECTED = 5_000


class Looking(msgspec.Struct, frozen=True, kw_only=True):
    """How the items of a round were found.

    Attributes:
        way: The way.
        base: The address to which their links are relative.
        language: The language that the feed declares.
        now_ms: The wall clock.
        is_last: Whether nothing may wait for another round.
        from_ms: Articles that were published earlier are left out; None if none are.
        until_ms: Articles that were published at this time or later are left out; None if none are.
    """

    way: Way
    base: str
    language: str | None = None
    now_ms: int
    is_last: bool = False
    from_ms: int | None = None
    until_ms: int | None = None

    def is_asked(self, time_ms: int) -> bool:
        """Whether an article of this time belongs to what is looked for."""
        return (self.from_ms is None or time_ms >= self.from_ms) and (
            self.until_ms is None or time_ms < self.until_ms
        )


class Taken:
    """What the items of one round became.

    Attributes:
        articles: The new articles and versions.
        rejected: The items that broke a rule, unless they were named before.
        n_duplicate: How many were known.
        n_waiting: How many wait for the next round.
        newest_ms: The published time of the newest article that was read.
    """

    def __init__(self) -> None:
        self.articles: list[ArticleSeen] = []
        self.rejected: list[Rejected] = []
        self.n_duplicate = 0
        self.n_waiting = 0


class Taker:
    """Takes the items of one source.

    Args:
        spec: The source.
        versions: The articles that were published.
        pages: The pages of articles.
    """

    def __init__(self, spec: NewsSpec, versions: ArticleVersions, pages: ArticlePages) -> None:
        self._spec = spec
        self._versions = versions
        self._pages = pages
        self._tracking = Tracking()
        self._turns = Turns()
        self._rejected: dict[tuple[str, str], None] = {}

    def ordered(self, entries: Iterable[FeedEntry]) -> list[FeedEntry]:
        """Return items in the order in which they are taken: those first whose page was never asked for."""
        return self._turns.ordered(entries)

    def take(self, entry: FeedEntry, looking: Looking, into: Taken) -> None:
        """Take an item, and note what it became.

        Args:
            entry: The item.
            looking: How it was found.
            into: Where what it became is noted.
        """
        try:
            url = self._address(entry, looking.base)
            known = self._versions.of(self._turns.address_of(url))
            if known is not None and not self._is_due(entry, known, looking):
                into.n_duplicate += 1
                return
            if self._turns.is_refused(entry, now_ms=looking.now_ms):
                return
            if self._pages.has_turn:
                self._turns.asked(entry, now_ms=looking.now_ms)
            has_enough = looking.way is Way.FEED  # a listing and a sitemap leave the rest to the page
            page = self._pages.get(
                url if known is None else known.url, is_last=looking.is_last and has_enough
            )
            if page is Missing.WAITS:
                into.n_waiting += 1
                return
            found = page if isinstance(page, Page) else None
            address = self._address_of(found, known, url)
            self._read(entry, found, address, looking, into)
            self._turns.named(url, address)
        except ItemRefusedError as error:
            if error.rule is not Rule.NOT_IN_FUTURE:
                self._turns.refused(entry, now_ms=looking.now_ms)
            self._reject(entry, error, into)

    def _address(self, entry: FeedEntry, base: str) -> str:
        if not entry.link:
            raise ItemRefusedError(Rule.ADDRESS, "expected the address of an article, found none")
        url = canonical_address(entry.link, base=base)
        if self._spec.site is not None and not is_of_site(url, self._spec.site):
            message = f"expected an address of {self._spec.site}, was {url}"
            raise ItemRefusedError(Rule.SITE, message)
        return url

    def _is_due(self, entry: FeedEntry, known: KnownArticle, looking: Looking) -> bool:
        if looking.way is not Way.FEED:
            return False  # a listing says nothing of corrections
        key = comparable(known.url)
        if self._tracking.is_due(key, entry, known, now_ms=looking.now_ms):
            return True
        self._tracking.seen(key, entry, now_ms=looking.now_ms)
        return False

    def _address_of(self, page: Page | None, known: KnownArticle | None, url: str) -> str:
        """Return the address under which an article is published: of a known one always the first."""
        if known is not None:
            return known.url
        return url if page is None else page.url

    def _read(self, entry: FeedEntry, page: Page | None, url: str, looking: Looking, into: Taken) -> None:
        if page is None and looking.way is not Way.FEED:
            message = f"expected the page of an article at {url}, which cannot be read"
            raise ItemRefusedError(Rule.PAGE, message)
        reading = merged(
            entry,
            page,
            url=url,
            now_ms=looking.now_ms,
            language=looking.language,
            is_title_of_page=looking.way is not Way.FEED,
        )
        if not looking.is_asked(reading.published.ms):
            return
        article = None if self._says_nothing(entry, page, url) else self._seen(reading, looking.now_ms)
        if article is None:
            into.n_duplicate += 1
            self._tracking.checked(comparable(url), entry, now_ms=looking.now_ms)
        elif all(article.article_id != each.article_id for each in into.articles):
            into.articles.append(article)
            self._tracking.given(comparable(url), entry, now_ms=looking.now_ms)

    def published(self, articles: Iterable[ArticleSeen]) -> None:
        """Take note that articles were published."""
        for article in articles:
            self._tracking.published(comparable(article.url))

    def _says_nothing(self, entry: FeedEntry, page: Page | None, url: str) -> bool:
        """Whether a known article is shown unchanged by the feed and its page could not be read."""
        known = self._versions.of(url)
        if known is None or page is not None:
            return False
        return not states_another(entry, known) and not self._tracking.has_changed(comparable(url), entry)

    def _seen(self, reading: Reading, now_ms: int) -> ArticleSeen | None:
        may_pass_on_text = self._spec.terms.may_pass_on_text
        return self._versions.seen(
            reading, source=self._spec.name, now_ms=now_ms, may_pass_on_text=may_pass_on_text
        )

    def _reject(self, entry: FeedEntry, error: ItemRefusedError, into: Taken) -> None:
        key = (entry.link or entry.title, str(error.rule))
        if key in self._rejected:
            return
        self._rejected[key] = None
        while len(self._rejected) > _MOST_REJECTED:
            del self._rejected[next(iter(self._rejected))]
        into.rejected.append(
            Rejected(
                source=self._spec.name,
                url=entry.link or None,
                rule=str(error.rule),
                reason=f"{str(error)[:480]}.",
                raw=entry.raw(),
            )
        )
