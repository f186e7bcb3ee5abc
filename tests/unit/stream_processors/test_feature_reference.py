"""Every feature against an independent formula over pandas."""

import numpy as np
import pandas as pd
import pytest

from stream_processors.features import kernel
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from tests.fixtures.bar_tables import random_walk
from tests.fixtures.pandas_features import features_of, frame_of

N = 500
SEED = 7


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    table = compute_table(random_walk(N, seed=SEED))
    return pd.DataFrame(table.values, columns=list(table.names))


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    return features_of(frame_of(random_walk(N, seed=SEED)))


def test_every_feature_has_a_reference(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert set(expected.columns) == set(found.columns)


@pytest.mark.parametrize("name", SPEC.names)
def test_feature_is_its_reference(name: str, found: pd.DataFrame, expected: pd.DataFrame) -> None:
    warm = slice(SPEC.features[SPEC.names.index(name)].warm_up_bars - 1, None)
    np.testing.assert_allclose(found[name][warm], expected[name][warm], rtol=1e-7, atol=1e-10)


def test_feature_names_are_unique_and_the_hash_is_of_all_that_is_declared() -> None:
    assert len(set(SPEC.names)) == kernel.N_FEATURES
    golden = "c6c81678e748f8e040c4b7da5c72b13f29b02c3f0678519c81117b7b2efae956"
    assert golden == SPEC.hash, "a feature whose numbers change is declared as its next version"


def test_what_candles_do_not_say_is_undefined_and_optional() -> None:
    bars = random_walk(N, seed=SEED)
    bars.rows[:, 6] = np.nan
    table = compute_table(bars)
    undefined = np.isnan(table.values[N - 1])  # noqa: PD011  (no frame)
    of_trades = {feature.name for feature in SPEC.features if feature.name.startswith("buy_volume")}
    assert {name for name, is_none in zip(SPEC.names, undefined, strict=True) if is_none} == of_trades
    assert all(SPEC.features[SPEC.names.index(name)].is_optional for name in of_trades)
