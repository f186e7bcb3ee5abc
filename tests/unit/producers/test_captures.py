import gzip
import json

import pytest

from producers.normalise.watermarks import SourceTimes, with_watermarks
from producers.sources.files.captures import estimate_clock_skew, survey_capture, ticks_of_capture
from schemas.errors import ConfigurationError
from schemas.events import TickObserved, WatermarkAdvanced


def trade_line(local_ms, event_ms, trade_id, *, price="100.5", symbol="BTCUSDT"):
    data = {"e": "trade", "s": symbol, "t": trade_id, "p": price, "q": "0.1", "T": event_ms, "m": True}
    return f"{local_ms}000123 " + json.dumps({"stream": f"{symbol.lower()}@trade", "data": data})


def depth_line(local_ms):
    return f"{local_ms}000456 " + json.dumps({"stream": "btcusdt@depth@100ms", "data": {}})


def capture(tmp_path, *lines):
    path = tmp_path / "capture.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def test_lateness_is_such_that_no_trade_is_behind_its_watermark():
    skew = estimate_clock_skew([1273, 1219, 1277, 1274])

    assert (skew.skew_ms, skew.lead_ms) == (1273, 1219)


def test_a_capture_without_trades_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigurationError, match="local nanoseconds, a space and a Binance message"):
        survey_capture(capture(tmp_path, depth_line(1000)))


def test_a_broken_gzip_is_a_clear_error(tmp_path):
    path = capture(tmp_path, *(trade_line(i, i, i) for i in range(1, 500)))
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(ConfigurationError, match="not a whole gzip capture"):
        survey_capture(path)


def test_an_unreadable_line_is_named_by_its_row_and_the_rest_is_read(tmp_path):
    path = capture(
        tmp_path, trade_line(1, 1, 1), "nonsense", trade_line(2, 2, 2, price="-3"), trade_line(3, 3, 3)
    )

    survey = survey_capture(path)

    assert [line.row for line in survey.bad_lines] == [2, 3]
    ticks = ticks_of_capture(path, instrument=survey.instrument, stream="s", from_ms=0)
    assert [tick.trade_id for tick in ticks] == [1, 3]


def test_trades_of_another_symbol_are_counted_and_not_read(tmp_path):
    survey = survey_capture(capture(tmp_path, trade_line(1, 1, 1), trade_line(2, 2, 2, symbol="ETHUSDT")))

    assert (survey.instrument, survey.n_other) == ("BTC-USDT.BINANCE", 1)


def test_a_long_pause_of_every_message_is_a_silence(tmp_path):
    survey = survey_capture(
        capture(tmp_path, trade_line(1_000, 1_000, 1), depth_line(9_000), trade_line(30_000, 30_000, 2))
    )

    assert [(silence.from_ms, silence.until_ms) for silence in survey.silences] == [(9_001, 30_000)]


def test_the_minute_that_the_recorder_joined_midway_is_not_vouched_for(tmp_path):
    survey = survey_capture(capture(tmp_path, depth_line(59_500), trade_line(61_000, 62_000, 1)))

    assert survey.first_boundary_ms == 120_000


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "instrument", "n_trades"),
    [
        ("binance_ws_spot_btcusdt_20240809.gz", "BTC-USDT.BINANCE", 10_147),
        ("binance_ws_usdm_btcusdt_20240808.gz", "BTC-USDT-PERP.BINANCE", 21_313),
    ],
)
def test_no_recorded_trade_is_behind_its_watermark(recorded_data, name, instrument, n_trades):
    path = recorded_data / "ticks" / name
    survey = survey_capture(path)
    times = SourceTimes(
        source="binance",
        stream="s",
        ticks_from_ms=0,
        skew_ms=survey.skew.skew_ms,
        lateness_ms=survey.skew.lateness_ms,
    )
    ticks = list(ticks_of_capture(path, instrument=instrument, stream="s", from_ms=0))
    times = SourceTimes(
        **{f: getattr(times, f) for f in times.__struct_fields__} | {"ticks_from_ms": ticks[0].event_time_ms}
    )

    watermark_ms, n_behind = 0, 0
    for _, event in with_watermarks(ticks, times):
        match event:
            case WatermarkAdvanced():
                watermark_ms = event.event_time_ms
            case TickObserved():
                n_behind += event.event_time_ms < watermark_ms
    assert (survey.instrument, len(ticks), n_behind) == (instrument, n_trades, 0)
