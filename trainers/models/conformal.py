"""Conformal prediction: sets of directions that hold the outcome at a stated rate.

The sets are split (inductive) and class-conditional (Mondrian). A direction is left out of the set if the model
gives it less probability than all but a stated share (the miscoverage) of past outcomes *of the same direction*
got. So the sets miss ups and downs alike, at most at that rate, *if* the past rows and the next one
are exchangeable. Prices are not exchangeable: volatility and the sharpness of a model drift. Therefore the rate
is measured by walk-forward (``driftline evaluate``), with adaptive sets beside the plain ones.

A set of one direction is no promise that this direction comes with probability one minus the miscoverage. A model
that knows nothing also names single directions, twice the miscoverage of the time, and is right in half
of these cases. How often such sets are right is measured and stated beside them.
"""

import math
from collections import deque

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.events import PredictionSet

#: The rate at which sets miss their outcome at most, unless another rate is asked for.
MISCOVERAGE = 0.1
#: With fewer past outcomes of a direction, this direction is in every set.
LEAST_OUTCOMES = 50
#: The step of adaptive sets, as in the source.
STEP = 0.005


class ConformalLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The least probability with which each direction is in the set.

    Attributes:
        miscoverage: The stated rate at which outcomes fall outside, in (0, 1).
        least_up: The least probability of up with which ``up`` is in the set.
        least_down: The least probability of down with which ``down`` is.
        n_up, n_down: The past outcomes that the two limits rest on.
    """

    miscoverage: float
    least_up: float
    least_down: float
    n_up: int
    n_down: int

    def set_of(self, probability_up: float) -> PredictionSet:
        """Returns the set of one probability."""
        has_up, has_down = probability_up >= self.least_up, 1 - probability_up >= self.least_down
        if has_up and has_down:
            return PredictionSet.BOTH
        if has_up:
            return PredictionSet.UP
        return PredictionSet.DOWN if has_down else PredictionSet.NONE


def conformal_limits(
    probability_up: NDArray[np.float64], is_up: NDArray[np.bool_], *, miscoverage: float = MISCOVERAGE
) -> ConformalLimits:
    """Returns the limits that past out-of-sample probabilities and outcomes give.

    Args:
        probability_up: Shape (n,), for rows that the model had not learnt from.
        is_up: Shape (n,), without ties.
        miscoverage: In (0, 1).

    Raises:
        ValueError: If the rate is not within (0, 1).

    Source:
        Vovk, Gammerman and Shafer (2005), sections 2.2 and 4.5.
    """
    if not 0 < miscoverage < 1:
        message = f"miscoverage must lie between 0 and 1, was {miscoverage}"
        raise ValueError(message)
    ups, downs = np.sort(probability_up[is_up]), np.sort(1 - probability_up[~is_up])
    return ConformalLimits(
        miscoverage=miscoverage,
        least_up=_limit(ups, miscoverage),
        least_down=_limit(downs, miscoverage),
        n_up=len(ups),
        n_down=len(downs),
    )


def _limit(given: NDArray[np.float64], miscoverage: float) -> float:
    """The least probability of n past outcomes, after the lowest ``floor(miscoverage * (n + 1))`` are left out."""
    n_left_out = math.floor(miscoverage * (len(given) + 1) + 1e-9)
    if n_left_out < 1 or len(given) < LEAST_OUTCOMES:
        return 0.0
    # If the rate leaves out more outcomes than there are, the direction is in no set.
    return float(given[n_left_out - 1]) if n_left_out <= len(given) else math.inf


class Sets(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The sets of many probabilities: shape (n,) each."""

    has_up: NDArray[np.bool_]
    has_down: NDArray[np.bool_]

    def holds(self, is_up: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether each set holds its outcome."""
        return np.where(is_up, self.has_up, self.has_down)

    @property
    def size(self) -> NDArray[np.int64]:
        """The number of directions in each set."""
        return self.has_up.astype(np.int64) + self.has_down


def sets_of(probability_up: NDArray[np.float64], limits: ConformalLimits) -> Sets:
    """Returns the sets of probabilities, shape (n,), by the same limits."""
    return Sets(has_up=probability_up >= limits.least_up, has_down=1 - probability_up >= limits.least_down)


def adaptive_sets(
    probability_up: NDArray[np.float64],
    is_up: NDArray[np.bool_],
    *,
    as_of_ms: NDArray[np.int64],
    known_ms: NDArray[np.int64],
    past: tuple[NDArray[np.float64], NDArray[np.bool_]],
    miscoverage: float = MISCOVERAGE,
    step: float = STEP,
) -> Sets:
    """Returns sets whose rate adapts: they get wider after misses and narrower after hits.

    The rate of the quantiles rises by ``step * miscoverage`` after every outcome that
    a set held, and falls by ``step * (1 - miscoverage)`` after every outcome that it missed, when the outcome
    is known. So the realised rate approaches the stated one in the long run, whether or not rows are exchangeable.

    Args:
        probability_up: Shape (n,), oldest first.
        is_up: Shape (n,), without ties.
        as_of_ms: Shape (n,), when each is decided.
        known_ms: Shape (n,), when each outcome was known, after ``as_of_ms``, increasing.
        past: The earlier probabilities and outcomes from which the quantiles are taken.
        miscoverage: In (0, 1).
        step: How quickly the rate changes.

    Source:
        Gibbs and Candes (2021), adaptive conformal inference under distribution shift, with
        outcomes that come late.
    """
    before, was_up = past
    given = {True: np.sort(before[was_up]), False: np.sort(1 - before[~was_up])}
    n = len(probability_up)
    has_up, has_down = np.ones(n, dtype=np.bool_), np.ones(n, dtype=np.bool_)
    rate = miscoverage
    open_rows: deque[int] = deque()
    for i in range(n):
        while open_rows and known_ms[open_rows[0]] <= as_of_ms[i]:
            row = open_rows.popleft()
            is_held = has_up[row] if is_up[row] else has_down[row]
            rate += step * (miscoverage - (0.0 if is_held else 1.0))
        has_up[i] = probability_up[i] >= _moving_limit(given[True], rate)
        has_down[i] = 1 - probability_up[i] >= _moving_limit(given[False], rate)
        open_rows.append(i)
    return Sets(has_up=has_up, has_down=has_down)


def _moving_limit(given: NDArray[np.float64], rate: float) -> float:
    """The limit of a rate that may leave (0, 1): at or below 0 every direction is in the set, at or above 1 none."""
    return _limit(given, rate) if rate > 0 else 0.0
