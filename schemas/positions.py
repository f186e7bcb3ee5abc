"""How far the stored market data of a run go: what a producer that starts again needs to know."""

from typing import NamedTuple


class MarketPosition(NamedTuple):
    """How far the stored candles and ticks of a run go; None where there are none.

    Of several instruments it is the one that is least far.
    """

    last_candle_end_ms: int | None
    last_tick_known_ms: int | None
    last_trade_id: int | None
