"""Several sources in one run: each is published as it is alone, and one that is gone is declared absent."""

from typing import ClassVar

import msgspec
import pytest

from producers.jobs.plans import RunPlan
from producers.jobs.positions import LoggedPosition, least_far, with_newer
from producers.jobs.publishing import SourcePublisher
from producers.jobs.replaying import replay
from producers.jobs.sessions import Session
from producers.jobs.warming import warm_up
from producers.normalise.live import SILENT_AFTER_MS, Heard
from producers.normalise.watermarks import SourceRecord
from producers.settings import ProducerSettings
from schemas import codec
from schemas.events import (
    END_OF_TIME_MS,
    CandleObserved,
    Event,
    SourceFellSilent,
    SourceReturned,
    TickObserved,
    TopicSwitched,
    WatermarkAdvanced,
)
from schemas.streams import StreamDescription, StreamKind, StreamSource
from schemas.topics import BY_NAME, MARKET_TICK, partition_of
from schemas.wire.clocks import ManualClock
from tests.fakes.live_feeds import FakeLiveFeed
from tests.unit.producers.fakes import MINUTE_MS, RecordingOutlet, RememberingHistory, candle, tick
from tests.unit.producers.test_positions import KeptLog
from tests.unit.producers.test_sessions import NOW_MS, minutes_file, session_of

SPOT = StreamSource(name="binance", instruments=("BTC-USDT.BINANCE",))
OTHER = StreamSource(name="bybit", instruments=("BTC-USDT.BYBIT",))


class PlaceTold(Event, frozen=True, kw_only=True, gc=False, tag="PlaceTold"):
    """A kind of event that nobody knows."""

    key_fields: ClassVar[tuple[str, ...]] = ("source",)


def test_an_unknown_kind_of_event_is_an_error_and_is_not_published() -> None:
    """It used to be published as a watermark, in every partition."""
    outlet = RecordingOutlet()
    publisher = SourcePublisher(
        outlet, instruments=SPOT.instruments, published_in=None, epoch=1, clock=ManualClock()
    )
    event = PlaceTold(event_time_ms=1, known_time_ms=1, source="binance", stream="s")
    with pytest.raises(AssertionError):
        publisher.publish(SourceRecord(MARKET_TICK, event))
    assert outlet.records == []


# Files of two venues


def settings_of(tmp_path, *, with_other=True, **values):
    first = minutes_file(tmp_path, missing=(200, 201))
    other = minutes_file(tmp_path, coin="eth", venue="bybit", missing=(300, 301, 302), n=590)
    beside = {"data_beside": str(other)} if with_other else {}
    return ProducerSettings.from_environment({}, data=first, speed=0.0, **beside, **values)


def by_source(outlet):
    """What was published, by source, with where it went."""
    found = {}
    for record in outlet.records:
        event = codec.decode(BY_NAME[record.topic], record.value)
        found.setdefault(event.source, []).append((record.partition, record.key, event))
    return found


def whole(settings, history=None):
    history = RememberingHistory() if history is None else history
    published = {}
    for job in (warm_up, replay):
        session = session_of(settings, history)
        job(session)
        history.store(session.outlet.events())
        for source, records in by_source(session.outlet).items():
            published.setdefault(source, []).extend(records)
    return published


def test_files_of_two_venues_are_two_sources_that_each_are_published_as_if_alone(tmp_path):
    both = settings_of(tmp_path, stream="both")
    description = session_of(both, RememberingHistory()).plan.description
    assert [source.name for source in description.sources] == ["binance", "bybit"]
    alone = settings_of(tmp_path, with_other=False, stream="both", to_time="2025-06-01T09:50")

    published = whole(both)

    assert published["binance"] == whole(alone)["binance"]
    silences = [e for _, _, e in published["bybit"] if isinstance(e, SourceFellSilent)]
    assert [e.event_time_ms - description.origin_ms for e in silences] == [300 * MINUTE_MS, 590 * MINUTE_MS]


def test_source_that_is_stated_for_an_instrument_is_that_of_its_events(tmp_path):
    first, other = minutes_file(tmp_path), minutes_file(tmp_path, coin="eth")
    settings = ProducerSettings.from_environment(
        {}, data=first, data_beside=str(other), speed=0.0, sources="bybit:ETH-USDT.BINANCE"
    )
    published = whole(settings)
    sources = {e.instrument: e.source for _, _, e in published["bybit"] if isinstance(e, CandleObserved)}
    assert sources == {"ETH-USDT.BINANCE": "bybit"}


def test_each_event_is_in_the_log_once_however_the_sources_stood(tmp_path):
    settings = settings_of(tmp_path)
    log, history = KeptLog(), RememberingHistory()
    log.run(warm_up, settings, history, 333)
    history.store(log.events()[:100])
    for job, n_events in ((warm_up, None), (replay, 41), (warm_up, None), (replay, None)):
        log.run(job, settings, history, n_events)

    candles = [(e.source, e.start_ms) for e in log.events()]
    assert len(candles) == len(set(candles)) == 588 + 587
    for name in ("binance", "bybit"):
        starts = [start_ms for source, start_ms in candles if source == name]
        assert starts == sorted(starts)


def test_source_whose_file_is_gone_is_declared_absent_and_the_other_goes_on(tmp_path):
    history = RememberingHistory()
    first = session_of(settings_of(tmp_path, stream="kept"), history)
    warm_up(first)
    history.store(first.outlet.events())
    rest = session_of(settings_of(tmp_path, stream="kept", with_other=False), history)
    assert [source.name for source in rest.plan.absent] == ["bybit"]

    assert replay(rest)

    published = by_source(rest.outlet)
    expected = session_of(settings_of(tmp_path, stream="kept"), history)
    replay(expected)
    assert published["binance"] == by_source(expected.outlet)["binance"]
    absences = [event for _, _, event in published["bybit"]]
    assert all(isinstance(event, SourceFellSilent) for event in absences)
    warm_up_ms = rest.plan.description.warm_up_until_ms
    assert {event.event_time_ms for event in absences} == {warm_up_ms}
    vouched = [event.absent_until_ms for event in absences]
    assert vouched == sorted(vouched)
    assert vouched[-1] == END_OF_TIME_MS
    assert {event.epoch for event in absences} == {NOW_MS}


# Live feeds


def described(*sources):
    return StreamDescription(
        stream="live",
        kind=StreamKind.LIVE,
        title="live feeds",
        source=sources[0].name,
        instruments=tuple(name for source in sources for name in source.instruments),
        origin_ms=NOW_MS - 60 * MINUTE_MS,
        warm_up_until_ms=NOW_MS,
        end_ms=None,
        speed=1.0,
        parameters={},
        created_ms=NOW_MS,
        sources=sources,
    )


def trades(source, *, from_s, until_s, every_s=1, first_id=0):
    """A trade at every so many seconds after the beginning, and something that is none half a second later."""
    found = []
    for number, second in enumerate(range(from_s, until_s, every_s)):
        known_ms = NOW_MS + 1000 * second + 100
        trade = tick(known_ms, trade_id=first_id + number, stream="live")
        found.append(msgspec.structs.replace(trade, source=source.name, instrument=source.instruments[0]))
        found.append(Heard(known_ms + 500))
    return found


def live_session(plans, clock, *, log=None, until_s):
    description = described(SPOT, OTHER)
    return Session(
        plan=RunPlan(description, plans),
        speed=1.0,
        history=RememberingHistory(),
        outlet=RecordingOutlet(),
        clock=clock,
        is_stopped=lambda: clock.now_ms() >= NOW_MS + 1000 * until_s,
        began_ms=clock.now_ms(),
        on_left=lambda _topic, _again: None,
        look_up=log,
    )


def published_live(items, *, until_s, log=None, began_s=0):
    """What two live feeds, or those of them that are there, have published until a time."""
    clock = ManualClock(now_ms=NOW_MS + 1000 * began_s)
    plans = [FakeLiveFeed(source, clock, found) for source, found in items if found is not None]
    session = live_session(plans, clock, log=log, until_s=until_s)
    assert replay(session) is False
    return {source: [e for _, _, e in found] for source, found in by_source(session.outlet).items()}


def test_live_feed_has_a_watermark_for_each_second_in_which_it_was_heard():
    published = published_live([(SPOT, trades(SPOT, from_s=0, until_s=5))], until_s=5)["binance"]
    kinds = [type(event) for event in published]
    assert kinds.count(TickObserved) == 5
    marks = [e.event_time_ms - NOW_MS for e in published if isinstance(e, WatermarkAdvanced)]
    assert marks == [0, 1000, 2000, 3000, 4000]


def test_quiet_market_is_no_silence_and_a_feed_that_is_not_heard_is():
    items = [*trades(SPOT, from_s=0, until_s=1), *(Heard(NOW_MS + 1000 * n) for n in range(1, 40))]
    published = published_live([(SPOT, items)], until_s=60)["binance"]
    silences = [event for event in published if isinstance(event, SourceFellSilent)]
    marks = [event.event_time_ms for event in published if isinstance(event, WatermarkAdvanced)]
    assert marks == [NOW_MS + 1000 * n for n in range(40)]
    assert {event.event_time_ms for event in silences} == {marks[-1]}
    first_ms = silences[0].known_time_ms
    assert NOW_MS + 39_000 + SILENT_AFTER_MS <= first_ms < NOW_MS + 39_000 + SILENT_AFTER_MS + 1000
    assert [event.absent_until_ms for event in silences] == [event.known_time_ms for event in silences]
    assert len(silences) >= 10


def test_feed_that_never_answers_and_one_that_has_no_plan_are_declared_absent():
    published = published_live([(SPOT, [])], until_s=30)
    for source, from_s in (("binance", 10), ("bybit", 0)):
        (first, *_), events = published[source], published[source]
        assert {type(event) for event in events} == {SourceFellSilent}
        assert {event.event_time_ms for event in events} == {NOW_MS}
        assert NOW_MS + 1000 * from_s <= first.known_time_ms < NOW_MS + 1000 * from_s + 100


def test_what_one_live_feed_publishes_does_not_hang_on_the_other():
    spot = trades(SPOT, from_s=0, until_s=50)
    alone = published_live([(SPOT, spot), (OTHER, [])], until_s=50)["binance"]
    for other in (
        trades(OTHER, from_s=0, until_s=50, every_s=7),
        trades(OTHER, from_s=20, until_s=25),
        [*trades(OTHER, from_s=0, until_s=5), *trades(OTHER, from_s=30, until_s=50, first_id=99)],
        None,
    ):
        assert published_live([(SPOT, spot), (OTHER, other)], until_s=50)["binance"] == alone


def test_feed_that_is_heard_again_returns_and_nothing_of_the_time_between_comes():
    items = [*trades(SPOT, from_s=0, until_s=3), *trades(SPOT, from_s=40, until_s=43, first_id=50)]
    published = published_live([(SPOT, items)], until_s=43)["binance"]
    (back,) = [n for n, event in enumerate(published) if isinstance(event, SourceReturned)]
    last = max(event.absent_until_ms for event in published if isinstance(event, SourceFellSilent))
    later = published[back + 1 :]
    assert published[back].event_time_ms >= last
    assert all(event.event_time_ms >= last for event in later)
    assert [type(event) for event in later[:3]] == [TickObserved, WatermarkAdvanced, TickObserved]


class LiveLog:
    """What sessions have published, as a broker that keeps its log has it."""

    def __init__(self, published):
        self._published = published

    def __call__(self, _stream, source):
        events = self._published.get(source.name, [])
        where = ("market.tick.v1", 0)
        return least_far(with_newer(LoggedPosition(), events, where=where), source.instruments)


def test_whoever_takes_over_declares_the_sources_of_a_dead_producer_with_a_later_epoch():
    first = published_live(
        [(SPOT, trades(SPOT, from_s=0, until_s=20)), (OTHER, trades(OTHER, from_s=0, until_s=20))], until_s=20
    )
    taken_over = published_live(
        [(SPOT, trades(SPOT, from_s=60, until_s=70, first_id=90))],
        log=LiveLog(first),
        began_s=50,
        until_s=70,
    )
    epochs = {e.epoch for events in first.values() for e in events if isinstance(e, WatermarkAdvanced)}
    for source, from_ms in (("binance", NOW_MS + 19_000), ("bybit", NOW_MS + 19_000)):
        silence = taken_over[source][0]
        assert isinstance(silence, SourceFellSilent)
        assert silence.event_time_ms == from_ms
        assert silence.epoch > max(epochs)
        assert silence.known_time_ms == NOW_MS + 50_000  # at once, and not after ten seconds
    assert [type(e) for e in taken_over["binance"] if not isinstance(e, SourceFellSilent)][:2] == [
        SourceReturned,
        TickObserved,
    ]
    assert {type(e) for e in taken_over["bybit"]} == {SourceFellSilent}


def test_absence_begins_in_each_partition_where_that_was_told_last():
    """A producer died between the partitions of one watermark; the later one must not close the bars of both."""
    two = StreamSource(name="binance", instruments=("BTC-USDT.BINANCE", "ETH-USDT.BINANCE"))
    outlet = RecordingOutlet()
    partitions = [partition_of(name.encode(), MARKET_TICK.n_partitions) for name in two.instruments]
    assert len(set(partitions)) == 2
    publisher = SourcePublisher(
        outlet,
        instruments=two.instruments,
        published_in=MARKET_TICK,
        epoch=9,
        clock=ManualClock(),
        vouched={(MARKET_TICK.name, partitions[0]): 4_000, (MARKET_TICK.name, partitions[1]): 3_000},
    )
    silence = SourceFellSilent(
        event_time_ms=4_000, known_time_ms=9_000, source="binance", stream="s", absent_until_ms=9_000, epoch=9
    )
    publisher.publish(SourceRecord(MARKET_TICK, silence))
    found = {r.partition: codec.decode(MARKET_TICK, r.value).event_time_ms for r in outlet.records}
    assert found == {partitions[0]: 4_000, partitions[1]: 3_000}


def test_warm_up_of_a_live_run_is_the_history_that_its_venue_answers():
    clock = ManualClock(now_ms=NOW_MS)
    minute = NOW_MS // MINUTE_MS - 60
    history = [candle(minute + n, stream="live") for n in range(60)]
    items = trades(SPOT, from_s=0, until_s=5)
    feed = FakeLiveFeed(SPOT, clock, items, history)
    session = live_session([feed], clock, until_s=5)
    warm_up(session)
    n_warm = len(session.outlet.records)
    session.history.store(session.outlet.events())
    replay(session)

    assert sum(isinstance(e, CandleObserved) for e in session.outlet.events()[:n_warm]) == 60
    rest = [e for e in session.outlet.events()[n_warm:] if e.source == "binance"]
    assert [type(e) for e in rest[:5]] == [
        SourceFellSilent,
        TopicSwitched,
        TopicSwitched,
        SourceReturned,
        TickObserved,
    ]
