"""The suite that every plan of a source passes: of files, of a capture, of the simulation, and of a live feed."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pytest

from producers.jobs.planning import plan_of
from producers.jobs.plans import RunPlan
from producers.normalise.live import Heard, Held
from producers.normalise.observations import VenueCandle
from producers.normalise.watermarks import MarketEvent, Reached
from producers.settings import ProducerSettings
from schemas.events import CandleObserved, TickObserved
from schemas.streams import StreamDescription, StreamKind, StreamSource
from schemas.wire.clocks import ManualClock
from tests.fakes.live_feeds import FakeLiveFeed
from tests.fakes.played_exchanges import PlayedExchange
from tests.fakes.trade_files import BEGIN_MS, table_lines, trades, written
from tests.fixtures.followed_runs import LiveRun
from tests.unit.producers.fakes import MINUTE_MS, candle, tick
from tests.unit.producers.test_following import trades as drawn_trades
from tests.unit.producers.test_sessions import NOW_MS, capture_file, minutes_file

#: Of plans without an end so many items are looked at.
N_LOOKED_AT = 3_000
INSTRUMENT = "BTC-USDT.BINANCE"


class Plans:
    """A plan made anew as often as one likes, with the clock that passes while it is read."""

    def __init__(self, make: Callable[[ManualClock], RunPlan]) -> None:
        self._make = make

    def run(self) -> RunPlan:
        return self._make(ManualClock(now_ms=NOW_MS))

    def items(
        self, after: Reached | None = None, *, until_ms: int | None = None
    ) -> list[list[MarketEvent | Heard | None]]:
        """What each source gives, as far as it is looked at; between two items a tenth of a second passes."""
        clock = ManualClock(now_ms=NOW_MS)
        plans = self._make(clock).sources
        return [
            list(
                islice(
                    _passing(plan.events(after or Reached(), until_ms=until_ms, now_ms=NOW_MS), clock),
                    N_LOOKED_AT,
                )
            )
            for plan in plans
        ]


def _passing(
    items: Iterator[MarketEvent | Heard | None], clock: ManualClock
) -> Iterator[MarketEvent | Heard | None]:
    for item in items:
        yield item
        clock.sleep(0.1)


def events_of(items: Sequence[MarketEvent | Heard | None]) -> list[MarketEvent]:
    return [item for item in items if isinstance(item, CandleObserved | TickObserved)]


def trade_file(folder: Path) -> Path:
    """A dump of Binance's trades, which begin in the minutes of the history."""
    found = trades(begin_ms=BEGIN_MS + 100 * MINUTE_MS + 30_000)
    return written(folder / "BTCUSDT-trades-2025-06-01.csv", table_lines(found, "binance trades"))


def live(clock: ManualClock) -> RunPlan:
    minute = NOW_MS // MINUTE_MS
    description = StreamDescription(
        stream="live",
        kind=StreamKind.LIVE,
        title="a live feed",
        source="binance",
        instruments=(INSTRUMENT,),
        origin_ms=(minute - 60) * MINUTE_MS,
        warm_up_until_ms=minute * MINUTE_MS,
        end_ms=None,
        speed=1.0,
        parameters={},
        created_ms=NOW_MS,
    )
    history = [candle(minute - 60 + n, stream="live") for n in range(60)]
    items: list[MarketEvent | Heard] = []
    for n in range(400):
        known_ms = NOW_MS + 400 * n
        is_trade = n % 3 == 0
        items.append(tick(known_ms, trade_id=n, stream="live") if is_trade else Heard(known_ms))
    feed = FakeLiveFeed(StreamSource(name="binance", instruments=(INSTRUMENT,)), clock, items, history)
    return RunPlan(description, [feed])


def followed_venue(clock: ManualClock) -> RunPlan:
    minute_ms = NOW_MS // MINUTE_MS * MINUTE_MS
    found = drawn_trades(from_ms=minute_ms - 3 * MINUTE_MS, until_ms=minute_ms + 10 * MINUTE_MS)
    history = [
        VenueCandle("BTC", minute_ms - n * MINUTE_MS, MINUTE_MS, 100.0, 101.0, 99.0, 100.5, 2.0)
        for n in range(180, 3, -1)
    ]
    exchange = PlayedExchange("binance", clock, {INSTRUMENT: found}, history={INSTRUMENT: history})
    run = LiveRun(clock, [exchange], history_minutes=180)
    return run.run_plan()


def files(path: Path, **values: object) -> Callable[[ManualClock], RunPlan]:
    settings = ProducerSettings.from_environment({}, data=path, **values)
    return lambda _clock: plan_of(settings, None, now_ms=NOW_MS)


@pytest.fixture(
    params=[
        "candles",
        "several files",
        "two sources",
        "capture",
        "trades",
        "simulation",
        "live feed",
        "followed venue",
    ]
)
def plans(request: pytest.FixtureRequest, tmp_path: Path) -> Plans:
    minutes = minutes_file(tmp_path, missing=(200, 201))
    match request.param:
        case "candles":
            return Plans(files(minutes))
        case "several files":
            return Plans(files(minutes, data_beside=str(minutes_file(tmp_path, coin="eth", missing=(5,)))))
        case "two sources":
            other = minutes_file(tmp_path, coin="eth", venue="bybit")
            return Plans(files(minutes, data_beside=str(other)))
        case "capture":
            return Plans(files(capture_file(tmp_path), history=minutes_file(tmp_path)))
        case "trades":
            dump = trade_file(tmp_path)
            return Plans(files(dump, history=minutes_file(tmp_path)))
        case "simulation":
            settings = ProducerSettings.from_environment({}, simulated_history_days=1)
            return Plans(lambda _clock: plan_of(settings, None, now_ms=NOW_MS))
        case "live feed":
            return Plans(live)
        case _:
            return Plans(followed_venue)


def test_the_sources_of_a_run_are_those_of_its_description(plans: Plans) -> None:
    run = plans.run()
    assert tuple(plan.source for plan in run.sources) == run.description.sources
    assert run.absent == ()


def test_events_are_of_the_source_and_of_its_instruments(plans: Plans) -> None:
    for plan, items in zip(plans.run().sources, plans.items(), strict=True):
        assert {event.source for event in events_of(items)} == {plan.source.name}
        assert {event.instrument for event in events_of(items)} <= set(plan.source.instruments)
        assert len(events_of(items)) > 100


def test_known_times_of_candles_and_of_what_else_comes_never_go_back(plans: Plans) -> None:
    """A capture's first tick is known before the last candle ended, as the venue's clock is ahead of ours."""
    for items in plans.items():
        candles = [item.known_time_ms for item in items if isinstance(item, CandleObserved)]
        others = [i.known_time_ms for i in items if not isinstance(i, CandleObserved | Held | None)]
        assert candles == sorted(candles)
        assert others == sorted(others)


def test_history_up_to_the_end_of_the_warm_up_ends_and_holds_events_alone(plans: Plans) -> None:
    until_ms = plans.run().description.warm_up_until_ms
    for items in plans.items(until_ms=until_ms):
        assert len(items) < N_LOOKED_AT
        assert len(events_of(items)) == len(items)
        assert all(event.event_time_ms <= until_ms for event in events_of(items))


def test_what_was_published_is_not_given_again_but_for_the_last_millisecond(plans: Plans) -> None:
    until_ms = plans.run().description.warm_up_until_ms
    for items in plans.items(Reached(candle_end_ms=until_ms)):
        for event in events_of(items):
            assert isinstance(event, TickObserved) or event.start_ms >= until_ms
    for items in plans.items():
        ticks = [event for event in events_of(items) if isinstance(event, TickObserved)]
        if ticks:
            known_ms = ticks[len(ticks) // 2].known_time_ms
            for again in plans.items(Reached(candle_end_ms=until_ms, tick_known_ms=known_ms)):
                is_live = any(plan.is_live for plan in plans.run().sources)
                assert is_live or min(event.known_time_ms for event in events_of(again)) == known_ms


def test_what_is_not_live_is_the_same_whenever_it_is_asked_for(plans: Plans) -> None:
    for plan, once, again in zip(plans.run().sources, plans.items(), plans.items(), strict=True):
        assert plan.is_live or once == again
        assert plan.is_live or None not in once


def test_a_live_feed_never_ends_and_never_waits(plans: Plans) -> None:
    for plan, items in zip(plans.run().sources, plans.items(), strict=True):
        if plan.is_live:
            assert len(items) == N_LOOKED_AT
            assert isinstance(items[-1], Held | None)
