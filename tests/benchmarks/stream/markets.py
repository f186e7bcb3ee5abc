"""Seeded ticks in the shape of recorded ones: what every competitor is fed.

The shape was taken from five minutes of Binance's BTC-USDT trades: 62 % of trades come in the
same millisecond as the one before (an order that takes several others, sizes by a power law with
the exponent -1.5, the longest of some 100), all on one side; sides change every nine trades; two
of three trades have the price of the one before, the others lie on the price grid; sizes are
log-normal on the lot grid, with a deviation of 2.6 in logs; the local clock is 1.27 s behind the
venue's.

Two of the eight instruments lie in each of four partitions, four in each of two. The first tick
lies on a minute's start, and one more tick per instrument on the end closes the last minute, where
it is wanted. More than eight instruments are the same eight again by other names.
"""

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.topics import partition_of

MINUTE_MS = 60_000
#: Recorded, for one instrument: 625 ticks/minute times 8 are 5,000 ticks/s at 60 times the clock.
TICKS_PER_MINUTE = 625
ORIGIN_MS = 1_723_161_600_000
_SKEW_MS = 1_273
_LONGEST_BURST = 120


class Listing(msgspec.Struct, frozen=True):
    """One instrument: what it is worth, and on which grids its prices and sizes lie."""

    instrument: str
    price: float
    price_decimals: int
    lot_decimals: int
    typical_size: float


LISTINGS = (
    Listing("BTC-USDT.BINANCE", 61_685.99, 2, 5, 0.0007),
    Listing("ETH-USDT.BINANCE", 2_683.41, 2, 4, 0.02),
    Listing("SOL-USDT.BINANCE", 161.52, 2, 3, 0.3),
    Listing("BNB-USDT.BINANCE", 519.3, 1, 3, 0.1),
    Listing("XRP-USDT.BINANCE", 0.6131, 4, 0, 90.0),
    Listing("DOGE-USDT.BINANCE", 0.10572, 5, 0, 500.0),
    Listing("ADA-USDT.BINANCE", 0.3526, 4, 1, 150.0),
    Listing("BCH-USDT.BINANCE", 353.6, 1, 3, 0.15),
)
INSTRUMENTS = tuple(listing.instrument for listing in LISTINGS)


def listings(n_instruments: int) -> tuple[Listing, ...]:
    """So many instruments, the recorded eight first."""
    more = (
        msgspec.structs.replace(LISTINGS[i % len(LISTINGS)], instrument=f"COIN{i:05d}-USDT.BINANCE")
        for i in range(len(LISTINGS), n_instruments)
    )
    return (*LISTINGS, *more)[:n_instruments]


class Trades(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The trades of all instruments, by event time; each column of shape (n,)."""

    listing: NDArray[np.int16]
    event_ms: NDArray[np.int64]
    trade_id: NDArray[np.int64]
    price: NDArray[np.float64]
    size: NDArray[np.float64]
    is_buyer_maker: NDArray[np.bool_]

    def __len__(self) -> int:
        """How many."""
        return len(self.event_ms)

    def between(self, start: int, stop: int) -> "Trades":
        """Some of them, by position."""
        return Trades(**{name: getattr(self, name)[start:stop] for name in self.__struct_fields__})


class Market(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A stretch of whole minutes.

    Attributes:
        listings: Its instruments.
        start_ms: Where it begins, which is a minute's start.
        ticks_per_minute: Of each instrument.
        trades: So many of each instrument, and one of each on the end where that is wanted.
    """

    listings: tuple[Listing, ...] = LISTINGS
    start_ms: int = ORIGIN_MS
    n_minutes: int
    ticks_per_minute: int = TICKS_PER_MINUTE
    trades: Trades

    @property
    def end_ms(self) -> int:
        """Where it ends."""
        return self.start_ms + self.n_minutes * MINUTE_MS

    def n_before(self, minute: int) -> int:
        """How many trades lie before a minute's start."""
        return int(np.searchsorted(self.trades.event_ms, self.start_ms + minute * MINUTE_MS))

    def without_end(self) -> "Market":
        """The same without the trades on its end, for another to go on from there."""
        n = self.n_before(self.n_minutes)
        return msgspec.structs.replace(self, trades=self.trades.between(0, n))


def partitions(n_partitions: int, instruments: Iterable[str] = INSTRUMENTS) -> list[int]:
    """The partition of each instrument."""
    return [partition_of(name.encode(), n_partitions) for name in instruments]


def make_market(
    n_minutes: int,
    *,
    seed: int = 7,
    n_instruments: int = len(LISTINGS),
    ticks_per_minute: int = TICKS_PER_MINUTE,
    start_ms: int = ORIGIN_MS,
) -> Market:
    """Some minutes of a market; the same arguments make the same trades.

    Args:
        ticks_per_minute: Of each instrument; at most a thousand.
    """
    rng = np.random.default_rng(seed)
    market = Market(
        listings=listings(n_instruments),
        start_ms=start_ms,
        n_minutes=n_minutes,
        ticks_per_minute=ticks_per_minute,
        trades=_NO_TRADES,
    )
    columns = [_trades_of(market, i, rng) for i in range(n_instruments)]
    joined = {
        name: np.concatenate([getattr(trades, name) for trades in columns])
        for name in Trades.__struct_fields__
    }
    order = np.argsort(joined["event_ms"], kind="stable")
    trades = Trades(**{name: found[order] for name, found in joined.items()})
    return msgspec.structs.replace(market, trades=trades)


def _trades_of(market: Market, number: int, rng: np.random.Generator) -> Trades:
    listing = market.listings[number]
    n = market.n_minutes * market.ticks_per_minute + 1
    begins = _burst_begins(n, market.ticks_per_minute, rng)
    burst = np.cumsum(begins) - 1
    event_ms = _burst_times(market, n, begins, rng)[burst]
    is_sold = _sides(int(burst[-1]) + 1, rng)[burst]
    n_minutes_before = (market.start_ms - ORIGIN_MS) // MINUTE_MS
    return Trades(
        listing=np.full(n, number, dtype=np.int16),
        event_ms=event_ms,
        trade_id=3_735_693_016 + 200_000_000 * number + 1_000 * n_minutes_before + np.arange(n),
        price=_prices(listing, begins, is_sold, rng),
        size=_sizes(listing, n, rng),
        is_buyer_maker=is_sold,
    )


_NO_TRADES = Trades(
    listing=np.zeros(0, dtype=np.int16),
    event_ms=np.zeros(0, dtype=np.int64),
    trade_id=np.zeros(0, dtype=np.int64),
    price=np.zeros(0),
    size=np.zeros(0),
    is_buyer_maker=np.zeros(0, dtype=np.bool_),
)


def _burst_begins(n: int, ticks_per_minute: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Where a new order begins; a minute's first trade always does, and the one on the end."""
    begins = np.zeros(n, dtype=np.bool_)
    sizes = np.minimum(rng.random(n) ** (-1 / 1.5), _LONGEST_BURST).astype(np.int64)
    ends = np.cumsum(sizes)
    begins[ends[ends < n]] = True
    begins[::ticks_per_minute] = True
    return begins


def _burst_times(
    market: Market, n: int, begins: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    minute = (np.arange(n) // market.ticks_per_minute)[begins]
    within = rng.integers(0, MINUTE_MS, len(minute))
    within[minute == market.n_minutes] = 0
    times = np.sort(minute * MINUTE_MS + within)
    times[0] = 0
    return market.start_ms + times


def _sides(n_bursts: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whether the buyer was the maker, by burst."""
    return np.cumsum(rng.random(n_bursts) < 0.28) % 2 == 1


def _prices(
    listing: Listing, begins: NDArray[np.bool_], is_sold: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float64]:
    """On the grid: a book that moves between orders, and orders that eat into it."""
    n = len(begins)
    scale = 10**listing.price_decimals
    step = max(1.0, listing.price * scale * 1e-5)
    moves = np.where(begins & (rng.random(n) < 0.5), rng.normal(0.0, step, n), 0.0)
    eaten = np.where(~begins & (rng.random(n) < 0.15), rng.exponential(step / 2, n), 0.0)
    book = np.cumsum(moves + np.where(is_sold, -eaten, eaten))
    grid = np.rint(listing.price * scale + book) + ~is_sold
    return np.maximum(grid, 1) / scale


def _sizes(listing: Listing, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    scale = 10**listing.lot_decimals
    lots = np.rint(listing.typical_size * scale * np.exp(rng.normal(0.0, 2.6, n)))
    return np.clip(lots, 1, 1e6 * scale) / scale


def known_ms(event_ms: int) -> int:
    """When the recorder had what the venue says happened then."""
    return event_ms - _SKEW_MS
