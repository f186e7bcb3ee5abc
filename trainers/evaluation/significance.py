"""Tests of significance: is a model better than chance, better than another, and better than the best of many tries.

Each test gives a statistic and a p-value, two-sided unless its docstring says otherwise. The normal and
Student distributions are computed here, since scipy.stats takes seconds to import.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_EULER = 0.5772156649015329
_FEW_DISAGREEMENTS = 25


class Significance(NamedTuple):
    """A statistic and its p-value; NaN and 1 where the statistic is undefined."""

    statistic: float
    p_value: float


UNDEFINED = Significance(math.nan, 1.0)


def normal_cdf(x: float) -> float:
    """The probability that a standard normal variable lies below x."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def normal_quantile(share: float) -> float:
    """The x below which a standard normal variable lies with that probability.

    Raises:
        StatisticsError: If the share is not within (0, 1).
    """
    return NormalDist().inv_cdf(share)


def pesaran_timmermann(*, says_up: NDArray[np.bool_], is_up: NDArray[np.bool_]) -> Significance:
    """Whether predicted and true directions agree more often than independent ones would; one-sided.

    Args:
        says_up: Whether up was predicted, shape (n,).
        is_up: Whether the price rose, shape (n,), without ties.

    Source:
        Pesaran and Timmermann (1992), equations 6 to 8.
    """
    n = len(is_up)
    if n == 0:
        return UNDEFINED
    said, true = float(np.mean(says_up)), float(np.mean(is_up))
    agreed = float(np.mean(says_up == is_up))
    expected = said * true + (1 - said) * (1 - true)
    variance = expected * (1 - expected) / n
    of_expected = (
        (2 * true - 1) ** 2 * said * (1 - said) / n
        + (2 * said - 1) ** 2 * true * (1 - true) / n
        + 4 * true * said * (1 - true) * (1 - said) / n**2
    )
    if variance - of_expected <= 0:
        return UNDEFINED
    statistic = (agreed - expected) / math.sqrt(variance - of_expected)
    return Significance(statistic, normal_cdf(-statistic))


def mcnemar(*, is_hit: NDArray[np.bool_], other_is_hit: NDArray[np.bool_]) -> Significance:
    """Whether two classifiers are right equally often on the same rows.

    The test is exact by the binomial distribution for few disagreements, and otherwise chi-square with
    continuity correction.

    Source:
        McNemar (1947); Edwards (1948).
    """
    only_first = int(np.sum(is_hit & ~other_is_hit))
    only_second = int(np.sum(~is_hit & other_is_hit))
    n = only_first + only_second
    if n == 0:
        return Significance(0.0, 1.0)
    if n < _FEW_DISAGREEMENTS:
        fewer = min(only_first, only_second)
        tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
        return Significance(float(fewer), min(1.0, 2 * tail))
    statistic = max(0.0, abs(only_first - only_second) - 1) ** 2 / n
    return Significance(statistic, math.erfc(math.sqrt(statistic / 2)))


def diebold_mariano(
    loss: NDArray[np.float64], other_loss: NDArray[np.float64], *, n_ahead: int = 1
) -> Significance:
    """Whether two forecasts have the same expected loss; the statistic is negative if the first loses less.

    The test has the correction of Harvey, Leybourne and Newbold and uses Student's distribution; the
    long-run variance sums autocovariances up to ``n_ahead - 1``.

    Args:
        loss: Shape (n,), such as squared errors, oldest first.
        other_loss: Shape (n,).
        n_ahead: How many steps ahead was forecast, >= 1.

    Source:
        Diebold and Mariano (1995); Harvey, Leybourne and Newbold (1997).
    """
    difference = loss - other_loss
    n = len(difference)
    if n <= n_ahead:
        return UNDEFINED
    centred = difference - difference.mean()
    variance = float(np.mean(centred**2))
    for lag in range(1, n_ahead):
        variance += 2 * float(np.sum(centred[lag:] * centred[:-lag])) / n
    if variance <= 0:
        return UNDEFINED
    correction = (n + 1 - 2 * n_ahead + n_ahead * (n_ahead - 1) / n) / n
    statistic = float(difference.mean()) / math.sqrt(variance / n) * math.sqrt(max(correction, 0.0))
    return Significance(statistic, student_two_sided(statistic, degrees=n - 1))


def student_two_sided(statistic: float, *, degrees: int) -> float:
    """The probability that a Student variable is at least as large, in either direction."""
    x = degrees / (degrees + statistic**2)
    return _incomplete_beta(degrees / 2, 0.5, x)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Lentz's method)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 500):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            fraction *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * fraction / a


def probabilistic_sharpe(
    *, sharpe: float, benchmark: float, n: int, skewness: float, kurtosis: float
) -> float:
    """The probability that the true Sharpe ratio is above a benchmark, all per period.

    Args:
        sharpe: Estimated, per period, not annualised.
        benchmark: Per period.
        n: Periods.
        skewness: Of the returns.
        kurtosis: Of the returns, 3 for a normal distribution.

    Source:
        Bailey and Lopez de Prado (2012).
    """
    spread = math.sqrt(1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2)
    return normal_cdf((sharpe - benchmark) * math.sqrt(n - 1) / spread)


def expected_maximum_sharpe(*, n_tried: int, variance: float) -> float:
    """The expected best Sharpe ratio among a number of worthless strategies, per period.

    Args:
        n_tried: Independent configurations, >= 1.
        variance: Of their Sharpe ratios.

    Source:
        Bailey and Lopez de Prado (2014), equation 6.
    """
    if n_tried <= 1:
        return 0.0
    first = normal_quantile(1 - 1 / n_tried)
    second = normal_quantile(1 - 1 / (n_tried * math.e))
    return math.sqrt(variance) * ((1 - _EULER) * first + _EULER * second)


def deflated_sharpe(
    *, sharpe: float, n: int, skewness: float, kurtosis: float, n_tried: int, variance: float
) -> float:
    """The probability that the Sharpe ratio is above the best that as many worthless tries would show.

    Args:
        sharpe: Estimated, per period, not annualised.
        n: Periods.
        skewness: Of the returns.
        kurtosis: Of the returns, 3 for a normal distribution.
        n_tried: Independent configurations, >= 1.
        variance: Of the Sharpe ratios of these configurations.

    Source:
        Bailey and Lopez de Prado (2014), The Deflated Sharpe Ratio.
    """
    benchmark = expected_maximum_sharpe(n_tried=n_tried, variance=variance)
    return probabilistic_sharpe(sharpe=sharpe, benchmark=benchmark, n=n, skewness=skewness, kurtosis=kurtosis)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that control the probability of any false finding.

    Source:
        Holm (1979).

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    n = len(p_values)
    adjusted, largest = [0.0] * n, 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (n - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that control the expected share of false findings.

    Source:
        Benjamini and Hochberg (1995).

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03])
        [0.03, 0.04, 0.04]
    """
    order = np.argsort(p_values)[::-1]
    n = len(p_values)
    adjusted, smallest = [0.0] * n, 1.0
    for rank, i in enumerate(order):
        smallest = min(smallest, n / (n - rank) * p_values[i])
        adjusted[i] = smallest
    return adjusted
