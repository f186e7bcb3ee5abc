"""Features that TA-Lib has, against TA-Lib: on random walks, and on recorded hours and minutes.

TA-Lib starts its averages later and with a plain mean; the difference fades, so that the comparison
begins after 500 bars. Its sums and variances run on and round as they go, which is what the
tolerances are for: of a variance, it keeps about half of the digits.
"""

from pathlib import Path

import numpy as np
import pytest

from schemas.time import Interval
from stream_processors.features.batch import compute_table
from tests.fixtures.bar_tables import random_walk, recorded_bars
from tests.fixtures.pandas_features import features_of, frame_of
from tests.fixtures.talib_features import talib_features

FADED = 500
#: What TA-Lib derives from a variance, or from sums that only grow.
ROUNDED = {
    "bollinger_position_20",
    "bollinger_width_20",
    "z_score_60",
    "z_score_168",
    "signed_volume_5",
    "signed_volume_15",
    "signed_volume_60",
    "signed_volume_168",
    "chaikin_money_flow_20",
}
NAMES = tuple(talib_features(frame_of(random_walk(300, seed=0))))


def ours(bars) -> dict[str, np.ndarray]:
    table = compute_table(bars)
    return dict(zip(table.names, table.values.T, strict=True))


@pytest.fixture(scope="module")
def walk() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    bars = random_walk(3_000, seed=21)
    return ours(bars), talib_features(frame_of(bars))


@pytest.mark.parametrize("name", NAMES)
def test_feature_is_what_talib_says_on_a_random_walk(name: str, walk) -> None:
    found, expected = (side[name][FADED:] for side in walk)
    tolerance = 1e-5 if name in ROUNDED else 1e-7
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


RECORDED = [
    ("btcusdt_binance_spot_1h", Interval.ONE_HOUR),
    ("ethusdt_binance_perp_1h", Interval.ONE_HOUR),
    ("btcusdt_binance_spot_1m_segments", Interval.ONE_MINUTE),
]


@pytest.mark.recorded
@pytest.mark.parametrize(("file", "interval"), RECORDED, ids=[file for file, _ in RECORDED])
def test_recorded_bars_give_what_talib_and_pandas_say(
    file: str, interval: Interval, recorded_data: Path
) -> None:
    bars = recorded_bars(recorded_data / "prices" / f"{file}.parquet", interval=interval, n=5_000)
    frame, found = frame_of(bars), ours(bars)
    for name, expected in {**features_of(frame), **talib_features(frame)}.items():
        if not name.startswith("buy_volume"):  # which candles do not say
            differences = _differences(found[name][FADED:], np.asarray(expected)[FADED:])
            assert np.mean(differences > 1e-5) <= _apart(name), name


def _apart(name: str) -> float:
    """The share of bars that may differ: TA-Lib takes equal typical prices for different by their last digit,
    and one such bar is in fourteen windows."""
    return 5e-3 if name == "money_flow_index_14" else 1e-3


def _differences(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """In the feature's own deviations, where both are defined."""
    both = np.isfinite(found) & np.isfinite(expected)
    assert both.mean() > 0.98
    return np.abs(found[both] - expected[both]) / max(np.std(found[both]), 1e-12)
