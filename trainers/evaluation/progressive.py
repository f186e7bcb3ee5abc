"""Progressive validation: a running record of predictions that were made before their outcome was known.

It keeps sums and no rows, so that it is small enough to be part of a job's state. Ties are neither hit nor miss.
"""

import math

import msgspec

from schemas.artifacts import Metric
from trainers.evaluation.intervals import wilson_interval

#: The weight of the newest outcome in the recent accuracy; half of that accuracy comes from about 350 outcomes.
_FADING = 0.002
_EVEN = 0.5


class ProgressiveRecord(msgspec.Struct, kw_only=True):
    """Sums over the outcomes of a model's predictions, each made before its row was learnt.

    Attributes:
        n: The number of outcomes without ties.
        n_hits: How many of them were predicted rightly; a probability of one half means up.
        n_up: How many of them were up.
        n_majority_hits: How many of them the direction that was more frequent before would have predicted rightly.
        brier: The sum of squared differences.
        log_loss: The sum of negative log likelihoods.
        recent: The accuracy with decreasing weight for older outcomes.
    """

    n: int = 0
    n_hits: int = 0
    n_up: int = 0
    n_majority_hits: int = 0
    brier: float = 0.0
    log_loss: float = 0.0
    recent: float = _EVEN

    def add(self, probability: float, *, is_up: bool) -> None:
        """Add an outcome.

        Args:
            probability: The predicted probability of up, inside (0, 1).
            is_up: Whether the price rose.
        """
        is_hit = (probability >= _EVEN) == is_up
        self.n_majority_hits += (2 * self.n_up >= self.n) == is_up
        self.n += 1
        self.n_hits += is_hit
        self.n_up += is_up
        self.brier += (probability - is_up) ** 2
        self.log_loss -= math.log(probability if is_up else 1 - probability)
        self.recent += _FADING * (is_hit - self.recent)

    @property
    def accuracy(self) -> Metric | None:
        """The share of hits with its 95 % interval; None before the first outcome."""
        return _share(self.n_hits, self.n)

    def metrics(self) -> dict[str, Metric]:
        """All figures by the names that other models' figures have; empty before the first outcome."""
        if self.accuracy is None:
            return {}
        plain = {
            "brier_score": self.brier / self.n,
            "log_loss": self.log_loss / self.n,
            "recent_accuracy": self.recent,
        }
        return {
            "accuracy": self.accuracy,
            **{name: Metric(value=value, low=None, high=None, n=self.n) for name, value in plain.items()},
        }

    def baselines(self) -> dict[str, dict[str, Metric]]:
        """The accuracy of the simplest rules on the same outcomes."""
        found = {
            "always_up": _share(self.n_up, self.n),
            "majority_class": _share(self.n_majority_hits, self.n),
        }
        return {name: {"accuracy": share} for name, share in found.items() if share is not None}


def _share(n_hits: int, n: int) -> Metric | None:
    if n == 0:
        return None
    low, high = wilson_interval(n_hits, n)
    return Metric(value=n_hits / n, low=low, high=high, n=n)
