"""What a Sharpe ratio proves, given the shape of its returns and the number of tries.

The more configurations were tried, the better the best ratio looks. The deflated ratio is the probability
that the true ratio is above the best that as many worthless configurations would have shown.
"""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainers.backtesting.money import DAYS_PER_YEAR, LEAST_DAYS
from trainers.evaluation.significance import expected_maximum_sharpe, probabilistic_sharpe

_STILL = 1e-9


class SharpeEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence that daily returns after costs give for a Sharpe ratio.

    Attributes:
        n_days: The number of daily returns.
        skewness: Of the returns; 0 for a normal distribution.
        kurtosis: Of the returns; 3 for a normal distribution.
        n_tried: The number of configurations of the model and of position rules that were tried, these included.
        probabilistic: The probability that the true ratio is above zero.
        best_by_chance: The best ratio that as many worthless configurations would show, per year.
        deflated: The probability that the true ratio is above ``best_by_chance``.
    """

    n_days: int
    skewness: float
    kurtosis: float
    n_tried: int
    probabilistic: float
    best_by_chance: float
    deflated: float


def sharpe_evidence(returns: NDArray[np.float64], *, n_tried: int) -> SharpeEvidence | None:
    """The evidence of daily returns; None below ten days or if equity never moved.

    The ratios of other tries are not kept, so their variance is taken to be that which sampling alone
    gives to ratios of zero: one divided by the number of days. Tries that are alike count as if they
    were independent, which is the strict side.

    Args:
        returns: Shape (d,).
        n_tried: The number of tries, at least 1.

    Source:
        Bailey and Lopez de Prado (2014), The Deflated Sharpe Ratio.
    """
    n, deviation = len(returns), float(returns.std()) if len(returns) else 0.0
    if n < LEAST_DAYS or deviation < _STILL:
        return None
    scaled = (returns - returns.mean()) / deviation
    shape = {"skewness": float((scaled**3).mean()), "kurtosis": float((scaled**4).mean())}
    ratio = float(returns.mean()) / deviation
    best = expected_maximum_sharpe(n_tried=n_tried, variance=1 / (n - 1))
    return SharpeEvidence(
        n_days=n,
        **shape,
        n_tried=n_tried,
        probabilistic=probabilistic_sharpe(sharpe=ratio, benchmark=0.0, n=n, **shape),
        best_by_chance=best * math.sqrt(DAYS_PER_YEAR),
        deflated=probabilistic_sharpe(sharpe=ratio, benchmark=best, n=n, **shape),
    )
