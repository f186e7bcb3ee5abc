"""Captures of WebSocket messages, in the ways in which people record them."""

import json

import numpy as np
import pytest

from producers.normalise.watermarks import SourceTimes, with_watermarks
from producers.sources.files.forms import ReadRequest
from producers.sources.files.trades.opening import open_trades
from producers.sources.files.trades.reading import good_trades, ticks_of_trades
from producers.sources.files.trades.surveys import survey_trades
from schemas.errors import ConfigurationError
from schemas.events import TickObserved, WatermarkAdvanced
from tests.fakes.trade_files import (
    BEGIN_MS,
    COMPRESSIONS,
    MESSAGES,
    NOT_AFTER_MS,
    STAMPS,
    aggregate_message,
    binance_message,
    capture_lines,
    combined,
    trades,
    written,
)

MINUTE_MS = 60_000


def survey_of(path, instrument=None, not_after_ms=NOT_AFTER_MS):
    file = open_trades(path, instrument=instrument)
    survey = survey_trades(file, ReadRequest(not_after_ms, instrument))
    read = list(good_trades(file, instrument=survey.instrument, chosen=survey.filter))
    assert len(read) == survey.n_good
    return survey, read


def told(read):
    return [(each.trade_id, each.trade.time_ms, each.trade.price, each.trade.size) for each in read]


def true(found):
    return [(each.trade_id, each.time_ms, each.price, each.size) for each in found]


def depth_line(local_ms):
    return f'{local_ms}000456 {{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate"}}}}'.encode()


@pytest.mark.parametrize("stamp", STAMPS)
def test_lines_are_read_however_they_are_stamped(tmp_path, stamp):
    found = trades()
    survey, read = survey_of(written(tmp_path / "capture.gz", capture_lines(found, stamp=stamp)))

    assert told(read) == true(found)
    assert survey.filter.is_stamped == (stamp != "none")
    known = [each.time_ms if stamp == "none" else each.local_ms for each in found]
    unit = 1000 if stamp == "seconds" else 1
    assert [each.known_ms // unit for each in read] == [each // unit for each in known]


@pytest.mark.parametrize("message", set(MESSAGES) - {"kraken", "bybit"})
def test_messages_are_read_in_every_form(tmp_path, message):
    found = trades()
    lines = capture_lines(found, message=MESSAGES[message])
    survey, read = survey_of(written(tmp_path / "capture.jsonl", lines))

    assert told(read) == true(found)
    assert survey.instrument == {
        "futures": "BTC-USDT-PERP.BINANCE",
        "coinbase": "BTC-USD.COINBASE",
    }.get(message, "BTC-USDT.BINANCE")
    assert [each.is_buyer_maker for each in read] == [each.is_buyer_maker for each in found]


@pytest.mark.parametrize(
    ("message", "instrument"), [("kraken", "BTC-USD.KRAKEN"), ("bybit", "BTC-USDT-PERP.BYBIT")]
)
def test_trades_without_numeric_ids_have_their_numbers(tmp_path, message, instrument):
    found = trades()
    survey, read = survey_of(written(tmp_path / "x.gz", capture_lines(found, message=MESSAGES[message])))

    assert survey.instrument == instrument
    assert [each.trade_id for each in read] == list(range(1, 601))
    assert [row[1:] for row in told(read)] == [row[1:] for row in true(found)]
    assert [each.is_buyer_maker for each in read] == [each.is_buyer_maker for each in found]


@pytest.mark.parametrize("ending", COMPRESSIONS)
def test_every_compression_is_read(tmp_path, ending):
    found = trades()
    _, read = survey_of(written(tmp_path / f"capture{ending}", capture_lines(found)))
    assert told(read) == true(found)


def test_ends_of_lines_and_nul_bytes_change_nothing(tmp_path):
    found = trades()
    lines = capture_lines(found)
    lines[300] = b"\0" * 512 + lines[300]
    lines.insert(100, b"\0" * 4096)
    lines.insert(100, b"")

    survey, read = survey_of(written(tmp_path / "capture.gz", lines, end=b"\r\n"))

    assert told(read) == true(found)
    assert [(rule, rows.count, rows.first_row) for rule, rows in survey.set_aside.items()] == [
        ("line can be read", 1, 102)
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_text_that_windows_wrote_is_read(tmp_path, encoding):
    found = trades()
    text = "\r\n".join(line.decode() for line in capture_lines(found))
    path = tmp_path / "capture.txt"
    path.write_bytes(text.encode(encoding))
    survey, read = survey_of(path)
    assert (told(read), survey.set_aside) == (true(found), {})


def test_gzip_that_was_cut_off_is_read_up_to_the_cut(tmp_path):
    """It was refused."""
    found = trades(6_000)
    path = written(tmp_path / "capture.gz", capture_lines(found))
    path.write_bytes(path.read_bytes()[:-2_000])

    survey, read = survey_of(path)

    assert 1_000 < len(read) < 6_000
    assert told(read) == true(found)[: len(read)]
    assert any("cut off" in warning for warning in survey.warnings)


def test_notes_of_a_recorder_are_no_bad_lines(tmp_path):
    notes = [
        b"wss://stream.binance.com:9443 <-> 1633998511.159679",
        b'configuration: {"trades":["BTC-USDT"]}',
    ]
    survey, read = survey_of(written(tmp_path / "x.gz", notes + capture_lines(trades(), stamp="cryptofeed")))
    assert (len(read), survey.set_aside, survey.n_records) == (600, {}, 600)


def test_unreadable_line_is_named_by_its_row_and_the_rest_is_read(tmp_path):
    lines = capture_lines(trades())
    lines[1] = b"nonsense"
    lines[2] = lines[2].replace(b'"p":"', b'"p":"-')
    lines[5] = lines[5][:60]

    survey, read = survey_of(written(tmp_path / "capture.gz", lines))

    assert [line.row for line in survey.rejected] == [2, 3, 6]
    assert survey.rejected[0].line == b"nonsense"
    assert len(read) == 597


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([depth_line(BEGIN_MS + i) for i in range(50)], "holds no trade: it holds 50 depth"),
        ([b"hello"], "neither messages of a venue"),
        ([b""], "neither messages of a venue"),
        ([], "neither messages of a venue"),
    ],
)
def test_capture_without_trades_is_a_clear_error(tmp_path, lines, reason):
    with pytest.raises(ConfigurationError, match=reason):
        survey_of(written(tmp_path / "capture.gz", lines))


class TestInstrument:
    def test_first_symbol_is_read_and_the_others_are_named(self, tmp_path):
        found = trades()
        ether = capture_lines(found, message=lambda t: combined(binance_message(t, symbol="ETHUSDT")))
        both = [line for pair in zip(capture_lines(found), ether, strict=True) for line in pair]
        path = written(tmp_path / "capture.gz", both)

        survey, read = survey_of(path)
        assert (survey.instrument, survey.n_other, told(read)) == ("BTC-USDT.BINANCE", 600, true(found))
        assert any("ETH-USDT.BINANCE (600)" in warning for warning in survey.warnings)
        survey, read = survey_of(path, "ETH-USDT.BINANCE")
        assert (survey.instrument, survey.n_other, told(read)) == ("ETH-USDT.BINANCE", 600, true(found))

    def test_instrument_that_the_capture_does_not_hold_is_refused_with_those_that_it_holds(self, tmp_path):
        path = written(tmp_path / "capture.gz", capture_lines(trades()))
        with pytest.raises(
            ConfigurationError, match=r"no trade of SOL-USDT.BINANCE: it holds BTC-USDT.BINANCE"
        ):
            survey_of(path, "SOL-USDT.BINANCE")

    @pytest.mark.parametrize("make", [binance_message, aggregate_message])
    def test_trades_that_do_not_tell_spot_from_futures_are_asked_for(self, tmp_path, make):
        """They were taken for spot."""
        lines = capture_lines(trades(), message=lambda t: combined(make(t, mark=None)))
        path = written(tmp_path / "capture.gz", lines)
        with pytest.raises(
            ConfigurationError, match=r"set INSTRUMENT=BTC-USDT.BINANCE or INSTRUMENT=BTC-USDT-PERP.BINANCE"
        ):
            survey_of(path)
        for name in ("BTC-USDT.BINANCE", "BTC-USDT-PERP.BINANCE"):
            survey, read = survey_of(path, name)
            assert (survey.instrument, told(read)) == (name, true(trades()))

    def test_spot_and_futures_of_one_symbol_are_two_instruments(self, tmp_path):
        found = trades()
        futures = capture_lines(found, message=MESSAGES["futures"])
        path = written(
            tmp_path / "capture.gz",
            [x for pair in zip(capture_lines(found), futures, strict=True) for x in pair],
        )
        for name in ("BTC-USDT.BINANCE", "BTC-USDT-PERP.BINANCE"):
            survey, read = survey_of(path, name)
            assert (survey.instrument, told(read)) == (name, true(found))

    def test_aggregates_beside_single_trades_are_not_counted_twice(self, tmp_path):
        found = trades()
        aggregates = capture_lines(found, message=MESSAGES["aggregates"])
        both = [line for pair in zip(capture_lines(found), aggregates, strict=True) for line in pair]
        survey, read = survey_of(written(tmp_path / "capture.gz", both))
        assert (told(read), survey.n_other) == (true(found), 600)

    def test_future_with_a_day_of_delivery_is_no_instrument(self, tmp_path):
        lines = capture_lines(
            trades(), message=lambda t: combined(binance_message(t, symbol="BTCUSDT_250926"))
        )
        with pytest.raises(ConfigurationError, match="it holds BTCUSDT_250926"):
            survey_of(written(tmp_path / "capture.gz", lines))


class TestClock:
    """What lies away from the other times is set aside, and no boundary hangs on it."""

    def lines(self, n=6_000):
        return capture_lines(trades(n, step_ms=40, begin_ms=BEGIN_MS + 10_000))

    def edit(self, line, local_ms=None, time_ms=None):
        stamp, _, message = line.partition(b" ")
        data = json.loads(message)
        data["data"]["T"] = data["data"]["T"] if time_ms is None else time_ms
        return (stamp if local_ms is None else f"{local_ms}".encode()) + b" " + json.dumps(data).encode()

    @pytest.mark.parametrize("row", [0, 1, 3_000, 5_999])
    @pytest.mark.parametrize(
        ("local_ms", "time_ms"),
        [
            (None, 0),
            (None, BEGIN_MS + 86_400_000),
            (None, BEGIN_MS - 86_400_000),
            (None, 9_223_372_036_854),
            (0, None),
            (9_200_000_000_000_000_000, None),
            (BEGIN_MS + 3_600_000, None),
            (BEGIN_MS - 86_400_000, None),
        ],
    )
    def test_one_garbled_time_is_one_rejected_line(self, tmp_path, row, local_ms, time_ms):
        """The whole run hung, or was refused with a false reason."""
        lines = self.lines()
        whole, _ = survey_of(written(tmp_path / "whole.gz", lines[:row] + lines[row + 1 :]))
        lines[row] = self.edit(lines[row], local_ms, time_ms)

        survey, _ = survey_of(written(tmp_path / "capture.gz", lines))

        assert survey.n_good == 5_999
        assert [(rows.count, rows.first_row) for rows in survey.set_aside.values()] == [(1, row + 1)]
        assert (survey.first_boundary_ms, survey.skew, survey.silences) == (
            whole.first_boundary_ms,
            whole.skew,
            (),
        )
        # The garbled line may still have a good local time, by which the recorder was there.
        assert 0 <= survey.end_ms - whole.end_ms <= 44

    @pytest.mark.parametrize("step_ms", [-30_000, 3_600_000, -3_600_000, 600_000])
    @pytest.mark.parametrize("row", [1_000, 3_000, 5_000])
    def test_change_of_the_clock_is_said_and_its_smaller_part_set_aside(self, tmp_path, step_ms, row):
        """A step of an hour made 59 minutes of bars without a trade, and some 60 predictions of them."""
        lines = self.lines()
        for i in range(row, 6_000):
            stamp, _, message = lines[i].partition(b" ")
            lines[i] = b"%d %s" % (int(stamp) + step_ms * 1_000_000, message)
        path = written(tmp_path / "capture.gz", lines)

        try:
            survey, read = survey_of(path)
        except ConfigurationError as error:
            assert row == 1_000
            assert "the venue's, where at most 60 s" in str(error)  # noqa: PT017
            return
        assert survey.n_good == (row if row >= 3_000 else 6_000 - row)
        assert [rows.count for rows in survey.set_aside.values()] == [6_000 - survey.n_good]
        assert any("clock was set" in warning for warning in survey.warnings)
        assert survey.last_known_ms - survey.first_known_ms < 6_000 * 40
        assert [each.known_ms for each in read] == sorted(each.known_ms for each in read)

    def test_clock_that_was_away_for_a_while_leaves_an_outage(self, tmp_path):
        lines = self.lines()
        for i in range(2_000, 3_000):
            stamp, _, message = lines[i].partition(b" ")
            lines[i] = b"%d %s" % (int(stamp) + 7_200 * 10**9, message)

        survey, _ = survey_of(written(tmp_path / "capture.gz", lines))

        assert survey.n_good == 5_000
        (silence,) = survey.silences
        assert silence.until_ms - silence.from_ms == pytest.approx(40_000, abs=100)

    @pytest.mark.parametrize("skew_ms", [7_200_000, -7_200_000, 90_000])
    def test_clock_of_another_zone_is_refused_with_what_would_help(self, tmp_path, skew_ms):
        lines = []
        for line in self.lines():
            stamp, _, message = line.partition(b" ")
            lines.append(b"%d %s" % (int(stamp) + skew_ms * 10**6, message))
        with pytest.raises(ConfigurationError, match="state the local times in UTC, or leave them out"):
            survey_of(written(tmp_path / "capture.gz", lines))

    def test_small_corrections_of_the_clock_are_lateness(self, tmp_path):
        lines = self.lines()
        for i in range(3_000, 6_000):
            stamp, _, message = lines[i].partition(b" ")
            lines[i] = b"%d %s" % (int(stamp) - 2 * 10**9, message)

        survey, read = survey_of(written(tmp_path / "capture.gz", lines))

        assert survey.n_good == 6_000
        known = [each.known_ms for each in read]
        assert known == sorted(known)
        assert all(each.trade.time_ms - each.known_ms >= survey.skew.lead_ms for each in read)

    @pytest.mark.parametrize("n_late", [1, 4, 5])
    def test_a_few_late_trades_do_not_decide_the_lateness(self, tmp_path, n_late):
        found = trades(6_000, step_ms=40, begin_ms=BEGIN_MS + 10_000)
        lines = capture_lines(found)
        for i in range(1_000, 1_000 + 100 * n_late, 100):
            lines[i] = self.edit(lines[i], time_ms=found[i].time_ms - 5_000)

        survey, read = survey_of(written(tmp_path / "capture.gz", lines))

        assert len(read) == 6_000
        assert (survey.skew.lateness_ms > 1_000) == (n_late == 5)
        assert any("too late for their bars" in warning for warning in survey.warnings) == (n_late < 5)

    def test_one_local_time_that_is_seconds_ahead_does_not_hold_up_those_after_it(self, tmp_path):
        lines = self.lines()
        stamp, _, message = lines[1_000].partition(b" ")
        lines[1_000] = b"%d %s" % (int(stamp) + 5 * 10**9, message)

        survey, read = survey_of(written(tmp_path / "capture.gz", lines))

        assert (len(read), survey.skew.lateness_ms) == (5_999, 2)
        assert [(rows.count, rows.first_row) for rows in survey.set_aside.values()] == [(1, 1_001)]

    def test_nothing_later_than_the_start_of_the_run_is_believed(self, tmp_path):
        survey, _ = survey_of(written(tmp_path / "x.gz", self.lines()), not_after_ms=BEGIN_MS + 120_000)
        assert survey.last_ms <= BEGIN_MS + 120_000 + 60_000
        assert survey.n_good + sum(rows.count for rows in survey.set_aside.values()) == 6_000
        with pytest.raises(ConfigurationError, match="holds no trade from 2009-01-01"):
            survey_of(tmp_path / "x.gz", not_after_ms=BEGIN_MS - 86_400_000)


class TestPauses:
    def test_long_pause_of_every_message_is_a_silence(self, tmp_path):
        found = trades(2, step_ms=29_000)
        lines = [capture_lines(found[:1])[0], depth_line(BEGIN_MS + 8_000), capture_lines(found[1:])[0]]

        survey, _ = survey_of(written(tmp_path / "x.gz", lines))

        assert [(each.from_ms, each.until_ms) for each in survey.silences] == [
            (BEGIN_MS + 8_001, found[1].local_ms)
        ]

    def test_quiet_market_is_no_outage_where_trades_alone_are_recorded(self, tmp_path):
        survey, _ = survey_of(written(tmp_path / "x.gz", capture_lines(trades(100, step_ms=40_000))))
        assert survey.silences == ()

    def test_long_pause_of_trades_is_a_silence(self, tmp_path):
        found = trades(3_000) + trades(3_000, begin_ms=BEGIN_MS + 2 * 3_600_000)
        survey, _ = survey_of(written(tmp_path / "x.gz", capture_lines(found)))
        assert len(survey.silences) == 1

    def test_minute_that_the_recorder_joined_midway_is_not_vouched_for(self, tmp_path):
        found = trades(begin_ms=BEGIN_MS + 2_000)
        lines = [depth_line(BEGIN_MS - 500), *capture_lines(found)]
        survey, _ = survey_of(written(tmp_path / "x.gz", lines))
        assert survey.first_boundary_ms == BEGIN_MS + MINUTE_MS


def test_ids_that_do_not_tell_trades_apart_are_replaced_by_numbers(tmp_path):
    """Of a bar of 2,931 trades whose ids were all 0, one was counted."""
    found = [trade._replace(trade_id=0) for trade in trades()]
    survey, read = survey_of(written(tmp_path / "x.gz", capture_lines(found)))
    assert [each.trade_id for each in read] == list(range(1, 601))
    assert any("ids do not tell" in warning for warning in survey.warnings)


def test_file_that_was_appended_to_itself_says_so(tmp_path):
    lines = capture_lines(trades())
    survey, read = survey_of(written(tmp_path / "x.gz", lines + lines))
    assert any("repeat another" in warning for warning in survey.warnings)
    assert [each.known_ms for each in read] == sorted(each.known_ms for each in read)


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "instrument", "n_trades"),
    [
        ("binance_ws_spot_btcusdt_20240809.gz", "BTC-USDT.BINANCE", 10_147),
        ("binance_ws_usdm_btcusdt_20240808.gz", "BTC-USDT-PERP.BINANCE", 21_313),
    ],
)
def test_no_recorded_trade_is_later_than_its_watermark(recorded_data, name, instrument, n_trades):
    file = open_trades(recorded_data / "ticks" / name, instrument=None)
    survey = survey_trades(file, ReadRequest(NOT_AFTER_MS))
    ticks = list(
        ticks_of_trades(
            file, instrument=instrument, chosen=survey.filter, stream="s", source="binance", from_ms=0
        )
    )
    times = SourceTimes(
        source="binance",
        stream="s",
        ticks_from_ms=ticks[0].event_time_ms,
        skew_ms=survey.skew.skew_ms,
        lateness_ms=survey.skew.lateness_ms,
    )

    watermark_ms, n_late = 0, 0
    for _, event in with_watermarks(ticks, times):
        match event:
            case WatermarkAdvanced():
                watermark_ms = event.event_time_ms
            case TickObserved():
                n_late += event.event_time_ms < watermark_ms
    assert (survey.instrument, len(ticks), n_late) == (instrument, n_trades, 0)
    assert np.all(np.diff([tick.known_time_ms for tick in ticks]) >= 0)


class TestPrices:
    """A price a thousand times higher in mid-file was believed: "+41,857 %, edge 945.6 times the costs"."""

    def file(self, tmp_path, begin, end, factor, n=1_200):
        found = [
            each._replace(price=each.price * factor) if begin <= i < end else each
            for i, each in enumerate(trades(n))
        ]
        return found, written(tmp_path / "x.gz", capture_lines(found))

    @pytest.mark.parametrize("place", [0, 1, 600, 1_199])
    @pytest.mark.parametrize("factor", [1_000.0, 0.01])
    def test_one_garbled_price_is_one_rejected_line(self, tmp_path, place, factor):
        found, path = self.file(tmp_path, place, place + 1, factor)
        survey, read = survey_of(path)
        assert told(read) == true(found[:place] + found[place + 1 :])
        assert [(rows.count, rows.first_row) for rows in survey.set_aside.values()] == [(1, place + 1)]
        assert survey.silences == ()

    @pytest.mark.parametrize(("begin", "end"), [(0, 300), (500, 700), (900, 1_200)])
    def test_stretch_on_another_scale_is_set_aside_and_an_outage(self, tmp_path, begin, end):
        found, path = self.file(tmp_path, begin, end, 1_000.0)
        survey, read = survey_of(path)
        assert told(read) == true(found[:begin] + found[end:])
        assert any("times those of most trades" in warning for warning in survey.warnings)
        assert len(survey.silences) == (1 if begin == 500 else 0)
        if begin == 0:
            assert survey.first_boundary_ms >= found[end].time_ms - MINUTE_MS
        if end == 1_200:
            assert survey.end_ms <= found[begin].time_ms

    def test_market_that_moves_far_in_small_steps_is_believed(self, tmp_path):
        found = [each._replace(price=round(100 * 1.01**i, 4)) for i, each in enumerate(trades(600))]
        _, read = survey_of(written(tmp_path / "x.gz", capture_lines(found)))
        assert told(read) == true(found)

    def test_price_after_a_day_without_trades_is_believed(self, tmp_path):
        found = trades() + [
            each._replace(price=each.price * 3) for each in trades(begin_ms=BEGIN_MS + 3 * 86_400_000)
        ]
        survey, read = survey_of(written(tmp_path / "x.gz", capture_lines(found)))
        assert told(read) == true(found)
        assert len(survey.silences) == 1

    def test_mixture_of_instruments_is_refused(self, tmp_path):
        found = [
            each._replace(price=each.price * (1 + 9 * (i // 6 % 2))) for i, each in enumerate(trades(12_600))
        ]
        with pytest.raises(ConfigurationError, match="give a file of one instrument"):
            survey_of(written(tmp_path / "x.gz", capture_lines(found)))
