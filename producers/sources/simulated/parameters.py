"""What a simulated market is like, and where something is planted in it."""

import msgspec


class MarketParameters(msgspec.Struct, frozen=True, kw_only=True):
    """A simulated market; together with its seed and origin this is all there is to know.

    Attributes:
        seed: 0 <= seed < 2**63.
        edge: Strength of the planted reversal, 0 <= edge < 1: minus the correlation of one
            quarter-hour's return with the next's. 0 gives a martingale. The default is found by a
            model in a fortnight and is far from certain: the sign of the next quarter-hour is
            foretold in about 1/2 + asin(edge)/pi of all cases, 0.58.
        drift_hours: Hours behind the origin at which the market changes: the reversal turns into
            momentum and the volatility doubles. None is never.
        start_price: At the origin, quote per base.
        trades_per_minute: Typical of a quiet market.
    """

    seed: int = 7
    edge: float = 0.25
    drift_hours: float | None = None
    start_price: float = 60_000.0
    trades_per_minute: float = 60.0
