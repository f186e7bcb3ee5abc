"""A source on a broker that keeps its log: whatever died when, each event is in the log once, in order."""

import pytest

from producers.jobs.positions import LoggedPosition, least_far, with_newer
from producers.jobs.replaying import replay
from producers.jobs.warming import warm_up
from producers.normalise.watermarks import Reached
from schemas.events import CandleObserved, TickObserved
from tests.unit.producers.fakes import RememberingHistory, candle, tick
from tests.unit.producers.test_sessions import runs, session_of

WHERE = ("market.candle.v1", 0)


class KeptLog:
    """What sessions published, as a broker that keeps its log has it: of each as much as it was let say."""

    def __init__(self):
        self._kept = []
        self._session = None

    def session(self, settings, history):
        self._session = session_of(settings, history, look_up=self._look_up)
        return self._session

    def end_session(self, n_events=None):
        self._kept += market_events(self._session.outlet.events())[:n_events]
        self._session = None

    def events(self):
        return [*self._kept, *([] if self._session is None else market_events(self._session.outlet.events()))]

    def run(self, job, settings, history, n_events=None):
        job(self.session(settings, history))
        self.end_session(n_events)

    def _look_up(self, _stream, source):
        events = [event for event in self.events() if event.source == source.name]
        return least_far(with_newer(LoggedPosition(), events, where=WHERE), source.instruments)


def market_events(events):
    return [event for event in events if isinstance(event, CandleObserved | TickObserved)]


def places(events):
    return [
        (e.event_time_ms, e.instrument) if isinstance(e, CandleObserved) else (e.known_time_ms, e.trade_id)
        for e in events
    ]


def whole(settings):
    log = KeptLog()
    for job in (warm_up, replay):
        log.run(job, settings, RememberingHistory())
    return places(log.events())


@pytest.fixture(params=["candles", "side by side", "capture"])
def settings(request, tmp_path):
    return runs(tmp_path)[request.param]


@pytest.mark.parametrize("n_stored", [0, 30, None])
@pytest.mark.parametrize("n_warm", [0, 50, None])
def test_each_event_is_in_the_log_once_wherever_source_and_sink_stood(settings, n_warm, n_stored):
    log, history = KeptLog(), RememberingHistory()
    log.run(warm_up, settings, history, n_warm)
    history.store(log.events()[:n_stored])
    for job, n_events in ((warm_up, None), (replay, 40), (warm_up, None), (replay, None)):
        log.run(job, settings, history, n_events)

    assert places(log.events()) == whole(settings)


def test_second_start_says_no_event_again(settings):
    log, history = KeptLog(), RememberingHistory()
    for job in (warm_up, replay):
        log.run(job, settings, history)
    history.store(log.events())
    n_before = len(log.events())

    for job in (warm_up, replay):
        log.run(job, settings, history)

    assert len(log.events()) == n_before


def test_log_behind_the_history_is_told_the_stored_rest(settings):
    """The embedded broker ran meanwhile: what was said there is in Postgres, and not in this log."""
    log, elsewhere, history = KeptLog(), KeptLog(), RememberingHistory()
    elsewhere.run(warm_up, settings, RememberingHistory())
    log.run(warm_up, settings, history, 20)
    history.store(elsewhere.events())

    log.run(warm_up, settings, history)

    assert places(log.events()) == places(elsewhere.events())


def test_ticks_of_the_newest_millisecond_are_told_apart_by_their_trades():
    events = [candle(0), tick(5, trade_id=1), tick(7, trade_id=2), tick(7, trade_id=3)]
    there = with_newer(LoggedPosition(), events, where=WHERE)

    lacked = [
        n
        for n, known_ms in ((1, 5), (2, 7), (3, 7), (4, 7), (5, 8))
        if there.lacks(tick(known_ms, trade_id=n))
    ]

    assert lacked == [4, 5]
    assert there.covers(Reached(None, 7))
    assert not there.covers(Reached(None, 8))
    assert not LoggedPosition().covers(Reached(1, None))
    assert there.reached.candle_end_ms == candle(0).event_time_ms
