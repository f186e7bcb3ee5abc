"""The metrics of a version and of the baselines beside it, on the same out-of-sample rows."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import Metric
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold
from trainers.evaluation.baselines import BASELINES, Baseline, Forecast, forecast_of
from trainers.evaluation.block_intervals import share_interval
from trainers.evaluation.intervals import block_rows, bootstrap_sums, percentile_interval
from trainers.evaluation.scores import (
    DIRECTION_SCORES,
    PROBABILITY_SCORES,
    TRUE_DOWN,
    TRUE_UP,
    Score,
    brier_score,
    direction_contributions,
    log_loss,
    n_decided,
    probability_contributions,
    tie_share,
)


class VersionMetrics(NamedTuple):
    """What a walk-forward says of a version.

    Attributes:
        metrics: Of the model, by name; ``tie_share`` among them.
        baselines: By baseline and metric.
    """

    metrics: dict[str, Metric]
    baselines: dict[str, dict[str, Metric]]


def version_metrics(
    decisions: DecisionSet,
    folds: Sequence[Fold],
    probability: NDArray[np.float64],
    *,
    generator: np.random.Generator,
    baselines: Mapping[str, Baseline] = BASELINES,
) -> VersionMetrics:
    """Score what was predicted out of sample, beside baselines that are refitted in the same folds.

    All scores have 95 % intervals. The accuracy's is by circular blocks of days, as is every other
    share of hits; those of the other scores are by the stationary bootstrap of rows.

    Args:
        decisions: Oldest first; the tested ones have an outcome.
        folds: Whose test rows were predicted, at least one.
        probability: Of up, shape (n,).
        generator: For the bootstrap.
        baselines: By name.
    """
    scorer = _Scorer(decisions, np.concatenate([fold.test for fold in folds]), generator)
    model = Forecast(probability >= 0.5, probability)
    return VersionMetrics(
        metrics=scorer.metrics(model) | scorer.tie_share(model),
        baselines={
            name: scorer.metrics(forecast_of(decisions, folds, baseline))
            for name, baseline in baselines.items()
        },
    )


class _Scorer:
    """Scores forecasts of the same rows."""

    def __init__(
        self, decisions: DecisionSet, test: NDArray[np.int64], generator: np.random.Generator
    ) -> None:
        self._test = test
        self._is_up = decisions.own.is_up[test]
        self._is_tie = decisions.own.is_tie[test]
        self._as_of_ms = decisions.as_of_ms[test]
        self._generator = generator
        self._block_rows = block_rows(
            n=len(test),
            interval_ms=decisions.interval.milliseconds,
            horizon_ms=decisions.horizon.milliseconds,
        )

    def metrics(self, forecast: Forecast) -> dict[str, Metric]:
        """The scores that a forecast can be given; what is undefined on these rows is left out."""
        contributions = self._contributions(forecast)
        return self._measured(contributions, _scores_of(forecast))

    def tie_share(self, forecast: Forecast) -> dict[str, Metric]:
        """The share of ties among the rows, as a plain figure."""
        sums = self._contributions(forecast).sum(axis=0)
        return {"tie_share": Metric(value=float(tie_share(sums)), low=None, high=None, n=len(self._is_tie))}

    def _contributions(self, forecast: Forecast) -> NDArray[np.float64]:
        if forecast.probability is not None:
            return probability_contributions(
                probability=forecast.probability[self._test], is_up=self._is_up, is_tie=self._is_tie
            )
        if forecast.says_up is None:
            message = "a forecast needs a direction or a probability"
            raise ValueError(message)
        return direction_contributions(
            says_up=forecast.says_up[self._test], is_up=self._is_up, is_tie=self._is_tie
        )

    def _measured(self, contributions: NDArray[np.float64], scores: Mapping[str, Score]) -> dict[str, Metric]:
        replicates = bootstrap_sums(
            contributions, mean_block_rows=self._block_rows, generator=self._generator
        )
        sums = contributions.sum(axis=0)
        measured = {
            name: _metric(float(score(sums)), score(replicates), int(n_decided(sums)))
            for name, score in scores.items()
        }
        if "accuracy" in measured:
            measured["accuracy"] = self._accuracy(contributions)
        return {name: metric for name, metric in measured.items() if not np.isnan(metric.value)}

    def _accuracy(self, contributions: NDArray[np.float64]) -> Metric:
        """The share of hits with the interval that every other share of hits has: by blocks of days."""
        decided = ~self._is_tie
        is_hit = (contributions[decided, TRUE_UP] + contributions[decided, TRUE_DOWN]) > 0
        found = share_interval(is_hit, self._as_of_ms[decided], generator=self._generator)
        low, high = (None, None) if found is None else found
        value = float(is_hit.mean()) if len(is_hit) else float("nan")
        return Metric(value=value, low=low, high=high, n=len(is_hit))


def _scores_of(forecast: Forecast) -> Mapping[str, Score]:
    if forecast.says_up is None:
        return {"brier_score": brier_score, "log_loss": log_loss}
    return DIRECTION_SCORES if forecast.probability is None else PROBABILITY_SCORES


def _metric(value: float, replicates: NDArray[np.float64], n: int) -> Metric:
    interval = percentile_interval(replicates)
    low, high = (None, None) if interval is None else interval
    return Metric(value=value, low=low, high=high, n=n)
