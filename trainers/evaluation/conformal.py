"""How often conformal sets held the outcome in a walk-forward, for plain and for adaptive sets.

At each of the test's starts the limits are computed again from the out-of-sample rows of the trailing
half year whose outcome was known a day before. The guarantee of the sets rests on exchangeability, which
does not hold for prices; so the realised coverage is counted, per direction and year.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.prices import ForwardReturn
from trainers.evaluation.block_intervals import share_interval
from trainers.evaluation.selective import GAP_MS, PAST_MS
from trainers.models.conformal import MISCOVERAGE, Sets, adaptive_sets, conformal_limits, sets_of

Figures = dict[str, Any]
#: With fewer earlier outcomes than this no limits are computed, and the stretch is left out.
LEAST_PAST = 200


class JudgedRows(NamedTuple):
    """Out-of-sample rows with an outcome, without ties; each array has shape (n,), oldest first."""

    as_of_ms: NDArray[np.int64]
    known_ms: NDArray[np.int64]
    probability: NDArray[np.float64]
    is_up: NDArray[np.bool_]

    def between(self, from_ms: int, until_ms: int) -> "JudgedRows":
        """The rows decided in ``[from_ms, until_ms)``."""
        return self.at((self.as_of_ms >= from_ms) & (self.as_of_ms < until_ms))

    def past_of(self, at_ms: int, *, trailing_ms: int = PAST_MS) -> "JudgedRows":
        """The rows of the trailing stretch whose outcome was known a day before a time."""
        found = self.between(at_ms - GAP_MS - trailing_ms, at_ms - GAP_MS)
        return found.at(found.known_ms <= at_ms - GAP_MS)

    def at(self, rows: NDArray[np.bool_]) -> "JudgedRows":
        """The rows where a mask is true."""
        return JudgedRows(self.as_of_ms[rows], self.known_ms[rows], self.probability[rows], self.is_up[rows])


def judged(
    as_of_ms: NDArray[np.int64], probability: NDArray[np.float64], forward_return: ForwardReturn
) -> JudgedRows:
    """The rows that were predicted and have an outcome without a tie.

    Args:
        as_of_ms: Shape (n,), when each row was decided.
        probability: Shape (n,), of up; NaN where nothing was predicted.
        forward_return: The outcomes of the same rows.
    """
    rows = np.flatnonzero(~np.isnan(probability) & forward_return.is_decided)
    return JudgedRows(
        as_of_ms[rows], forward_return.known_ms[rows], probability[rows], forward_return.is_up[rows]
    )


class _Realised(NamedTuple):
    """For each row that had limits: whether its set held the outcome, and how large the set was."""

    rows: JudgedRows
    is_held: NDArray[np.bool_]
    size: NDArray[np.int64]
    is_held_adaptive: NDArray[np.bool_]
    size_adaptive: NDArray[np.int64]


def conformal_figures(
    rows: JudgedRows,
    *,
    starts_ms: tuple[int, ...],
    until_ms: int,
    seed: int = 0,
    miscoverage: float = MISCOVERAGE,
) -> Figures:
    """Realised coverage and size of the sets.

    Args:
        rows: The judged rows, including those of the half year before the test.
        starts_ms: The times at which limits are computed, increasing.
        until_ms: The end of the test.
        seed: The seed of the bootstrap.
        miscoverage: The share of outcomes that the sets may miss, as they state it.

    Returns:
        JSON-ready; the figures are None where no limits could be computed.
    """
    found = _realised(rows, (*starts_ms, until_ms), miscoverage)
    year = found.rows.as_of_ms.astype("datetime64[ms]").astype("datetime64[Y]").astype(np.int64) + 1970
    generator = np.random.default_rng(seed)
    return {
        "miscoverage": miscoverage,
        "n": len(found.size),
        **_of_sets(found.rows, found.is_held, found.size, generator),
        "adaptive": _of_sets(found.rows, found.is_held_adaptive, found.size_adaptive, generator),
        "by_year": {
            str(one): {
                "n": int((year == one).sum()),
                "coverage": float(found.is_held[year == one].mean()),
                "coverage_adaptive": float(found.is_held_adaptive[year == one].mean()),
                "one_direction": float((found.size[year == one] == 1).mean()),
            }
            for one in np.unique(year)
        },
    }


def _realised(rows: JudgedRows, edges_ms: tuple[int, ...], miscoverage: float) -> _Realised:
    tested = rows.between(edges_ms[0], edges_ms[-1])
    n = len(tested.is_up)
    is_settled, held, size = np.zeros(n, dtype=np.bool_), np.zeros((2, n)), np.zeros((2, n))
    for start_ms, end_ms in pairwise(edges_ms):
        past = rows.past_of(start_ms)
        here = (tested.as_of_ms >= start_ms) & (tested.as_of_ms < end_ms)
        if len(past.is_up) >= LEAST_PAST and here.any():
            is_settled |= here
            for i, sets in enumerate(_of_stretch(past, tested.at(here), miscoverage)):
                held[i, here], size[i, here] = sets.holds(tested.is_up[here]), sets.size
    held, size = held[:, is_settled].astype(np.bool_), size[:, is_settled].astype(np.int64)
    return _Realised(tested.at(is_settled), held[0], size[0], held[1], size[1])


def _of_stretch(past: JudgedRows, here: JudgedRows, miscoverage: float) -> tuple[Sets, Sets]:
    """The plain sets and the adaptive sets of one stretch."""
    limits = conformal_limits(past.probability, past.is_up, miscoverage=miscoverage)
    adaptive = adaptive_sets(
        here.probability,
        here.is_up,
        as_of_ms=here.as_of_ms,
        known_ms=here.known_ms,
        past=(past.probability, past.is_up),
        miscoverage=miscoverage,
    )
    return sets_of(here.probability, limits), adaptive


def _of_sets(
    rows: JudgedRows, is_held: NDArray[np.bool_], size: NDArray[np.int64], generator: np.random.Generator
) -> Figures:
    """Coverage, in all and of each direction; the size of the sets; how often sets of one direction are right."""
    single = size == 1
    return {
        "coverage": _mean(is_held),
        "coverage_interval": _pair(is_held, rows.as_of_ms, generator),
        "coverage_up": _mean(is_held[rows.is_up]),
        "coverage_down": _mean(is_held[~rows.is_up]),
        "mean_size": _mean(size),
        "both": _mean(size == 2),
        "one_direction": _mean(single),
        "none": _mean(size == 0),
        "one_direction_accuracy": _mean(is_held[single]),
        "one_direction_interval": _pair(is_held[single], rows.as_of_ms[single], generator),
    }


def _mean(values: NDArray[np.bool_] | NDArray[np.int64]) -> float | None:
    return float(values.mean()) if len(values) else None


def _pair(
    is_held: NDArray[np.bool_], as_of_ms: NDArray[np.int64], generator: np.random.Generator
) -> list[float] | None:
    interval = share_interval(is_held, as_of_ms, generator=generator)
    return None if interval is None else list(interval)
