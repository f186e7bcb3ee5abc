"""Finds what a source has now: by its feed, by another address of its feed, or by the pages that list its articles."""

from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from producers.sources.fetching import (
    Fetched,
    Fetcher,
    SourceBusyError,
    SourceRefusedError,
    SourceUnreachableError,
)
from producers.sources.news.entries import FeedEntry
from producers.sources.news.feeds import read_feed
from producers.sources.news.listings import read_listing
from producers.sources.news.rounds import Way
from producers.sources.news.specs import NewsSpec
from schemas.errors import ContractError, SourceUnavailableError

_OF_FEEDS = {"accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5"}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a source has now.

    Attributes:
        way: How it was found.
        entries: The items, in the order of the source.
        base: The address that answered, to which links are relative.
        language: The language that the feed declares.
        is_unchanged: Whether it is what was answered before.
        notes: What is doubtful, a whole sentence each.
    """

    way: Way
    entries: tuple[FeedEntry, ...]
    base: str
    language: str | None = None
    is_unchanged: bool = False
    notes: tuple[str, ...] = ()


def find(spec: NewsSpec, fetcher: Fetcher) -> Found:
    """Return what a source has now. The feed comes first, and a listing only if no address of the feed can be read.

    Raises:
        SourceUnavailableError: If nothing answers; it is the error of the feed.
        DecodeError: If the feed answers with something else and no listing can be read.
    """
    errors: list[ContractError | SourceUnavailableError] = []
    for is_feed, attempt in _attempts(spec, fetcher):
        if is_feed and any(isinstance(error, SourceUnreachableError) for error in errors):
            continue  # it was asked several times, and is the same server
        try:
            found = attempt()
        except (SourceRefusedError, SourceBusyError):
            raise  # another address of the same site would evade what it says
        except (ContractError, SourceUnavailableError) as error:
            errors.append(error)
            continue
        notes = tuple(f"{spec.name} was read in another way: {error}." for error in errors[:1])
        return msgspec.structs.replace(found, notes=(*notes, *found.notes))
    raise errors[0]


def _attempts(spec: NewsSpec, fetcher: Fetcher) -> Iterator[tuple[bool, Callable[[], Found]]]:
    for address in spec.feeds:
        yield True, partial(feed_at, address, fetcher)
    for address in spec.listings:
        yield False, partial(_listing_at, address, spec, fetcher)


def feed_at(address: str, fetcher: Fetcher) -> Found:
    """Return the items of the feed at an address.

    Raises:
        SourceUnavailableError: If it does not answer.
        DecodeError: If it is no feed.
    """
    fetched = fetcher.get(address, headers=_OF_FEEDS, is_page=True)
    feed = read_feed(fetched.body, fetched.headers)
    return Found(
        way=Way.FEED,
        entries=feed.entries,
        base=fetched.url,
        language=feed.language,
        is_unchanged=not fetched.is_new,
        notes=() if feed.note is None else (feed.note,),
    )


def _listing_at(address: str, spec: NewsSpec, fetcher: Fetcher) -> Found:
    fetched: Fetched = fetcher.get(address, is_page=True)
    entries = read_listing(fetched.body, fetched.headers, url=fetched.url, article=spec.article)
    return Found(way=Way.LISTING, entries=entries, base=fetched.url, is_unchanged=not fetched.is_new)
