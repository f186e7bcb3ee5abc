"""The history sink: it writes every event of the log into Postgres, by natural key."""

from collections.abc import Callable, Iterator, Sequence

from schemas.events import ABOUT_SOURCES, END_OF_TIME_MS, Event, SourceFellSilent, WatermarkAdvanced
from schemas.topics import EVENT_TOPICS
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.sources import OF_SOURCES_ALONE, PUBLISHED_BY_SOURCES
from schemas.wire.postgres.tables import StoredWatermark
from schemas.wire.postgres.writing import EventWriter
from stream_processors.runtime.sinks import ReceivedEvent, run_sink
from stream_processors.settings import ProcessorSettings


def writer(store: EventWriter) -> Callable[[Sequence[ReceivedEvent]], None]:
    """Return the function that stores a batch: rows for events, and progress for watermarks."""

    def write(batch: Sequence[ReceivedEvent]) -> None:
        rows = [r.event for r in batch if not isinstance(r.event, ABOUT_SOURCES)]
        store.write(rows, [row for received in batch for row in _progress(received)])

    return write


def _progress(received: ReceivedEvent) -> Iterator[StoredWatermark]:
    """Yield how far the source of an event is: by its absences too, and by what it vouched for itself."""
    topic, partition, event = received
    vouched_ms = _vouched_ms(event)
    if vouched_ms is None:
        return
    yield StoredWatermark(event.stream, topic, partition, vouched_ms, event.source)
    if topic in PUBLISHED_BY_SOURCES:  # an absence begins where the source had vouched last
        yield StoredWatermark(event.stream, OF_SOURCES_ALONE, partition, event.event_time_ms, event.source)


def _vouched_ms(event: Event) -> int | None:
    """Up to which time a record says that its source has published all events; None if it does not say.

    An absence without end names no time of the run, so it counts up to its beginning.
    """
    match event:
        case WatermarkAdvanced():
            return event.event_time_ms
        case SourceFellSilent():
            until_ms = event.absent_until_ms
            return event.event_time_ms if until_ms is None or until_ms >= END_OF_TIME_MS else until_ms
        case _:
            return None


def run_history(settings: ProcessorSettings, stop: Callable[[], bool]) -> None:
    """Run the history sink until asked to stop."""
    endpoints = settings.endpoints()
    with PostgresPool(endpoints.database_url, max_connections=1) as pool:
        run_sink(
            name="history",
            topics=EVENT_TOPICS,
            endpoint=endpoints.kafka,
            write=writer(EventWriter(pool)),
            stop=stop,
        )
