"""How often each host is asked: the limits that the sources state, in one table, and what keeps to them.

We take about half of what a source allows, because others on the same address count too.
"""

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pyrate_limiter import Rate, RateItem, StateBucket

from producers.sources.fetching import SourceBusyError
from schemas.time import Clock

#: Nobody waits longer than this for a turn; the error says how long it would be.
LONGEST_TURN_S = 90.0
_LOOKED_EVERY_S = 0.5
_MINUTE_MS = 60_000


class HostLimit(NamedTuple):
    """What is sent to one host.

    Attributes:
        units: Units in each period.
        period_ms: The period.
        burst: Units that may be sent at once.
        stated: What the documentation of the source allows.
        costs: Units of a request by the beginning of its path; any other costs ``otherwise``.
        otherwise: Units of any other request.
    """

    units: int
    period_ms: int
    burst: int
    stated: str
    costs: Mapping[str, int] = {}
    otherwise: int = 1

    def cost(self, path: str) -> int:
        """Return the units of a request, at most the burst."""
        found = [units for begin, units in self.costs.items() if path.startswith(begin)]
        return min(max(found, default=self.otherwise), self.burst)


#: A host that is not listed: pages and feeds, of which no limit is stated.
ANY_PAGE = HostLimit(1, 1_000, 2, "no limit is stated: one request a second")

#: Source:
#:     developers.binance.com, "Limits" of spot and of USD-M futures; docs.cdp.coinbase.com/exchange, "Rate Limits";
#:     docs.kraken.com, "Spot REST rate limits" and "Spot WebSockets"; docs.coingecko.com, "Errors & Rate Limits".
LIMITS: Mapping[str, HostLimit] = {
    "api.binance.com": HostLimit(
        3_000,
        _MINUTE_MS,
        250,
        "6,000 units of weight a minute for each address",
        {
            "/api/v3/historicalTrades": 25,
            "/api/v3/trades": 25,
            "/api/v3/aggTrades": 4,
            "/api/v3/klines": 2,
            "/api/v3/ticker/24hr": 4,
            "/api/v3/ticker/bookTicker": 4,
            "/api/v3/ticker/price": 4,
            "/api/v3/time": 1,
        },
        otherwise=20,
    ),
    "fapi.binance.com": HostLimit(
        1_200,
        _MINUTE_MS,
        100,
        "2,400 units of weight a minute for each address",
        {
            "/fapi/v1/historicalTrades": 20,
            "/fapi/v1/aggTrades": 20,
            "/fapi/v1/klines": 5,
            "/fapi/v1/premiumIndex": 1,
            "/fapi/v1/openInterest": 1,
            "/fapi/v1/fundingRate": 5,
            "/fapi/v1/ticker": 2,
            "/fapi/v1/time": 1,
        },
        otherwise=10,
    ),
    "api.exchange.coinbase.com": HostLimit(
        5, 1_000, 5, "10 requests a second for each address, 15 in bursts"
    ),
    "api.kraken.com": HostLimit(1, 1_100, 1, "one public request a second for each address and pair"),
    "api.coingecko.com": HostLimit(
        10, _MINUTE_MS, 3, "5 to 15 requests a minute without a key, 100 with a demo key"
    ),
    "pro-api.coingecko.com": HostLimit(125, _MINUTE_MS, 10, "250 requests a minute or more, by plan"),
    "stream.binance.com:9443": HostLimit(30, _MINUTE_MS, 5, "300 connections in 5 minutes for each address"),
    "fstream.binance.com": HostLimit(30, _MINUTE_MS, 5, "300 connections in 5 minutes for each address"),
    "ws-feed.exchange.coinbase.com": HostLimit(1, 1_000, 4, "8 connections a second for each address"),
    "ws.kraken.com": HostLimit(7, _MINUTE_MS, 5, "about 150 connections in 10 minutes for each address"),
}


class HostLimits:
    """Waits until a host may be asked. It is shared by all threads of the process.

    Args:
        clock: By which it waits.
        pace: Multiple of the limits.
        is_stopped: Whether the process is to end, so that nobody waits any longer.
    """

    def __init__(
        self, clock: Clock, *, pace: float = 1.0, is_stopped: Callable[[], bool] | None = None
    ) -> None:
        self._clock = clock
        self._pace = pace
        self._is_stopped = is_stopped or (lambda: False)
        self._lock = threading.Lock()
        self._buckets: dict[str, StateBucket] = {}

    def wait(self, host: str, path: str) -> None:
        """Return when a request may be sent.

        Args:
            host: With its port if it names one.
            path: Of the request, by which it costs more or less.

        Raises:
            SourceBusyError: If the turn would come too late, or the process is to end.
        """
        limit = LIMITS.get(host, ANY_PAGE)
        until_s = self._clock.monotonic_s() + LONGEST_TURN_S
        while (wait_s := self._wait_s(host, limit, path)) > 0:
            if self._is_stopped() or self._clock.monotonic_s() + wait_s > until_s:
                message = f"{host} is asked too often for its limit ({limit.stated})"
                raise SourceBusyError(message, retry_after_s=wait_s)
            self._clock.sleep(min(wait_s, _LOOKED_EVERY_S))

    def slow_down(self, host: str, delay_s: float) -> None:
        """Ask a host once in so many seconds from now on, as its robots.txt wishes.

        Args:
            host: With its port if it names one.
            delay_s: Between two requests; more than a minute counts as a minute.
        """
        limit = LIMITS.get(host, ANY_PAGE)
        delay_ms = min(round(delay_s * 1000), _MINUTE_MS)
        if delay_ms * limit.units > limit.period_ms:
            with self._lock:
                self._buckets[host] = self._bucket(HostLimit(1, delay_ms, 1, limit.stated))

    def _wait_s(self, host: str, limit: HostLimit, path: str) -> float:
        with self._lock:
            bucket = self._buckets.get(host)
            if bucket is None:
                bucket = self._buckets[host] = self._bucket(limit)
            now_ms = round(self._clock.monotonic_s() * 1000)
            item = RateItem(host, now_ms, weight=min(limit.cost(path), bucket.rates[0].burst))
            if bucket.put(item):
                return 0.0
            left_ms = bucket.waiting(item)
            return max(left_ms, 1) / 1000 if isinstance(left_ms, int) else _LOOKED_EVERY_S

    def _bucket(self, limit: HostLimit) -> StateBucket:
        units = max(round(limit.units * self._pace), 1)
        burst = max(round(limit.burst * self._pace), limit.burst)
        return StateBucket([Rate(units, limit.period_ms, burst=burst)])
