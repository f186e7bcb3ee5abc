"""Settling a policy: what a model states beside its probabilities, from its out-of-sample decisions.

Everything that serves from now on (thresholds, limits of sets) is settled on the newest stretch before
the model is made, and the figures beside it come from doing the same thing earlier, fold by fold, and
looking at what came next. Nothing is judged on the rows it was settled on.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import ConformalStatement, Evidence, Metric
from trainers.datasets.decisions import DecisionSet, Move
from trainers.datasets.splits import Fold
from trainers.evaluation.conformal import LEAST_PAST, Judged, conformal_figures, judged
from trainers.evaluation.selective import TARGETS, chosen, share_interval, threshold
from trainers.evaluation.summaries import Tested
from trainers.evaluation.wanted import settled
from trainers.models.conformal import MISCOVERAGE, ConformalLimits, conformal_limits
from trainers.models.policies import Policy

#: Evidence of fewer decisions than this is left out: its interval says nothing.
LEAST_EVIDENCE = 30
#: Where the share that was decided is this many times what was aimed at, or so many times less, the
#: thresholds of earlier stretches did not fit the later ones, and the figures are of other decisions.
LARGEST_MISS = 2.0


class Picking(NamedTuple):
    """When a model makes a decision: the most confident share, or as many as are right often enough.

    Attributes:
        coverage: The share aimed at, in (0, 1).
        wanted_accuracy: If set, the accuracy that a lower bound must reach. It takes the place of the
            share, and where nothing reaches it the model always abstains.
    """

    coverage: float = 0.1
    wanted_accuracy: float | None = None


class Settled(NamedTuple):
    """A policy, and what a manifest says of its sets."""

    policy: Policy
    conformal: ConformalStatement | None


def settled_policy(
    decisions: DecisionSet,
    probability: NDArray[np.float64],
    folds: Sequence[Fold],
    *,
    until_ms: int,
    picking: Picking,
    seed: int = 0,
) -> Settled:
    """The policy of a model that is made now.

    Args:
        decisions: Oldest first, with late entries where they can be had.
        probability: Out of sample, shape (n,), NaN where nothing was predicted.
        folds: Those that were predicted, at least one.
        until_ms: When the model is made, in the stream's time.
        picking: What a pick is.
        seed: Of the bootstraps.
    """
    starts_ms = tuple(int(decisions.as_of_ms[fold.test[0]]) for fold in folds)
    tested = Tested(decisions, probability, starts_ms, until_ms)
    rows = judged(decisions.as_of_ms, probability, decisions.own)
    picks_from, evidence = _evidence(tested, rows, picking, seed=seed)
    limits = _limits(rows, until_ms)
    policy = Policy(
        bar_s=decisions.interval.milliseconds // 1000,
        picks_from=picks_from,
        evidence=evidence,
        limits=limits,
    )
    return Settled(policy, _statement(limits, rows, tested, seed=seed))


def _evidence(
    tested: Tested, rows: Judged, picking: Picking, *, seed: int
) -> tuple[float | None, tuple[Evidence, ...]]:
    """From which confidence on it picks, and the evidence by growing confidence."""
    everything = np.ones(len(tested.probability), dtype=np.bool_)
    found = [_judged_evidence(tested, everything, target=1.0, least_confidence=0.5, seed=seed)]
    # Only stretches with decisions before them have thresholds; the others would dilute the coverage.
    later = tested._replace(starts_ms=_ready(tested))
    if later.starts_ms:
        found += [_of_share(later, share, seed=seed) for share in sorted({*TARGETS, picking.coverage})]
    if picking.wanted_accuracy is None:
        limit = _threshold(tested, tested.until_ms, picking.coverage)
    else:
        now = settled(rows, at_ms=tested.until_ms, wanted=picking.wanted_accuracy)
        limit = now.limit
        if later.starts_ms and limit < np.inf:
            made = _made_for_accuracy(later, rows, picking.wanted_accuracy)
            found.append(
                _judged_evidence(later, made, target=now.target, least_confidence=0.5 + limit, seed=seed)
            )
    there = [one for one in found if one is not None]
    picks_from = None if limit == np.inf else 0.5 + limit
    return picks_from, tuple(sorted(there, key=lambda one: one.least_confidence))


def _ready(tested: Tested) -> tuple[int, ...]:
    return tuple(start for start in tested.starts_ms if _threshold(tested, start, 0.5) < np.inf)


def _threshold(tested: Tested, at_ms: int, share: float) -> float:
    confidence = np.abs(tested.probability - 0.5)
    return threshold(confidence, tested.decisions.as_of_ms, at_ms=at_ms, target=share)


def _of_share(tested: Tested, share: float, *, seed: int) -> Evidence | None:
    made = chosen(
        tested.probability,
        tested.decisions.as_of_ms,
        starts_ms=tested.starts_ms,
        until_ms=tested.until_ms,
        target=share,
    )
    limit = _threshold(tested, tested.until_ms, share)
    found = _judged_evidence(tested, made, target=share, least_confidence=0.5 + limit, seed=seed)
    is_near = found is not None and 1 / LARGEST_MISS <= found.coverage / share <= LARGEST_MISS
    return found if is_near else None


def _made_for_accuracy(tested: Tested, rows: Judged, wanted: float) -> NDArray[np.bool_]:
    """Which decisions it would have made, with the threshold that each stretch's past gave."""
    confidence, as_of_ms = np.abs(tested.probability - 0.5), tested.decisions.as_of_ms
    made = np.zeros(len(confidence), dtype=np.bool_)
    for start_ms, end_ms in pairwise((*tested.starts_ms, tested.until_ms)):
        first, last = np.searchsorted(as_of_ms, [start_ms, end_ms])
        limit = settled(rows, at_ms=start_ms, wanted=wanted).limit
        made[first:last] = confidence[first:last] >= limit
    return made


def _judged_evidence(
    tested: Tested, made: NDArray[np.bool_], *, target: float, least_confidence: float, seed: int
) -> Evidence | None:
    """None where there is too little to judge, or nothing serves."""
    at_close = _right(tested, tested.decisions.own, made, seed=seed)
    if at_close is None or at_close.n < LEAST_EVIDENCE or least_confidence == np.inf:
        return None
    late = {
        lag_ms // 1000: _right(tested, move, made, seed=seed)
        for lag_ms, move in tested.decisions.late.items()
    }
    return Evidence(
        target=target,
        least_confidence=least_confidence,
        coverage=at_close.n / len(tested.rows(tested.decisions.own)),
        at_close=at_close,
        late={seconds: metric for seconds, metric in late.items() if metric is not None},
    )


def _right(tested: Tested, move: Move, made: NDArray[np.bool_], *, seed: int) -> Metric | None:
    """The share of the decisions made that were right; None of none."""
    rows = tested.rows(move)
    rows = rows[made[rows]]
    hit = np.equal(tested.probability[rows] >= 0.5, move.log_return[rows] > 0)
    interval = share_interval(hit, tested.decisions.as_of_ms[rows], generator=np.random.default_rng(seed))
    if interval is None:
        return None
    return Metric(value=float(hit.mean()), low=interval.low, high=interval.high, n=len(rows))


def _limits(rows: Judged, until_ms: int) -> ConformalLimits | None:
    past = rows.past_of(until_ms)
    if len(past.is_up) < LEAST_PAST:
        return None
    return conformal_limits(past.probability, past.is_up, miscoverage=MISCOVERAGE)


def _statement(
    limits: ConformalLimits | None, rows: Judged, tested: Tested, *, seed: int
) -> ConformalStatement | None:
    if limits is None:
        return None
    figures = conformal_figures(rows, starts_ms=tuple(tested.starts_ms), until_ms=tested.until_ms, seed=seed)
    coverage = None
    if figures["coverage"] is not None:
        low, high = figures["coverage_interval"]
        coverage = Metric(value=figures["coverage"], low=low, high=high, n=figures["n"])
    return ConformalStatement(
        miscoverage=limits.miscoverage,
        least_up=limits.least_up,
        least_down=limits.least_down,
        n_up=limits.n_up,
        n_down=limits.n_down,
        coverage=coverage,
    )
