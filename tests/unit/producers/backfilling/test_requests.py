"""What is asked for: spans, instruments and runs; and what is shown and told of it."""

import msgspec
import pytest

from producers.jobs.backfilling.judging import BadCandle
from producers.jobs.backfilling.letters import DeadLetters
from producers.jobs.backfilling.places import Place
from producers.jobs.backfilling.printing import json_of, notes_of
from producers.jobs.backfilling.running import Request, backfill
from producers.jobs.backfilling.series import Ports
from producers.jobs.backfilling.settings import BackfillSettings, months_before, request_of, span_of
from producers.jobs.backfilling.showing import Lines, left_of
from producers.normalise.rejects import RejectedRow
from producers.sources.fetching import SourceRefusedError
from schemas.errors import ConfigurationError, StoreUnavailableError
from schemas.time import Interval, parse_time
from schemas.wire.clocks import ManualClock
from tests.fakes.backfill_runs import PLACE, run
from tests.fakes.backfill_runs import span_of as minutes
from tests.fakes.backfills import MemoryBackfill
from tests.fakes.fetching import FakeFetcher
from tests.fakes.paged_venues import PagedVenue, made_candles
from tests.fakes.web import ScriptedWeb

NOW_MS = parse_time("2026-08-31T12:34:56", "now")
N = 500


def at(text: str) -> int:
    return parse_time(text, "at")


@pytest.mark.parametrize(
    ("months", "expected"), [(6, "2026-02-28"), (1, "2026-07-31"), (8, "2025-12-31"), (30, "2024-02-29")]
)
def test_months_are_those_of_the_calendar(months, expected):
    assert months_before(NOW_MS, months) == at(expected)


def test_span_ends_a_minute_before_now_and_begins_with_a_day():
    assert span_of(None, None, months=6, now_ms=NOW_MS) == (at("2026-02-28"), NOW_MS - 60_000)
    assert span_of("2025-01-01", "2030-01-01", months=6, now_ms=NOW_MS)[1] == NOW_MS - 60_000


@pytest.mark.parametrize(
    ("from_text", "to_text"), [("2027-01-01", None), ("2026-01-02", "2026-01-01"), ("tomorrow", None)]
)
def test_span_that_is_none_is_refused(from_text, to_text):
    with pytest.raises(ConfigurationError):
        span_of(from_text, to_text, months=6, now_ms=NOW_MS)


def test_span_without_a_whole_candle_is_refused():
    places = [PLACE._replace(interval=Interval.ONE_DAY)]

    with pytest.raises(ConfigurationError, match="no whole candle"):
        request_of(places, now_ms=NOW_MS, months=6, from_text="2026-08-30T10:00", to_text="2026-08-31T09:00")


def test_run_is_live_or_that_of_the_mirror():
    live = BackfillSettings.from_environment({})
    mirror = BackfillSettings.from_environment({"DRIFTLINE_SOURCES_MIRROR": "http://127.0.0.1:8090"})
    other = BackfillSettings.from_environment({"DRIFTLINE_SOURCES_MIRROR": "http://127.0.0.1:8091"})

    assert live.run == "live"
    assert mirror.run.startswith("mirror-")
    assert mirror.run != other.run


def test_instruments_are_those_of_the_run_or_those_that_are_named():
    settings = BackfillSettings.from_environment(
        {"DRIFTLINE_SOURCES": "binance-futures:BTC-USDT-PERP.BINANCE", "DRIFTLINE_STREAM": "live"}
    )

    usual = settings.places((), "1m")
    named = settings.places(("BTC-USDT-PERP.BINANCE", "BTC-USDT-PERP.BINANCE"), "1h")

    assert [place.source for place in usual] == ["binance", "coinbase", "kraken"]
    assert named == [Place("live", "binance-futures", "BTC-USDT-PERP.BINANCE", Interval.ONE_HOUR)]
    with pytest.raises(ConfigurationError, match="--interval"):
        settings.places((), "2m")


def ports_of(store, clock, *, is_stopped=lambda: False, moved=lambda _place, _n: None):
    return Ports(store, clock, lambda _place, _rows: None, is_stopped, moved)


def test_asked_to_end_it_ends_after_the_page_and_says_how_to_go_on():
    store, clock, venue = (
        MemoryBackfill(),
        ManualClock(now_ms=NOW_MS),
        PagedVenue([PLACE.instrument], made_candles(N)),
    )
    ports = ports_of(store, clock, is_stopped=lambda: venue.n_pages >= 3)

    (tally,) = backfill(
        Request({PLACE: minutes(N)}), lambda *_: venue, FakeFetcher(ScriptedWeb(), clock), ports
    )

    assert (tally.n_new, tally.is_whole) == (150, False)
    assert store.gaps(PLACE) == []
    assert "run the same command again" in " ".join(notes_of([tally]))
    assert run(venue, store, n_minutes=N).n_new == N - 150


def test_instruments_of_a_source_are_filled_one_after_the_other_and_a_refusal_names_them_all():
    store, clock = MemoryBackfill(), ManualClock(now_ms=NOW_MS)
    other = PLACE._replace(instrument="ETH-USD.COINBASE")
    venue = PagedVenue([PLACE.instrument, other.instrument], made_candles(N))

    def refuse(_number):
        raise SourceRefusedError("451", status=451)

    venue.before_page = refuse
    tallies = backfill(
        Request({PLACE: minutes(N), other: minutes(N)}),
        lambda *_: venue,
        FakeFetcher(ScriptedWeb(), clock),
        ports_of(store, clock),
    )

    assert venue.n_pages == 1
    assert [(tally.n_missing, tally.n_unnamed) for tally in tallies] == [(N, 0), (N, 0)]


def test_store_that_does_not_answer_ends_every_source():
    class Away(MemoryBackfill):
        def commit(self, place, candles, changes, *, at_ms):
            raise StoreUnavailableError("away")

    clock = ManualClock(now_ms=NOW_MS)
    venue = PagedVenue([PLACE.instrument], made_candles(N))

    with pytest.raises(StoreUnavailableError):
        backfill(
            Request({PLACE: minutes(N)}),
            lambda *_: venue,
            FakeFetcher(ScriptedWeb(), clock),
            ports_of(Away(), clock),
        )


def test_progress_comes_to_the_whole_span():
    store, clock = MemoryBackfill(), ManualClock(now_ms=NOW_MS)
    store.bars[PLACE] = {minutes(N).start_ms}
    done = []
    ports = ports_of(store, clock, moved=lambda _place, n: done.append(n))
    venue = PagedVenue([PLACE.instrument], made_candles(N - 20))

    backfill(Request({PLACE: minutes(N)}), lambda *_: venue, FakeFetcher(ScriptedWeb(), clock), ports)

    assert sum(done) == N


def test_time_that_is_left_follows_from_the_rate_so_far():
    assert left_of(100, 400, 11.0) == 44
    assert left_of(0, 400, 11.0) is None


def test_lines_tell_what_is_not_done_and_when_they_are_due():
    clock = ManualClock(now_ms=NOW_MS)
    lines = Lines({PLACE: minutes(N)}, clock)
    lines.moved(PLACE, 100)

    at_once = lines.due()
    clock.sleep(11)
    lines.moved(PLACE, 100)
    later, again = lines.due(), lines.due()
    lines.moved(PLACE, 300)
    clock.sleep(11)

    assert (at_once, again, lines.due()) == ([], [], [])
    assert later == [(PLACE.instrument, 40.0, 33)]


def test_series_that_stands_still_has_no_time_that_is_left():
    """While a venue did not answer, 1,526 seconds became 13,712 in two minutes."""
    clock = ManualClock(now_ms=NOW_MS)
    lines = Lines({PLACE: minutes(N)}, clock)
    lines.moved(PLACE, 100)
    clock.sleep(1)
    lines.moved(PLACE, 100)
    clock.sleep(60)
    assert lines.due() == [(PLACE.instrument, 40.0, None)]


def test_json_has_every_figure_and_times_as_text():
    tally = run(PagedVenue([PLACE.instrument], made_candles(N)), MemoryBackfill(), n_minutes=N)

    (told,) = msgspec.json.decode(json_of([tally]))["instruments"]

    assert told["n_new"] == told["n_wanted"] == N
    assert told["from"].startswith("2025-01-01T00:00")
    assert told["reach"] is None


def test_rows_are_put_aside_with_their_reason_and_the_log_is_opened_for_the_first_one():
    class Outlet:
        def __init__(self):
            self.records = []
            self.n_flushes = 0

        def publish(self, topic, value, *, key, partition=None, headers=None):
            self.records.append((topic, value, dict(headers or [])))

        def flush(self, *, timeout_s=15.0):
            self.n_flushes += 1

    opened = []

    def open_outlet():
        opened.append(Outlet())
        return opened[-1]

    letters = DeadLetters(open_outlet)
    assert not opened
    letters.put_aside(PLACE, [RejectedRow("no number", b"[1]"), BadCandle(7, "too far", "close", b"{}")])
    letters.put_aside(PLACE, [RejectedRow("no number", b"[2]")])

    (outlet,) = opened
    assert [value for _, value, _ in outlet.records] == [b"[1]", b"{}", b"[2]"]
    assert outlet.records[1][2]["reason"] == b"too far"
    assert outlet.n_flushes == 2
