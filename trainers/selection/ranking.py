"""Ranks candidates by their predictions on the same rows, and chooses one by a declared rule.

The rule: rank by Brier score; among the candidates that are not worse than the first by more than noise
(Diebold-Mariano on squared errors, two-sided, Holm over all pairs, 5 %), choose the one that is
named first, so that the caller states simplicity by the order. Differences that are not decided are called noise.
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


class CandidatePair(NamedTuple):
    """Two candidates, compared on the same rows.

    Attributes:
        brier_difference: The Brier score of the first minus that of the second; negative if the first is better.
        brier_p, accuracy_p: The p-values by Diebold-Mariano and by McNemar, adjusted over all pairs.
    """

    first: str
    second: str
    brier_difference: float
    brier_p: float
    accuracy_difference: float
    accuracy_p: float

    @property
    def is_noise(self) -> bool:
        """Whether neither score separates the two."""
        return min(self.brier_p, self.accuracy_p) > LEVEL

    @property
    def better(self) -> str:
        """The candidate with the better score, by the score with the smaller p-value."""
        if self.brier_p <= self.accuracy_p:
            return self.first if self.brier_difference < 0 else self.second
        return self.first if self.accuracy_difference > 0 else self.second

    @property
    def worse(self) -> str:
        """The other candidate."""
        return self.second if self.better == self.first else self.first


class Ranking(NamedTuple):
    """The order of candidates, and the one that was chosen.

    Attributes:
        order: The names, the best Brier score first.
        pairs: Every two candidates, compared.
        chosen: The candidate that was chosen by :data:`RULE`.
        n: The number of rows that all candidates predicted, without ties.
    """

    order: tuple[str, ...]
    pairs: tuple[CandidatePair, ...]
    chosen: str
    n: int


def ranked(
    decisions: DecisionSet, probabilities: Mapping[str, NDArray[np.float64]], *, from_ms: int
) -> Ranking:
    """Compares candidates.

    Args:
        decisions: The decisions.
        probabilities: The probabilities by name, the simplest candidate first; shape (n,), NaN where not predicted.
        from_ms: The beginning of the test.

    Raises:
        ValueError: If no row was predicted by all candidates.
    """
    rows = _shared_rows(decisions, list(probabilities.values()), from_ms)
    if not len(rows):
        message = "all candidates must have predicted some of the same rows, and there is no such row"
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
) -> tuple[CandidatePair, ...]:
    names = list(combinations(loss, 2))
    by_loss = holm([diebold_mariano(loss[a], loss[b], n_ahead=n_ahead).p_value for a, b in names])
    by_hits = holm([mcnemar(is_hit=hit[a], other_is_hit=hit[b]).p_value for a, b in names])
    return tuple(
        CandidatePair(
            first=a,
            second=b,
            brier_difference=float((loss[a] - loss[b]).mean()),
            brier_p=brier_p,
            accuracy_difference=float(hit[a].mean() - hit[b].mean()),
            accuracy_p=accuracy_p,
        )
        for (a, b), brier_p, accuracy_p in zip(names, by_loss, by_hits, strict=True)
    )


def _chosen(names: Sequence[str], best: str, pairs: Sequence[CandidatePair]) -> str:
    worse = {
        pair.second if pair.first == best else pair.first
        for pair in pairs
        if best in {pair.first, pair.second} and pair.brier_p <= LEVEL
    }
    return next(name for name in names if name not in worse)
