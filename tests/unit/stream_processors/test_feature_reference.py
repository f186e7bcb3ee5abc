"""Every feature against an independent formula over pandas."""

import numpy as np
import pandas as pd
import pytest

from stream_processors.features import kernel
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from tests.fixtures.bar_tables import random_walk

N = 400


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    table = compute_table(random_walk(N, seed=7))
    return pd.DataFrame(table.values, columns=list(table.names))


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    rows = random_walk(N, seed=7).rows
    bars = pd.DataFrame(rows, columns=["open", "high", "low", "close", "volume", "end"])
    return pd.concat(
        [_moves(bars), _places(bars), _volumes(bars), _shapes(bars), _averages(bars), _calendar(bars)], axis=1
    )


def _moves(bars: pd.DataFrame) -> pd.DataFrame:
    log = np.log(bars["close"])
    returns = log.diff()
    out = pd.DataFrame({f"log_return_{k}": log.diff(k) for k in (1, 2, 5, 15, 60)})
    for window in (15, 60):
        out[f"realised_volatility_{window}"] = (returns**2).rolling(window).mean() ** 0.5
    squares = np.log(bars["high"] / bars["low"]) ** 2
    out["parkinson_volatility_15"] = (squares.rolling(15).mean() / (4 * np.log(2))) ** 0.5
    long = out["realised_volatility_60"]
    out["volatility_ratio_15_60"] = out["realised_volatility_15"] / long
    out["standardised_return_1"] = returns / long
    out["standardised_return_5"] = log.diff(5) / (long * 5**0.5)
    products = (returns * returns.shift(1)).rolling(30).sum()
    out["return_autocorrelation_30"] = products / (returns**2).rolling(30).sum()
    return out


def _places(bars: pd.DataFrame) -> pd.DataFrame:
    close = bars["close"]
    out = pd.DataFrame(index=bars.index)
    for name, window in (("bollinger_position_20", 20), ("z_score_60", 60)):
        rolling = close.rolling(window)
        out[name] = (close - rolling.mean()) / rolling.std(ddof=0)
    lowest, highest = bars["low"].rolling(14).min(), bars["high"].rolling(14).max()
    out["stochastic_14"] = (close - lowest) / (highest - lowest)
    return out


def _volumes(bars: pd.DataFrame) -> pd.DataFrame:
    volume, returns = bars["volume"], np.log(bars["close"]).diff()
    mean = volume.rolling(60).mean()
    out = pd.DataFrame({"relative_volume_60": volume / mean})
    out["relative_volume_15_60"] = volume.rolling(15).mean() / mean
    out["signed_volume_15"] = (np.sign(returns) * volume).rolling(15).sum() / volume.rolling(15).sum()
    average = (volume * bars["close"]).rolling(60).sum() / volume.rolling(60).sum()
    out["vwap_distance_60"] = np.log(bars["close"] / average)
    out["amihud_illiquidity_15"] = (returns.abs() / volume).rolling(15).mean()
    return out


def _shapes(bars: pd.DataFrame) -> pd.DataFrame:
    spread = bars["high"] - bars["low"]
    body = bars[["open", "close"]]
    out = pd.DataFrame({"close_location": 2 * (bars["close"] - bars["low"]) / spread - 1})
    out["upper_wick"] = (bars["high"] - body.max(axis=1)) / spread
    out["lower_wick"] = (body.min(axis=1) - bars["low"]) / spread
    log_range = np.log(bars["high"] / bars["low"])
    out["relative_range_15"] = log_range / log_range.rolling(15).mean()
    return out


def _averages(bars: pd.DataFrame) -> pd.DataFrame:
    close = bars["close"]
    change = close.diff().fillna(0.0)
    gain = change.clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean()
    loss = (-change).clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean()
    out = pd.DataFrame({"relative_strength_index_14": 100 - 100 / (1 + gain / loss)})
    previous = close.shift(1)
    ranges = [bars["high"] - bars["low"], (bars["high"] - previous).abs(), (bars["low"] - previous).abs()]
    true_range = pd.concat(ranges, axis=1).max(axis=1)
    out["average_true_range_14"] = true_range.ewm(alpha=1 / 14, adjust=False).mean() / close
    macd = close.ewm(span=12, adjust=False).mean() - close.ewm(span=26, adjust=False).mean()
    out["macd_histogram_12_26_9"] = (macd - macd.ewm(span=9, adjust=False).mean()) / close
    out["exponential_distance_20"] = np.log(close / close.ewm(span=20, adjust=False).mean())
    return out


def _calendar(bars: pd.DataFrame) -> pd.DataFrame:
    ends = pd.to_datetime(bars["end"], unit="ms")
    day = 2 * np.pi * (ends.dt.hour * 60 + ends.dt.minute) / 1440
    minutes_since_thursday = (ends.dt.day_of_week - 3) % 7 * 1440 + ends.dt.hour * 60 + ends.dt.minute
    week = 2 * np.pi * minutes_since_thursday / (7 * 1440)
    out = pd.DataFrame({"hour_of_day_sine": np.sin(day), "hour_of_day_cosine": np.cos(day)})
    out["day_of_week_sine"], out["day_of_week_cosine"] = np.sin(week), np.cos(week)
    out["is_hour_mark"] = (ends.dt.minute == 0).astype(float)
    return out


def test_every_feature_has_a_reference(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert set(expected.columns) == set(found.columns)


@pytest.mark.parametrize("name", SPEC.names)
def test_feature_is_its_reference(name: str, found: pd.DataFrame, expected: pd.DataFrame) -> None:
    warm = slice(SPEC.warm_up_bars, None)
    np.testing.assert_allclose(found[name][warm], expected[name][warm], rtol=1e-7, atol=1e-10)


def test_feature_names_are_unique_and_the_hash_is_of_all_that_is_declared() -> None:
    assert len(set(SPEC.names)) == kernel.N_FEATURES
    assert len(SPEC.hash) == 64
