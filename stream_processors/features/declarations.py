"""The declarations of the market features, and the set they make: what the columns of a vector are.

Stands apart from the steps that compute them, so that who only needs the names or the hash of the
set does not load a compiler. The order here is the order of the vector.
"""

from schemas.features import FeatureDeclaration, FeatureSpec


def _declared(
    name: str, memory_bars: int, source: str, *, unit: str = "dimensionless", warm_up: int | None = None
) -> FeatureDeclaration:
    return FeatureDeclaration(
        name=name,
        unit=unit,
        memory_bars=memory_bars,
        warm_up_bars=memory_bars if warm_up is None else warm_up,
        source=source,
    )


_SIMPLE = "log of the ratio of two closes"
RETURNS = (
    _declared("log_return_1", 2, _SIMPLE),
    _declared("log_return_2", 3, _SIMPLE),
    _declared("log_return_5", 6, _SIMPLE),
    _declared("log_return_15", 16, _SIMPLE),
    _declared("log_return_60", 61, _SIMPLE),
)
VOLATILITY = (
    _declared("realised_volatility_15", 16, "root mean square of log returns", unit="per bar"),
    _declared("realised_volatility_60", 61, "root mean square of log returns", unit="per bar"),
    _declared("parkinson_volatility_15", 15, "Parkinson (1980), from highs and lows", unit="per bar"),
    _declared("volatility_ratio_15_60", 61, "quotient of the two realised volatilities"),
    _declared("standardised_return_1", 61, "last log return over realised volatility of 60 bars"),
    _declared("standardised_return_5", 61, "log return of 5 bars over realised volatility of 60 bars"),
)
MOMENTUM = (
    _declared(
        "bollinger_position_20", 20, "Bollinger (2001): distance of the close from its mean in deviations"
    ),
    _declared("z_score_60", 60, "distance of the close from its mean in deviations"),
    _declared(
        "stochastic_14", 14, "Lane (1984): place of the close between lowest low and highest high, 0 to 1"
    ),
    _declared("return_autocorrelation_30", 32, "lag-one autocorrelation of log returns"),
)
VOLUME = (
    _declared("relative_volume_60", 60, "volume over its mean"),
    _declared("relative_volume_15_60", 60, "mean volume of 15 bars over that of 60"),
    _declared("signed_volume_15", 16, "volume signed by the bar's return, over volume; -1 to 1"),
    _declared("vwap_distance_60", 60, "log of the close over the volume-weighted mean close"),
    _declared(
        "amihud_illiquidity_15",
        16,
        "Amihud (2002): mean absolute log return over volume",
        unit="per base unit",
    ),
)
SHAPE = (
    _declared(
        "close_location",
        1,
        "place of the close in the bar's range; -1 at the low, 1 at the high, 0 without range",
    ),
    _declared("upper_wick", 1, "share of the range above open and close; 0 without range"),
    _declared("lower_wick", 1, "share of the range below open and close; 0 without range"),
    _declared("relative_range_15", 15, "log range of the bar over its mean"),
)
_WILDER = "Wilder (1978)"
AVERAGED = (
    _declared("relative_strength_index_14", 0, f"{_WILDER}, 0 to 100", warm_up=60),
    _declared("average_true_range_14", 0, f"{_WILDER}, over the close", warm_up=60),
    _declared(
        "macd_histogram_12_26_9", 0, "Appel (2005): MACD less its signal line, over the close", warm_up=61
    ),
    _declared("exponential_distance_20", 0, "log of the close over its exponential mean", warm_up=61),
)
_ROUND = "place on the circle of the bar's end, UTC"
CALENDAR = (
    _declared("hour_of_day_sine", 1, _ROUND),
    _declared("hour_of_day_cosine", 1, _ROUND),
    _declared("day_of_week_sine", 1, _ROUND),
    _declared("day_of_week_cosine", 1, _ROUND),
    _declared("is_hour_mark", 1, "1 when the bar ends on the hour, 0 otherwise"),
)

GROUPS = (RETURNS, VOLATILITY, MOMENTUM, VOLUME, SHAPE, AVERAGED, CALENDAR)

#: The set that this release computes.
SPEC = FeatureSpec(features=tuple(feature for group in GROUPS for feature in group))
