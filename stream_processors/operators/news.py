"""Makes the news features of assets, one row a minute, of the scores of their articles.

1. A watermark on topics of news vouches for known time: everything that was first seen before it has been published. So
   the row of a minute is made when the watermark has reached its end, and never again.
2. A score counts once, by its natural key. A newer version of an article counts in the place of the older one from the time on
   at which the newer one was known.
3. While news is absent no rows are made. A score that comes after the absence is used by the rows after it.
4. After the rows of a minute its watermark is forwarded, so that joins need not wait. Absences and returns are forwarded too.
5. Scores of all assets and scorers are kept for seven days, so a change of the settings finds what it needs. Rows are made
   of the configured sets alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from schemas.companions import NEWS
from schemas.errors import SnapshotMismatchError
from schemas.events import (
    Event,
    NewsFeaturesComputed,
    SentimentScored,
    SourceFellSilent,
    SourceReturned,
    WatermarkAdvanced,
)
from schemas.topics import FEATURES_NEWS, Topic
from stream_processors.features.news_texts import NewsScore
from stream_processors.operators.changing import StateChanges, encode
from stream_processors.operators.news_runs import NewsProgress, NewsRun, NewsSet, TextName
from stream_processors.operators.protocols import Output, StateChange

_TEXT, _PROGRESS = "text", "progress"


class NewsOperator:
    """Makes the rows of the news of each run.

    Args:
        sets: The rows that are made each minute, in the order in which they are published.
    """

    def __init__(self, sets: Sequence[NewsSet]) -> None:
        self._sets = tuple(sets)
        self._runs: dict[str, NewsRun] = {}
        self._changes = StateChanges()

    def step(self, _topic: Topic, event: Event) -> Iterator[Output]:
        """Take a score, or what the source says, and yield the rows that are complete with it."""
        if isinstance(event, SentimentScored):
            self._on_score(event)
        elif event.key_fields != ("source",):
            message = f"news features are not made of {type(event).__name__}"
            raise TypeError(message)
        elif event.source == NEWS:
            yield from self._on_said(event)

    def _on_score(self, event: SentimentScored) -> None:
        run = self._run_of(event.stream)
        text = run.take(event)
        if text is not None:
            key = (_TEXT, event.stream, *text)
            note = self._changes.add if len(run.held[text]) == 1 else self._changes.put
            note(key, partial(_packed, run, text))

    def _on_said(self, event: Event) -> Iterator[Output]:
        run = self._run_of(event.stream)
        before = encode(run.progress)
        for made in self._made(run, event):
            yield Output(FEATURES_NEWS, made, made.asset if isinstance(made, NewsFeaturesComputed) else None)
        if encode(run.progress) == before:
            return
        self._changes.put((_PROGRESS, event.stream), lambda: encode(run.progress))
        for gone in run.leaving():
            self._changes.drop((_TEXT, event.stream, *gone))

    def _made(self, run: NewsRun, event: Event) -> Iterator[Event]:
        match event:
            case WatermarkAdvanced():
                yield from () if run.is_void(event) else run.on_watermark(event)
            case SourceFellSilent():
                yield from run.on_silence(event)
            case SourceReturned():
                yield from run.on_return(event)
            case _:
                return  # the presence of the source, for people

    def _run_of(self, stream: str) -> NewsRun:
        run = self._runs.get(stream)
        if run is None:
            run = self._runs[stream] = NewsRun(stream, self._sets)
        return run

    def changes(self) -> list[StateChange]:
        """Return which texts came, got further scores and went, and how far the runs are."""
        return [StateChange(key, value) for key, value in self._changes.take()]

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Restore a state.

        Raises:
            SnapshotMismatchError: If the state belongs to another release.
        """
        self._runs.clear()
        self._changes = StateChanges()
        texts: list[tuple[int, str, TextName, tuple[NewsScore, ...]]] = []
        try:
            for key, value in entries.items():
                parts: tuple[Any, ...] = msgspec.msgpack.decode(key, type=tuple[Any, ...])
                match parts:
                    case ("text", str() as stream, str() as asset, str() as article_id, int() as version):
                        scores = msgspec.msgpack.decode(value, type=tuple[NewsScore, ...])
                        texts.append((scores[0].known_ms, stream, (asset, article_id, version), scores))
                    case ("progress", str() as stream):
                        progress = msgspec.msgpack.decode(value, type=NewsProgress)
                        self._run_of(stream).progress = progress
                    case _:
                        message = f"expected a key of the news features, was {parts!r}"
                        raise ValueError(message)  # noqa: TRY301  (told below)
        except (msgspec.DecodeError, ValueError, IndexError) as error:
            message = f"the state belongs to another release: {error}"
            raise SnapshotMismatchError(message) from error
        for _, stream, text, scores in sorted(texts, key=lambda each: each[:3]):
            self._run_of(stream).restore(text, scores)

    def forget(self, stream: str) -> None:
        """Forget a run that ended."""
        run = self._runs.pop(stream, None)
        if run is None:
            return
        for text in run.held:
            self._changes.drop((_TEXT, stream, *text))
        self._changes.drop((_PROGRESS, stream))

    def newest(self) -> Iterator[Event]:
        """Yield the newest row of each asset, so that views can be written again."""
        for run in self._runs.values():
            yield from run.newest()


def _packed(run: NewsRun, text: TextName) -> bytes:
    return encode(run.held[text])
