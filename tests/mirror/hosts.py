"""Who answers for which host, by HTTP and by WebSocket."""

from collections.abc import Callable, Mapping
from threading import RLock
from urllib.parse import unquote

from tests.mirror.answers import Answer, Request
from tests.mirror.binance import BinanceRest
from tests.mirror.binance_sockets import BinanceSession
from tests.mirror.coinbase import CoinbaseRest
from tests.mirror.coinbase_sockets import CoinbaseSession
from tests.mirror.coingecko import CoinGecko
from tests.mirror.futures import FuturesRest
from tests.mirror.kraken import KrakenRest
from tests.mirror.kraken_sockets import KrakenSession
from tests.mirror.markets import Market, World
from tests.mirror.news.articles import Archive
from tests.mirror.news.hosts import news_hosts
from tests.mirror.sessions import Session

Host = Callable[[Request], Answer]
SPOT_SOCKETS = ("stream.binance.com", "data-stream.binance.vision")


class Hosts:
    """All hosts of a mirror; a market is made when it is first asked for.

    Args:
        world: The markets.
        is_moving: Whether prices of CoinGecko and news of CoinDesk go on with the market.

    Attributes:
        archive: The articles.
    """

    def __init__(self, world: World, is_moving: Callable[[], bool]) -> None:
        self._world = world
        self._lock = RLock()
        gecko = CoinGecko(world.recordings, lambda: world.binance, is_moving)
        self.archive = Archive(world.recordings, lambda: world.shift_ms)
        self._made: dict[str, Host] = {
            "api.coingecko.com": gecko, "pro-api.coingecko.com": gecko, **news_hosts(self.archive, is_moving=is_moving),
        }  # fmt: skip
        self._makers: Mapping[str, Callable[[], Host]] = {
            "api.binance.com": lambda: BinanceRest(world.binance),
            "data-api.binance.vision": lambda: BinanceRest(world.binance),
            "fapi.binance.com": lambda: FuturesRest(
                world.futures, world.binance, world.recordings.funding, world.shift_ms
            ),
            "api.exchange.coinbase.com": lambda: CoinbaseRest(world.coinbase),
            "api.kraken.com": lambda: KrakenRest(world.kraken),
        }

    def by_http(self, host: str) -> Host | None:
        """Return who answers for a host."""
        with self._lock:
            if host not in self._made and host in self._makers:
                self._made[host] = self._makers[host]()
            return self._made.get(host)

    def by_socket(self, host: str, path: str, query: Mapping[str, str]) -> Session | None:
        """Return the venue's side of a new connection."""
        with self._lock:
            return self._session(host, path.rstrip("/"), query)

    def _session(self, host: str, path: str, query: Mapping[str, str]) -> Session | None:
        if host in SPOT_SOCKETS:
            return _binance(self._world.binance, None, path, query)
        if host == "fstream.binance.com":
            routed = path.removeprefix("/public").removeprefix("/market")
            return _binance(self._world.futures, self._world.binance, routed, query)
        if host in {"ws-feed.exchange.coinbase.com", "ws-feed.pro.coinbase.com"} and not path:
            return CoinbaseSession(self._world.coinbase)
        if host == "ws.kraken.com" and path == "/v2":
            return KrakenSession(self._world.kraken)
        return None


def _binance(market: Market, index: Market | None, path: str, query: Mapping[str, str]) -> Session | None:
    if path == "/stream":
        streams = [name for name in unquote(query.get("streams", "")).split("/") if name]
        return BinanceSession(market, index, streams, is_combined=True)
    if path == "/ws" or path.startswith("/ws/"):
        streams = [name for name in path.removeprefix("/ws").split("/") if name]
        return BinanceSession(market, index, streams, is_combined=False)
    return None
