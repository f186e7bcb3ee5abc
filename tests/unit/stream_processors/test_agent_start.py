"""What the agent needs before it asks any broker: a scorer that can run."""

import logging

import pytest
import structlog
from structlog.testing import LogCapture

from schemas.errors import ConfigurationError
from schemas.events import SourceFellSilent, SourceReturned
from schemas.wire.kafka import Record
from stream_processors.agents.absences import returns_after
from stream_processors.agents.gathering import MOST_WAITING, BatchSize
from stream_processors.agents.logs import ForwardingHandler
from stream_processors.agents.outputs import record_of_event
from stream_processors.agents.sentiment import run_sentiment
from tests.fixtures.market_events import STREAM, T0, watermark


def test_an_agent_without_any_scorer_does_not_start():
    with pytest.raises(ConfigurationError, match="DRIFTLINE_SCORERS names no scorer that can run here"):
        run_sentiment({"DRIFTLINE_SCORERS": "finbert"}, lambda: True)


def silence(at_ms: int, until_ms: int, stream: str = STREAM) -> SourceFellSilent:
    return SourceFellSilent(
        event_time_ms=T0 + at_ms,
        known_time_ms=T0 + until_ms,
        source="news",
        stream=stream,
        absent_until_ms=T0 + until_ms,
    )


def records_of(*events) -> list[Record]:
    return [
        Record("news.sentiment.v1", 0, n, None, record_of_event(event).value, ())
        for n, event in enumerate(events)
    ]


def test_an_absence_that_lasts_is_ended_where_it_was_last_said_to_end():
    (end,) = returns_after(records_of(watermark(1, source="news"), silence(1, 31_000), silence(1, 32_000)))
    assert isinstance(end, SourceReturned)
    assert end.event_time_ms == T0 + 32_000


def test_an_absence_that_is_over_is_not_ended_again():
    (end,) = returns_after(records_of(silence(1, 31_000)))
    later = watermark(40_000, source="news")
    assert returns_after(records_of(silence(1, 31_000), end)) == []
    assert returns_after(records_of(silence(1, 31_000), later)) == []


def test_each_run_has_its_own():
    found = returns_after(
        records_of(silence(1, 31_000), silence(1, 33_000, "live"), watermark(40_000, source="news"))
    )
    assert [end.stream for end in found] == ["live"]


def test_batches_fit_into_the_time():
    size = BatchSize(2.0)
    for _ in range(20):
        size.took(size.n, size.n * 0.05)  # an encoder with 20 texts a second
    assert size.n == 40
    for _ in range(20):
        size.took(size.n, size.n * 0.0001)
    assert size.n == MOST_WAITING


def test_what_libraries_log_becomes_one_line():
    seen = LogCapture()
    handler = ForwardingHandler(write=structlog.wrap_logger(None, processors=[seen]))
    for level in (logging.WARNING, logging.ERROR):
        handler.emit(logging.LogRecord("faust.app", level, "", 0, "two\nlines %s", ("here",), None))
    handler.emit(logging.LogRecord("faust.app", logging.ERROR, "", 0, "a" * 400, (), None))
    line = {"event": "library", "logger": "faust.app", "message": "two lines here"}
    assert seen.entries[:2] == [{**line, "log_level": "warning"}, {**line, "log_level": "error"}]
    assert len(seen.entries[2]["message"]) == 300
