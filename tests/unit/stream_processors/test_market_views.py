"""The views of the market processor: what the API shows as the clock of a run."""

from schemas.events import END_OF_TIME_MS, SourceFellSilent, WatermarkAdvanced
from schemas.topics import MARKET_TICK
from schemas.wire.redis import clock_key
from stream_processors.jobs.market import view_of
from stream_processors.operators.market import MarketOperator

MINUTE_MS = 60_000
ABOUT = {"source": "binance", "stream": "replay-1"}
#: A capture that ends within a minute.
END_MS = 5 * MINUTE_MS + 3_219


def watermark(at_ms):
    return WatermarkAdvanced(event_time_ms=at_ms, known_time_ms=at_ms, **ABOUT)


def silence(until_ms):
    return SourceFellSilent(event_time_ms=END_MS, known_time_ms=END_MS, absent_until_ms=until_ms, **ABOUT)


def clocks(events):
    views = [view_of(event) for event in events]
    return [int(view.body()) for view in views if view is not None and view.key == clock_key("replay-1")]


def test_clock_reaches_the_end_of_a_capture_that_ends_within_a_minute():
    """It stood at the last whole minute, so that a replay that had ended was shown as running, and then as stalled."""
    operator = MarketOperator(intervals=[])
    made = [
        output.event
        for event in (watermark(4 * MINUTE_MS), watermark(END_MS - 200), silence(END_OF_TIME_MS))
        for output in operator.step(MARKET_TICK, event)
        if output.topic.name == "features.market.v1"
    ]
    assert clocks(made) == [4 * MINUTE_MS, 5 * MINUTE_MS, END_MS]
    assert clocks(operator.newest()) == [END_MS]


def test_clock_stays_where_an_outage_begins():
    operator = MarketOperator(intervals=[])
    for event in (watermark(5 * MINUTE_MS), silence(END_MS + 60_000)):
        operator.step(MARKET_TICK, event)
    assert clocks([silence(END_MS + 60_000)]) == []
    assert clocks(operator.newest()) == [5 * MINUTE_MS]
