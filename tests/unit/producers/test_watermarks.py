"""The sequence of watermarks, drawn as timelines (see ``drawn`` in the fakes)."""

import pytest

from producers.normalise.watermarks import Absence, Reached, SourceTimes, with_watermarks
from schemas.events import (
    END_OF_TIME_MS,
    CandleObserved,
    SourceFellSilent,
    SourceReturned,
    WatermarkAdvanced,
)
from schemas.streams import Silence
from schemas.topics import MARKET_TICK
from tests.unit.producers.fakes import MINUTE_MS, candle, drawn, tick

TIMES = SourceTimes(source="binance", stream="s", ticks_from_ms=0)


def test_each_close_is_followed_by_its_watermark():
    assert drawn(with_watermarks([candle(0), candle(1)], TIMES)) == "c0 W1 c1 W2"


def test_a_missing_stretch_of_candles_is_a_silence_at_the_last_end():
    assert drawn(with_watermarks([candle(0), candle(5)], TIMES)) == "c0 W1 S R c5 W6"


def test_the_end_of_a_candle_file_is_a_silence():
    times = SourceTimes(source="binance", stream="s", ticks_from_ms=0, end_ms=2 * MINUTE_MS)

    assert drawn(with_watermarks([candle(0), candle(1)], times, is_to_the_end=True)) == "c0 W1 c1 W2 S"


def test_a_missing_stretch_behind_the_resumed_position_is_told():
    said = with_watermarks([candle(5)], TIMES, after=Reached(candle_end_ms=MINUTE_MS))

    assert drawn(said) == "S R c5 W6"


def test_candles_of_several_instruments_share_one_watermark():
    assert drawn(with_watermarks([candle(0), candle(0), candle(1)], TIMES)) == "c0 c0 W1 c1 W2"


def test_every_second_of_known_time_is_told_before_the_ticks_of_it():
    events = [tick(500), tick(2_100, trade_id=2), tick(3_000, trade_id=3)]

    assert drawn(with_watermarks(events, TIMES)) == "w0 t0.5 w1 w2 t2.1 w3 t3"


def test_the_watermark_of_a_second_stands_at_skew_less_lateness():
    times = SourceTimes(source="binance", stream="s", ticks_from_ms=1_219, skew_ms=1_273, lateness_ms=54)

    said = list(with_watermarks([tick(1_000, lead_ms=1_219)], times))

    watermarks = [(e.known_time_ms, e.event_time_ms) for _, e in said if isinstance(e, WatermarkAdvanced)]
    assert watermarks == [(0, 1_219), (1_000, 2_219)]


def test_ticks_behind_candles_begin_their_seconds_at_the_last_close():
    events = [candle(0), tick(61_200)]

    assert drawn(with_watermarks(events, TIMES)) == "c0 W1 w60 w61 t61.2"


def test_candles_behind_ticks_let_the_seconds_run_to_their_start_first():
    events = [tick(57_500), candle(1), tick(121_000, trade_id=9)]
    times = SourceTimes(source="binance", stream="s", ticks_from_ms=57_000)

    assert drawn(with_watermarks(events, times)) == "w57 t57.5 w58 w59 w60 c1 W2 w120 w121 t121"


def test_a_silence_of_the_recorder_is_told_once_and_its_seconds_are_not():
    times = SourceTimes(
        source="binance", stream="s", ticks_from_ms=0, silences=(Silence(from_ms=1_501, until_ms=14_200),)
    )

    assert (
        drawn(with_watermarks([tick(1_500), tick(15_100, trade_id=2)], times)) == "w0 w1 t1.5 s r w15 t15.1"
    )


def test_a_capture_ends_with_its_last_seconds_and_a_silence():
    times = SourceTimes(source="binance", stream="s", ticks_from_ms=0, end_ms=3_400)

    assert drawn(with_watermarks([tick(1_500)], times, is_to_the_end=True)) == "w0 w1 t1.5 w2 w3 s"


def test_resuming_behind_a_tick_goes_on_with_the_next_second():
    said = with_watermarks([tick(2_100, trade_id=2)], TIMES, after=Reached(tick_known_ms=500))

    assert drawn(said) == "w1 w2 t2.1"


def test_a_silence_of_a_file_vouches_for_the_whole_hole_and_that_at_its_end_for_all_time():
    times = SourceTimes(source="binance", stream="s", ticks_from_ms=0, end_ms=7 * MINUTE_MS, epoch=3)
    said = [e for _, e in with_watermarks([candle(0), candle(5)], times, is_to_the_end=True)]
    silences = [e for e in said if isinstance(e, SourceFellSilent)]
    assert [(e.event_time_ms, e.absent_until_ms) for e in silences] == [
        (MINUTE_MS, 5 * MINUTE_MS),
        (7 * MINUTE_MS, END_OF_TIME_MS),
    ]
    assert [e.event_time_ms for e in said if isinstance(e, SourceReturned)] == [5 * MINUTE_MS]
    assert {e.epoch for e in said if not isinstance(e, CandleObserved)} == {3}


def test_an_absence_in_life_is_said_at_once_and_again_each_second_with_a_later_promise():
    absence = Absence(MARKET_TICK, TIMES, from_ms=10_000)
    said = [e for now_ms in (12_000, 12_400, 13_000, 14_500) for _, e in absence.on_time(now_ms)]
    assert [(e.event_time_ms, e.absent_until_ms) for e in said] == [
        (10_000, 12_000),
        (10_000, 13_000),
        (10_000, 14_500),
    ]
    ((_, returned),) = absence.on_return(15_000, known_ms=15_100)
    assert returned.event_time_ms == 15_000


@pytest.mark.parametrize(("begins_with_ticks", "first_ms"), [(True, 60_000), (False, 60_219)])
def test_ticks_without_candles_before_them_are_vouched_for_from_their_beginning(begins_with_ticks, first_ms):
    """The first watermark lay within the first minute of a capture without HISTORY, so its bar was left out."""
    times = SourceTimes(
        source="binance",
        stream="s",
        ticks_from_ms=60_000,
        skew_ms=1_273,
        lateness_ms=54,
        begins_with_ticks=begins_with_ticks,
    )
    records = with_watermarks([tick(61_500, lead_ms=1_250)], times, after=Reached(candle_end_ms=60_000))
    watermarks = [event.event_time_ms for _, event in records if isinstance(event, WatermarkAdvanced)]
    assert watermarks[0] == first_ms
