"""Cross-asset features against pandas, and what they say of a market whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from schemas.features import FeatureTable
from schemas.time import Interval
from stream_processors.features.bars import bar_table
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import FeatureGroup, vector_spec
from stream_processors.features.vectors import with_coin, with_perpetual
from tests.fixtures.bar_tables import random_walk

N = 400
MINUTE = Interval.ONE_MINUTE


@pytest.fixture(scope="module")
def pair() -> tuple[FeatureTable, FeatureTable]:
    return compute_table(random_walk(N, seed=1)), compute_table(random_walk(N, seed=2))


def frame(table: FeatureTable) -> pd.DataFrame:
    return pd.DataFrame(table.values, columns=list(table.names))


def test_coin_features_are_their_references(pair: tuple[FeatureTable, FeatureTable]) -> None:
    own, other = (frame(table) for table in pair)
    a, b = own["log_return_1"], other["log_return_1"]
    spread = pd.Series(np.log(pair[0].close / pair[1].close))
    beta = a.rolling(60).cov(b) / b.rolling(60).var()
    expected = {
        "coin_log_return_5": other["log_return_5"],
        "return_difference_15": own["log_return_15"] - other["log_return_15"],
        "coin_correlation_60": a.rolling(60).corr(b),
        "coin_beta_60": beta,
        "coin_residual_1": (a - beta * b) / own["realised_volatility_60"],
        "coin_lead_60": a.rolling(60).corr(b.shift(1)),
        "coin_lag_60": b.rolling(60).corr(a.shift(1)),
        "relative_price_z_score_60": (spread - spread.rolling(60).mean()) / spread.rolling(60).std(ddof=0),
        "coin_age": pd.Series(np.zeros(N)),
    }
    found = frame(with_coin(*pair, interval=MINUTE))
    for name, column in expected.items():
        np.testing.assert_allclose(found[name][70:], column[70:], rtol=1e-7, atol=1e-9, err_msg=name)


def test_perpetual_features_are_their_references(pair: tuple[FeatureTable, FeatureTable]) -> None:
    basis = pd.Series(np.log(pair[1].close / pair[0].close))
    found = frame(with_perpetual(*pair, interval=MINUTE))
    expected = {
        "basis": basis,
        "basis_change_15": basis.diff(15),
        "basis_z_score_60": (basis - basis.rolling(60).mean()) / basis.rolling(60).std(ddof=0),
    }
    for name, column in expected.items():
        np.testing.assert_allclose(found[name][70:], column[70:], rtol=1e-7, atol=1e-9, err_msg=name)


def test_coin_that_leads_by_a_bar_is_seen_to_lead() -> None:
    leader = random_walk(N, seed=5)
    rows = np.vstack([leader.rows[:1], leader.rows[:-1]])
    follower = bar_table(start_ms=leader.start_ms, prices=rows[:, :4], volume=rows[:, 4], interval=MINUTE)
    found = frame(with_coin(compute_table(follower), compute_table(leader), interval=MINUTE))
    assert found["coin_lead_60"].iloc[-1] == pytest.approx(1.0)
    assert abs(found["coin_lag_60"].iloc[-1]) < 0.5


@pytest.mark.parametrize("price", [0.1, 0.3, 59_123.45])
def test_flat_markets_have_no_correlation_and_no_deviation(price: float) -> None:
    flat = compute_table(
        bar_table(
            start_ms=np.arange(N, dtype=np.int64) * MINUTE.milliseconds,
            prices=np.full((N, 4), price),
            volume=np.zeros(N),
            interval=MINUTE,
        )
    )
    found = frame(with_perpetual(with_coin(flat, flat, interval=MINUTE), flat, interval=MINUTE)).iloc[-1]
    undefined = {"coin_correlation_60", "coin_beta_60", "coin_lead_60", "relative_price_z_score_60"}
    assert found[sorted(undefined | {"basis_z_score_60", "coin_residual_1"})].isna().all()
    assert found[["basis", "basis_change_60", "return_difference_1"]].tolist() == [0.0, 0.0, 0.0]


def test_vector_is_the_market_features_and_then_its_groups() -> None:
    assert vector_spec(()).hash == SPEC.hash
    both = vector_spec((FeatureGroup.PERPETUAL, FeatureGroup.COIN))
    assert both.names[: len(SPEC.names)] == SPEC.names
    assert len(set(both.names)) == len(both.names)
    assert both.warm_up_bars == SPEC.warm_up_bars
    assert both.hash == vector_spec((FeatureGroup.COIN, FeatureGroup.PERPETUAL)).hash
