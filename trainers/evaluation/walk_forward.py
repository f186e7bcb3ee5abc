"""Judging: a model and the baselines refitted fold by fold, and scored on what came next."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import Metric
from trainers.datasets.samples import Samples
from trainers.datasets.splits import Fold, walk_forward
from trainers.evaluation.baselines import BASELINES, Baseline, Forecast
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
from trainers.evaluation.selective import share_interval

#: Fits on rows (n, k) and ups (n,), and returns the probabilities of up of other rows (m, k).
Learner = Callable[[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]], NDArray[np.float32]]


class Evaluation(NamedTuple):
    """What came out of a walk-forward.

    Attributes:
        metrics: Of the model, by name; ``tie_share`` among them.
        baselines: By baseline and metric.
        test_rows: Row numbers of the samples that were predicted out of sample, increasing.
        probability: Of up, for these rows.
    """

    metrics: dict[str, Metric]
    baselines: dict[str, dict[str, Metric]]
    test_rows: NDArray[np.int64]
    probability: NDArray[np.float64]


def evaluate(
    samples: Samples,
    learner: Learner,
    *,
    n_folds: int,
    generator: np.random.Generator,
    baselines: Mapping[str, Baseline] = BASELINES,
) -> Evaluation:
    """Refit and predict through purged walk-forward folds, and score with 95 % intervals.

    The accuracy's is by circular blocks of days, as is every other share of hits; those of the other
    scores are by the stationary bootstrap of rows.

    The model is fitted without ties. The baselines are refitted in the same folds and judged on
    the same rows.

    Args:
        samples: Oldest first.
        learner: The model's fitting and predicting.
        n_folds: Refits.
        generator: For the bootstrap.
        baselines: By name.

    Raises:
        ValueError: If there are too few rows, or a fold has nothing to learn from.
    """
    folds = walk_forward(samples, n_folds=n_folds)
    probability = np.concatenate([_predicted(samples, fold, learner) for fold in folds]).astype(np.float64)
    return scored(samples, folds, probability, generator=generator, baselines=baselines)


def scored(
    samples: Samples,
    folds: Sequence[Fold],
    probability: NDArray[np.float64],
    *,
    generator: np.random.Generator,
    baselines: Mapping[str, Baseline] = BASELINES,
) -> Evaluation:
    """Score what was predicted out of sample, beside baselines that are refitted in the same folds.

    Args:
        samples: Oldest first.
        folds: Whose test rows were predicted, at least one.
        probability: Of up, for the folds' test rows one fold after the other.
        generator: For the bootstrap.
        baselines: By name.
    """
    test = np.concatenate([fold.test for fold in folds])
    judge = _Judge(samples, test, generator)
    model = Forecast(probability >= 0.5, probability)
    return Evaluation(
        metrics=judge.metrics(model) | judge.tie_share(model),
        baselines={
            name: judge.metrics(_joined([baseline(samples, fold) for fold in folds]))
            for name, baseline in baselines.items()
        },
        test_rows=test,
        probability=probability,
    )


def _predicted(samples: Samples, fold: Fold, learner: Learner) -> NDArray[np.float32]:
    train = fold.train[~samples.is_tie[fold.train]]
    if len(train) == 0:
        message = "a fold must have rows to train on: every one was a tie or purged"
        raise ValueError(message)
    return learner(samples.rows[train], samples.is_up[train], samples.rows[fold.test])


def _joined(forecasts: list[Forecast]) -> Forecast:
    sides = [forecast.says_up for forecast in forecasts if forecast.says_up is not None]
    probabilities = [forecast.probability for forecast in forecasts if forecast.probability is not None]
    return Forecast(
        np.concatenate(sides) if sides else None, np.concatenate(probabilities) if probabilities else None
    )


class _Judge:
    """Scores forecasts of the same rows."""

    def __init__(self, samples: Samples, test: NDArray[np.int64], generator: np.random.Generator) -> None:
        self._is_up = samples.is_up[test]
        self._is_tie = samples.is_tie[test]
        self._as_of_ms = samples.as_of_ms[test]
        self._generator = generator
        self._block_rows = block_rows(
            n=len(test), interval_ms=samples.interval.milliseconds, horizon_ms=samples.horizon.milliseconds
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
                probability=forecast.probability, is_up=self._is_up, is_tie=self._is_tie
            )
        if forecast.says_up is None:
            message = "a forecast needs a direction or a probability"
            raise ValueError(message)
        return direction_contributions(says_up=forecast.says_up, is_up=self._is_up, is_tie=self._is_tie)

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
