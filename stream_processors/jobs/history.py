"""The history sink: every event of the log into Postgres, by natural key."""

from collections.abc import Callable, Sequence

from schemas.events import ABOUT_SOURCES, WatermarkAdvanced
from schemas.topics import EVENT_TOPICS
from schemas.wire.postgres import History
from schemas.wire.tables import Progress
from stream_processors.runtime.sinks import Received, run_sink
from stream_processors.settings import ProcessorSettings


def writer(history: History) -> Callable[[Sequence[Received]], None]:
    """What stores a batch: rows for events, progress for watermarks."""

    def write(batch: Sequence[Received]) -> None:
        rows = [r.event for r in batch if not isinstance(r.event, ABOUT_SOURCES)]
        progress = [
            Progress(r.event.stream, r.topic, r.partition, r.event.event_time_ms)
            for r in batch
            if isinstance(r.event, WatermarkAdvanced)
        ]
        history.write(rows, progress)

    return write


def run_history(settings: ProcessorSettings, stop: Callable[[], bool]) -> None:
    """Run it until asked to stop."""
    endpoints = settings.endpoints()
    history = History(endpoints.database_url, max_connections=1)
    history.open()
    try:
        run_sink(
            name="history", topics=EVENT_TOPICS, endpoint=endpoints.kafka, write=writer(history), stop=stop
        )
    finally:
        history.close()
