"""The jobs on fakes: warm-up, restore and replay of the simulated market, a candle file and a capture."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from producers.jobs.publishing import publish_rejects
from producers.jobs.replaying import replay
from producers.jobs.sessions import registered_session
from producers.jobs.warming import warm_up
from producers.settings import ProducerSettings
from schemas import codec
from schemas.errors import ConfigurationError
from schemas.events import (
    CandleObserved,
    SourceFellSilent,
    TickObserved,
    TopicSwitched,
    WatermarkAdvanced,
)
from schemas.topics import MARKET_CANDLE, MARKET_TICK, partition_of
from schemas.wire.clocks import ManualClock
from tests.fakes.trade_files import BEGIN_MS, table_lines, trades, written
from tests.unit.producers.fakes import MINUTE_MS, RecordingOutlet, RememberingHistory

NOW_MS = 1_763_900_000_000
HOUR_MS = 60 * MINUTE_MS


def session_of(settings, history, *, clock=None, is_stopped=None, on_left=None, look_up=None):
    return registered_session(
        settings,
        streams=history,
        history=history,
        outlet=RecordingOutlet(),
        clock=clock or ManualClock(now_ms=NOW_MS),
        is_stopped=is_stopped or (lambda: False),
        on_left=on_left or (lambda _topic, _say_again: None),
        look_up=look_up,
    )


def simulated(**values):
    return ProducerSettings.from_environment({}, simulated_history_days=1, **values)


def minutes_file(tmp_path, n=600, missing=(), coin="btc", interval_minutes=1, venue="binance"):
    kept = np.array([i * interval_minutes for i in range(n) if i not in missing])
    path = tmp_path / f"{coin}usdt_{venue}_spot_1m.parquet"
    table = {name: np.full(len(kept), 100.0) for name in ("open", "high", "low", "close", "volume")}
    times = {"timestamp": np.datetime64("2025-06-01T00:00", "ms") + kept * np.timedelta64(1, "m")}
    parquet.write_table(pa.table(times | table), path)
    return path


def capture_file(tmp_path):
    begin_ms = 1_748_736_000_000 + 100 * MINUTE_MS + 30_000
    path = tmp_path / "capture.gz"
    lines = []
    for i in range(600):
        known_ms = begin_ms + i * 400
        data = {
            "e": "trade",
            "s": "BTCUSDT",
            "t": i,
            "p": "100",
            "q": "1",
            "T": known_ms + 1_270 + i % 5,
            "m": True,
            "M": True,
        }
        lines.append(f"{known_ms}000001 " + json.dumps({"stream": "btcusdt@trade", "data": data}))
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def trade_file(tmp_path):
    """A dump of trades, the newest first, whose minutes are those of the history."""
    found = trades(begin_ms=BEGIN_MS + 100 * MINUTE_MS + 30_000)
    lines = table_lines(found, "binance trades")
    return written(tmp_path / "BTCUSDT-trades-2025-06-01.zip", lines[::-1])


def runs(tmp_path):
    """A settings object per kind of data."""
    minutes = minutes_file(tmp_path, missing=(200, 201, 500))
    ether = minutes_file(tmp_path, n=590, missing=(0, 1, 50, 201, 202, 203, 419, 420), coin="eth")
    return {
        "candles": ProducerSettings.from_environment({}, data=minutes, speed=0.0),
        "side by side": ProducerSettings.from_environment(
            {}, data=minutes, data_beside=str(ether), speed=0.0
        ),
        "capture": ProducerSettings.from_environment(
            {}, data=capture_file(tmp_path), history=minutes_file(tmp_path), speed=0.0
        ),
        "trades": ProducerSettings.from_environment(
            {}, data=trade_file(tmp_path), history=minutes_file(tmp_path), speed=0.0
        ),
    }


@pytest.fixture(params=["candles", "side by side", "capture", "trades"])
def settings(request, tmp_path):
    return runs(tmp_path)[request.param]


def published(session):
    return session.outlet.records


def test_the_first_seven_tenths_of_a_file_are_its_warm_up(tmp_path):
    session = session_of(
        ProducerSettings.from_environment({}, data=minutes_file(tmp_path)), RememberingHistory()
    )

    warm_up(session)

    candles = [e for e in session.outlet.events() if isinstance(e, CandleObserved)]
    assert len(candles) == 7 * 60
    assert candles[-1].event_time_ms == session.plan.description.warm_up_until_ms
    assert (
        session.plan.description.title
        == "replay of btcusdt_binance_spot_1m.parquet, 2025-06-01 .. 2025-06-01"
    )


def test_warm_up_and_replay_together_say_every_row_once(settings):
    history = RememberingHistory()
    first = session_of(settings, history)
    warm_up(first)
    history.store(first.outlet.events())
    second = session_of(settings, history)

    assert replay(second)

    events = [*first.outlet.events(), *second.outlet.events()]
    candles = [(e.start_ms, e.instrument) for e in events if isinstance(e, CandleObserved)]
    ticks = [e.trade_id for e in events if isinstance(e, TickObserved)]
    assert sorted(set(candles)) == candles
    assert sorted(set(ticks)) == ticks
    assert isinstance(events[-1], SourceFellSilent)
    assert len(candles) + len(ticks) > 400


def test_a_second_replay_publishes_the_same_bytes(settings):
    def whole():
        history = RememberingHistory()
        first = session_of(settings, history)
        warm_up(first)
        history.store(first.outlet.events())
        second = session_of(settings, history)
        replay(second)
        return [*published(first), *published(second)]

    assert whole() == whole()


def test_what_is_restored_is_what_was_said_first(settings):
    history = RememberingHistory()
    first = session_of(settings, history)
    warm_up(first)
    history.store(first.outlet.events())
    second = session_of(settings, history)
    replay(second)
    history.store(second.outlet.events())
    restored = session_of(settings, history)

    warm_up(restored)

    said = [*published(first), *published(second)]
    assert published(restored) == said[: len(published(restored))]
    n_events = sum(isinstance(e, CandleObserved | TickObserved) for e in restored.outlet.events())
    assert n_events == sum(
        isinstance(e, CandleObserved | TickObserved)
        for e in [*first.outlet.events(), *second.outlet.events()]
    )


def test_a_simulation_is_warm_up_to_its_last_closed_minute_and_goes_on_by_ticks():
    history = RememberingHistory()
    clock = ManualClock(now_ms=NOW_MS)
    first = session_of(simulated(), history, clock=clock)
    warm_up(first)
    history.store(first.outlet.events())
    clock.sleep(30)
    second = session_of(
        simulated(), history, clock=clock, is_stopped=lambda: clock.now_ms() >= NOW_MS + 90_000
    )

    replay(second)

    description = second.plan.description
    assert description.title == "simulated market, seed 7"
    assert description.warm_up_until_ms == NOW_MS // MINUTE_MS * MINUTE_MS
    ticks = [e for e in second.outlet.events() if isinstance(e, TickObserved)]
    assert description.warm_up_until_ms <= ticks[0].event_time_ms
    assert NOW_MS + 60_000 < ticks[-1].event_time_ms <= NOW_MS + 90_000
    assert {e.source for e in ticks} == {"simulated"}
    seconds = [e.event_time_ms for e in second.outlet.events() if isinstance(e, WatermarkAdvanced)]
    assert seconds == list(range(description.warm_up_until_ms, seconds[-1] + 1, 1000))


@pytest.mark.parametrize(("away_ms", "has_candles"), [(HOUR_MS, False), (5 * HOUR_MS, True)])
def test_a_simulation_that_was_away_for_long_catches_up_by_candles(away_ms, has_candles):
    history = RememberingHistory()
    first = session_of(simulated(), history)
    warm_up(first)
    history.store(first.outlet.events())
    clock = ManualClock(now_ms=NOW_MS + away_ms)
    second = session_of(
        simulated(),
        history,
        clock=clock,
        is_stopped=lambda: clock.now_ms() >= NOW_MS + away_ms + 5_000,
    )

    replay(second)

    candles = [e for e in second.outlet.events() if isinstance(e, CandleObserved)]
    ticks = [e for e in second.outlet.events() if isinstance(e, TickObserved)]
    assert bool(candles) == has_candles
    assert ticks[-1].event_time_ms >= NOW_MS + away_ms
    switches = [e for e in second.outlet.events() if isinstance(e, TopicSwitched)]
    assert {(e.left_topic, e.entered_topic) for e in switches} == {(MARKET_CANDLE.name, MARKET_TICK.name)}
    assert not [e for e in second.outlet.events() if isinstance(e, SourceFellSilent)]
    history.store(second.outlet.events())
    covered = {c.start_ms // MINUTE_MS for c in history.stored_candles.values()} | {
        t.event_time_ms // MINUTE_MS for t in history.stored_ticks.values()
    }
    assert covered == set(range(min(covered), max(covered) + 1))


def test_a_simulation_goes_on_as_it_was_first_described():
    history = RememberingHistory()
    first = session_of(simulated(stream="kept"), history)
    later = session_of(
        simulated(stream="kept", simulated_edge=0.0), history, clock=ManualClock(now_ms=NOW_MS + HOUR_MS)
    )

    assert later.plan.description == first.plan.description


def test_watermarks_go_to_the_partition_of_the_instrument_with_the_source_as_key(tmp_path):
    session = session_of(
        ProducerSettings.from_environment({}, data=minutes_file(tmp_path)), RememberingHistory()
    )

    warm_up(session)

    candle, watermark = published(session)[:2]
    assert (candle.key, candle.partition) == (b"BTC-USDT.BINANCE", None)
    assert (watermark.key, watermark.partition) == (b"binance", partition_of(b"BTC-USDT.BINANCE", 4))
    assert candle.headers[0] == ("schema", b"CandleObserved")
    assert candle.headers[-1] == ("trace-id", codec.trace_id(candle.value).encode())


def test_a_capture_leaves_the_minute_that_it_joined_midway_to_the_candles(tmp_path):
    session = session_of(runs(tmp_path)["capture"], history := RememberingHistory())
    warm_up(session)
    history.store(session.outlet.events())
    boundary_ms = session.plan.description.warm_up_until_ms

    replay(rest := session_of(runs(tmp_path)["capture"], history))

    candles = [e for e in session.outlet.events() if isinstance(e, CandleObserved)]
    ticks = [e for e in rest.outlet.events() if isinstance(e, TickObserved)]
    assert boundary_ms % MINUTE_MS == 0
    assert candles[-1].event_time_ms == boundary_ms
    assert 0 <= ticks[0].event_time_ms - boundary_ms < 400


def test_rejected_rows_are_dead_lettered_with_their_reason(tmp_path):
    path = minutes_file(tmp_path)
    table = parquet.read_table(path).to_pydict()
    table["close"][3] = float("nan")
    parquet.write_table(pa.table(table), path)
    session = session_of(ProducerSettings.from_environment({}, data=path), RememberingHistory())

    publish_rejects(session.outlet, session.plan.rejects)

    (record,) = published(session)
    headers = dict(record.headers)
    assert record.topic == "dead_letters.replay.v1"
    assert set(headers) == {"reason", "column", "row", "rule", "file"}
    assert (headers["column"], headers["row"], headers["rule"]) == (b"close", b"4", b"is a number")
    assert json.loads(record.value)["close"] is None


def test_a_warm_up_that_is_asked_to_end_ends(tmp_path):
    settings = ProducerSettings.from_environment({}, data=minutes_file(tmp_path))
    session = session_of(settings, RememberingHistory(), is_stopped=lambda: True)

    warm_up(session)

    assert not published(session)


@pytest.mark.recorded
def test_the_recorded_capture_takes_its_history_from_the_segment_of_its_day(recorded_data):
    settings = ProducerSettings.from_environment(
        {},
        data=recorded_data / "ticks" / "binance_ws_spot_btcusdt_20240809.gz",
        history=recorded_data / "prices" / "btcusdt_binance_spot_1m_segments.parquet",
    )

    description = session_of(settings, RememberingHistory()).plan.description

    assert np.datetime64(description.warm_up_until_ms, "ms") == np.datetime64("2024-08-09T00:01")
    assert np.datetime64(description.origin_ms, "ms") == np.datetime64("2024-07-26T14:15")
    assert (description.speed, description.instruments) == (1.0, ("BTC-USDT.BINANCE",))


@pytest.mark.recorded
def test_the_recorded_minutes_are_june_2025_at_sixty_times_real_time(recorded_data):
    path = recorded_data / "prices" / "btcusdt_binance_spot_1m_segments.parquet"

    description = session_of(
        ProducerSettings.from_environment({}, data=path), RememberingHistory()
    ).plan.description

    assert description.title == "replay of btcusdt_binance_spot_1m_segments.parquet, 2025-06-01 .. 2025-07-01"
    assert (description.speed, description.source) == (60.0, "binance")
    assert description.warm_up_until_ms % HOUR_MS == 0


def side_by_side(tmp_path, **ether):
    """A session of two files, of which the second is as said."""
    minutes, beside = minutes_file(tmp_path), minutes_file(tmp_path, coin="eth", **ether)
    settings = ProducerSettings.from_environment({}, data=minutes, data_beside=str(beside), speed=0.0)
    return session_of(settings, RememberingHistory())


def test_several_files_are_one_run_that_ends_where_the_first_of_them_does(tmp_path):
    session = side_by_side(tmp_path, n=590)
    description = session.plan.description

    assert description.instruments == ("BTC-USDT.BINANCE", "ETH-USDT.BINANCE")
    assert description.end_ms == description.origin_ms + 590 * MINUTE_MS
    assert "btcusdt_binance_spot_1m.parquet, ethusdt_binance_spot_1m.parquet" in description.title


def test_several_files_share_one_watermark_in_each_partition_of_their_instruments(tmp_path):
    session = side_by_side(tmp_path)
    warm_up(session)
    places = {partition_of(name.encode(), 4) for name in ("BTC-USDT.BINANCE", "ETH-USDT.BINANCE")}

    by_place = {place: [] for place in places}
    for record in session.outlet.records:
        event = codec.decode(MARKET_CANDLE, record.value)
        place = record.partition if record.partition is not None else partition_of(record.key, 4)
        by_place[place].append(event)

    for events in by_place.values():
        passed_ms = 0
        for event in events:
            if isinstance(event, WatermarkAdvanced):
                assert event.event_time_ms > passed_ms
                passed_ms = event.event_time_ms
            else:
                assert event.event_time_ms > passed_ms
        assert passed_ms == session.plan.description.warm_up_until_ms


def test_history_in_which_one_instrument_is_behind_is_gone_on_from_there(tmp_path):
    """The sink reads partitions at their own speeds; rows behind a watermark would never be joined again."""
    first = side_by_side(tmp_path)
    warm_up(first)
    said = first.outlet.events()
    candles = [event for event in said if isinstance(event, CandleObserved)]
    ether = [event for event in candles if event.instrument.startswith("ETH")]
    for stored in (candles[:300], [event for event in candles if event not in ether[40:]], ether[:9]):
        history = RememberingHistory()
        history.register_stream(first.plan.description)
        history.store(stored)
        settings = ProducerSettings.from_environment(
            {},
            data=tmp_path / "btcusdt_binance_spot_1m.parquet",
            data_beside=str(tmp_path / "ethusdt_binance_spot_1m.parquet"),
            speed=0.0,
        )
        again = session_of(settings, history)
        warm_up(again)
        assert again.outlet.events() == said


@pytest.mark.parametrize(
    ("ether", "said"),
    [
        ({"interval_minutes": 5, "n": 100}, "of one interval"),
        ({"n": 10, "interval_minutes": 1_440}, "interval"),
    ],
)
def test_files_that_do_not_go_together_are_refused(tmp_path, ether, said):
    with pytest.raises(ConfigurationError, match=said):
        side_by_side(tmp_path, **ether)
