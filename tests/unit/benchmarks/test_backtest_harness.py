"""What ``make bench-backtest`` hands to everyone, without its clocks and peers."""

import numpy as np

from tests.benchmarks.backtests.markets import QUARTER, TARGET, make_place
from trainers.registry.folders import FolderRegistry


def test_the_place_has_a_model_and_a_decision_every_quarter_of_an_hour(tmp_path):
    place = make_place(tmp_path, 100)
    assert place.candles.is_file()
    manifest = FolderRegistry(tmp_path / "registry").load(place.version).manifest
    assert manifest.target == TARGET
    assert manifest.trained_until_ms == place.from_ms
    assert len(place.closes) == len(place.positions) == 100
    assert np.flatnonzero(~np.isnan(place.positions)).tolist() == list(range(0, 99, QUARTER))
