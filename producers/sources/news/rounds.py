"""The port of news: what one round of reading a source gives."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Protocol

import msgspec

from producers.normalise.news.articles import ArticleSeen
from producers.normalise.news.versions import KnownVersion

__all__ = ["ArticleSeen", "KnownVersion", "NewsReading", "NewsRound", "Rejected", "Way"]


class Way(StrEnum):
    """The way in which the articles of a round were found."""

    FEED = "feed"
    LISTING = "listing"
    SITEMAP = "sitemap"


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """An item that is not published.

    Attributes:
        source: The source.
        url: Its address as far as it is known.
        rule: The rule that it broke, such as ``published_in_future``.
        reason: What was expected and what it was, in a sentence.
        raw: What was read, at most 4,000 bytes.
    """

    source: str
    url: str | None
    rule: str
    reason: str
    raw: bytes


class NewsRound(msgspec.Struct, frozen=True, kw_only=True):
    """What one round gave.

    Attributes:
        source: The source.
        way: How its articles were found.
        articles: New articles and new versions of known ones, oldest first.
        rejected: The items that are not published; each is named in one round and not in every one.
        n_requests: How often the source was asked, by way of the cache too.
        n_items: How many items its feed held.
        n_duplicate: How many of them were known, with nothing new in them.
        n_waiting: How many wait for the next round, which should come at once.
        newest_ms: The published time of the newest item, new or not; None if there is no item.
        is_unchanged: Whether the source answered what it had answered before.
        notes: What is doubtful, a whole sentence each.
        reaches_ms: How far back a backfill has come: every article since that time was looked at.
    """

    source: str
    way: Way = Way.FEED
    articles: tuple[ArticleSeen, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    n_requests: int = 0
    n_items: int = 0
    n_duplicate: int = 0
    n_waiting: int = 0
    newest_ms: int | None = None
    is_unchanged: bool = False
    notes: tuple[str, ...] = ()
    reaches_ms: int | None = None


class NewsReading(Protocol):
    """Reads the news of one source, round by round, in a thread of its own.

    ``restore`` comes first. What a round gave is given again in later rounds until ``confirm`` says that it was published,
    so nothing is lost if publishing fails.
    """

    @property
    def name(self) -> str:
        """The name of the source."""

    @property
    def interval_s(self) -> float:
        """How often it should be read."""

    def restore(self, known: Iterable[KnownVersion]) -> None:
        """Take every version of the source's articles that was published before."""

    def confirm(self, articles: Iterable[ArticleSeen]) -> None:
        """Take note that articles were published. It may be called from another thread."""

    def collect(self, *, now_ms: int, is_last: bool = False) -> NewsRound:
        """Read the source once. It waits for the network.

        Args:
            now_ms: The wall clock.
            is_last: Whether no other round follows soon, so that nothing waits for one.

        Raises:
            SourceUnavailableError: If neither feed nor listing answers.
            DecodeError: If what they answer is neither.
        """

    def backfill(self, *, from_ms: int, until_ms: int, now_ms: int) -> Iterator[NewsRound]:
        """Yield older articles, newest first, as far as the source reaches. Known articles are not read again.

        Args:
            from_ms: The earliest published time.
            until_ms: The latest published time, exclusive.
            now_ms: The wall clock.

        Raises:
            SourceUnavailableError: If the source stops answering. A later call goes on from there.
        """
