"""What the backfill suffers: failures of the venues, and the moments at which it is killed."""

import signal
from typing import NamedTuple

REST = {
    "BTC-USDT.BINANCE": "api.binance.com",
    "BTC-USD.COINBASE": "api.exchange.coinbase.com",
    "BTC-USD.KRAKEN": "api.kraken.com",
}


class Scenario(NamedTuple):
    """One failure.

    Attributes:
        name: In the table.
        faults: What the mirror does meanwhile.
        after_requests: The process is killed when it has made so many requests, one number for each start.
        after_s: It is killed so long after each of its starts.
        after_first_s: It is killed so long after its first request, one number for each start.
        locked: It is killed when a transaction waits for this table, which is locked meanwhile.
        number: The signal.
        is_failed: Whether a source is given up, so that the exit code says so.
    """

    name: str
    faults: tuple[dict, ...] = ()
    after_requests: tuple[int, ...] = ()
    after_s: tuple[float, ...] = ()
    after_first_s: tuple[float, ...] = ()
    locked: str | None = None
    number: int = signal.SIGKILL


def slow(seconds: float) -> tuple[dict, ...]:
    """Return that each answer of REST waits."""
    return tuple({"kind": "slow", "host": host, "seconds": seconds} for host in REST.values())


def each(kind: str, **fields: object) -> tuple[dict, ...]:
    """Return one failure for each host."""
    return tuple({"kind": kind, "host": host, **fields} for host in REST.values())


_COINBASE_EMPTY = ({"kind": "empty", "host": "api.exchange.coinbase.com", "count": 1},)

SCENARIOS = (
    Scenario("nothing happens"),
    Scenario("kill -9 while it starts", after_s=(0.2, 0.7, 1.2, 1.6)),
    Scenario("kill -9 in the midst of the first answers", slow(1.0), after_requests=(1, 2, 3)),
    Scenario("kill -9 in the midst of later answers", slow(0.3), after_requests=(5, 9, 7)),
    Scenario("kill -9 right after a request", after_requests=(4, 6, 8, 3)),
    Scenario("kill -9 right after the last request", after_requests=(21,)),
    Scenario("kill -9 while candles of a page are written", locked="candles"),
    Scenario("kill -9 between a page's candles and its gaps", _COINBASE_EMPTY, locked="gaps"),
    Scenario("kill -9 while it waits after 429", each("status", status=429, retry_after_s=20.0, count=1), after_requests=(4,)),
    Scenario("kill -9 at ten moments", slow(0.2), after_first_s=(0.0, 0.1, 0.25, 0.4, 0.05, 0.3, 0.15, 0.2, 0.35, 0.45)),
    Scenario("Ctrl-C in the midst of pages", slow(0.3), after_requests=(6,), number=signal.SIGINT),
    Scenario("kill -9 after 451 from Kraken", ({"kind": "status", "host": "api.kraken.com", "status": 451}, *slow(0.3)), after_requests=(6,)),
    Scenario("status 451 everywhere", each("status", status=451)),
    Scenario("status 429, retry after 1 s", each("status", status=429, retry_after_s=1.0, count=2)),
    Scenario("status 500 for two answers", each("status", status=500, count=2, skip=1)),
    Scenario("status 500 for ever", each("status", status=500)),
    Scenario("bodies cut off", each("cut", count=2)),
    Scenario("HTML instead of JSON", each("html", count=2)),
    Scenario("empty but valid", each("empty", count=2)),
    Scenario("clocks behind by an hour", each("skew", seconds=-3600.0)),
)  # fmt: skip
