"""Laws of watermarks over any sequence of candles and ticks, wherever it is cut."""

from hypothesis import given
from hypothesis import strategies as st

from producers.normalise.watermarks import Reached, SourceTimes, with_watermarks
from schemas.events import (
    CandleObserved,
    SourceFellSilent,
    SourceReturned,
    TickObserved,
    WatermarkAdvanced,
)
from tests.unit.producers.fakes import MINUTE_MS, candle, tick

minutes = st.lists(st.integers(0, 300), unique=True, min_size=1).map(sorted)
LEAD_MS, SPREAD_MS = 1_200, 60


@st.composite
def sequences(draw):
    """Candles or none, then ticks after the last one's end, with a clock skew."""
    starts = draw(minutes)
    begins_with_ticks = draw(st.booleans())
    begin_ms = (starts[-1] + 1) * MINUTE_MS - LEAD_MS
    steps = draw(st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, SPREAD_MS)), max_size=30))
    ticks, known_ms = [], begin_ms
    for i, (step_ms, extra_ms) in enumerate(steps):
        known_ms += step_ms
        ticks.append(tick(known_ms, lead_ms=LEAD_MS + extra_ms, trade_id=i))
    times = SourceTimes(
        source="binance",
        stream="s",
        ticks_from_ms=begin_ms + LEAD_MS,
        end_ms=known_ms + LEAD_MS + 5_000,
        skew_ms=LEAD_MS + SPREAD_MS // 2,
        lateness_ms=SPREAD_MS // 2,
        begins_with_ticks=begins_with_ticks,
    )
    return [*([] if begins_with_ticks else map(candle, starts)), *ticks], times


@given(sequences())
def test_no_event_is_behind_a_watermark_and_no_watermark_goes_back(sequence):
    events, times = sequence
    watermark_ms = -1
    for _, event in with_watermarks(events, times, is_to_the_end=True):
        match event:
            case WatermarkAdvanced():
                assert event.event_time_ms > watermark_ms or event.event_time_ms == times.ticks_from_ms
                watermark_ms = event.event_time_ms
            case CandleObserved():
                assert event.start_ms >= watermark_ms
            case TickObserved():
                assert event.event_time_ms >= watermark_ms
            case SourceFellSilent() | SourceReturned():
                assert event.event_time_ms >= watermark_ms


@given(sequences())
def test_the_events_are_all_there_in_their_order(sequence):
    events, times = sequence

    said = [e for _, e in with_watermarks(events, times) if isinstance(e, CandleObserved | TickObserved)]

    assert said == events


@given(sequences(), st.data())
def test_a_restored_part_is_the_beginning_of_the_whole(sequence, data):
    events, times = sequence
    n = data.draw(st.integers(0, len(events)))

    part = list(with_watermarks(events[:n], times))

    assert part == list(with_watermarks(events, times, is_to_the_end=True))[: len(part)]


@given(sequences(), st.data())
def test_what_is_said_after_resuming_is_what_would_have_been_said_there(sequence, data):
    events, times = sequence
    n = data.draw(st.integers(min(1, len(events)), len(events)))
    candles = [e.event_time_ms for e in events[:n] if isinstance(e, CandleObserved)]
    ticks = [e.known_time_ms for e in events[:n] if isinstance(e, TickObserved)]
    after = Reached(max(candles, default=None), max(ticks, default=None))

    before = list(with_watermarks(events[:n], times))
    behind = list(with_watermarks(events[n:], times, after=after, is_to_the_end=True))

    assert before + behind == list(with_watermarks(events, times, is_to_the_end=True))
