"""The parameters of a simulated market, and of the pattern that is planted in it."""

import msgspec


class MarketParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a simulated market. With the seed and the origin they determine it.

    Attributes:
        seed: 0 <= seed < 2**63.
        edge: Strength of the planted reversal, 0 <= edge < 1: minus the correlation of one
            quarter-hour's return with the next's. 0 gives a martingale. The default can be
            learnt by a model from a fortnight of data: it gives the sign of the next quarter-hour
            in about 1/2 + asin(edge)/pi of all cases, which is 0.58.
        drift_hours: Hours after the origin at which the market changes: the reversal turns into
            momentum and the volatility doubles. None means never.
        start_price: The price at the origin, quote per base.
        trades_per_minute: The typical number in a quiet market.
    """

    seed: int = 7
    edge: float = 0.25
    drift_hours: float | None = None
    start_price: float = 60_000.0
    trades_per_minute: float = 60.0
