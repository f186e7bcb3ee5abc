"""Figures by regime: whether a model works in calm and in volatile markets, in trends, and at every hour.

A regime is known at the decision. The limits of terciles come from the values of the trailing year that ends a
day before each quarter, as the thresholds of confidence do.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet
from trainers.evaluation.block_intervals import DAY_MS, share_interval
from trainers.evaluation.selective import GAP_MS, selective_accuracy
from trainers.evaluation.summaries import OutOfSampleResult

#: How far back terciles look.
TRAILING_MS = 365 * DAY_MS
_LEAST_VALUES = 100
_HOUR_MS = DAY_MS // 24
_SATURDAY = 5
#: The first of January 1970 was a Thursday.
_FIRST_WEEKDAY = 3

_VOLATILITY, _TREND = "realised_volatility_60", "trend_efficiency_60"
#: Regimes by the thirds of a feature: by dimension, the feature and the names of its lowest, middle and highest third.
TERCILES = {
    "volatility": (_VOLATILITY, ("calm", "middling", "wild")),
    "trend": (_TREND, ("falling", "sideways", "rising")),
}
#: Sessions by the hour of the decision, UTC: the hour at which each begins.
SESSIONS = {"Asia, 0-7 h": 0, "Europe, 7-13 h": 7, "America, 13-21 h": 13, "night, 21-24 h": 21}
#: The coverage of the selective figures.
TARGET = 0.1


def regimes(
    decisions: DecisionSet, *, starts_ms: Sequence[int], until_ms: int
) -> dict[str, NDArray[np.str_]]:
    """The regime of each row, by dimension; an empty text where it is unknown.

    Args:
        decisions: Oldest first.
        starts_ms: The times at which limits are computed, increasing.
        until_ms: The end of the last stretch.

    Returns:
        Arrays of shape (n,); a dimension is missing if the decisions do not have its feature.
    """
    found = {"session": _sessions(decisions.as_of_ms), "day": _days(decisions.as_of_ms)}
    edges_ms = (*starts_ms, until_ms)
    for dimension, (feature, names) in TERCILES.items():
        if feature in decisions.names:
            values = decisions.rows[:, decisions.names.index(feature)].astype(np.float64)
            found[dimension] = trailing_terciles(values, decisions.as_of_ms, edges_ms=edges_ms, names=names)
    return {name: found[name] for name in (*TERCILES, "session", "day") if name in found}


def trailing_terciles(
    values: NDArray[np.float64], as_of_ms: NDArray[np.int64], *, edges_ms: Sequence[int], names: Sequence[str]
) -> NDArray[np.str_]:
    """The third of the trailing year's values in which the value of each row lies.

    Args:
        values: Shape (n,), NaN where undefined.
        as_of_ms: Shape (n,), strictly increasing.
        edges_ms: The ends of the stretches, increasing; rows outside have an empty name.
        names: The names of the lowest, the middle and the highest third.
    """
    found = np.full(len(values), "", dtype=f"<U{max(map(len, names))}")
    for start_ms, end_ms in pairwise(edges_ms):
        limits = _limits(values, as_of_ms, at_ms=start_ms)
        first, last = np.searchsorted(as_of_ms, [start_ms, end_ms])
        here = values[first:last]
        if limits is not None:
            named = np.array(names)[np.searchsorted(limits, here, side="right").clip(max=2)]
            found[first:last] = np.where(np.isnan(here), "", named)
    return found


def _limits(
    values: NDArray[np.float64], as_of_ms: NDArray[np.int64], *, at_ms: int
) -> NDArray[np.float64] | None:
    first, last = np.searchsorted(as_of_ms, [at_ms - GAP_MS - TRAILING_MS, at_ms - GAP_MS])
    earlier = values[first:last]
    earlier = earlier[~np.isnan(earlier)]
    if len(earlier) < _LEAST_VALUES:
        return None
    limits: NDArray[np.float64] = np.quantile(earlier, [1 / 3, 2 / 3])
    return limits


def _sessions(as_of_ms: NDArray[np.int64]) -> NDArray[np.str_]:
    hour = as_of_ms % DAY_MS // _HOUR_MS
    number = np.searchsorted(list(SESSIONS.values()), hour, side="right") - 1
    return np.array(list(SESSIONS))[number]


def _days(as_of_ms: NDArray[np.int64]) -> NDArray[np.str_]:
    weekday = (as_of_ms // DAY_MS + _FIRST_WEEKDAY) % 7
    return np.where(weekday >= _SATURDAY, "weekend", "weekday")


def regime_figures(tested: OutOfSampleResult, *, seed: int = 0) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The accuracy over all decisions and at a target coverage of 10 %, with intervals, by dimension and regime.

    Returns:
        JSON-ready, with regimes in the order of their declaration.
    """
    generator = np.random.default_rng(seed)
    rows = tested.rows(tested.decisions.own)
    hit = np.equal(tested.probability[rows] >= 0.5, tested.decisions.own.log_return[rows] > 0)
    picked = tested.chosen(TARGET)[rows]
    as_of_ms = tested.decisions.as_of_ms[rows]
    found = regimes(tested.decisions, starts_ms=tested.starts_ms, until_ms=tested.until_ms)
    return {
        dimension: {
            str(name): _figures(hit, picked, as_of_ms, here=labels[rows] == name, generator=generator)
            for name in _ordered(labels[rows])
        }
        for dimension, labels in found.items()
    }


def _ordered(labels: NDArray[np.str_]) -> list[str]:
    declared = [name for _, names in TERCILES.values() for name in names]
    order = [*declared, *SESSIONS, "weekday", "weekend"]
    present = set(labels.tolist())
    return [name for name in order if name in present]


def _figures(
    hit: NDArray[np.bool_],
    picked: NDArray[np.bool_],
    as_of_ms: NDArray[np.int64],
    *,
    here: NDArray[np.bool_],
    generator: np.random.Generator,
) -> Mapping[str, Any]:
    whole = share_interval(hit[here], as_of_ms[here], generator=generator)
    chosen = selective_accuracy(hit[here], picked[here], as_of_ms[here], target=TARGET, generator=generator)
    return {
        "n": int(here.sum()),
        "accuracy": float(hit[here].mean()),
        "accuracy_interval": None if whole is None else list(whole),
        "selective": {
            **chosen._asdict(),
            "interval": None if chosen.interval is None else list(chosen.interval),
        },
    }
