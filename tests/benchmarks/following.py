"""How many trades a second a followed source gives: refilled by REST, and brought by a socket.

    python -m tests.benchmarks.following

The venue is played in memory and the outlet keeps what it gets, so this is what the follower and the loop that publishes
cost, the reading of each message included.
"""

import random
import time

import structlog

from producers.normalise.trades import VenueTrade
from schemas.wire.clocks import ManualClock
from tests.benchmarks.reporting import Figure, report
from tests.fakes.played_exchanges import MINUTE_MS, PlayedExchange
from tests.fixtures.followed_runs import LiveRun

T0 = 1_763_900_040_000 // MINUTE_MS * MINUTE_MS
N_TRADES = 60_000
INSTRUMENT = "BTC-USDT.BINANCE"


def trades(from_ms: int, seconds: int) -> list[VenueTrade]:
    chance = random.Random(1)
    times = sorted(from_ms + chance.randrange(seconds * 1000) for _ in range(N_TRADES))
    return [VenueTrade("BTC", n, 100.0 + n % 7, 0.5, at_ms, n % 2 == 0) for n, at_ms in enumerate(times)]


def measured(*, is_refilled: bool) -> float:
    """Trades a second."""
    began_ms = T0 + (58_000 if is_refilled else 0)
    clock = ManualClock(now_ms=began_ms)
    made = trades(T0, 50) if is_refilled else trades(T0 + 1_000, 50)
    venue = PlayedExchange("binance", clock, {INSTRUMENT: made}, page=1_000)
    run = LiveRun(clock, [venue], history_minutes=1)
    run.warm_up()
    began_s = time.perf_counter()
    run.follow(began_ms + 60_000)
    took_s = time.perf_counter() - began_s
    assert len(run.ticks(INSTRUMENT)) == N_TRADES
    return N_TRADES / took_s


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    figures = [
        Figure(metric=name, value=measured(is_refilled=is_refilled), unit="trades/s", bar=None, holds=None)
        for name, is_refilled in (("refilled by REST", True), ("by the socket", False))
    ]
    report("following", figures)


if __name__ == "__main__":
    main()
