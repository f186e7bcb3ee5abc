"""Generates the trades of an hour between the prices at the ends of its minutes.

Within a minute the price is a Brownian bridge from open to close, so the last trade has the price of the
state, and the trades add no noise to it. SimulatedTrades come in bursts: most of them follow another one within a
fraction of a second. Sizes are whole multiples of 2**-13, whose sums are exact in any order. Therefore a
candle from here and a bar that is built from the ticks are equal to the last bit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.simulated.chance import DrawPurpose, generator
from producers.sources.simulated.parameters import MarketParameters
from producers.sources.simulated.states import HOUR_MS, MINUTES, HourOfStates

MINUTE_MS = 60_000
LOT = 2.0**-13
#: Trade ids are minute since the epoch times this, plus the place within the minute.
IDS_PER_MINUTE = 100_000
_MOST_PER_MINUTE = 5_000
_FOLLOWING = 0.6
_BURST_S = 0.4
_TYPICAL_SIZE = 0.05


class SimulatedTrades(NamedTuple):
    """SimulatedTrades in order of time. Each array has shape (n,).

    Attributes:
        time_ms: When each happens.
        trade_id: The id of each.
        price: Quote units per base unit.
        size: Base units, whole multiples of :data:`LOT`.
        is_buyer_maker: Whether the seller took it.
        first: Shape (60,): the index of the first trade of each minute; every minute has a trade.
    """

    time_ms: NDArray[np.int64]
    trade_id: NDArray[np.int64]
    price: NDArray[np.float64]
    size: NDArray[np.float64]
    is_buyer_maker: NDArray[np.bool_]
    first: NDArray[np.intp]


def trades_of_hour(states: HourOfStates, parameters: MarketParameters) -> SimulatedTrades:
    """Return the trades of an hour. They are a function of the states and the seed."""
    chance = generator(seed=parameters.seed, hour=states.hour, purpose=DrawPurpose.TRADES)
    expected = parameters.trades_per_minute * states.activity
    counts = np.clip(chance.poisson(expected), 1, _MOST_PER_MINUTE)
    first = np.concatenate(([0], np.cumsum(counts)[:-1]))
    minute = np.repeat(np.arange(MINUTES), counts)
    place = np.arange(len(minute)) - first[minute]
    time_ms = _times(chance, minute, place)
    price = _prices(chance, states, minute, time_ms, first + counts - 1)
    size = np.maximum(1, np.round(chance.exponential(_TYPICAL_SIZE / LOT, len(minute)))) * LOT
    minute_of_epoch = states.hour * MINUTES + minute
    return SimulatedTrades(
        time_ms=minute_of_epoch * MINUTE_MS + time_ms,
        trade_id=minute_of_epoch * IDS_PER_MINUTE + place,
        price=price,
        size=size,
        is_buyer_maker=_sides(chance, price),
        first=first,
    )


def _times(
    chance: np.random.Generator, minute: NDArray[np.intp], place: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Return ascending milliseconds within the minute: the starts of bursts, and the trades that follow them."""
    n = len(minute)
    leads = (chance.random(n) >= _FOLLOWING) | (place == 0)
    leader = np.maximum.accumulate(np.where(leads, np.arange(n), 0))
    started_ms = chance.random(n)[leader] * MINUTE_MS
    delay_ms = np.where(leads, 0.0, chance.exponential(_BURST_S * 1000, n))
    within_ms = np.minimum((started_ms + delay_ms).astype(np.int64), MINUTE_MS - 1)
    return np.sort(minute * MINUTE_MS + within_ms) - minute * MINUTE_MS


def _prices(
    chance: np.random.Generator,
    states: HourOfStates,
    minute: NDArray[np.intp],
    time_ms: NDArray[np.int64],
    last: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return prices to the cent: per minute a bridge from open to close, which the last trade reaches."""
    elapsed = (time_ms + 1) / (time_ms[last] + 1)[minute]
    before = np.concatenate(([0.0], elapsed[:-1]))
    before[np.concatenate(([0], last[:-1] + 1))] = 0.0
    walk = np.cumsum(chance.standard_normal(len(minute)) * np.sqrt(elapsed - before))
    walk -= np.concatenate(([0.0], walk[last[:-1]]))[minute]
    bridge = walk - elapsed * walk[last][minute]
    log_open, log_close = np.log(states.open)[minute], np.log(states.close)[minute]
    price = np.exp(log_open + (log_close - log_open) * elapsed + states.volatility[minute] * bridge)
    price[last] = states.close
    return np.maximum(0.01, np.round(price, 2))


def _sides(chance: np.random.Generator, price: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the sides. When the price rises, mostly the buyer takes, and the maker is the seller."""
    change = np.diff(price, prepend=price[0])
    chance_of_sell = np.where(change > 0, 0.25, np.where(change < 0, 0.75, 0.5))
    return chance.random(len(price)) < chance_of_sell


def hour_start_ms(hour: int) -> int:
    """Return the time at which an hour since the epoch begins."""
    return hour * HOUR_MS
