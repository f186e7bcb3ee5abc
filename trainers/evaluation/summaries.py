"""The summary of an evaluation: every figure that a reader needs to believe or to doubt it.

The accuracy over all decisions always stands beside the selective figures, with intervals, by year, and
for entries that come late.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold
from trainers.datasets.prices import ForwardReturn
from trainers.evaluation.baselines import (
    Baseline,
    always_up,
    forecast_of,
    majority_class,
    persistence,
    reversal,
)
from trainers.evaluation.block_intervals import share_interval
from trainers.evaluation.conformal import conformal_figures, judged
from trainers.evaluation.scores import (
    balanced_accuracy,
    brier_score,
    calibration_error,
    log_loss,
    matthews_correlation,
    probability_contributions,
)
from trainers.evaluation.selective import TARGETS, Thresholds, chosen, selective_accuracy
from trainers.evaluation.significance import pesaran_timmermann
from trainers.evaluation.wanted import wanted_figures
from trainers.registry.leak_alarms import LEAK_ALARM, is_too_good

Figures = dict[str, Any]

#: The baselines of an evaluation that take a side.
_SIDES: Mapping[str, Baseline] = {
    "always_up": always_up,
    "majority_class": majority_class,
    "persistence": persistence,
    "reversal": reversal,
}


class OutOfSampleResult(NamedTuple):
    """Out-of-sample probabilities, and the stretch of the test.

    Attributes:
        probability: Shape (n,), NaN where nothing was predicted; the half year before the test is included.
        starts_ms: The times at which limits and regimes are set again; the first is the beginning of the test.
        until_ms: The end of the test.
        thresholds: How often thresholds of confidence are set again.
    """

    decisions: DecisionSet
    probability: NDArray[np.float64]
    starts_ms: Sequence[int]
    until_ms: int
    thresholds: Thresholds = Thresholds.WEEKLY

    def rows(self, forward_return: ForwardReturn) -> NDArray[np.int64]:
        """The tested rows whose outcome is known and not a tie."""
        return np.flatnonzero(self._is_tested() & forward_return.is_decided)

    def chosen(self, target: float) -> NDArray[np.bool_]:
        """Which decisions the model makes when it aims at a coverage, shape (n,)."""
        return chosen(
            self.probability,
            self.decisions.as_of_ms,
            starts_ms=self.thresholds.times(from_ms=self.starts_ms[0], until_ms=self.until_ms),
            until_ms=self.until_ms,
            target=target,
            trailing_ms=self.thresholds.trailing_ms,
        )

    def n_ties(self) -> int:
        """The number of tested rows that are ties."""
        return int((self._is_tested() & self.decisions.own.is_tie).sum())

    def _is_tested(self) -> NDArray[np.bool_]:
        as_of_ms = self.decisions.as_of_ms
        within = (as_of_ms >= self.starts_ms[0]) & (as_of_ms < self.until_ms)
        tested: NDArray[np.bool_] = within & ~np.isnan(self.probability)
        return tested


def summary(tested: OutOfSampleResult, *, seed: int = 0) -> Figures:
    """All figures of a test.

    Args:
        tested: The out-of-sample probabilities.
        seed: The seed of the bootstraps.

    Returns:
        JSON-ready: ``n``, ``n_ties``, ``accuracy``, ``accuracy_interval``, ``brier``, ``log_loss``,
        ``selective``, ``by_year``, ``by_quarter``, ``lags``, ``conformal``, ``wanted_accuracy`` and more;
        figures are None if nothing was tested.
    """
    generator = np.random.default_rng(seed)
    rows = tested.rows(tested.decisions.own)
    picks = {target: tested.chosen(target) for target in TARGETS}
    as_of_ms = tested.decisions.as_of_ms[rows]
    hit = _hits(tested, tested.decisions.own, rows)
    whole = _whole(hit, as_of_ms, generator)
    return {
        "n": len(rows),
        "n_ties": tested.n_ties(),
        **whole,
        **_probability_figures(tested, rows),
        "selective": _selective(hit, picks, rows, as_of_ms, generator),
        "by_year": _by_stretch(tested, picks, rows, hit, unit="Y", generator=generator),
        "by_quarter": _by_stretch(tested, picks, rows, hit, unit="Q", generator=generator),
        "lags": _late(tested, picks, generator),
        **_guarantees(tested, seed=seed),
        "leak_alarm": is_too_good((whole["accuracy_interval"] or (None,))[0]),
        "leak_alarm_above": LEAK_ALARM,
    }


def _hits(
    tested: OutOfSampleResult, forward_return: ForwardReturn, rows: NDArray[np.int64]
) -> NDArray[np.bool_]:
    return np.equal(tested.probability[rows] >= 0.5, forward_return.is_up[rows])


def _whole(hit: NDArray[np.bool_], as_of_ms: NDArray[np.int64], generator: np.random.Generator) -> Figures:
    return {
        "accuracy": float(hit.mean()) if len(hit) else None,
        "accuracy_interval": _pair(share_interval(hit, as_of_ms, generator=generator)),
    }


def _pair(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [interval[0], interval[1]]


def _probability_figures(tested: OutOfSampleResult, rows: NDArray[np.int64]) -> Figures:
    is_up = tested.decisions.own.is_up[rows]
    probability = tested.probability[rows]
    if not len(rows):
        return {"brier": None, "log_loss": None}
    sums = probability_contributions(
        probability=probability, is_up=is_up, is_tie=np.zeros(len(rows), dtype=np.bool_)
    ).sum(axis=0)
    test = pesaran_timmermann(says_up=probability >= 0.5, is_up=is_up)
    return {
        "brier": float(brier_score(sums)),
        "log_loss": float(log_loss(sums)),
        "balanced_accuracy": float(balanced_accuracy(sums)),
        "matthews_correlation": float(matthews_correlation(sums)),
        "calibration_error": float(calibration_error(sums)),
        "pesaran_timmermann": {"statistic": test.statistic, "p_value": test.p_value},
    }


def _selective(
    hit: NDArray[np.bool_],
    picks: Mapping[float, NDArray[np.bool_]],
    rows: NDArray[np.int64],
    as_of_ms: NDArray[np.int64],
    generator: np.random.Generator,
) -> list[Figures]:
    found = []
    for target, is_chosen in picks.items():
        one = selective_accuracy(hit, is_chosen[rows], as_of_ms, target=target, generator=generator)
        found.append({**one._asdict(), "interval": _pair(one.interval)})
    return found


def _by_stretch(
    tested: OutOfSampleResult,
    picks: Mapping[float, NDArray[np.bool_]],
    rows: NDArray[np.int64],
    hit: NDArray[np.bool_],
    *,
    unit: str,
    generator: np.random.Generator,
) -> dict[str, Figures]:
    as_of_ms = tested.decisions.as_of_ms[rows]
    keys = stretch_names(as_of_ms, unit=unit)
    found = {}
    for key in np.unique(keys):
        here = keys == key
        found[str(key)] = {
            "n": int(here.sum()),
            **_whole(hit[here], as_of_ms[here], generator),
            "selective": _selective(hit[here], picks, rows[here], as_of_ms[here], generator),
        }
    return found


def stretch_names(time_ms: NDArray[np.int64], *, unit: str) -> NDArray[np.str_]:
    """The year (``Y``) or quarter (``Q``) of each time, such as ``2024`` or ``2024-Q3``."""
    month = time_ms.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    year = np.char.mod("%d", 1970 + month // 12)
    return year if unit == "Y" else np.char.add(year, np.char.mod("-Q%d", 1 + month % 12 // 3))


def _late(
    tested: OutOfSampleResult, picks: Mapping[float, NDArray[np.bool_]], generator: np.random.Generator
) -> dict[str, Figures]:
    """The figures of the same choices for entries that come late and are held as long."""
    found = {}
    for lag_ms, forward_return in tested.decisions.late.items():
        rows = tested.rows(forward_return)
        hit = _hits(tested, forward_return, rows)
        as_of_ms = tested.decisions.as_of_ms[rows]
        found[f"{lag_ms // 60_000}m"] = {
            "lag_seconds": lag_ms // 1000,
            "n": len(rows),
            **_whole(hit, as_of_ms, generator),
            "selective": _selective(hit, picks, rows, as_of_ms, generator),
        }
    return found


def _guarantees(tested: OutOfSampleResult, *, seed: int) -> Figures:
    """The realised coverage of conformal sets, and the realised accuracy where one was wanted."""
    rows = judged(tested.decisions.as_of_ms, tested.probability, tested.decisions.own)
    starts_ms, until_ms = tuple(tested.starts_ms), tested.until_ms
    return {
        "conformal": conformal_figures(rows, starts_ms=starts_ms, until_ms=until_ms, seed=seed),
        "wanted_accuracy": wanted_figures(rows, starts_ms=starts_ms, until_ms=until_ms, seed=seed),
    }


def baseline_figures(
    decisions: DecisionSet, folds: Sequence[Fold], rows: NDArray[np.int64], *, seed: int = 0
) -> dict[str, Figures]:
    """The figures of always up, the training majority, persistence, reversal and the random walk, on the tested rows.

    Args:
        decisions: Oldest first.
        folds: The folds of the test.
        rows: The tested rows without ties.
        seed: The seed of the bootstraps.
    """
    generator = np.random.default_rng(seed)
    is_up, as_of_ms = decisions.own.is_up[rows], decisions.as_of_ms[rows]
    forecasts = {name: forecast_of(decisions, folds, baseline) for name, baseline in _SIDES.items()}
    figures = {
        name: _whole(forecast.says_up[rows] == is_up, as_of_ms, generator)
        for name, forecast in forecasts.items()
        if forecast.says_up is not None
    }
    figures["random_walk"] = {"brier": 0.25, "log_loss": float(np.log(2))}
    share = forecasts["majority_class"].probability
    if share is not None:
        brier = float(np.mean((share[rows] - is_up) ** 2)) if len(rows) else None
        figures["majority_class"]["brier"] = brier
    return figures
