"""The items of a feed as plain text, whatever the form of the feed."""

import msgspec

#: A feed that states more is cut; the largest real ones have a few hundred.
MOST_ENTRIES = 2_000


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An item of a feed, as plain text.

    Attributes:
        link: Its address as the feed states it; empty if it states none.
        guid: Its id in the feed.
        title: Its title.
        summary: Its summary.
        content: The whole article, if the feed holds it.
        author: Its authors.
        categories: Its categories.
        published: The text of its published time.
        updated: The text of its time of change.
        language: The language that it declares.
    """

    link: str
    guid: str | None = None
    title: str = ""
    summary: str = ""
    content: str = ""
    author: str = ""
    categories: tuple[str, ...] = ()
    published: str | None = None
    updated: str | None = None
    language: str | None = None

    def fingerprint(self) -> str:
        """Return what changes if the publisher changes the item; its id is not part of that."""
        return "\x1f".join((self.title, self.summary, self.content, self.updated or self.published or ""))

    def raw(self) -> bytes:
        """Return the item as bytes, for the dead letters."""
        return msgspec.json.encode(self)[:4_000]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed states.

    Attributes:
        form: The form, such as ``rss20``, ``atom10`` or ``json``.
        entries: Its items, in the order of the feed.
        language: The language that it declares.
        note: What is wrong with it, if it could be read in part; a whole sentence.
    """

    form: str
    entries: tuple[FeedEntry, ...]
    language: str | None = None
    note: str | None = None
