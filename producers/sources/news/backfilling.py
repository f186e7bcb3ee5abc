"""Finds the articles of before: by the sitemaps of a source, and by the older pages of its feed.

It gives parts of some twenty items, newest first as far as the source says. What was published already is skipped by the
caller without a request, so a backfill that ended anywhere is resumed by beginning it again.
"""

import re
from collections.abc import Iterator

import msgspec

from producers.normalise.news.rules import ItemRefusedError
from producers.normalise.news.times import read_time
from producers.sources.fetching import Fetcher, SourceAnswerError, SourceUnreachableError
from producers.sources.news.entries import FeedEntry
from producers.sources.news.finding import feed_at
from producers.sources.news.rounds import Way
from producers.sources.news.sitemaps import SitemapEntry, read_sitemap
from producers.sources.news.specs import NewsSpec
from schemas.errors import ContractError

_PER_PART = 20
#: More sitemaps or pages than a publisher of ten years has.
_MOST_SITEMAPS = 500
_MOST_PAGES = 1_000
#: Sitemaps of what is no article.
_OTHER = re.compile(
    r"(?:categor|tag|author|person|people|page|coin|token|compan|product|image|video|event|glossary|term|direct|market)"
    r"[a-z]*[-_]?sitemap|sitemap[-_/]?(?:categor|tag|author|person|people|pages?\b|coin|token|compan|product|image|video|event)",
    re.IGNORECASE,
)
_DAY_IN_PATH = re.compile(r"/(\d{4})[/-](\d{2})[/-](\d{2})/")
_DAY_MS = 86_400_000


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Some items of before.

    Attributes:
        way: How they were found.
        entries: The items.
        base: The address to which their links are relative.
        notes: What is doubtful, a whole sentence each.
        reaches_ms: Every item that the source states and that was published since then has been given; None if that is not known.
    """

    way: Way
    entries: tuple[FeedEntry, ...]
    base: str
    notes: tuple[str, ...] = ()
    reaches_ms: int | None = None


def backfill(spec: NewsSpec, fetcher: Fetcher, *, from_ms: int, until_ms: int) -> Iterator[Part]:
    """Yield the items of a stretch of time, and at the end an empty part that says how far back they reach.

    Items whose time is not stated are given too, because only their page says when they were published.

    Args:
        spec: The source.
        fetcher: Asks it.
        from_ms: The earliest published time.
        until_ms: The latest published time, exclusive.

    Raises:
        SourceUnavailableError: If the source refuses or wants us to wait.
    """
    walk = _Walk(spec, fetcher, from_ms, until_ms)
    yield from walk.of_sitemaps()
    yield from walk.of_older_feeds()
    reaches_ms = from_ms if walk.has_walked and not walk.notes else None
    yield Part(
        way=Way.SITEMAP, entries=(), base=spec.feeds[0], notes=tuple(walk.notes), reaches_ms=reaches_ms
    )


class _Walk:
    """One walk through what a source states of before."""

    def __init__(self, spec: NewsSpec, fetcher: Fetcher, from_ms: int, until_ms: int) -> None:
        self._spec = spec
        self._fetcher = fetcher
        self._from_ms = from_ms
        self._until_ms = until_ms
        self.notes: list[str] = []
        self.has_walked = False

    def of_sitemaps(self) -> Iterator[Part]:
        """Yield what the sitemaps state, the newest sitemap first."""
        to_read = list(reversed(self._spec.sitemaps))
        seen: set[str] = set()
        while to_read and len(seen) < _MOST_SITEMAPS:
            address = to_read.pop()
            if address in seen:
                continue
            seen.add(address)
            entries = self._sitemap(address)
            to_read.extend(self._further(entries))
            articles = sorted(
                (entry for entry in entries if self._is_asked(entry)),
                key=lambda entry: _newest(entry) or 0,
                reverse=True,
            )
            for first in range(0, len(articles), _PER_PART):
                part = tuple(_entry_of(entry) for entry in articles[first : first + _PER_PART])
                yield Part(way=Way.SITEMAP, entries=part, base=address)

    def _sitemap(self, address: str) -> tuple[SitemapEntry, ...]:
        try:
            fetched = self._fetcher.get(address, is_page=True)
            found = read_sitemap(fetched.body, fetched.headers)
        except SourceAnswerError:
            return ()  # a source has one of the addresses under which sitemaps usually lie
        except (SourceUnreachableError, ContractError) as error:
            self.notes.append(f"A sitemap could not be read: {error}.")
            return ()
        self.has_walked = True
        return found

    def _further(self, entries: tuple[SitemapEntry, ...]) -> list[str]:
        """Return the further sitemaps that may hold articles of the stretch, the newest last."""
        maps = [
            entry
            for entry in entries
            if entry.is_sitemap
            and entry.address.startswith("http")
            and not _OTHER.search(entry.address)
            and (entry.changed_ms is None or entry.changed_ms >= self._from_ms)
        ]
        maps.sort(key=lambda entry: entry.changed_ms or 0)
        return [entry.address.replace("http://", "https://", 1) for entry in maps]

    def _is_asked(self, entry: SitemapEntry) -> bool:
        if entry.is_sitemap:
            return False
        path = "/" + entry.address.partition("://")[2].partition("/")[2]
        if not self._spec.article.search(path):
            return False
        newest_ms, day_ms = entry.newest_ms, _day_of(entry.address)
        is_too_old = newest_ms is not None and newest_ms < self._from_ms
        is_other_day = (
            day_ms is not None and not self._from_ms - 2 * _DAY_MS <= day_ms < self._until_ms + _DAY_MS
        )
        return not is_too_old and not is_other_day

    def of_older_feeds(self) -> Iterator[Part]:
        """Yield what the older pages of the feed state, as far as they reach into the stretch."""
        if self._spec.older_feed is None:
            return
        last: tuple[str, ...] = ()
        for number in range(1, _MOST_PAGES):
            address = self._spec.older_feed.format(page=number)
            try:
                found = feed_at(address, self._fetcher)
            except SourceAnswerError:
                return  # after the last page
            except (SourceUnreachableError, ContractError) as error:
                self.notes.append(f"An older page of the feed could not be read: {error}.")
                return
            links = tuple(entry.link for entry in found.entries)
            times = [ms for entry in found.entries if (ms := _published_ms(entry)) is not None]
            if not links or links == last:
                return
            self.has_walked, last = True, links
            yield Part(way=Way.FEED, entries=found.entries, base=found.base, notes=found.notes)
            if times and max(times) < self._from_ms:
                return


def _newest(entry: SitemapEntry) -> int | None:
    day_ms = _day_of(entry.address)
    return entry.newest_ms if day_ms is None else day_ms


def _day_of(address: str) -> int | None:
    """Return the beginning of the day that stands in an address, or None."""
    match = _DAY_IN_PATH.search(address)
    if match is None:
        return None
    try:
        return read_time("-".join(match.groups())).ms
    except ItemRefusedError:
        return None


def _published_ms(entry: FeedEntry) -> int | None:
    try:
        return read_time(entry.published or "").ms
    except ItemRefusedError:
        return None


def _entry_of(entry: SitemapEntry) -> FeedEntry:
    return FeedEntry(
        link=entry.address, title=entry.title, published=entry.published, language=entry.language
    )
