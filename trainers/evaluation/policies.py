"""A version's policy: what it states besides its probabilities, computed from its out-of-sample decisions.

Everything that the version will use (thresholds, limits of conformal sets) is computed on earlier rows
that the model had not learnt from. The figures beside it come from doing the same at the beginning of each
fold, and looking at what came next. Nothing is judged on the rows that it was computed on.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import ConformalStatement, Evidence, Metric
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.prices import ForwardReturn
from trainers.evaluation.block_intervals import share_interval
from trainers.evaluation.conformal import LEAST_PAST, JudgedRows
from trainers.evaluation.selective import LEAST_CONFIDENCES, TARGETS, threshold_for_accuracy
from trainers.evaluation.wanted import confidence_of, is_hit_of
from trainers.models.conformal import MISCOVERAGE, ConformalLimits, conformal_limits, sets_of
from trainers.models.policies import Policy

#: Evidence from fewer decisions than this is left out, since its interval would be too wide to use.
LEAST_EVIDENCE = 30
#: If the realised coverage differs from the target by more than this factor, the thresholds did not fit what came
#: next, and the evidence is left out because it describes other decisions.
LARGEST_MISS = 2.0


class Picking(NamedTuple):
    """Which decisions a model makes: the most confident share, or as many as are right often enough.

    Attributes:
        coverage: The share of decisions that is aimed at, in (0, 1).
        wanted_accuracy: If set, the accuracy that a lower bound must reach; ``coverage`` is not used then, and the
            model always abstains if no share reaches it.
    """

    coverage: float = 0.1
    wanted_accuracy: float | None = None


class PolicyStretch(NamedTuple):
    """The decisions that one model made out of sample, and what was known before it made them.

    Attributes:
        rows: Row numbers of the decisions, increasing.
        past: Earlier rows with an outcome, with probabilities on the scale of this model: for a calibrated model
            its own calibration rows, otherwise the predictions of the models before it.
    """

    rows: NDArray[np.int64]
    past: JudgedRows


class SettledPolicy(NamedTuple):
    """A policy, and what a manifest states of its conformal sets."""

    policy: Policy
    conformal: ConformalStatement | None


def settled_policy(
    decisions: DecisionSet,
    probability: NDArray[np.float64],
    stretches: Sequence[PolicyStretch],
    *,
    now: JudgedRows,
    picking: Picking,
    seed: int = 0,
) -> SettledPolicy:
    """The policy of a model that is made now.

    Args:
        decisions: Oldest first, with late entries if prices come often enough.
        probability: The out-of-sample probability of up, shape (n,).
        stretches: The tested stretches, oldest first, at least one.
        now: The past of the model that is made.
        picking: Which decisions the model makes.
        seed: The seed of the bootstraps.
    """
    scorer = _EvidenceScorer(decisions, probability, seed)
    limits = _limits(now)
    policy = Policy(
        bar_s=decisions.interval.milliseconds // 1000,
        picks_from=_least_confidence(now, picking),
        evidence=_evidence(scorer, stretches, now, picking),
        limits=limits,
    )
    return SettledPolicy(policy, None if limits is None else _statement(scorer, stretches, limits))


def _least_confidence(past: JudgedRows, picking: Picking) -> float | None:
    """The least confidence of a decision that is made, from a model's past; None if no decision is made."""
    confidence = confidence_of(past)
    if len(confidence) < LEAST_CONFIDENCES:
        return None
    if picking.wanted_accuracy is None:
        return 0.5 + float(np.quantile(confidence, 1 - picking.coverage))
    found = threshold_for_accuracy(confidence, is_hit_of(past), wanted=picking.wanted_accuracy)
    return None if found.limit == np.inf else 0.5 + found.limit


class _EvidenceScorer:
    """Counts which decisions were right, with intervals."""

    def __init__(self, decisions: DecisionSet, probability: NDArray[np.float64], seed: int) -> None:
        self.decisions = decisions
        self.probability = probability
        self._seed = seed

    def evidence(
        self, rows: NDArray[np.int64], made: NDArray[np.bool_], *, target: float, least_confidence: float
    ) -> Evidence | None:
        """The evidence of the decisions that were made among some rows; None if they are too few.

        Args:
            rows: The rows that could have been decided.
            made: Shape of ``rows``: which of them were decided.
            target: The coverage that was aimed at.
            least_confidence: The least confidence that the served model decides at.
        """
        own = self.decisions.own
        at_close = self._right(rows[made], own)
        if at_close is None or at_close.n < LEAST_EVIDENCE:
            return None
        late = {
            lag_ms // 1000: self._right(rows[made], forward_return)
            for lag_ms, forward_return in self.decisions.late.items()
        }
        return Evidence(
            target=target,
            least_confidence=least_confidence,
            coverage=at_close.n / int(own.is_decided[rows].sum()),
            at_close=at_close,
            late={seconds: metric for seconds, metric in late.items() if metric is not None},
        )

    def _right(self, rows: NDArray[np.int64], forward_return: ForwardReturn) -> Metric | None:
        rows = rows[forward_return.is_decided[rows]]
        return self.share(np.equal(self.probability[rows] >= 0.5, forward_return.is_up[rows]), rows)

    def share(self, is_so: NDArray[np.bool_], rows: NDArray[np.int64]) -> Metric | None:
        """A share of rows with its interval; None if there are no rows."""
        generator = np.random.default_rng(self._seed)
        interval = share_interval(is_so, self.decisions.as_of_ms[rows], generator=generator)
        if interval is None:
            return None
        return Metric(value=float(is_so.mean()), low=interval.low, high=interval.high, n=len(rows))


def _evidence(
    scorer: _EvidenceScorer, stretches: Sequence[PolicyStretch], now: JudgedRows, picking: Picking
) -> tuple[Evidence, ...]:
    """All evidence in the order of confidence; the first is that of all decisions."""
    everything = np.concatenate([stretch.rows for stretch in stretches])
    made = np.ones(len(everything), dtype=np.bool_)
    found = [scorer.evidence(everything, made, target=1.0, least_confidence=0.5)]
    for share in sorted({*TARGETS, picking.coverage}):
        one = _of_picking(scorer, stretches, now, Picking(share), target=share)
        if one is not None and 1 / LARGEST_MISS <= one.coverage / share <= LARGEST_MISS:
            found.append(one)
    if picking.wanted_accuracy is not None and (limit := _least_confidence(now, picking)) is not None:
        target = float((confidence_of(now) >= limit - 0.5).mean())
        found.append(_of_picking(scorer, stretches, now, picking, target=target))
    there = [one for one in found if one is not None]
    return tuple(sorted(there, key=lambda one: one.least_confidence))


def _of_picking(
    scorer: _EvidenceScorer,
    stretches: Sequence[PolicyStretch],
    now: JudgedRows,
    picking: Picking,
    *,
    target: float,
) -> Evidence | None:
    """The evidence of a picking, with the threshold that each stretch's own past gave."""
    served = _least_confidence(now, picking)
    ready = [stretch for stretch in stretches if len(stretch.past.is_up) >= LEAST_CONFIDENCES]
    if served is None or not ready:
        return None
    made = []
    for stretch in ready:
        limit = _least_confidence(stretch.past, picking)
        confidence = np.abs(scorer.probability[stretch.rows] - 0.5)
        made.append(confidence >= (np.inf if limit is None else limit - 0.5))
    rows = np.concatenate([stretch.rows for stretch in ready])
    return scorer.evidence(rows, np.concatenate(made), target=target, least_confidence=served)


def _limits(past: JudgedRows) -> ConformalLimits | None:
    if len(past.is_up) < LEAST_PAST:
        return None
    return conformal_limits(past.probability, past.is_up, miscoverage=MISCOVERAGE)


def _statement(
    scorer: _EvidenceScorer, stretches: Sequence[PolicyStretch], limits: ConformalLimits
) -> ConformalStatement:
    """The limits that are served, and how often sets of such limits held the outcomes of the stretches."""
    held, judged_rows = [], []
    for stretch in stretches:
        of_past, own = _limits(stretch.past), scorer.decisions.own
        if of_past is not None:
            rows = stretch.rows[own.is_decided[stretch.rows]]
            held.append(sets_of(scorer.probability[rows], of_past).holds(own.is_up[rows]))
            judged_rows.append(rows)
    coverage = scorer.share(np.concatenate(held), np.concatenate(judged_rows)) if held else None
    return ConformalStatement(
        miscoverage=limits.miscoverage,
        least_up=limits.least_up,
        least_down=limits.least_down,
        n_up=limits.n_up,
        n_down=limits.n_down,
        coverage=coverage,
    )
