"""The ticks of many instruments, in three stretches that follow each other.

A history of one tick a minute, so that every window that must be filled is; the minutes that are
measured at full speed, 100 ticks of each instrument in each; and those that close by the clock.
"""

from collections.abc import Iterator

from schemas.topics import MARKET_TICK
from tests.benchmarks.stream.breadth.scales import Scale
from tests.benchmarks.stream.markets import MINUTE_MS, ORIGIN_MS, Market, make_market
from tests.benchmarks.stream.records import Piece, records, watermarks

TICKS_PER_MINUTE = 100
#: After 65 bars a vector is warm; one minute more is closed when the measured ones begin.
HISTORY_MINUTES = 66
_EVERYWHERE = range(MARKET_TICK.n_partitions)


def history(scale: Scale) -> Market:
    """What the worker starts on."""
    return make_market(HISTORY_MINUTES, n_instruments=scale.n_instruments, ticks_per_minute=1).without_end()


def measured(scale: Scale) -> Market:
    """What it is let go on."""
    return _busy(scale, n_minutes=scale.n_minutes, start_ms=ORIGIN_MS + HISTORY_MINUTES * MINUTE_MS)


def paced(n_instruments: int, *, n_minutes: int, start_ms: int) -> Market:
    """What comes by the clock."""
    return make_market(
        n_minutes,
        n_instruments=n_instruments,
        ticks_per_minute=TICKS_PER_MINUTE,
        start_ms=start_ms,
        seed=8,
    ).without_end()


def _busy(scale: Scale, *, n_minutes: int, start_ms: int) -> Market:
    return make_market(
        n_minutes,
        n_instruments=scale.n_instruments,
        ticks_per_minute=TICKS_PER_MINUTE,
        start_ms=start_ms,
    ).without_end()


def closed(market: Market) -> Iterator[Piece]:
    """A market's records, and the watermarks that close its last minute."""
    yield from records(market, 0, len(market.trades), n_partitions=MARKET_TICK.n_partitions)
    yield from watermarks(market.end_ms, _EVERYWHERE)
