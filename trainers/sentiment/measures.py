"""Measures of labels and probabilities, with intervals by resampling texts.

Accuracy and the F1 measures are functions of the table of true and stated labels alone. So a resample of the texts is one
draw from a multinomial distribution, and a thousand of them cost a millisecond.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.evaluation.block_intervals import Interval95
from trainers.evaluation.intervals import percentile_interval

N_REPLICATES = 2000
N_BINS = 10
_REPLICATES_TOGETHER = 100
Table = NDArray[np.float64]


class Measure(NamedTuple):
    """A value with its 95 % interval; None if there is none."""

    value: float
    interval: Interval95 | None


class LabelMeasures(NamedTuple):
    """How good stated labels are.

    Attributes:
        confusion: Shape (3, 4): rows are true labels, columns stated ones; the last column counts refusals.
        accuracy: The share of right labels. A refusal is not right.
        macro_f1: The mean of the F1 measures of the labels that occur.
    """

    confusion: NDArray[np.int64]
    accuracy: Measure
    macro_f1: Measure


class ProbabilityMeasures(NamedTuple):
    """How good stated probabilities are.

    Attributes:
        calibration_error: The mean distance of the highest probability and the share of right labels, over ten bins of
            equally many texts, weighted by texts. It lies above 0 even for a perfect scorer.
        brier: The mean squared distance of the three probabilities and the true label; 0 is perfect, 2 is worst.
        bins: Shape (10, 3): the texts, the mean probability, and the share of right labels of each bin.
    """

    calibration_error: Measure
    brier: Measure
    bins: NDArray[np.float64]


def label_measures(
    true: NDArray[np.int8], stated: NDArray[np.int8], *, generator: np.random.Generator
) -> LabelMeasures:
    """Measure stated labels.

    Args:
        true: Shape (n,), n > 0.
        stated: Shape (n,); -1 is a refusal.
        generator: The source of randomness.
    """
    confusion = np.zeros((3, 4), dtype=np.int64)
    np.add.at(confusion, (true, np.where(stated < 0, 3, stated)), 1)
    n = len(true)
    drawn = generator.multinomial(n, confusion.ravel() / n, size=N_REPLICATES).reshape(-1, 3, 4)
    return LabelMeasures(
        confusion,
        accuracy=_measured(accuracy_of, confusion, drawn),
        macro_f1=_measured(macro_f1_of, confusion, drawn),
    )


def accuracy_of(confusion: NDArray[np.int64]) -> Table:
    """The share of right labels, for tables of shape (..., 3, 4)."""
    return np.asarray(np.trace(confusion[..., :3], axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1)))


def macro_f1_of(confusion: NDArray[np.int64]) -> Table:
    """The mean F1 measure of the labels that occur among the true or the stated ones."""
    right = np.diagonal(confusion[..., :3], axis1=-2, axis2=-1)
    either = confusion.sum(axis=-1) + confusion[..., :3].sum(axis=-2)
    f1 = np.where(either > 0, 2 * right / np.maximum(either, 1), np.nan)
    return np.asarray(np.nanmean(f1, axis=-1))


def probability_measures(
    true: NDArray[np.int8], probabilities: NDArray[np.float64], *, generator: np.random.Generator
) -> ProbabilityMeasures:
    """Measure stated probabilities.

    Args:
        true: Shape (n,), n > 0.
        probabilities: Shape (n, 3).
        generator: The source of randomness.
    """
    truth = np.eye(3)[true]
    highest = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == true
    edges = np.quantile(highest, np.linspace(0, 1, N_BINS + 1)[1:-1])
    in_bin = np.eye(N_BINS)[np.searchsorted(edges, highest, side="right")]
    rows = np.column_stack(
        [
            ((probabilities - truth) ** 2).sum(axis=1),
            in_bin,
            in_bin * highest[:, None],
            in_bin * is_right[:, None],
        ]
    )
    whole, drawn = rows.sum(axis=0), _resampled(rows, generator)
    n = len(true)
    bins = whole[1:].reshape(3, N_BINS).T
    return ProbabilityMeasures(
        calibration_error=_measured(lambda sums: _calibration_error(sums, n), whole, drawn),
        brier=_measured(lambda sums: sums[..., 0] / n, whole, drawn),
        bins=np.column_stack([bins[:, :1], bins[:, 1:] / np.maximum(bins[:, :1], 1)]),
    )


def _calibration_error(sums: Table, n: int) -> Table:
    _, stated, right = np.split(sums[..., 1:], 3, axis=-1)
    return np.asarray(np.abs(stated - right).sum(axis=-1) / n)


def _resampled(rows: Table, generator: np.random.Generator) -> Table:
    """Column sums of resamples of the rows, shape (N_REPLICATES, columns)."""
    n = len(rows)
    sums = [
        generator.multinomial(n, np.full(n, 1 / n), size=_REPLICATES_TOGETHER).astype(np.float64) @ rows
        for _ in range(N_REPLICATES // _REPLICATES_TOGETHER)
    ]
    return np.concatenate(sums)


def _measured(measure: Callable[[Any], Table], whole: Any, drawn: Any) -> Measure:
    ends = percentile_interval(np.asarray(measure(drawn)))
    return Measure(float(measure(whole)), None if ends is None else Interval95(*ends))
