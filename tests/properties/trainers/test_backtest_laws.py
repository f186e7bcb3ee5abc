"""Laws of backtesting: it decides as live does, trades as a bar-by-bar account would, and never looks ahead."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.artifacts import sha256
from schemas.codec import null_from_nan
from schemas.events import FeaturesComputed, ModelPromoted
from schemas.time import Interval
from tests.fakes.backtests import MINUTE_MS, TARGET, decisions_of, prices_of, served_of
from tests.fakes.decision_sets import labelled
from tests.fakes.feature_tables import simulated_table
from trainers.backtesting.decisions import decided, predictions
from trainers.backtesting.execution import fills, simulate
from trainers.backtesting.positions import PositionRule, RuleKind, positions
from trainers.backtesting.refits import refitted
from trainers.datasets.schedules import Refit, refit_times
from trainers.models.decisions import decide
from trainers.models.gradient_boosting import Boosting, BoostingParameters, fit
from trainers.models.light_boosting import LightBoosting
from trainers.models.logistic import LogisticRegression
from trainers.models.mixtures import Mixture, Stacked
from trainers.models.onnx_models import OnnxModel
from trainers.models.parity import parity_hash

WALKS = st.lists(st.floats(-0.05, 0.05), min_size=3, max_size=40)
END_MS = 2**53
SMALL_BOOSTING = Boosting(parameters=BoostingParameters(n_rounds=4))
SMALL_LIGHT = LightBoosting(n_rounds=4, min_rows_in_leaf=20, multiple=2)
SMALL_RECIPES = {
    "boosting": SMALL_BOOSTING,
    "light-boosting": LightBoosting(n_rounds=4, min_rows_in_leaf=20),
    "logistic": LogisticRegression(),
    "mixture": Mixture(members=(SMALL_BOOSTING, SMALL_LIGHT, LogisticRegression(multiple=3)), label="mixed"),
    "stacked": Stacked(members=(SMALL_BOOSTING, LogisticRegression())),
}


@pytest.fixture(scope="module")
def table():
    return simulated_table(n=1_500, seed=5, continuation=0.6)


@pytest.fixture(scope="module")
def model(table):
    samples = labelled(table, known_by_ms=END_MS)
    trees = fit(
        samples.rows,
        samples.own.is_up,
        feature_names=samples.names,
        parameters=BoostingParameters(n_rounds=30),
    )
    return OnnxModel.from_bytes(trees.onnx())


def promotion_of(model, spec_hash):
    return ModelPromoted(
        event_time_ms=0,
        known_time_ms=0,
        source="binance",
        stream="replay-1",
        instrument=TARGET.instrument,
        interval=TARGET.interval,
        horizon=TARGET.horizon,
        alias="champion",
        model_version="constant-1",
        model_hash=model.model_hash,
        feature_spec_hash=spec_hash,
        effective_from_ms=0,
    )


def event_of(table, i):
    return FeaturesComputed(
        event_time_ms=int(table.as_of_ms[i]),
        known_time_ms=int(table.known_ms[i]),
        source="binance",
        stream="replay-1",
        instrument=TARGET.instrument,
        interval=TARGET.interval,
        close=float(table.close[i]),
        feature_spec_hash=table.feature_spec_hash,
        is_warm=bool(table.is_warm[i]),
        values=dict(zip(table.names, null_from_nan(table.values[i].tolist()), strict=True)),
    )


def test_decisions_by_the_batch_are_those_of_the_live_decision_to_the_bit(table, model):
    schedule = [served_of(model, from_ms=0, spec=table.feature_spec_hash)]
    batch = decided(table, schedule, target=TARGET, from_ms=0, to_ms=END_MS, every_ms=MINUTE_MS)
    ours = list(predictions(batch, schedule, source="binance", stream="replay-1"))
    promoted = promotion_of(model, table.feature_spec_hash)
    live = [
        decide(model, event_of(table, i), promoted) for i in range(len(table.as_of_ms)) if table.is_warm[i]
    ]
    assert len(live) > 1_000
    assert ours == live
    assert parity_hash(ours) == parity_hash(live)


def account(closes, targets, cost):
    """Cash and units, bar by bar: the target of a bar is traded at its close; the last bar sells all."""
    cash, units, before, equity = 1.0, 0.0, 0.0, []
    for i, (price, target) in enumerate(zip(closes, targets, strict=True)):
        wanted = 0.0 if i == len(closes) - 1 else target
        if wanted != before:
            worth = cash + units * price
            # The new value v solves v = wanted * (worth - cost * |v - units * price|).
            held = units * price
            sign = 1.0 if wanted * worth > held else -1.0
            value = wanted * (worth + sign * cost * held) / (1 + sign * cost * wanted)
            cash += held - value - cost * abs(value - held)
            units, before = value / price, wanted
        equity.append(cash + units * price)
    return equity


@given(WALKS, st.data(), st.sampled_from([0.0, 1e-4, 3e-3]))
def test_equity_is_that_of_an_account_kept_bar_by_bar(moves, data, cost):
    closes = 100 * np.exp(np.cumsum(moves))
    n = len(closes)
    targets = data.draw(
        st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.7, 1.0]), min_size=n, max_size=n), label="targets"
    )
    prices = prices_of(closes)
    trades = fills(prices.end_ms, np.array(targets), prices, lag_ms=0)
    path = simulate(prices, trades, cost_bps=cost * 1e4)
    assert path.equity.tolist() == pytest.approx(account(closes.tolist(), targets, cost), rel=1e-9)


@given(st.lists(st.floats(0.25, 0.75, width=32), min_size=30, max_size=160), st.data())
def test_truncating_the_future_never_changes_a_position(probabilities, data):
    n = len(probabilities)
    cut = data.draw(st.integers(1, n))
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(n).normal(0, 1e-3, n)))
    rule = PositionRule(rule=data.draw(st.sampled_from(list(RuleKind))), threshold=0.52, cap=2.0)
    whole = positions(decisions_of(probabilities, closes=closes), rule, every_ms=MINUTE_MS)
    past = positions(decisions_of(probabilities[:cut], closes=closes[:cut]), rule, every_ms=MINUTE_MS)
    assert whole[:cut].tolist() == past.tolist()


@given(WALKS, st.integers(0, 3), st.data())
def test_truncating_the_future_never_changes_equity_before_the_cut(moves, lag, data):
    closes = 100 * np.exp(np.cumsum(moves))
    n = len(closes)
    cut = data.draw(st.integers(2, n))
    weights = np.array(data.draw(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=n, max_size=n)))
    whole, past = prices_of(closes), prices_of(closes[:cut])
    equity = [
        simulate(
            prices, fills(prices.end_ms, weights[: len(prices)], prices, lag_ms=lag * MINUTE_MS), cost_bps=10
        ).equity
        for prices in (whole, past)
    ]
    assert equity[0][: cut - 1].tolist() == equity[1][:-1].tolist()


@given(st.floats(0.3, 0.7), st.sampled_from([0.0, 1.0, 5.0, 20.0]))
def test_more_costs_never_earn_more(probability, cost_bps):
    chance = np.random.default_rng(3)
    prices = prices_of(100 * np.exp(np.cumsum(chance.normal(0, 1e-3, 60))))
    weights = np.where(chance.random(60) < probability, 1.0, -1.0)
    trades = fills(prices.end_ms, weights, prices, lag_ms=0)
    dearer = simulate(prices, trades, cost_bps=cost_bps + 1).equity[-1]
    assert dearer < simulate(prices, trades, cost_bps=cost_bps).equity[-1]


@given(st.sampled_from([Refit.WEEKLY, Refit.MONTHLY, Refit.QUARTERLY, Refit.YEARLY]), st.integers(0, 10**12))
def test_refits_begin_at_once_and_go_on_at_boundaries_in_order(refit, from_ms):
    times = refit_times(from_ms=from_ms, until_ms=from_ms + 400 * 86_400_000, refit=refit)
    assert times[0] == from_ms
    assert list(times) == sorted(set(times))
    assert all(time % 86_400_000 == 0 for time in times[1:])


class Watched:
    """A recipe that keeps what it was handed."""

    name = "watched"
    multiples = frozenset({1, 3})

    def __init__(self):
        self.training_sets = []

    def fit(self, training_set):
        self.training_sets.append(training_set)
        return LogisticRegression().fit(training_set)


def refits_of(table, recipe, *, times, horizon=Interval.FIVE_MINUTES):
    return refitted(
        table,
        interval=Interval.ONE_MINUTE,
        horizon=horizon,
        times_ms=times,
        recipe=recipe,
        name=recipe.name,
        minimum_rows=50,
    )


def test_a_refit_sees_only_what_was_known_by_its_time(table):
    """Over each horizon apart: the newest outcome over fifteen minutes began ten before that over five."""
    watched, times = Watched(), [900 * MINUTE_MS, 1_200 * MINUTE_MS]
    served = refits_of(table, watched, times=times)
    first_ms = served[0].trained_from_ms
    assert [one.from_ms for one in served] == times
    for training_set, time in zip(watched.training_sets, times, strict=True):
        for multiple, outcome in training_set.outcomes.items():
            newest_ms = first_ms + int(outcome.rows[-1]) * MINUTE_MS
            assert newest_ms + multiple * 5 * MINUTE_MS == time


@pytest.mark.parametrize("kind", sorted(SMALL_RECIPES))
def test_a_refit_is_the_model_that_was_fitted_then(table, kind):
    """By every recipe: on a table that ends there, as live, the same bytes."""
    time = 900 * MINUTE_MS
    rows = table.as_of_ms <= time
    ended = msgspec.structs.replace(
        table,
        **{
            name: getattr(table, name)[rows]
            for name in ("as_of_ms", "known_ms", "close", "is_warm", "values")
        },
    )
    recipe = SMALL_RECIPES[kind]
    (later,) = refits_of(table, recipe, times=[time], horizon=Interval.ONE_MINUTE)
    (live,) = refits_of(ended, recipe, times=[time], horizon=Interval.ONE_MINUTE)
    assert later.model.model_hash == live.model.model_hash
    assert later.version.startswith(f"{recipe.name}-refit-1970")


def test_a_refit_by_boosting_has_the_bytes_of_a_fit_on_the_samples_known_then(table):
    time = 900 * MINUTE_MS
    recipe = SMALL_RECIPES["boosting"]
    (served,) = refits_of(table, recipe, times=[time])
    samples = labelled(table, horizon=Interval.FIVE_MINUTES, known_by_ms=time)
    decided_rows = samples.own.is_decided
    trees = fit(
        samples.rows[decided_rows],
        samples.own.is_up[decided_rows],
        feature_names=samples.names,
        parameters=recipe.parameters,
    )
    assert served.model.model_hash == sha256(trees.onnx())
