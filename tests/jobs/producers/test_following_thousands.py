"""A thousand instruments of one venue, followed by a thread beside two busy processes: nothing is lost."""

import random
import subprocess
import sys
from contextlib import contextmanager

import pytest

from producers.jobs.following.notes import NoRecorder
from producers.jobs.following.options import FollowOptions
from producers.jobs.live_plans import LivePlan, LivePorts
from producers.jobs.plans import RunPlan
from producers.jobs.replaying import replay
from producers.jobs.sessions import Session
from producers.normalise.trades import VenueTrade
from schemas.events import SourceFellSilent, TickObserved, WatermarkAdvanced
from schemas.gaps import MemoryGaps
from schemas.streams import StreamDescription, StreamKind, StreamSource
from schemas.topics import MARKET_TICK
from schemas.wire.clocks import SystemClock
from tests.fakes.played_exchanges import MINUTE_MS, PlayedExchange
from tests.unit.producers.fakes import RecordingOutlet, RememberingHistory

CLOCK = SystemClock()
N_INSTRUMENTS, N_SECONDS, PER_S = 1_000, 20, 1.5
DEADLINE_S = 200.0


class CountingOutlet(RecordingOutlet):
    """Counts the trades."""

    n_trades = 0

    def publish(self, topic, value, *, key, partition=None, headers=None):
        super().publish(topic, value, key=key, partition=partition, headers=headers)
        self.n_trades += topic == MARKET_TICK.name and partition is None


@contextmanager
def busy(n):
    """So many processes that do nothing but compute."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def trades_of(number, begin_ms):
    chance, at, found = random.Random(number), float(begin_ms - 5_000), []
    while at < begin_ms + 1000 * N_SECONDS:
        at += chance.expovariate(PER_S / 1000)
        found.append(VenueTrade("X", 1 + len(found), 100.0 + number, 1.0, int(at), bool(number % 2)))
    return found


@pytest.mark.slow
def test_thousand_instruments_beside_two_busy_loops_lose_nothing():
    begin_ms = CLOCK.now_ms()
    names = [f"C{number}-USDT.BINANCE" for number in range(N_INSTRUMENTS)]
    exchange = PlayedExchange(
        "binance", CLOCK, {name: trades_of(number, begin_ms) for number, name in enumerate(names)}
    )
    exchange.cuts = [begin_ms + 9_000, begin_ms + 14_000]
    minute_ms = begin_ms // MINUTE_MS * MINUTE_MS
    description = StreamDescription(
        stream="live",
        kind=StreamKind.LIVE,
        title="live",
        source="binance",
        instruments=tuple(names),
        origin_ms=minute_ms - MINUTE_MS,
        warm_up_until_ms=minute_ms,
        end_ms=None,
        speed=1.0,
        parameters={},
        created_ms=begin_ms,
    )
    outlet = CountingOutlet()
    ports = LivePorts(
        venues={"binance": exchange},
        sockets=exchange,
        clock=CLOCK,
        stored=lambda _stream: iter(()),
        ledger=(ledger := MemoryGaps()),
        beside=lambda _event: None,
        acknowledge=lambda: None,
        recorder=NoRecorder(),
        options=FollowOptions(),
        seed=1,
    )
    wanted = {
        name: [trade.trade_id for trade in found if trade.time_ms >= minute_ms]
        for name, found in exchange.trades.items()
    }
    n_wanted = sum(map(len, wanted.values()))
    until_s = CLOCK.monotonic_s() + DEADLINE_S
    session = Session(
        plan=RunPlan(
            description,
            [LivePlan(description, StreamSource(name="binance", instruments=tuple(names)), ports)],
        ),
        speed=1.0,
        history=RememberingHistory(),
        outlet=outlet,
        clock=CLOCK,
        is_stopped=lambda: outlet.n_trades >= n_wanted or CLOCK.monotonic_s() > until_s,
        began_ms=begin_ms,
        on_left=lambda _topic, _again: None,
        look_up=None,
    )
    with busy(2):
        replay(session)

    events = outlet.events()
    found: dict[str, list[int]] = {name: [] for name in names}
    complete_ms = 0
    for event in events:
        assert not isinstance(event, SourceFellSilent)
        if isinstance(event, TickObserved):
            assert event.event_time_ms >= complete_ms
            found[event.instrument].append(event.trade_id)
        elif isinstance(event, WatermarkAdvanced):
            complete_ms = event.event_time_ms
    assert {name: ids for name, ids in found.items() if ids != wanted[name]} == {}
    assert ledger.gaps("live") == []
