"""The news of one run: how far it is vouched for, the scores of seven days, and the rows that follow.

Times are known times. ``closed_ms`` only grows: every row up to it was made, or will never be made::

    vouched   |-- watermark --|-- silence ....... until |-- watermark --|
    rows      T   T   T   T   T                             T   T   T
    closed_ms                 ^ here, and then here     ^

A score that comes later than what ``closed_ms`` vouches for is used by the rows after ``closed_ms``. Its place in the windows is
still its known time. So nothing that was published is ever made again.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.codec import null_from_nan
from schemas.companions import NEWS
from schemas.events import (
    END_OF_TIME_MS,
    NewsFeaturesComputed,
    SentimentScored,
    SourceFellSilent,
    SourceReturned,
    WatermarkAdvanced,
)
from schemas.scorers import ScorerId
from stream_processors.features.news_declarations import LONGEST, news_spec
from stream_processors.features.news_texts import NewsScore, NewsTexts, news_score

MINUTE_MS = 60_000
#: Two watermarks that are farther apart than this have an outage between them, however the second one came.
LONGEST_STEP_MS = 24 * 3_600_000
NEVER_MS = -(2**62)

#: An asset, an article and its version.
TextName = tuple[str, str, int]


class NewsSet(msgspec.Struct, frozen=True, kw_only=True):
    """One row a minute: the asset that it is about, and of what it is made.

    Attributes:
        asset: The asset.
        scorers: The scorers that have columns, in their order.
        credibility: The credibility of sources, by name; 1 for a source that is not named.
    """

    asset: str
    scorers: tuple[ScorerId, ...]
    credibility: Mapping[str, float]


class NewsProgress(msgspec.Struct, array_like=True):
    """How far a run is.

    Attributes:
        closed_ms: All rows up to this time were made, or will never be made.
        next_ms: The time of the next row; None before the first watermark, and after an outage whose end is not known.
        row_ms: The time of the last row; None before the first.
        said_ms: The newest time of a record of the source; it is behind ``closed_ms`` while an absence is made up for.
        is_silent: Whether news is absent.
        has_ended: Whether it is absent for all time.
        epoch: The newest session that vouched for something.
    """

    closed_ms: int = NEVER_MS
    next_ms: int | None = None
    row_ms: int | None = None
    said_ms: int = NEVER_MS
    is_silent: bool = False
    has_ended: bool = False
    epoch: int = 0


class _Line:
    """The texts of one set."""

    def __init__(self, of: NewsSet) -> None:
        self.asset = of.asset
        self.spec = news_spec(of.scorers, of.credibility)
        self.texts = NewsTexts(of.scorers, of.credibility)


Said = WatermarkAdvanced | SourceFellSilent | SourceReturned


class NewsRun:
    """The news of one run.

    Args:
        stream: The run.
        sets: The rows that are made each minute, in the order in which they are published.
    """

    def __init__(self, stream: str, sets: Sequence[NewsSet]) -> None:
        self.progress = NewsProgress()
        self.held: dict[TextName, tuple[NewsScore, ...]] = {}
        self._stream = stream
        self._lines = [_Line(each) for each in sets]
        self._by_age: list[tuple[int, TextName]] = []

    # Scores

    def take(self, event: SentimentScored) -> TextName | None:
        """Take a score; return the text that it belongs to, or None if it changes nothing."""
        progress = self.progress
        if event.known_time_ms <= progress.closed_ms - LONGEST.milliseconds:
            return None  # no row that is still to come reaches back so far
        text = (event.asset, event.article_id, event.version)
        scores = self.held.get(text, ())
        if any((each.scorer, each.scorer_hash) == (event.scorer, event.scorer_hash) for each in scores):
            return None  # a repeat
        self.restore(text, (*scores, news_score(event, closed_ms=progress.closed_ms)))
        return text

    def restore(self, text: TextName, scores: tuple[NewsScore, ...]) -> None:
        """Hold the scores of a text."""
        asset, article_id, version = text
        self.held[text] = scores
        heapq.heappush(self._by_age, (max(score.known_ms for score in scores), text))
        for line in self._lines:
            if line.asset == asset:
                line.texts.put(article_id, version, scores)

    def leaving(self) -> Iterator[TextName]:
        """Let go of the texts that are too old for every row from the last one on, and yield them."""
        if self.progress.row_ms is None:
            return
        limit_ms = self.progress.row_ms - LONGEST.milliseconds
        while self._by_age and self._by_age[0][0] <= limit_ms:
            _, text = heapq.heappop(self._by_age)
            scores = self.held.get(text)
            if scores is not None and max(score.known_ms for score in scores) <= limit_ms:
                del self.held[text]
                yield text
        for line in self._lines:
            line.texts.drop_until(limit_ms)

    # What the source says

    def is_void(self, event: WatermarkAdvanced) -> bool:
        """Return whether a later session than that of a watermark was met; if not, its session is now the newest.

        Absences are not judged by it: the monitor and the agent, which state them, have no sessions.
        """
        is_void = event.epoch < self.progress.epoch
        self.progress.epoch = max(event.epoch, self.progress.epoch)
        return is_void

    def on_watermark(self, event: WatermarkAdvanced) -> Iterator[NewsFeaturesComputed | Said]:
        """Yield the rows that are complete now, each minute with its watermark."""
        progress, until_ms = self.progress, event.event_time_ms
        progress.said_ms = max(progress.said_ms, until_ms)
        if until_ms <= progress.closed_ms:
            return
        if progress.next_ms is None or until_ms - progress.closed_ms > LONGEST_STEP_MS:
            progress.next_ms = -(-until_ms // MINUTE_MS) * MINUTE_MS
        progress.closed_ms = until_ms
        progress.is_silent = progress.has_ended = False
        yield from self._minutes(until_ms, event.known_time_ms)

    def on_silence(self, event: SourceFellSilent) -> Iterator[NewsFeaturesComputed | Said]:
        """Yield the rows of before an absence, and the absence if it is new or lasts longer than was stated."""
        if not self._is_news(event):
            return
        progress, until_ms = self.progress, event.absent_until_ms
        if progress.next_ms is not None and 0 < event.event_time_ms - progress.closed_ms <= LONGEST_STEP_MS:
            yield from self._minutes(event.event_time_ms, event.known_time_ms)
        progress.said_ms = max(progress.said_ms, event.event_time_ms)
        progress.is_silent, progress.has_ended = True, until_ms == END_OF_TIME_MS
        has_end = until_ms is not None and until_ms < END_OF_TIME_MS
        self._close(max(progress.said_ms, progress.closed_ms, until_ms if has_end and until_ms else NEVER_MS))
        if not has_end:
            progress.next_ms = None
        yield msgspec.structs.replace(event, event_time_ms=progress.said_ms, epoch=0)

    def _is_news(self, event: SourceFellSilent) -> bool:
        """Whether an absence is new, or lasts longer than was stated; a record that came before is neither."""
        progress, until_ms = self.progress, event.absent_until_ms
        if until_ms is None or until_ms == END_OF_TIME_MS:
            is_stated = progress.has_ended if until_ms else progress.is_silent
            is_later = event.event_time_ms > progress.said_ms
            return is_later or (event.event_time_ms == progress.said_ms and not is_stated)
        return max(event.event_time_ms, until_ms) > progress.closed_ms

    def on_return(self, event: SourceReturned) -> Iterator[Said]:
        """Yield the end of an absence, or of an outage that nobody stated."""
        progress = self.progress
        is_over = event.event_time_ms < progress.said_ms or not progress.is_silent
        if is_over and event.event_time_ms <= progress.closed_ms:
            return
        progress.is_silent = progress.has_ended = False
        progress.said_ms = max(progress.said_ms, event.event_time_ms)
        self._close(max(event.event_time_ms, progress.closed_ms))
        yield msgspec.structs.replace(event, event_time_ms=progress.closed_ms, epoch=0)

    def _close(self, closed_ms: int) -> None:
        """Make no rows up to a time."""
        self.progress.closed_ms = closed_ms
        self.progress.next_ms = (closed_ms // MINUTE_MS + 1) * MINUTE_MS

    # Rows

    def _minutes(self, until_ms: int, known_ms: int) -> Iterator[NewsFeaturesComputed | Said]:
        """Make the rows up to a time."""
        first_ms = self.progress.next_ms
        if first_ms is None or first_ms > until_ms:
            return
        times_ms = np.arange(first_ms, until_ms + 1, MINUTE_MS, dtype=np.int64)
        self.progress.row_ms = int(times_ms[-1])
        self.progress.next_ms = self.progress.row_ms + MINUTE_MS
        tables = [line.texts.rows(times_ms) for line in self._lines]
        for number, time_ms in enumerate(times_ms.tolist()):
            for line, (n_articles, values) in zip(self._lines, tables, strict=True):
                yield self._row(line, time_ms, int(n_articles[number]), values[number])
            yield WatermarkAdvanced(
                event_time_ms=time_ms,
                known_time_ms=max(time_ms, known_ms),
                source=NEWS,
                stream=self._stream,
            )

    def _row(
        self, line: _Line, time_ms: int, n_articles: int, values: NDArray[np.float64]
    ) -> NewsFeaturesComputed:
        return NewsFeaturesComputed(
            event_time_ms=time_ms,
            known_time_ms=time_ms,
            source=NEWS,
            stream=self._stream,
            asset=line.asset,
            feature_spec_hash=line.spec.hash,
            n_articles=n_articles,
            values=dict(zip(line.spec.names, null_from_nan(values.tolist()), strict=True)),
        )

    def newest(self) -> Iterator[NewsFeaturesComputed]:
        """Yield the newest row of each asset and set, made again."""
        if self.progress.row_ms is not None:
            times_ms = np.array([self.progress.row_ms], dtype=np.int64)
            for line in self._lines:
                n_articles, values = line.texts.rows(times_ms)
                yield self._row(line, self.progress.row_ms, int(n_articles[0]), values[0])
