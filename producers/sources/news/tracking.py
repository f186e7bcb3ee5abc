"""Which items of a feed have to be looked at again.

A feed shows the same items for hours, and their pages need not be read each time. An item is due if its article is not
known; if the feed states another title, summary or time of change than before; and at one, six and twenty-four hours
after it was first seen, because publishers correct pages without touching the feed.
"""

import msgspec

from producers.normalise.news.rules import ItemRefusedError
from producers.normalise.news.texts import hash_of_words
from producers.normalise.news.times import read_time
from producers.normalise.news.versions import KnownArticle
from producers.sources.news.entries import FeedEntry

_HOUR_MS = 3_600_000
RECHECKED_AFTER_MS = (_HOUR_MS, 6 * _HOUR_MS, 24 * _HOUR_MS)
#: A process that runs every quarter of an hour looks at what fell due since its last run.
_SLACK_MS = 20 * 60_000
#: Far more than the feeds of one source show at once.
_MOST_TRACKED = 5_000


class _Tracked(msgspec.Struct):
    fingerprint: str
    checked_ms: int


class Tracking:
    """What was seen of the items of one source in this process; everything else follows from the known versions."""

    def __init__(self) -> None:
        self._items: dict[str, _Tracked] = {}
        self._given: dict[str, _Tracked] = {}

    def is_due(self, key: str, entry: FeedEntry, known: KnownArticle, *, now_ms: int) -> bool:
        """Return whether a known article has to be read again.

        Args:
            key: What the addresses of the article have in common.
            entry: What the feed states of it now.
            known: What was published of it.
            now_ms: The wall clock.
        """
        tracked = self._items.get(key)
        if tracked is None:
            checked_ms, is_other = now_ms - _SLACK_MS, states_another(entry, known)
        else:
            checked_ms, is_other = tracked.checked_ms, tracked.fingerprint != _fingerprint(entry)
        return is_other or any(
            checked_ms < known.first_seen_ms + after_ms <= now_ms for after_ms in RECHECKED_AFTER_MS
        )

    def has_changed(self, key: str, entry: FeedEntry) -> bool:
        """Return whether the feed stated something else of an article before, in this process."""
        tracked = self._items.get(key)
        return tracked is not None and tracked.fingerprint != _fingerprint(entry)

    def checked(self, key: str, entry: FeedEntry, *, now_ms: int) -> None:
        """Take note that an article was read, and nothing was new.

        Args:
            key: What the addresses of the article have in common.
            entry: What the feed states of it now.
            now_ms: The wall clock.
        """
        self._put(key, _Tracked(_fingerprint(entry), now_ms))

    def given(self, key: str, entry: FeedEntry, *, now_ms: int) -> None:
        """Take note of what the feed states of a version that is to be published; it counts once that is done.

        Args:
            key: What the addresses of the article have in common.
            entry: What the feed states of it now.
            now_ms: The wall clock.
        """
        self._given[key] = _Tracked(_fingerprint(entry), now_ms)

    def published(self, key: str) -> None:
        """Take note that the version of an article that was given last is published."""
        given = self._given.pop(key, None)
        if given is not None:
            self._put(key, given)

    def _put(self, key: str, tracked: _Tracked) -> None:
        self._items.pop(key, None)
        self._items[key] = tracked
        while len(self._items) > _MOST_TRACKED:
            del self._items[next(iter(self._items))]

    def seen(self, key: str, entry: FeedEntry, *, now_ms: int) -> None:
        """Take note that an article is shown, without having read it.

        Args:
            key: What the addresses of the article have in common.
            entry: What the feed states of it now.
            now_ms: The wall clock.
        """
        if key not in self._items:
            self._put(key, _Tracked(_fingerprint(entry), now_ms))


def states_another(entry: FeedEntry, known: KnownArticle) -> bool:
    """Return whether a feed states another title or summary than was published, or a later time of change."""
    if entry.title and not known.has_title(entry.title):
        return True
    if entry.summary and not known.has_summary(entry.summary):
        return True
    return _changed_later(entry, known)


def _changed_later(entry: FeedEntry, known: KnownArticle) -> bool:
    if not entry.updated or not entry.published:
        return False
    try:
        updated_ms, published_ms = read_time(entry.updated).ms, read_time(entry.published).ms
    except ItemRefusedError:
        return False
    newest = known.newest_modified_ms
    return updated_ms > (published_ms if newest is None else newest)


def _fingerprint(entry: FeedEntry) -> str:
    """Return what changes if the publisher changes an item. Its id in the feed is no part of it."""
    return hash_of_words(f"{entry.title}\n{entry.summary}\n{entry.content}") + (entry.updated or "")
