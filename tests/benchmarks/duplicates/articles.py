"""The recorded articles, by the hash of their address."""

import csv
import gzip
import hashlib
from pathlib import Path
from typing import NamedTuple

from schemas.time import parse_time

FILE = "news/crypto_news_2025-05_2025-08.csv.gz"


class RecordedArticle(NamedTuple):
    """An article of the file; the id is that of the recorded address, as it stands there."""

    article_id: str
    url: str
    domain: str
    published_ms: int
    title: str
    summary: str
    categories: str


def recorded_articles(folder: Path) -> list[RecordedArticle]:
    """Return all articles in the order of their published times, and of their ids where these are equal."""
    with gzip.open(folder / FILE, "rt", encoding="utf-8", newline="") as lines:
        found = [_article(row) for row in csv.DictReader(lines)]
    return sorted(found, key=lambda article: (article.published_ms, article.article_id))


def _article(row: dict[str, str]) -> RecordedArticle:
    return RecordedArticle(
        article_id=hashlib.sha256(row["url"].encode()).hexdigest()[:24],
        url=row["url"],
        domain=row["domain"],
        published_ms=parse_time(row["timestamp"], "timestamp"),
        title=row["headline"],
        summary="" if row["summary"] == "nan" else row["summary"],
        categories=row["categories"],
    )
