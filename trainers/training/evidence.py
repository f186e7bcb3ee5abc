"""The evidence of a version: a walk-forward with its recipe, and the policy that follows from it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import Metric
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import equal_folds
from trainers.evaluation.conformal import JudgedRows, judged
from trainers.evaluation.policies import Picking, PolicyStretch, SettledPolicy, settled_policy
from trainers.evaluation.version_metrics import version_metrics
from trainers.evaluation.walk_forward import FoldModel, out_of_sample
from trainers.models.calibration import CalibratedModel, Reference
from trainers.models.recipes import FittedModel, Recipe

#: A fold with fewer training rows than this is left out of the evidence.
LEAST_FOLD_ROWS = 150


class WalkForwardEvidence(NamedTuple):
    """What the walk-forward found; all parts are empty if no fold had enough rows to learn from."""

    metrics: dict[str, Metric]
    baselines: dict[str, dict[str, Metric]]
    settled: SettledPolicy | None


def walk_forward_evidence(
    decisions: DecisionSet,
    recipe: Recipe,
    *,
    n_folds: int,
    picking: Picking,
    served: FittedModel,
    until_ms: int,
    seed: int = 0,
) -> WalkForwardEvidence:
    """Walk forward with a recipe, and compute the policy of the model that was fitted on all rows.

    Args:
        decisions: Oldest first, each with an outcome.
        recipe: The recipe that is fitted in each fold.
        n_folds: The number of refits.
        picking: Which decisions the version makes.
        served: The model of the same recipe that was fitted on all rows.
        until_ms: When the version is made; every outcome was known by then.
        seed: The seed of the bootstraps.
    """
    folds = equal_folds(decisions, n_folds=n_folds, until_ms=until_ms)
    folds = tuple(fold for fold in folds if len(fold.train) >= LEAST_FOLD_ROWS)
    if not folds:
        return WalkForwardEvidence({}, {}, None)
    references: dict[int, Reference | None] = {}

    def remember(found: FoldModel) -> None:
        references[int(found.fold.test[0])] = _reference(found.fitted)

    probability = out_of_sample(decisions, recipe, folds=folds, least_rows=LEAST_FOLD_ROWS, watch=remember)
    stretches = [
        PolicyStretch(
            fold.test,
            _past(
                decisions,
                references[int(fold.test[0])],
                probability,
                at_ms=int(decisions.as_of_ms[fold.test[0]]),
            ),
        )
        for fold in folds
    ]
    settled = settled_policy(
        decisions,
        probability,
        stretches,
        now=_past(decisions, _reference(served), probability, at_ms=until_ms),
        picking=picking,
        seed=seed,
    )
    found = version_metrics(decisions, folds, probability, generator=np.random.default_rng(seed))
    # The accuracy over all decisions is one figure with one interval, wherever it is stated.
    all_of_them = [row.at_close for row in settled.policy.evidence if row.target == 1]
    metrics = found.metrics | ({"accuracy": all_of_them[0]} if all_of_them else {})
    return WalkForwardEvidence(metrics, found.baselines, settled)


def _reference(fitted: FittedModel) -> Reference | None:
    """A calibrated model's own calibration rows; None of any other model."""
    return fitted.reference if isinstance(fitted, CalibratedModel) else None


def _past(
    decisions: DecisionSet, reference: Reference | None, probability: NDArray[np.float64], *, at_ms: int
) -> JudgedRows:
    """The rows that set a model's thresholds: its own calibration rows, or the predictions of earlier models."""
    if reference is None:
        return judged(decisions.as_of_ms, probability, decisions.own).past_of(at_ms)
    rows = np.searchsorted(decisions.as_of_ms, reference.as_of_ms)
    return JudgedRows(
        reference.as_of_ms, decisions.own.known_ms[rows], reference.probability, reference.is_up
    )
