"""What news adds to a model: its predictions with news against those without, on the same decisions.

The model without news is fitted on the same rows with every other feature. A difference counts only if its interval lies on
one side of zero, and news is left out where it is not shown to help.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet
from trainers.evaluation.block_intervals import mean_interval

#: What is added to the name of a candidate that is fitted without the news.
WITHOUT_NEWS = "without news"


class NewsEffect(NamedTuple):
    """How a model differs with news from itself without; 95 % intervals by circular blocks of seven days.

    Attributes:
        n: The number of decisions, without ties.
        brier_difference: The Brier score with news minus that without; negative if news helps.
        accuracy_difference: The accuracy with news minus that without.
    """

    model: str
    n: int
    brier_difference: float
    brier_low: float
    brier_high: float
    accuracy_difference: float
    accuracy_low: float
    accuracy_high: float

    @property
    def verdict(self) -> str:
        """Whether news helps, in words."""
        if self.brier_high < 0:
            return "news helps"
        return "news hurts" if self.brier_low > 0 else "no gain is shown"


def news_effect(
    model: str,
    decisions: DecisionSet,
    *,
    with_news: NDArray[np.float64],
    without: NDArray[np.float64],
    from_ms: int,
    seed: int,
) -> NewsEffect:
    """Return what news adds to a model.

    Args:
        model: The name of the model.
        decisions: The decisions.
        with_news: Shape (n,), probabilities of up, NaN where nothing was predicted.
        without: The same without news.
        from_ms: The beginning of the test.
        seed: The seed of the intervals.

    Raises:
        ValueError: If no decision was predicted both ways.
    """
    returns = decisions.own.log_return
    usable = (decisions.as_of_ms >= from_ms) & ~np.isnan(returns) & (returns != 0)
    rows = np.flatnonzero(usable & ~np.isnan(with_news) & ~np.isnan(without))
    is_up, times = returns[rows] > 0, decisions.as_of_ms[rows]
    loss = (with_news[rows] - is_up) ** 2 - (without[rows] - is_up) ** 2
    gain = ((with_news[rows] >= 0.5) == is_up).astype(np.float64) - ((without[rows] >= 0.5) == is_up)
    brier = mean_interval(loss, times, generator=np.random.default_rng(seed))
    accuracy = mean_interval(gain, times, generator=np.random.default_rng(seed))
    if brier is None or accuracy is None:
        message = "some decisions must be predicted with news and without, and there is no such decision"
        raise ValueError(message)
    return NewsEffect(
        model,
        len(rows),
        float(loss.mean()),
        brier.low,
        brier.high,
        float(gain.mean()),
        accuracy.low,
        accuracy.high,
    )
