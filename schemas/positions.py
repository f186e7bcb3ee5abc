"""How far the stored market data of a run go, for a producer that starts again."""

from typing import NamedTuple


class MarketPosition(NamedTuple):
    """How far the stored candles and ticks of a run go; None if there are none.

    For candles of several instruments, it is the position of the instrument that lags most.
    """

    last_candle_end_ms: int | None
    last_tick_known_ms: int | None
    last_trade_id: int | None
