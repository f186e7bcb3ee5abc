"""Scores of directions and probabilities, each as a function of sums over rows.

A score that needs only sums can be computed again for a thousand bootstrap samples by adding up
blocks, without reading the rows again. That is why all scores here have this form, also Matthews'
correlation and the calibration error. Ties are neither hit nor miss; they are counted apart.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Sums = NDArray[np.float64]
Score = Callable[[Sums], NDArray[np.float64]]

N_CALIBRATION_BINS = 10
_TINY = 1e-7

#: Columns of the table of contributions that directions have.
TRUE_UP, FALSE_UP, TRUE_DOWN, FALSE_DOWN, TIE = range(5)
#: Columns that probabilities add; the bins follow in threes: rows, probability, ups.
BRIER, LOG_LOSS, FIRST_BIN = range(5, 8)


def direction_contributions(
    *, says_up: NDArray[np.bool_], is_up: NDArray[np.bool_], is_tie: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """What each row adds to the counts that the scores of a direction need.

    Args:
        says_up: Whether up was predicted, shape (n,).
        is_up: Whether the price rose, shape (n,).
        is_tie: Whether the price did not change, shape (n,); such rows add to the ties only.

    Returns:
        Shape (n, 5): true up, false up, true down, false down, tie.
    """
    counted = ~is_tie
    return np.column_stack(
        [
            says_up & is_up & counted,
            says_up & ~is_up & counted,
            ~says_up & ~is_up & counted,
            ~says_up & is_up & counted,
            is_tie,
        ]
    ).astype(np.float64)


def probability_contributions(
    *, probability: NDArray[np.float64], is_up: NDArray[np.bool_], is_tie: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """What each row adds to the sums that the scores of a probability need, including those of its direction.

    Calibration bins hold equally many rows each, since honest probabilities of a direction all
    lie near one half and would share one or two bins of equal width.

    Args:
        probability: Of up, shape (n,); clipped to [1e-7, 1 - 1e-7] in the log loss.
        is_up: Whether the price rose, shape (n,).
        is_tie: Whether the price did not change, shape (n,).

    Returns:
        Shape (n, 7 + 3 * 10).
    """
    counted = (~is_tie).astype(np.float64)
    up = is_up.astype(np.float64)
    clipped = np.clip(probability, _TINY, 1 - _TINY)
    losses = -(up * np.log(clipped) + (1 - up) * np.log1p(-clipped))
    bins = _equal_count_bins(probability, ~is_tie)
    in_bin = (bins[:, None] == np.arange(N_CALIBRATION_BINS)) * counted[:, None]
    binned = np.stack([in_bin, in_bin * probability[:, None], in_bin * up[:, None]], axis=2)
    return np.column_stack(
        [
            direction_contributions(says_up=probability >= 0.5, is_up=is_up, is_tie=is_tie),
            counted * (probability - up) ** 2,
            counted * losses,
            binned.reshape(len(probability), -1),
        ]
    )


def _equal_count_bins(probability: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.int64]:
    if not counted.any():
        return np.zeros(len(probability), dtype=np.int64)
    edges = np.quantile(probability[counted], np.linspace(0, 1, N_CALIBRATION_BINS + 1)[1:-1])
    return np.searchsorted(edges, probability, side="right").astype(np.int64)


def n_decided(sums: Sums) -> NDArray[np.float64]:
    """The number of rows that are not ties."""
    total: NDArray[np.float64] = sums[..., [TRUE_UP, FALSE_UP, TRUE_DOWN, FALSE_DOWN]].sum(axis=-1)
    return total


def accuracy(sums: Sums) -> NDArray[np.float64]:
    """The share of hits among rows that are not ties."""
    return _ratio(sums[..., TRUE_UP] + sums[..., TRUE_DOWN], n_decided(sums))


def balanced_accuracy(sums: Sums) -> NDArray[np.float64]:
    """The mean of the share of ups that were predicted and the share of downs that were predicted."""
    up = _ratio(sums[..., TRUE_UP], sums[..., TRUE_UP] + sums[..., FALSE_DOWN])
    down = _ratio(sums[..., TRUE_DOWN], sums[..., TRUE_DOWN] + sums[..., FALSE_UP])
    return (up + down) / 2


def matthews_correlation(sums: Sums) -> NDArray[np.float64]:
    """The correlation of the predicted and the true direction, in [-1, 1]; 0 where one of them is constant.

    Source:
        Matthews (1975); the limit for a constant side is Chicco and Jurman's (2020).
    """
    tp, fp, tn, fn = (sums[..., i] for i in (TRUE_UP, FALSE_UP, TRUE_DOWN, FALSE_DOWN))
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return np.asarray(np.where(scale > 0, (tp * tn - fp * fn) / np.where(scale > 0, scale, 1.0), 0.0))


def tie_share(sums: Sums) -> NDArray[np.float64]:
    """The share of ties among all rows."""
    return _ratio(sums[..., TIE], n_decided(sums) + sums[..., TIE])


def brier_score(sums: Sums) -> NDArray[np.float64]:
    """The mean squared error of the probability; 0.25 for a constant one half."""
    return _ratio(sums[..., BRIER], n_decided(sums))


def log_loss(sums: Sums) -> NDArray[np.float64]:
    """The mean negative log likelihood in nats; 0.693 for a constant one half."""
    return _ratio(sums[..., LOG_LOSS], n_decided(sums))


def calibration_error(sums: Sums) -> NDArray[np.float64]:
    """The expected calibration error over ten bins of equally many rows.

    The mean distance of stated probability and true share, weighted by rows. It is above zero
    even for a perfect model, by the noise of a bin's share.

    Source:
        Naeini, Cooper and Hauskrecht (2015), with bins of equal count.
    """
    bins = sums[..., FIRST_BIN:].reshape(*sums.shape[:-1], N_CALIBRATION_BINS, 3)
    distance = np.abs(bins[..., 1] - bins[..., 2]).sum(axis=-1)
    return _ratio(distance, n_decided(sums))


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ratio, and NaN where the denominator is 0."""
    safe = np.where(denominator > 0, denominator, 1.0)
    return np.asarray(np.where(denominator > 0, numerator / safe, np.nan))


DIRECTION_SCORES: dict[str, Score] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "matthews_correlation": matthews_correlation,
}
PROBABILITY_SCORES: dict[str, Score] = {
    **DIRECTION_SCORES,
    "brier_score": brier_score,
    "log_loss": log_loss,
    "calibration_error": calibration_error,
}
