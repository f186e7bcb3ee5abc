"""Edges, regimes, importance and pictures: what stands beside accuracies on a comparison's page."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from schemas.time import Interval
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold
from trainers.datasets.prices import ForwardReturn
from trainers.evaluation import summaries
from trainers.evaluation.block_intervals import mean_interval
from trainers.evaluation.edges import ALL, edges, gains
from trainers.evaluation.importance import ShuffledFamilies, families
from trainers.evaluation.pages import figure, table
from trainers.evaluation.pictures import Axes, Curve, Measured, curves, measured_bars, time_curves
from trainers.evaluation.regimes import SESSIONS, regime_figures, regimes, trailing_terciles
from trainers.evaluation.walk_forward import FoldModel

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
N = 24 * 900


def decisions_of(names=("realised_volatility_60", "log_return_1"), *, seed=0, n=N):
    generator = np.random.default_rng(seed)
    as_of_ms = (1 + np.arange(n, dtype=np.int64)) * HOUR_MS
    rows = generator.normal(size=(n, len(names))).astype(np.float32)
    log_return = 1e-3 * (rows[:, -1] + generator.normal(size=n))
    return DecisionSet(
        names=names,
        feature_spec_hash="spec",
        interval=Interval.ONE_HOUR,
        horizon=Interval.ONE_HOUR,
        as_of_ms=as_of_ms,
        rows=rows,
        forward_returns={1: ForwardReturn(log_return=log_return, known_ms=as_of_ms + HOUR_MS)},
        late={},
        trailing_log_return=np.zeros(n),
    )


def judged_on(decisions, probability, *, from_row=24 * 400):
    as_of_ms = decisions.as_of_ms
    starts_ms = tuple(int(time) for time in as_of_ms[from_row :: 24 * 91])
    return summaries.OutOfSampleResult(decisions, probability, starts_ms, int(as_of_ms[-1]) + 1)


def seeing(decisions):
    """The probability of who reads the last column rightly."""
    return 1 / (1 + np.exp(-decisions.rows[:, -1].astype(np.float64)))


# Edges


def test_the_edge_is_the_mean_move_on_the_side_taken_and_grows_with_confidence():
    decisions = decisions_of()
    tested = judged_on(decisions, seeing(decisions))
    whole, confident = edges(tested, targets=(ALL, 0.1))
    rows = np.arange(24 * 400, N)
    side = np.where(decisions.rows[rows, -1] >= 0, 1, -1)
    assert whole.n == len(rows)
    assert whole.mean_bps == pytest.approx(1e4 * np.mean(side * decisions.own.log_return[rows]))
    assert whole.low_bps < whole.mean_bps < whole.high_bps < confident.low_bps


def test_a_drawdown_is_never_positive_and_begins_at_nothing():
    decisions = decisions_of()
    wrong = gains(judged_on(decisions, 1 - seeing(decisions)), target=ALL)
    fallen = wrong.fallen_percent()
    assert fallen.max() <= 0
    assert fallen[0] == pytest.approx(min(0.0, 100 * wrong.log_return[0]))
    assert fallen[-1] == pytest.approx(wrong.running_percent()[-1], rel=0.01)


def test_nobody_who_decides_nothing_has_an_edge():
    decisions = decisions_of(n=500)
    (edge,) = edges(judged_on(decisions, np.full(500, np.nan), from_row=100), targets=(ALL,))
    assert edge.n == 0
    assert edge.mean_bps is None


def test_the_interval_of_a_mean_holds_it_about_as_often_as_it_says():
    as_of_ms = np.arange(24 * 200) * HOUR_MS
    n_held = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        low, high = mean_interval(generator.normal(1.0, 3.0, len(as_of_ms)), as_of_ms, generator=generator)
        n_held += low <= 1.0 <= high
    assert 178 <= n_held <= 198


# Regimes


def test_thirds_are_thirds_and_follow_a_market_that_changes():
    """::

    values   0 ... 1 | 10 ... 11   the second year is wild at first, and itself calm and wild later
    """
    generator = np.random.default_rng(1)
    values = np.concatenate([generator.random(N // 3), 10 + generator.random(2 * N // 3)])
    as_of_ms = np.arange(N, dtype=np.int64) * HOUR_MS
    edges_ms = [200 * DAY_MS, 305 * DAY_MS, 800 * DAY_MS, 900 * DAY_MS]
    named = trailing_terciles(values, as_of_ms, edges_ms=edges_ms, names=("low", "middle", "high"))
    assert set(named[: 24 * 200]) == {""}
    steady = named[24 * 200 : 24 * 299]
    assert [np.mean(steady == name) for name in ("low", "middle", "high")] == pytest.approx(
        [1 / 3] * 3, abs=0.05
    )
    assert np.mean(named[24 * 310 : 24 * 799] == "high") == 1
    late = named[24 * 801 :]
    assert np.mean(late == "low") == pytest.approx(1 / 3, abs=0.08)


def test_a_regime_is_known_at_the_decision():
    decisions = decisions_of()
    tested = judged_on(decisions, seeing(decisions))
    cut = 24 * 700
    shorter = decisions.known_at(int(decisions.as_of_ms[cut]))
    whole = regimes(decisions, starts_ms=tested.starts_ms, until_ms=tested.until_ms)
    early = regimes(shorter, starts_ms=tested.starts_ms, until_ms=tested.until_ms)
    for dimension, labels in early.items():
        assert np.array_equal(labels, whole[dimension][:cut]), dimension


def test_every_hour_has_its_session_and_the_first_of_1970_was_a_thursday():
    decisions = decisions_of(n=24 * 7)
    found = regimes(decisions, starts_ms=(0,), until_ms=2**60)
    hour = decisions.as_of_ms // HOUR_MS % 24
    for (name, first), last in zip(SESSIONS.items(), (7, 13, 21, 24), strict=True):
        assert set(hour[found["session"] == name]) == set(range(first, last))
    weekend = np.unique(decisions.as_of_ms[found["day"] == "weekend"] // DAY_MS)
    assert weekend.tolist() == [2, 3]
    assert "trend" not in found


def test_figures_by_regime_add_up_to_the_whole():
    decisions = decisions_of()
    figures = regime_figures(judged_on(decisions, seeing(decisions)))
    assert list(figures["volatility"]) == ["calm", "middling", "wild"]
    for names in figures.values():
        assert sum(found["n"] for found in names.values()) == N - 24 * 400
        for found in names.values():
            assert found["accuracy_interval"][0] < found["accuracy"] < found["accuracy_interval"][1]


# Importance


class Reading:
    """A model that looks at the last column alone."""

    def probabilities_up(self, rows):
        return (1 / (1 + np.exp(-rows[:, -1]))).astype(np.float32)


def test_shuffling_what_a_model_looks_at_costs_and_the_rest_costs_nothing():
    decisions = decisions_of(
        ("realised_volatility_5", "close_location", "mine", "log_return_1", "log_return_2")
    )
    shuffled = ShuffledFamilies(decisions)
    before = decisions.rows.copy()
    for fold in (Fold(np.arange(0), np.arange(1_000, 5_000)), Fold(np.arange(0), np.arange(5_000, 9_000))):
        shuffled.watch(FoldModel(fold, fitted=None, model=Reading()))
    assert np.array_equal(decisions.rows, before)
    rows = np.arange(1_000, 9_000)
    found = shuffled.found(Reading().probabilities_up(decisions.rows).astype(np.float64), rows)
    assert found[0].family == "returns"
    assert found[0].n_features == 2
    assert found[0].low > 0.1
    assert found[0].accuracy_loss > 0.2
    assert [one.log_loss_rise for one in found[1:]] == [0, 0, 0]


def test_every_column_is_in_one_family():
    names = (
        "log_return_1",
        "realised_volatility_5",
        "coin_log_return_1",
        "basis",
        "news_count",
        "log_return_2",
    )
    found = families(names)
    assert found == {
        "returns": (0, 5),
        "volatility": (1,),
        "coin": (2,),
        "perpetual": (3,),
        "news": (4,),
    }


# Pictures


def drawings():
    days = np.arange(5, dtype=np.int64) * DAY_MS
    axes = Axes("x < y", "z")
    yield curves("a < b & c", [Curve("<one>", [0, 1], [2, 3]), Curve("none", [], [])], axes)
    yield time_curves("over time", {"one": (days, days / 1.0), "flat": (days[:2], np.zeros(2))})
    yield measured_bars(
        "bars", {"one": {"a": Measured(1.0, -3.0, 5.0), "b": Measured(2.0)}, "two": {"a": Measured(1)}}
    )
    yield measured_bars("lying", {"one": {"a" * 60: Measured(1.0, -3.0, 5.0)}}, is_lying=True)


def test_a_picture_is_one_well_formed_element_with_a_name_and_without_scripts():
    for drawn in drawings():
        root = ET.fromstring(drawn)  # noqa: S314  (it is our own)
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert not [one for one in root.iter() if str(one.tag).endswith("script")]
        assert "<!--" not in drawn
        assert "var(--series-1)" in drawn


def test_a_picture_is_the_same_whenever_it_is_drawn():
    assert list(drawings()) == list(drawings())


def test_intervals_lie_within_the_picture():
    """They stuck out of it once, since the library looks at values alone."""
    drawn = measured_bars("bars", {"one": {"a": Measured(1.0, -30.0, 50.0)}})
    assert ">50<" in drawn
    assert ">-30<" in drawn


def test_nothing_makes_no_picture():
    assert curves("t", [Curve("none", [], [])], Axes("x", "y")) == ""
    assert measured_bars("t", {}) == ""
    assert figure("") == ""


def test_cells_are_text():
    drawn = table("<t>", ("a",), [("<script>",)], marked="<script>")
    assert "<script>" not in drawn
    assert 'class="chosen"' in drawn
