"""The declarations of the market features, which together say what the columns of a vector are.

They stand apart from the steps that compute the features, so that code that only needs the names or the
hash of the set does not load a compiler. The order here is the order of the vector. The texts of the
declarations are part of the set's hash, so changing one of them makes another set.

A feature is optional if its window is longer than the warm-up, so that it is undefined for a while after
each outage, or if candles do not tell it. A vector is used without its optional features, which are NaN
then.
"""

from schemas.features import FeatureDeclaration, FeatureSpec

#: A feature with a longer window is optional.
LONGEST_REQUIRED_BARS = 66


def _declared(
    name: str,
    memory_bars: int,
    source: str,
    *,
    unit: str = "dimensionless",
    warm_up: int | None = None,
    version: int = 1,
    is_optional: bool = False,
) -> FeatureDeclaration:
    return FeatureDeclaration(
        name=name,
        unit=unit,
        memory_bars=memory_bars,
        warm_up_bars=memory_bars if warm_up is None else warm_up,
        source=source,
        version=version,
        is_optional=is_optional or memory_bars > LONGEST_REQUIRED_BARS,
    )


def _volatility(name: str, memory_bars: int, source: str) -> FeatureDeclaration:
    return _declared(name, memory_bars, source, unit="per bar")


_SIMPLE = "log of the ratio of two closes"
RETURNS = tuple(
    _declared(f"log_return_{n}", n + 1, _SIMPLE, version=2) for n in (1, 2, 3, 5, 10, 15, 30, 60, 120, 168)
)

_REALISED = "Andersen, Bollerslev (1998): root mean square of log returns"
_PARKINSON = "Parkinson (1980), from highs and lows"
_GARMAN_KLASS = "Garman, Klass (1980), from opens, highs, lows and closes"
_ROGERS_SATCHELL = "Rogers, Satchell (1991), from opens, highs, lows and closes; free of drift"
_YANG_ZHANG = "Yang, Zhang (2000): of opens on closes, closes on opens, and Rogers-Satchell"
_BIPOWER = "Barndorff-Nielsen, Shephard (2004): root of the mean bipower variation"
_SIGNED_JUMPS = (
    "Barndorff-Nielsen, Kinnebrock, Shephard (2010): upper less lower semivariance, over the variance; "
    "-1 to 1"
)
_STANDARDISED = "log return over realised volatility of 60 bars, per root of bars"
VOLATILITY = (
    _volatility("realised_volatility_5", 6, _REALISED),
    _volatility("realised_volatility_15", 16, _REALISED),
    _volatility("realised_volatility_60", 61, _REALISED),
    _volatility("realised_volatility_168", 169, _REALISED),
    _volatility("close_to_close_volatility_60", 61, "standard deviation of log returns, over n - 1"),
    _volatility("parkinson_volatility_15", 15, _PARKINSON),
    _volatility("parkinson_volatility_60", 60, _PARKINSON),
    _volatility("garman_klass_volatility_15", 15, _GARMAN_KLASS),
    _volatility("garman_klass_volatility_60", 60, _GARMAN_KLASS),
    _volatility("rogers_satchell_volatility_15", 15, _ROGERS_SATCHELL),
    _volatility("rogers_satchell_volatility_60", 60, _ROGERS_SATCHELL),
    _volatility("yang_zhang_volatility_15", 16, _YANG_ZHANG),
    _volatility("yang_zhang_volatility_60", 61, _YANG_ZHANG),
    _volatility("bipower_volatility_15", 17, _BIPOWER),
    _volatility("bipower_volatility_60", 62, _BIPOWER),
    _declared(
        "jump_share_60",
        62,
        "Barndorff-Nielsen, Shephard (2004): 1 less bipower over realised variance; below 0 by chance",
    ),
    _declared("signed_jumps_15", 16, _SIGNED_JUMPS),
    _declared("signed_jumps_60", 61, _SIGNED_JUMPS),
    _declared(
        "realised_skewness_60", 61, "Amaya, Christoffersen, Jacobs, Vasquez (2015), from cubes of returns"
    ),
    _declared("volatility_ratio_5_60", 61, "quotient of the two realised volatilities"),
    _declared("volatility_ratio_15_60", 61, "quotient of the two realised volatilities"),
    _declared("standardised_return_1", 61, _STANDARDISED),
    _declared("standardised_return_5", 61, _STANDARDISED),
    _declared("standardised_return_15", 61, _STANDARDISED),
    _declared("standardised_return_60", 169, "as above, over realised volatility of 168 bars"),
)

_BOLLINGER = "Bollinger (2001)"
_IN_DEVIATIONS = "distance of the close from its mean in deviations"
_LANE = "Lane (1984): place of the close between lowest low and highest high, 0 to 1"
_AUTOCORRELATION = "sum of products of neighbouring log returns over their squares"
MOMENTUM = (
    _declared("bollinger_position_20", 20, f"{_BOLLINGER}: {_IN_DEVIATIONS}", version=2),
    _declared("bollinger_width_20", 20, f"{_BOLLINGER}: four deviations of the close over its mean"),
    _declared("z_score_60", 60, _IN_DEVIATIONS, version=2),
    _declared("z_score_168", 168, _IN_DEVIATIONS),
    _declared("stochastic_14", 14, _LANE),
    _declared("slow_stochastic_14_3", 16, "Lane (1984): mean of the last three"),
    _declared("stochastic_60", 60, _LANE),
    _declared("return_autocorrelation_30", 32, _AUTOCORRELATION, version=2),
    _declared("return_autocorrelation_60", 62, _AUTOCORRELATION),
    _declared(
        "run_length",
        11,
        "bars in a row up, or down as a negative number; at most 10, 0 after an unchanged close",
        unit="bars",
    ),
)

_GRANVILLE = "Granville (1963): change of the on-balance volume over the volume; -1 to 1"
_VWAP = "log of the close over the volume-weighted mean of typical prices (high, low and close)"
_AMIHUD = "Amihud (2002): mean absolute log return over volume, of bars with volume"
_BOUGHT = "volume that buyers took less what sellers took, over both; -1 to 1"


def _imbalance(name: str, memory_bars: int) -> FeatureDeclaration:
    return _declared(name, memory_bars, _BOUGHT, is_optional=True)


VOLUME = (
    _declared("relative_volume_60", 60, "volume over its mean", version=2),
    _declared("relative_volume_5_60", 60, "mean volume of 5 bars over that of 60"),
    _declared("relative_volume_15_60", 60, "mean volume of 15 bars over that of 60", version=2),
    _declared("relative_volume_60_168", 168, "mean volume of 60 bars over that of 168"),
    _declared("signed_volume_5", 6, _GRANVILLE),
    _declared("signed_volume_15", 16, _GRANVILLE, version=2),
    _declared("signed_volume_60", 61, _GRANVILLE),
    _declared("signed_volume_168", 169, _GRANVILLE),
    _declared("vwap_distance_15", 15, _VWAP),
    _declared("vwap_distance_60", 60, _VWAP, version=2),
    _declared("amihud_illiquidity_15", 16, _AMIHUD, unit="per base unit", version=2),
    _declared("amihud_illiquidity_60", 61, _AMIHUD, unit="per base unit"),
    _declared("illiquidity_ratio_15_60", 61, "quotient of the two"),
    _declared(
        "money_flow_index_14",
        15,
        "Quong, Soudack (1989): value traded at rising typical prices over that at changed ones, 0 to 100",
    ),
    _declared(
        "chaikin_money_flow_20", 20, "Chaikin (1994): volume by the close's place in the range, over volume"
    ),
    _imbalance("buy_volume_imbalance_1", 1),
    _imbalance("buy_volume_imbalance_5", 5),
    _imbalance("buy_volume_imbalance_15", 15),
    _imbalance("buy_volume_imbalance_60", 60),
)

_RELATIVE_RANGE = "log range of the bar over its mean"
SHAPE = (
    _declared(
        "close_location",
        1,
        "place of the close in the bar's range; -1 at the low, 1 at the high, 0 without range",
    ),
    _declared("upper_wick", 1, "share of the range above open and close; 0 without range", version=2),
    _declared("lower_wick", 1, "share of the range below open and close; 0 without range", version=2),
    _declared("body", 1, "close less open, over the range; 0 without range"),
    _declared("opening_gap", 2, "log of the open over the close before"),
    _declared("relative_range_15", 15, _RELATIVE_RANGE, version=2),
    _declared("relative_range_60", 60, _RELATIVE_RANGE),
)

_WILDER = "Wilder (1978)"


def _averaged(name: str, source: str, *, unit: str = "dimensionless") -> FeatureDeclaration:
    return _declared(name, 0, source, unit=unit, warm_up=61)


AVERAGED = (
    _averaged("relative_strength_index_6", f"{_WILDER}, 0 to 100"),
    _averaged("relative_strength_index_14", f"{_WILDER}, 0 to 100"),
    _averaged("average_true_range_14", f"{_WILDER}, over the close"),
    _averaged("average_directional_index_14", f"{_WILDER}, 0 to 100"),
    _averaged("directional_difference_14", f"{_WILDER}: plus less minus directional indicator, -1 to 1"),
    _averaged("macd_12_26", "Appel (2005): difference of two exponential means, over the close"),
    _averaged("macd_histogram_12_26_9", "Appel (2005): MACD less its signal line, over the close"),
    _averaged("exponential_distance_10", "log of the close over its exponential mean"),
    _averaged("exponential_distance_20", "log of the close over its exponential mean"),
    _averaged("exponential_distance_30", "log of the close over its exponential mean"),
    _averaged(
        "exponential_volatility",
        "RiskMetrics (1996): root of the exponential mean of squared log returns, decay 0.94",
        unit="per bar",
    ),
)

_EFFICIENCY = "Kaufman (1995): log return over the sum of absolute ones; its sign is the trend's, -1 to 1"
REGIME = (
    _declared("volatility_state_60_168", 169, "quotient of the two realised volatilities"),
    _declared("trend_efficiency_15", 16, _EFFICIENCY),
    _declared("trend_efficiency_60", 61, _EFFICIENCY),
    _declared("trend_efficiency_168", 169, _EFFICIENCY),
    _declared(
        "variance_ratio_5_60",
        65,
        "Lo, MacKinlay (1988), without drift: mean square of returns over 5 bars, over five times that of 1; "
        "above 1 where moves go on, below where they turn",
    ),
)

_ROUND = "place on the circle of the bar's end, UTC, to the minute"
_HOURS = "1 when the bar ends in these hours, UTC, 0 otherwise"
CALENDAR = (
    _declared("hour_of_day_sine", 1, _ROUND, version=2),
    _declared("hour_of_day_cosine", 1, _ROUND, version=2),
    _declared("day_of_week_sine", 1, _ROUND, version=2),
    _declared("day_of_week_cosine", 1, _ROUND, version=2),
    _declared("minute_of_hour_sine", 1, _ROUND),
    _declared("minute_of_hour_cosine", 1, _ROUND),
    _declared("is_hour_mark", 1, "1 when the bar ends on the hour, 0 otherwise"),
    _declared(
        "is_funding_mark", 1, "1 when the bar ends at 0, 8 or 16 h UTC, when perpetuals pay, 0 otherwise"
    ),
    _declared("is_weekend", 1, "1 when the bar ends on Saturday or Sunday, UTC, 0 otherwise"),
    _declared("is_asian_session", 1, f"{_HOURS}: 0 to 9 h"),
    _declared("is_european_session", 1, f"{_HOURS}: 7 to 16 h"),
    _declared("is_american_session", 1, f"{_HOURS}: 13 to 21 h"),
)

GROUPS = (RETURNS, VOLATILITY, MOMENTUM, VOLUME, SHAPE, AVERAGED, REGIME, CALENDAR)

#: The set that this release computes.
SPEC = FeatureSpec(features=tuple(feature for group in GROUPS for feature in group))
