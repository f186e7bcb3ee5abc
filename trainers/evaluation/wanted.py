"""A wanted accuracy: how many decisions are made when an accuracy is asked for, and how accurate they are.

At each of the test's starts a threshold is set from the trailing year's out-of-sample decisions whose
outcome was known a day before, by a lower bound and not by the point estimate
(:func:`~trainers.evaluation.selective.threshold_for_accuracy`). If no share of decisions is accurate enough,
the model abstains for the stretch. The past is a year: half a year proves too little to decide anything,
and in more than a year the edge fades (RESULTS.md of trainers has the measurements).
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.evaluation.block_intervals import DAY_MS, share_interval
from trainers.evaluation.conformal import JudgedRows
from trainers.evaluation.selective import AccuracyThreshold, threshold_for_accuracy

Figures = dict[str, Any]
WANTED = (0.55, 0.6, 0.65)
TRAILING_YEAR_MS = 365 * DAY_MS


def wanted_figures(
    rows: JudgedRows,
    *,
    starts_ms: tuple[int, ...],
    until_ms: int,
    seed: int = 0,
    accuracies: tuple[float, ...] = WANTED,
) -> list[Figures]:
    """For each wanted accuracy: the realised coverage and accuracy, with an interval and by year.

    Args:
        rows: The judged rows, including those before the test.
        starts_ms: The times at which thresholds are set, increasing.
        until_ms: The end of the test.
        seed: The seed of the bootstrap.
        accuracies: The accuracies that are asked for.
    """
    tested = rows.between(starts_ms[0], until_ms)
    return [
        _figures(tested, _chosen(rows, (*starts_ms, until_ms), wanted), wanted, np.random.default_rng(seed))
        for wanted in accuracies
    ]


def _chosen(rows: JudgedRows, edges_ms: tuple[int, ...], wanted: float) -> NDArray[np.bool_]:
    """Which of the tested rows are decided, with the threshold of each stretch."""
    parts = []
    for start_ms, end_ms in pairwise(edges_ms):
        found = settled(rows, at_ms=start_ms, wanted=wanted)
        parts.append(confidence_of(rows.between(start_ms, end_ms)) >= found.limit)
    return np.concatenate(parts)


def settled(rows: JudgedRows, *, at_ms: int, wanted: float) -> AccuracyThreshold:
    """The threshold that the year before a time gives.

    Args:
        rows: The judged rows, including those before the time.
        at_ms: When the threshold is set; it uses nothing that was known later.
        wanted: The accuracy that is asked for.
    """
    past = rows.past_of(at_ms, trailing_ms=TRAILING_YEAR_MS)
    return threshold_for_accuracy(confidence_of(past), is_hit_of(past), wanted=wanted)


def confidence_of(rows: JudgedRows) -> NDArray[np.float64]:
    """The distance of each probability from one half."""
    return np.abs(rows.probability - 0.5)


def is_hit_of(rows: JudgedRows) -> NDArray[np.bool_]:
    """Whether each decision was right."""
    return np.equal(rows.probability >= 0.5, rows.is_up)


def _figures(
    tested: JudgedRows, is_chosen: NDArray[np.bool_], wanted: float, generator: np.random.Generator
) -> Figures:
    hit, as_of_ms = is_hit_of(tested)[is_chosen], tested.as_of_ms[is_chosen]
    year = as_of_ms.astype("datetime64[ms]").astype("datetime64[Y]").astype(np.int64) + 1970
    interval = share_interval(hit, as_of_ms, generator=generator)
    return {
        "wanted_accuracy": wanted,
        "coverage": len(hit) / len(is_chosen) if len(is_chosen) else 0.0,
        "n": len(hit),
        "accuracy": float(hit.mean()) if len(hit) else None,
        "interval": None if interval is None else list(interval),
        "by_year": {
            str(one): {"n": int((year == one).sum()), "accuracy": float(hit[year == one].mean())}
            for one in np.unique(year)
        },
    }
