"""The recorded articles of each site, and those that a run of any length adds."""

import csv
import gzip
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from html import unescape
from typing import NamedTuple
from xml.etree import ElementTree as ET

from tests.mirror.recordings import Recordings

ITEM = re.compile(r"<item>.*?</item>", re.DOTALL)
WIRE = "news/crypto_news_2025-05_2025-08.csv.gz"


class Article(NamedTuple):
    """One article.

    Attributes:
        published: In UTC.
        summary: HTML of the feed, or plain text.
        content: HTML of the whole article; empty where it was not recorded.
        verbatim: The item of the feed as it was recorded; None where it must be made.
    """

    guid: str
    title: str
    link: str
    published: datetime
    summary: str = ""
    content: str = ""
    author: str = ""
    categories: tuple[str, ...] = ()
    verbatim: str | None = None


def _of_item(item: dict) -> Article:
    return Article(
        guid=item["original_id"],
        title=item["title"],
        link=item["link"],
        published=datetime.fromisoformat(item["published_at"]).replace(tzinfo=UTC),
        summary=item["description"],
        content=item["content"],
        author=item["author"],
        categories=tuple(item["categories"]),
    )


def _of_verbatim(text: str, head: str) -> Article:
    """Read an item with the name spaces that the head of its feed declares."""
    item = ET.fromstring(f"{head}{text}</rss>").find("item")  # noqa: S314 - our own recording
    creator = item.findtext("{http://purl.org/dc/elements/1.1/}creator") or ""
    return Article(
        guid=item.findtext("guid"),
        title=item.findtext("title"),
        link=item.findtext("link").partition("?")[0],
        published=datetime.strptime(item.findtext("pubDate"), "%a, %d %b %Y %H:%M:%S %z").astimezone(UTC),
        summary=unescape(item.findtext("description") or ""),
        author=creator,
        categories=tuple(each.text for each in item.findall("category") if each.text),
        verbatim=text,
    )


class Archive:
    """The articles of all sites.

    Args:
        recordings: The recorded data.
        shift_ms: By how much the articles of a run are later than recorded.
    """

    def __init__(self, recordings: Recordings, shift_ms: Callable[[], int]) -> None:
        self._recordings = recordings
        self._shift_ms = shift_ms
        self._told: list[Article] = []

    @cached_property
    def coindesk(self) -> list[Article]:
        """CoinDesk: three items of its feed as they were, twelve that were recorded without it; newest first."""
        items = self._recordings.json("feeds/coindesk_items_2025-11-15.json")
        found = self._verbatim("feeds/coindesk_rss_2026-09-25.xml") + [_of_item(item) for item in items]
        return _newest_first(found)

    @cached_property
    def cryptoslate(self) -> list[Article]:
        """CryptoSlate, with the whole text of each article; newest first."""
        items = self._recordings.json("feeds/cryptoslate_items_2025-11-15.json")
        return _newest_first([_of_item(item) for item in items])

    @cached_property
    def cointelegraph(self) -> list[Article]:
        """Cointelegraph: two items of its feed as they were."""
        return _newest_first(self._verbatim("feeds/cointelegraph_rss_2026-09-30.xml"))

    @cached_property
    def wire(self) -> list[Article]:
        """CoinDesk's articles of May to July 2025, shifted with the market; newest first."""
        shift_s = self._shift_ms() / 1000
        with gzip.open(self._recordings.folder / WIRE, "rt", encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["domain"] == "coindesk.com"]
        return _newest_first([_of_row(row, shift_s) for row in rows])

    @property
    def told(self) -> list[Article]:
        """CoinDesk's articles that a test let appear, newest first."""
        return self._told[::-1]

    def publish(self, n: int, now_ms: int) -> None:
        """Let articles of the wire that were not seen yet appear now, the oldest first."""
        first = len(self._told)
        at = datetime.fromtimestamp(now_ms // 1000, UTC)
        self._told = self._told + [each._replace(published=at) for each in self.wire[::-1][first : first + n]]

    def correct(self, n: int) -> None:
        """Correct the titles of the last articles that appeared so; their dates stay."""
        kept, changed = self._told[: len(self._told) - n], self._told[len(self._told) - n :]
        self._told = kept + [each._replace(title=f"{each.title} (corrected)") for each in changed]

    def _verbatim(self, name: str) -> list[Article]:
        text = self._recordings.text(name)
        head = re.search(r"<rss[^>]*>", text)[0]
        return [_of_verbatim(item, head) for item in ITEM.findall(text)]


def _of_row(row: dict[str, str], shift_s: float) -> Article:
    at = datetime.fromisoformat(row["timestamp"]).timestamp() + shift_s
    summary = "" if row["summary"] in {"", "nan"} else row["summary"]
    categories = tuple(
        name.strip() for name in row["categories"].split(",") if name.strip() not in {"", "nan"}
    )
    link = row["url"].partition("?")[0]
    return Article(
        link, row["headline"], link, datetime.fromtimestamp(at, UTC), summary, categories=categories
    )


def _newest_first(articles: list[Article]) -> list[Article]:
    return sorted(articles, key=lambda article: article.published, reverse=True)
