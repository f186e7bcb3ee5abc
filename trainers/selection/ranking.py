"""Ranking candidates by what they predicted on the same rows, and choosing one by a declared rule.

The rule: rank by Brier score; among those that are not worse than the first by more than noise
(Diebold-Mariano on squared errors, two-sided, Holm over all pairs, 5 %), choose the one that is
named first, so that the caller states simplicity by the order. What is not decided is called so.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet
from trainers.evaluation.significance import diebold_mariano, holm, mcnemar

#: Differences with an adjusted p-value above this are noise.
LEVEL = 0.05
RULE = (
    "rank by Brier score; of those not worse than the first by more than noise "
    "(Diebold-Mariano with the Harvey-Leybourne-Newbold correction, Holm over all pairs, 5 %), "
    "choose the one named first"
)


class Pair(NamedTuple):
    """Two candidates on the same rows.

    Attributes:
        brier_difference: Of the first less that of the second; negative where the first is better.
        brier_p, accuracy_p: Adjusted over all pairs; by Diebold-Mariano and by McNemar.
    """

    first: str
    second: str
    brier_difference: float
    brier_p: float
    accuracy_difference: float
    accuracy_p: float

    @property
    def is_noise(self) -> bool:
        """Whether neither score tells the two apart."""
        return min(self.brier_p, self.accuracy_p) > LEVEL

    @property
    def better(self) -> str:
        """Which one has the better score, by the score that tells them apart more surely."""
        if self.brier_p <= self.accuracy_p:
            return self.first if self.brier_difference < 0 else self.second
        return self.first if self.accuracy_difference > 0 else self.second

    @property
    def worse(self) -> str:
        """The other."""
        return self.second if self.better == self.first else self.first


class Ranking(NamedTuple):
    """What came of a comparison.

    Attributes:
        order: Names, the best Brier score first.
        chosen: By :data:`RULE`.
        n: Rows that all candidates predicted, without ties.
    """

    order: tuple[str, ...]
    pairs: tuple[Pair, ...]
    chosen: str
    n: int


def ranked(
    decisions: DecisionSet, probabilities: Mapping[str, NDArray[np.float64]], *, from_ms: int
) -> Ranking:
    """Compare candidates.

    Args:
        decisions: What was decided.
        probabilities: By name, the simplest first; each of shape (n,), NaN where not predicted.
        from_ms: The beginning of the test.

    Raises:
        ValueError: If there is no row that all have predicted.
    """
    rows = _shared_rows(decisions, list(probabilities.values()), from_ms)
    if not len(rows):
        message = "candidates must have predicted some rows together, had none"
        raise ValueError(message)
    is_up = decisions.own.log_return[rows] > 0
    loss = {name: (probability[rows] - is_up) ** 2 for name, probability in probabilities.items()}
    hit = {name: (probability[rows] >= 0.5) == is_up for name, probability in probabilities.items()}
    n_ahead = math.ceil(decisions.horizon.milliseconds / decisions.interval.milliseconds)
    pairs = _pairs(loss, hit, n_ahead=n_ahead)
    order = tuple(sorted(loss, key=lambda name: float(loss[name].mean())))
    return Ranking(order, pairs, _chosen(list(probabilities), order[0], pairs), len(rows))


def _shared_rows(
    decisions: DecisionSet, probabilities: Sequence[NDArray[np.float64]], from_ms: int
) -> NDArray[np.int64]:
    returns = decisions.own.log_return
    usable = (decisions.as_of_ms >= from_ms) & ~np.isnan(returns) & (returns != 0)
    for probability in probabilities:
        usable &= ~np.isnan(probability)
    return np.flatnonzero(usable)


def _pairs(
    loss: Mapping[str, NDArray[np.float64]], hit: Mapping[str, NDArray[np.bool_]], *, n_ahead: int
) -> tuple[Pair, ...]:
    names = list(combinations(loss, 2))
    by_loss = holm([diebold_mariano(loss[a], loss[b], n_ahead=n_ahead).p_value for a, b in names])
    by_hits = holm([mcnemar(is_hit=hit[a], other_is_hit=hit[b]).p_value for a, b in names])
    return tuple(
        Pair(
            first=a,
            second=b,
            brier_difference=float((loss[a] - loss[b]).mean()),
            brier_p=brier_p,
            accuracy_difference=float(hit[a].mean() - hit[b].mean()),
            accuracy_p=accuracy_p,
        )
        for (a, b), brier_p, accuracy_p in zip(names, by_loss, by_hits, strict=True)
    )


def _chosen(names: Sequence[str], best: str, pairs: Sequence[Pair]) -> str:
    worse = {
        pair.second if pair.first == best else pair.first
        for pair in pairs
        if best in {pair.first, pair.second} and pair.brier_p <= LEVEL
    }
    return next(name for name in names if name not in worse)
