"""Whose turn it is: which items of a feed are looked at first, and which need not be looked at again.

A round asks for some pages alone. If the same items took them in each round, the others would wait for ever. That happened
with links that redirect to an article of another address, as ``/?p=123`` does, and with items that are rejected each time.
"""

from collections.abc import Iterable
from typing import TypeVar

from producers.normalise.news.addresses import comparable
from producers.sources.news.entries import FeedEntry

#: An item that was rejected is looked at again after this time, or when the feed states something else of it.
REFUSED_FOR_MS = 900_000
#: Far more than the feeds of one source show at once.
_MOST_KEPT = 5_000
_V = TypeVar("_V")


class Turns:
    """What was done with the items of one source in this process. Nothing of it has to outlive a restart."""

    def __init__(self) -> None:
        self._asked_ms: dict[str, int] = {}
        self._addresses: dict[str, str] = {}
        self._refused: dict[str, tuple[str, int]] = {}

    def ordered(self, entries: Iterable[FeedEntry]) -> list[FeedEntry]:
        """Return items, those first whose page was never asked for, and then those that were asked for longest ago."""
        return sorted(entries, key=lambda entry: self._asked_ms.get(_key(entry), 0))

    def asked(self, entry: FeedEntry, *, now_ms: int) -> None:
        """Take note that an item had its turn.

        Args:
            entry: The item.
            now_ms: The wall clock.
        """
        _put(self._asked_ms, _key(entry), now_ms)

    def named(self, url: str, address: str) -> None:
        """Take note that the article of a link is published under another address.

        Args:
            url: The link.
            address: The address under which the article is known.
        """
        if comparable(url) != comparable(address):
            _put(self._addresses, comparable(url), address)

    def address_of(self, url: str) -> str:
        """Return the address under which the article of a link is known: the link itself if no other was found."""
        return self._addresses.get(comparable(url), url)

    def refused(self, entry: FeedEntry, *, now_ms: int) -> None:
        """Take note that an item was rejected.

        Args:
            entry: The item.
            now_ms: The wall clock.
        """
        _put(self._refused, _key(entry), (entry.fingerprint(), now_ms))

    def is_refused(self, entry: FeedEntry, *, now_ms: int) -> bool:
        """Return whether an item was rejected a short time ago, and is what it was then.

        Args:
            entry: The item.
            now_ms: The wall clock.
        """
        fingerprint, at_ms = self._refused.get(_key(entry), ("", 0))
        return fingerprint == entry.fingerprint() and now_ms < at_ms + REFUSED_FOR_MS


def _key(entry: FeedEntry) -> str:
    return entry.link or entry.title


def _put(into: dict[str, _V], key: str, value: _V) -> None:
    into.pop(key, None)
    into[key] = value
    while len(into) > _MOST_KEPT:
        del into[next(iter(into))]
