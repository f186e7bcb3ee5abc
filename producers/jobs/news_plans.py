"""The articles of a file as a source of a run, beside its prices: what is published when, with its watermarks.

A watermark on topics of news is about known time: all that was first seen before it has been published. There is one at
the end of each minute of the file's stretch. Outside of that stretch, and in pauses of more than seven days, news is absent, so
that nobody waits for it and nothing is taken for silence::

    run      |-------------------------------------------------------------|
    file              .  .    . ..   .      .  . .      .
    records  S        R  W a  W  a  a W  W  a  W ...    W S        S: absent until the first, and for ever after the last

Articles that were known up to seven days before the run's beginning come first, because features reach back so far. The
sequence depends on the file and the run alone, so a session that continues makes the records that are missing.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from producers.jobs.news_notes import news_notes
from producers.jobs.plans import Reject
from producers.jobs.publishing import OnLeft, Outlet
from producers.normalise.news.articles import ArticleSeen, events_of
from producers.normalise.watermarks import Control, SourceRecord
from producers.sources.files.articles import RecordedArticles, Stretch, read_articles
from schemas import codec
from schemas.companions import NEWS
from schemas.errors import ContractError
from schemas.events import (
    END_OF_TIME_MS,
    ArticlePublished,
    Event,
    SourceFellSilent,
    SourceReturned,
    WatermarkAdvanced,
)
from schemas.streams import StreamDescription
from schemas.topics import NEWS_ARTICLE
from schemas.wire.administration import Administration
from schemas.wire.kafka import read_range
from schemas.wire.settings import KafkaEndpoint

MINUTE_MS = 60_000
#: How far the features of news reach back.
MEMORY_MS = 7 * 24 * 60 * MINUTE_MS
_PLACE = (NEWS_ARTICLE.name, 0)
_FIRST_LOOK, _WIDER = 500, 10


class NewsPlan:
    """What is published of the articles of a file in one run.

    Args:
        path: The file.
        description: The run.
        delay_ms: How much later than its published time an article counts as first seen.
    """

    def __init__(self, path: Path, description: StreamDescription, *, delay_ms: int) -> None:
        self._path = path
        self._stream = description.stream
        self._origin_ms = description.origin_ms
        self._end_ms = description.end_ms or END_OF_TIME_MS
        self._delay_ms = delay_ms

    @cached_property
    def _found(self) -> RecordedArticles:
        stretch = Stretch(self._origin_ms - MEMORY_MS - self._delay_ms, self._end_ms - self._delay_ms)
        return read_articles(self._path, delay_ms=self._delay_ms, stretch=stretch)

    @property
    def rejects(self) -> Sequence[Reject]:
        """The rows that are not published, with the rules that they broke; the file is read for them."""
        return [
            Reject(self._path.name, refused.row, "url", refused.rule, refused.reason, refused.value)
            for refused in self._found.refused
        ]

    def notes(self, *, now_ms: int) -> list[str]:
        """Return what is to be said about the file before the start; it is read for that.

        Args:
            now_ms: The time.
        """
        stretches = tuple(self._stretches())
        end_ms = None if self._end_ms == END_OF_TIME_MS else self._end_ms
        return list(
            news_notes(self._found, self._path.name, stretches=stretches, end_ms=end_ms, now_ms=now_ms)
        )

    def records(self, *, after_ms: int | None, until_ms: int | None) -> Iterator[SourceRecord]:
        """Yield the records that are not published yet, in the order of known time.

        Args:
            after_ms: The newest time for which the log vouches; None if it vouches for none. Articles that were known
                from then on may be published again.
            until_ms: The last known time, inclusive; None for all.
        """
        for record in self._all():
            known_ms = record.event.known_time_ms
            if until_ms is not None and known_ms > until_ms:
                return
            if after_ms is None or not _is_published(record, after_ms):
                yield record

    def _all(self) -> Iterator[SourceRecord]:
        articles = self._found.articles
        n_before = sum(article.first_seen_ms < self._origin_ms for article in articles)
        yield from self._articles(articles[:n_before])
        left, reached_ms = deque(articles[n_before:]), self._origin_ms
        for first_ms, last_ms in self._stretches():
            if first_ms > reached_ms:
                yield self._silence(reached_ms, until_ms=first_ms)
            yield self._said(SourceReturned, first_ms)
            yield from self._minutes(left, first_ms, last_ms)
            reached_ms = last_ms
        yield self._silence(reached_ms, until_ms=END_OF_TIME_MS)

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """From when to when there is news: whole minutes of the run of which the file knows the news."""
        for first_ms, last_ms in self._found.covered:
            begin_ms = max(self._origin_ms, first_ms + self._delay_ms) // MINUTE_MS * MINUTE_MS
            end_ms = min(self._end_ms, last_ms + self._delay_ms + MINUTE_MS) // MINUTE_MS * MINUTE_MS
            if begin_ms < end_ms:
                yield begin_ms, end_ms

    def _minutes(self, left: deque[ArticleSeen], first_ms: int, last_ms: int) -> Iterator[SourceRecord]:
        """Yield the articles that are left, with a watermark at the end of each minute."""
        for minute_ms in range(first_ms + MINUTE_MS, last_ms + 1, MINUTE_MS):
            while left and left[0].first_seen_ms < minute_ms:
                yield from self._articles([left.popleft()])
            yield self._said(WatermarkAdvanced, minute_ms)

    def _articles(self, articles: Sequence[ArticleSeen]) -> Iterator[SourceRecord]:
        for article in articles:
            for event in events_of(article, stream=self._stream):
                yield SourceRecord(NEWS_ARTICLE, replace(event, is_known_time_assumed=True))

    def _silence(self, from_ms: int, *, until_ms: int) -> SourceRecord:
        event = SourceFellSilent(
            event_time_ms=from_ms,
            known_time_ms=from_ms,
            source=NEWS,
            stream=self._stream,
            absent_until_ms=until_ms,
        )
        return SourceRecord(NEWS_ARTICLE, event)

    def _said(self, kind: type[WatermarkAdvanced | SourceReturned], time_ms: int) -> SourceRecord:
        event = kind(event_time_ms=time_ms, known_time_ms=time_ms, source=NEWS, stream=self._stream)
        return SourceRecord(NEWS_ARTICLE, event)


def _is_published(record: SourceRecord, after_ms: int) -> bool:
    """Whether the log holds a record if it vouches for a time. The last absence is published again at each end."""
    event = record.event
    if isinstance(event, ArticlePublished):
        return event.known_time_ms < after_ms
    is_last = isinstance(event, SourceFellSilent) and event.absent_until_ms == END_OF_TIME_MS
    return event.event_time_ms <= after_ms and not is_last


class NewsPublisher:
    """Publishes the records of a run's news.

    Args:
        outlet: The port to which records are published.

    Attributes:
        n_events: The number of articles that were published, once for each asset.
    """

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._last: Control | None = None
        self.n_events = 0

    def publish(self, record: SourceRecord) -> None:
        """Publish an article, or what the source says about itself.

        Raises:
            TypeError: If the record is of another kind.
        """
        event = record.event
        match event:
            case ArticlePublished():
                self._publish(event, event.asset)
                self.n_events += 1
            case WatermarkAdvanced() | SourceFellSilent() | SourceReturned():
                self._publish(event, NEWS)
                self._last = event
            case _:
                message = f"news is not made of {type(event).__name__}"
                raise TypeError(message)

    def finish(self, on_left: OnLeft) -> None:
        """Return when everything is acknowledged.

        The last record is published twice, because the embedded broker can withhold it until something follows.
        """
        del on_left
        if self._last is not None:
            self._publish(self._last, NEWS)
        self._outlet.flush()

    def _publish(self, event: Event, key: str) -> None:
        value = codec.encode(event)
        headers = codec.headers(type(event), codec.trace_id(value))
        self._outlet.publish(NEWS_ARTICLE.name, value, key=key.encode(), partition=0, headers=headers)


def logged_news_ms(endpoint: KafkaEndpoint, stream: str) -> int | None:
    """Return the newest time for which the log vouches for the news of a run; None if it vouches for none.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
    """
    administration = Administration(endpoint)
    begin, end = administration.beginnings([_PLACE])[_PLACE], administration.ends([_PLACE])[_PLACE]
    n_records = _FIRST_LOOK
    while end > begin:
        start = max(begin, end - n_records)
        found = [
            event.event_time_ms
            for record in read_range(endpoint, {_PLACE: start})
            if isinstance(event := _decoded(record.value), Control)
            and (event.stream, event.source) == (stream, NEWS)
        ]
        if found or start == begin:
            return max(found, default=None)
        n_records *= _WIDER
    return None


def _decoded(value: bytes | None) -> Event | None:
    try:
        event: Event = codec.decode(NEWS_ARTICLE, value)
    except ContractError:
        return None
    return event
