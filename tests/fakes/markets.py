"""A made market: trades with ids in sequence, the candles of its minutes, and the clock of its venue."""

from typing import NamedTuple

from schemas.time import EARLIEST_MS

MINUTE_MS = 60_000
START_MS = 1_735_689_600_000  # 2025-01-01
assert START_MS > EARLIEST_MS


class MadeTrade(NamedTuple):
    """One trade."""

    trade_id: int
    time_ms: int
    price: float
    size: float
    is_buyer_maker: bool


class MadeCandle(NamedTuple):
    """One candle of a minute."""

    start_ms: int
    open: float
    high: float
    low: float
    close: float


class MadeMarket(NamedTuple):
    """What a venue has.

    Attributes:
        trades: Oldest first.
        candles: Oldest first; the last one is still forming.
        now_ms: The venue's clock.
    """

    trades: list[MadeTrade]
    candles: list[MadeCandle]
    now_ms: int


def made_market(n_trades: int = 2_500, n_candles: int = 1_200, first_id: int = 1) -> MadeMarket:
    """Return a market whose trades come in bursts within one millisecond, up to the venue's present.

    Args:
        n_trades: More than two pages.
        n_candles: More than a page of each venue.
        first_id: Of the first trade.
    """
    now_ms = START_MS + (n_candles - 1) * MINUTE_MS + 30_000
    step_ms = 7_000
    first_ms = now_ms - n_trades // 3 * step_ms
    trades = [
        MadeTrade(
            first_id + n, first_ms + n // 3 * step_ms, 100.0 + n % 17 / 4, 0.001 * (1 + n % 5), n % 2 == 0
        )
        for n in range(n_trades)
    ]
    candles = [_candle(n) for n in range(n_candles)]
    return MadeMarket(trades, candles, now_ms)


def _candle(number: int) -> MadeCandle:
    opened, close = 100.0 + number % 7, 100.0 + (number + 1) % 7
    return MadeCandle(
        START_MS + number * MINUTE_MS, opened, max(opened, close) + 1, min(opened, close) - 1, close
    )
