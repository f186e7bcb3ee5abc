"""The articles of a recorded file, as they were seen: cleaned, with their ids, versions and assets.

A file has the columns ``timestamp``, ``headline`` (or ``title``) and ``url``, and may have ``domain``, ``categories``, ``tags`` and
``summary``, out of CSV or parquet, compressed or not. Nobody saw when its articles came out, so each is taken as first
seen at its published time and a delay that is assumed. A row that is no article is refused with the rule that it broke.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
from pyarrow import csv, parquet

from producers.normalise.news.addresses import article_id_of, canonical_address, is_of_site, site_of
from producers.normalise.news.articles import ArticleSeen, Reading, reading_of, version_of
from producers.normalise.news.rules import ItemRefusedError
from producers.normalise.news.times import StatedTime, check_published, read_time
from producers.sources.files.article_times import article_form
from producers.sources.files.candles.raw_tables import printable
from producers.sources.files.decompressing import head_of, undamaged_content
from producers.sources.news.specs import NEWS
from schemas.errors import ConfigurationError

NEEDED = ("timestamp", "headline", "url")
_OPTIONAL = ("domain", "categories", "tags", "summary")
#: Other names of a column, taken where the file has none of the first name.
_OTHER_NAMES = {"title": "headline"}
_LONGEST_NAME = 100
#: As far as the features of news reach back: after that, all windows are empty.
LONGEST_PAUSE_MS = 7 * 86_400_000
_MOST_LISTED = 20
_MISSING = {"", "nan", "none", "null"}


class RefusedRow(msgspec.Struct, frozen=True):
    """A row that is no article.

    Attributes:
        row: Its number in the file, from 0.
        rule: The rule that it broke.
        reason: What was expected and what it was.
        value: Its address and its title.
    """

    row: int
    rule: str
    reason: str
    value: bytes


class RecordedArticles(msgspec.Struct, frozen=True):
    """What a file holds.

    Attributes:
        articles: The articles by the times at which they count as first seen.
        refused: The rows that are no articles.
        n_repeated: How many rows repeat an article with the same content.
        first_ms: The earliest published time of the whole file; None if it states none.
        last_ms: The latest.
        covered: The first and the last published time of each part of the whole file between pauses of more than
            :data:`LONGEST_PAUSE_MS`. A file knows nothing of the news of a pause.
    """

    articles: tuple[ArticleSeen, ...]
    refused: tuple[RefusedRow, ...]
    n_repeated: int
    first_ms: int | None
    last_ms: int | None
    covered: tuple[tuple[int, int], ...] = ()


class Stretch(NamedTuple):
    """A stretch of published times, ``[from_ms, until_ms)``; articles of other times are not read."""

    from_ms: int
    until_ms: int

    def holds(self, time_ms: int) -> bool:
        """Return whether a time lies in the stretch."""
        return self.from_ms <= time_ms < self.until_ms


def read_articles(path: Path, *, delay_ms: int, stretch: Stretch | None = None) -> RecordedArticles:
    """Return the articles of a file.

    Args:
        path: The file.
        delay_ms: How much later than its published time an article counts as first seen.
        stretch: The stretch that is read; None reads the whole file.

    Raises:
        ConfigurationError: If the file cannot be read, or lacks a column.
    """
    dated, refused = _dated(path)
    in_stretch = {each.address for each in dated if stretch is None or stretch.holds(each.published.ms)}
    readings: list[tuple[Reading, str]] = []
    for each in dated:
        if each.address in in_stretch:  # what is a version follows from the whole file
            try:
                readings.append((_reading(each, delay_ms=delay_ms), _source_of(each)))
            except ItemRefusedError as error:
                refused.append(_refused(each.number, each.row, error))
    readings.sort(key=lambda pair: (pair[0].published.ms, pair[0].url, pair[0].content_hash))
    articles = tuple(_versions(readings, delay_ms=delay_ms))
    times = sorted(each.published.ms for each in dated)
    return RecordedArticles(
        tuple(each for each in articles if stretch is None or stretch.holds(each.published_ms)),
        tuple(sorted(refused, key=lambda each: each.row)),
        len(readings) - len(articles),
        min(times, default=None),
        max(times, default=None),
        tuple(_parts(times)),
    )


def _parts(times: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and the last time of each part without a long pause."""
    if not times:
        return
    first = times[0]
    for time, following in pairwise(times):
        if following - time > LONGEST_PAUSE_MS:
            yield first, time
            first = following
    yield first, times[-1]


class _DatedRow(NamedTuple):
    number: int
    row: Mapping[str, str]
    published: StatedTime
    address: str


def _dated(path: Path) -> tuple[list[_DatedRow], list[RefusedRow]]:
    """The rows with their times and addresses, and those that have none."""
    found: list[_DatedRow] = []
    refused: list[RefusedRow] = []
    for number, row in enumerate(_rows(path)):
        try:
            published = read_time(row.get("timestamp", ""))
            check_published(published.ms, now_ms=published.ms)  # else its time would be the file's first
            found.append(_DatedRow(number, row, published, canonical_address(row.get("url", ""))))
        except ItemRefusedError as error:
            refused.append(_refused(number, row, error))
    return found, refused


def _refused(number: int, row: Mapping[str, str], error: ItemRefusedError) -> RefusedRow:
    value = f"{row.get('url')} {row.get('headline')}".encode()[:2_000]
    return RefusedRow(number, str(error.rule), str(error), value)


def _versions(readings: list[tuple[Reading, str]], *, delay_ms: int) -> Iterator[ArticleSeen]:
    """Each other content of one address is a version of its own; the same content again is none."""
    seen: set[tuple[str, str]] = set()
    n_versions: Counter[str] = Counter()
    for reading, source in readings:
        article_id = article_id_of(reading.url)
        if (article_id, reading.content_hash) in seen:
            continue
        seen.add((article_id, reading.content_hash))
        yield version_of(
            reading,
            source=source,
            article_id=article_id,
            version=n_versions[article_id],
            url=reading.url,
            text=None,
            first_seen_ms=reading.published.ms + delay_ms,
        )
        n_versions[article_id] += 1


def _reading(dated: _DatedRow, *, delay_ms: int) -> Reading:
    row = dated.row
    tags = [
        tag.strip()
        for name in ("categories", "tags")
        for tag in row.get(name, "").replace("|", ",").split(",")
    ]
    return reading_of(
        url=dated.address,
        title=row.get("headline", ""),
        published=dated.published,
        now_ms=dated.published.ms + delay_ms,
        summary=row.get("summary"),
        categories=[tag for tag in tags if tag],
    )


def _source_of(dated: _DatedRow) -> str:
    """The name of the source: that of the table of news sources, or else the site."""
    known = (spec.name for spec in NEWS if spec.site is not None and is_of_site(dated.address, spec.site))
    site = dated.row.get("domain", "").lower().removeprefix("www.") or site_of(dated.address)
    return next(known, site[:_LONGEST_NAME])


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows, each with the cells that it states."""
    stated = _table(path)
    table = stated.rename_columns(_named(stated.column_names))
    _check_columns(table.column_names, path.name)
    names = [name for name in (*NEEDED, *_OPTIONAL) if name in table.column_names]
    for batch in table.select(names).to_batches(max_chunksize=5_000):
        for row in batch.to_pylist():
            yield {
                name: str(value)
                for name, value in row.items()
                if value is not None and str(value).strip().lower() not in _MISSING
            }


def _named(columns: Sequence[str]) -> list[str]:
    """Return the names of the columns, with our name for one that has another."""
    found = [_OTHER_NAMES.get(name, name) for name in columns]
    return [ours if ours not in columns else name for name, ours in zip(columns, found, strict=True)]


def _check_columns(names: Sequence[str], file: str) -> None:
    missing = [name for name in NEEDED if name not in names]
    if missing:
        message = (
            f"{file} must have the columns timestamp, headline (or title) and url, lacks {', '.join(missing)}; "
            f"its columns are {printable(', '.join(names[:_MOST_LISTED]))}"
        )
        raise ConfigurationError(message)
    doubled = [name for name in (*NEEDED, *_OPTIONAL) if names.count(name) > 1]
    if doubled:
        message = f"{file} must have one column {doubled[0]}, has {names.count(doubled[0])}: rename or remove the others"
        raise ConfigurationError(message)


def _table(path: Path) -> pa.Table:
    is_parquet = head_of(path).beginning.startswith(b"PAR1")
    try:
        content = pa.BufferReader(undamaged_content(path))
        return parquet.read_table(content) if is_parquet else _csv_table(content)
    except (pa.ArrowException, UnicodeError, OSError) as error:
        message = (
            f"{path.name} cannot be read as {article_form(is_parquet=is_parquet)}: {printable(str(error))}"
        )
        raise ConfigurationError(message) from error


def _csv_table(content: pa.BufferReader) -> pa.Table:
    lines = csv.ParseOptions(newlines_in_values=True)
    names = csv.open_csv(content, parse_options=lines).schema.names
    content.seek(0)
    cells = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return csv.read_csv(content, parse_options=lines, convert_options=cells)
