"""Policies: settled on earlier out-of-sample decisions, carried in the model's bytes, stated with each prediction."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest

from schemas.artifacts import Evidence, Metric
from schemas.events import PredictionSet
from schemas.time import Interval
from tests.fakes.training_sets import training_set
from tests.unit.api.events import prediction
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold
from trainers.datasets.prices import ForwardReturn
from trainers.evaluation.conformal import judged
from trainers.evaluation.policies import Picking, PolicyStretch, settled_policy
from trainers.models.conformal import ConformalLimits
from trainers.models.logistic import LogisticRegression
from trainers.models.onnx_graphs import with_policy
from trainers.models.onnx_models import OnnxModel
from trainers.models.policies import Policy

QUARTER_MS = 900_000
#: Half a year of quarter-hours, of which the last three fifths are tested in three folds.
N = 182 * 96


def share(value, n=1_000):
    return Metric(value=value, low=value - 0.02, high=value + 0.02, n=n)


def row(target, least_confidence, accuracy):
    return Evidence(
        target=target,
        least_confidence=least_confidence,
        coverage=target,
        at_close=share(accuracy),
        late={60: share(0.55), 900: share(0.51)},
    )


POLICY = Policy(
    bar_s=900,
    picks_from=0.56,
    evidence=(row(1.0, 0.5, 0.53), row(0.1, 0.56, 0.58), row(0.01, 0.6, 0.65)),
    limits=ConformalLimits(miscoverage=0.1, least_up=0.45, least_down=0.42, n_up=500, n_down=500),
)


@pytest.mark.parametrize(
    ("probability", "is_pick", "target", "found"),
    [
        (0.5, False, 1.0, PredictionSet.BOTH),
        (0.555, False, 1.0, PredictionSet.BOTH),
        (0.57, True, 0.1, PredictionSet.BOTH),
        (0.59, True, 0.1, PredictionSet.UP),
        (0.375, True, 0.01, PredictionSet.DOWN),
    ],
)
def test_a_prediction_gets_the_row_of_the_most_confident_that_it_is_among(
    probability, is_pick, target, found
):
    made = POLICY.applied(prediction(probability_up=probability))
    assert (made.is_pick, made.evidence_target, made.prediction_set) == (is_pick, target, found)
    assert made.late_accuracy == 0.51
    assert made.probability_up == probability


def test_a_policy_without_picks_abstains_and_one_without_evidence_says_so():
    made = Policy(bar_s=900, picks_from=None, evidence=(), limits=None).applied(
        prediction(probability_up=0.99)
    )
    assert (made.is_pick, made.evidence_n, made.prediction_set) == (False, None, None)


def test_a_policy_travels_in_the_bytes_and_changes_no_probability():
    taught = training_set(n=600)
    plain = LogisticRegression().fit(taught).onnx()
    stated = with_policy(plain, POLICY)
    before, after = OnnxModel.from_bytes(plain), OnnxModel.from_bytes(stated)
    assert (before.policy, after.policy) == (None, POLICY)
    assert after.feature_names == before.feature_names
    assert before.model_hash != after.model_hash
    assert np.array_equal(before.probabilities_up(taught.rows), after.probabilities_up(taught.rows))
    assert with_policy(stated, POLICY) == stated


def decided(*, seed=1, accuracy_of=lambda confidence: 0.5 + 0 * confidence):
    """Probabilities with the accuracy that is planted at each confidence, and the folds they came from."""
    generator = np.random.default_rng(seed)
    as_of_ms = np.arange(N, dtype=np.int64) * QUARTER_MS
    probability = 0.5 + 0.04 * generator.standard_normal(N)
    is_hit = generator.random(N) < accuracy_of(np.abs(probability - 0.5))
    log_return = np.where((probability >= 0.5) == is_hit, 1e-3, -1e-3)
    moved = ForwardReturn(log_return=log_return, known_ms=as_of_ms + QUARTER_MS)
    late = ForwardReturn(log_return=generator.permutation(log_return), known_ms=as_of_ms + 2 * QUARTER_MS)
    edges = np.linspace(int(0.4 * N), N, 4).astype(np.int64)
    folds = [Fold(train=np.arange(a), test=np.arange(a, b)) for a, b in pairwise(edges)]
    probability[: edges[0]] = np.nan
    decisions = DecisionSet(
        names=("a",),
        feature_spec_hash="spec",
        interval=Interval.FIFTEEN_MINUTES,
        horizon=Interval.FIFTEEN_MINUTES,
        as_of_ms=as_of_ms,
        rows=np.zeros((N, 1), dtype=np.float32),
        forward_returns={1: moved},
        late={QUARTER_MS: late},
        trailing_log_return=log_return,
    )
    return decisions, probability, folds


def stretches_of(decisions, probability, folds):
    rows = judged(decisions.as_of_ms, probability, decisions.own)
    return [PolicyStretch(fold.test, rows.past_of(int(decisions.as_of_ms[fold.test[0]]))) for fold in folds]


def settled(case, *, until_ms=N * QUARTER_MS, **picking):
    decisions, probability, _ = case
    now = judged(decisions.as_of_ms, probability, decisions.own).past_of(until_ms)
    stretches = stretches_of(*case)
    return settled_policy(decisions, probability, stretches, now=now, picking=Picking(**picking))


def planted(confidence):
    return np.clip(0.5 + 2 * confidence, 0, 0.95)


def test_evidence_has_the_planted_accuracy_inside_its_interval_at_the_coverage_aimed_at():
    decisions, probability, folds = decided(accuracy_of=planted)
    found = settled((decisions, probability, folds)).policy
    assert [one.target for one in found.evidence] == [1.0, 0.2, 0.1, 0.05, 0.03, 0.01]
    for one in found.evidence[:4]:
        confidence = np.abs(probability[~np.isnan(probability)] - 0.5)
        truth = planted(confidence[confidence >= one.least_confidence - 0.5]).mean()
        assert one.at_close.low - 0.02 <= truth <= one.at_close.high + 0.02
        assert one.coverage == pytest.approx(one.target, rel=1 / 6)
        assert one.late[900].low < 0.53
    assert found.picks_from == found.evidence[2].least_confidence


def test_where_nothing_is_to_be_known_no_row_shows_an_edge_but_by_chance():
    rows = [one for seed in range(5) for one in settled(decided(seed=seed)).policy.evidence]
    assert np.mean([one.at_close.low > 0.5 for one in rows]) <= 0.08
    assert len(rows) >= 5 * 5


def test_a_wanted_accuracy_is_abstained_from_on_a_martingale_and_reached_where_it_is_planted():
    assert settled(decided(), wanted_accuracy=0.6).policy.picks_from is None
    found = settled(decided(accuracy_of=planted), wanted_accuracy=0.6).policy
    assert found.picks_from is not None
    picks = [one for one in found.evidence if one.least_confidence >= found.picks_from]
    assert all(one.at_close.value >= 0.6 for one in picks)


def test_what_came_after_changes_no_threshold_of_before():
    decisions, probability, folds = decided(accuracy_of=planted)
    changed = probability.copy()
    changed[folds[-1].test] = 0.9
    until_ms = int(decisions.as_of_ms[folds[-1].test[0]])
    first, second = (
        settled((decisions, one, folds[:-1]), until_ms=until_ms).policy.picks_from
        for one in (probability, changed)
    )
    assert first == second


def test_sets_are_settled_and_judged():
    statement = settled(decided()).conformal
    assert statement.coverage.low - 0.01 <= 0.9 <= statement.coverage.high + 0.01
    assert statement.n_up + statement.n_down > 8_000


def test_too_short_a_history_states_less_and_nothing_wrong():
    decisions, probability, folds = decided()
    few = [Fold(train=folds[0].train, test=folds[0].test[:150])]
    short = np.full(N, np.nan)
    short[few[0].test] = probability[few[0].test]
    until_ms = int(decisions.as_of_ms[few[0].test[-1]]) + QUARTER_MS
    found = settled((decisions, short, few), until_ms=until_ms)
    assert [one.target for one in found.policy.evidence] == [1.0]
    assert (found.policy.picks_from, found.policy.limits, found.conformal) == (None, None, None)


def test_a_policy_survives_json():
    assert msgspec.json.decode(msgspec.json.encode(POLICY), type=Policy) == POLICY
