"""Laws of the moment at which a socket joins: however many instruments a venue has, no trade comes after a watermark
that vouched for its time.

::

    REST shows                 |<- lag ->|
    asked            . . . . . . . . . . x
    socket brings                     |--joined-- . . . .
    hole                       |~~~~~~|          made before the socket joined, and not shown by REST yet
"""

import random

import pytest

from producers.normalise.trades import VenueTrade
from schemas import codec
from schemas.events import TickObserved, WatermarkAdvanced
from schemas.topics import BY_NAME
from schemas.wire.clocks import ManualClock
from tests.fakes.played_exchanges import MINUTE_MS, PlayedExchange
from tests.fixtures.followed_runs import LiveRun

T0 = 1_763_900_040_000 // MINUTE_MS * MINUTE_MS
BEGAN_MS, UNTIL_MS = T0 + 10_000, T0 + 30_000


class BusyClock(ManualClock):
    """The clock of a machine on which time passes between any two lines: each reading of the time advances it."""

    def now_ms(self) -> int:
        """Return the time, and let half a millisecond pass."""
        self.sleep(0.000_5)
        return super().now_ms()


def drawn_trades(chance: random.Random, per_s: float) -> list[VenueTrade]:
    found, at = list[VenueTrade](), float(T0 - 5_000)
    while at < UNTIL_MS:
        at += chance.expovariate(per_s / 1000)
        found.append(VenueTrade("X", 1 + len(found), 100.0, 1.0, int(at), is_buyer_maker=False))
    return found


def run_of(clock: ManualClock, seed: int, *, n: int, per_s: float, lag_ms: int) -> LiveRun:
    chance = random.Random(seed)
    trades = {f"C{number}-USDT.BINANCE": drawn_trades(chance, per_s) for number in range(n)}
    exchange = PlayedExchange("binance", clock, trades, lag_ms=lag_ms)
    exchange.cuts = [int(chance.uniform(BEGAN_MS + 5_000, UNTIL_MS - 8_000))]
    return LiveRun(clock, [exchange], history_minutes=1, seed=seed)


def trades_after_watermarks(run: LiveRun) -> list[TickObserved]:
    """Trades that lie in the log after a watermark of their partition that vouched for their time."""
    late, complete_ms = [], dict[object, int]()
    for place, values in run.by_place().items():
        for event in (codec.decode(BY_NAME[place[0]], value) for value in values):
            if isinstance(event, WatermarkAdvanced):
                complete_ms[place] = event.event_time_ms
            elif isinstance(event, TickObserved) and event.event_time_ms < complete_ms.get(place, 0):
                late.append(event)
    return late


def assert_joined_without_a_hole(run: LiveRun) -> None:
    run.warm_up()
    run.follow(UNTIL_MS)
    assert trades_after_watermarks(run) == []
    assert run.gaps() == []
    for name, trades in run.exchanges["binance"].trades.items():
        wanted = [trade.trade_id for trade in trades if trade.time_ms >= T0]
        found = [tick.trade_id for tick in run.ticks(name)]
        assert found == wanted[: len(found)]
        assert len(found) >= sum(trade.time_ms < UNTIL_MS - 5_000 for trade in trades if trade.time_ms >= T0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rest_that_shows_trades_later_than_the_socket_leaves_no_hole_where_many_join(seed: int) -> None:
    run = run_of(ManualClock(now_ms=BEGAN_MS), seed, n=150, per_s=0.15, lag_ms=1_900)
    assert_joined_without_a_hole(run)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_time_that_passes_between_any_two_readings_of_the_clock_leaves_no_hole(seed: int) -> None:
    run = run_of(BusyClock(now_ms=BEGAN_MS), seed, n=20, per_s=1.5, lag_ms=300)
    assert_joined_without_a_hole(run)
