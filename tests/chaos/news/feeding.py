"""The recorded articles as a source publishes them: in transactions, each with a watermark that vouches for it."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from schemas.events import ArticlePublished, Event, WatermarkAdvanced
from tests.benchmarks.duplicates.articles import RecordedArticle
from tests.benchmarks.duplicates.events import events_of_recorded

DELAY_MS = 5 * 60_000
MINUTE_MS = 60_000
#: One of so many articles is about two assets.
_TWO_EVERY = 10
_SIZE = 100


def fed_events(articles: Sequence[RecordedArticle], *, stream: str) -> list[list[Event]]:
    """Return transactions: articles in the order of their known times, and then a watermark of the minute that ends."""
    records = list(_records(articles, stream))
    found: list[list[Event]] = []
    begin = 0
    while begin < len(records):
        end = min(begin + _SIZE, len(records))
        while end < len(records) and records[end].known_time_ms == records[end - 1].known_time_ms:
            end += 1
        last_ms = records[end - 1].known_time_ms
        vouched_ms = last_ms + 1 if end < len(records) else (last_ms // MINUTE_MS + 1) * MINUTE_MS
        found.append([*records[begin:end], _watermark(vouched_ms, stream)])
        begin = end
    return found


def _records(articles: Sequence[RecordedArticle], stream: str) -> Iterator[ArticlePublished]:
    for number, event in enumerate(events_of_recorded(articles)):
        assets = ("BTC", "ETH") if number % _TWO_EVERY == 0 else ("BTC",)
        for asset in assets:
            yield replace(
                event,
                stream=stream,
                asset=asset,
                assets=assets,
                known_time_ms=event.event_time_ms + DELAY_MS,
                is_known_time_assumed=True,
            )


def _watermark(at_ms: int, stream: str) -> WatermarkAdvanced:
    return WatermarkAdvanced(event_time_ms=at_ms, known_time_ms=at_ms, source="news", stream=stream)
