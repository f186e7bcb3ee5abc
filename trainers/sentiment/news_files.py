"""Articles from files of the user's: when each was published, and its text."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.article_times import article_times
from schemas.errors import ConfigurationError
from schemas.time import EARLIEST_MS
from trainers.sentiment.kept_scores import Text
from trainers.sentiment.record_files import cell, named_column, read_records

_TITLES = ("headline", "title")
_BODIES = ("body", "text", "content", "summary", "description")


class ArticleFile(NamedTuple):
    """The articles of a file, oldest first.

    Attributes:
        published_ms: Shape (n,).
        texts: n of them.
        n_left_out: Rows without a time or without a title.
    """

    published_ms: NDArray[np.int64]
    texts: tuple[Text, ...]
    n_left_out: int


def read_articles(path: Path) -> ArticleFile:
    """Read a file of articles with a column ``timestamp`` and one of titles.

    Raises:
        ConfigurationError: If the file cannot be read, or has no article.
    """
    records, times = read_records(path), article_times(path)
    known = list(records[0]) if records else []
    title, body = named_column(known, _TITLES), named_column(known, _BODIES)
    if title is None or len(times) != len(records):
        message = f"{path.name} must have a column headline or title in every row, has {', '.join(known) or 'no row'}"
        raise ConfigurationError(message)
    titles = [cell(record.get(title)) for record in records]
    bodies = [cell(record.get(body)) or None if body else None for record in records]
    chosen = [row for row in np.argsort(times, kind="stable") if times[row] >= EARLIEST_MS and titles[row]]
    if not chosen:
        message = f"{path.name} must have articles with a time of 2009 or later and a title, has none"
        raise ConfigurationError(message)
    return ArticleFile(
        times[chosen], tuple(Text(titles[row], bodies[row]) for row in chosen), len(records) - len(chosen)
    )
