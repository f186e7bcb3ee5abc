"""Scales columns by their running mean and variance, and replaces missing values.

River's own scaler does not handle missing values: a NaN would stay in its means for ever. Therefore this
scale is ours. It is a part of the model and of its snapshot, and it is the same for every kind of model.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError

#: The greatest scaled value, in standard deviations: one extreme value must not undo what was learnt in a year.
LARGEST = 8.0
_LEAST_ROWS = 2


class KeptScale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scale as it is stored: three columns of float64, little-endian."""

    n: bytes
    mean: bytes
    squares: bytes


class RunningScale:
    """Mean and variance of the defined values of each column so far.

    A value is scaled to zero mean and unit variance and cut at ``LARGEST``. A missing value, or a value
    of a column that has not varied yet, becomes the column's mean: 0.

    Args:
        n_columns: The number of columns, k.

    Source:
        Welford (1962), Note on a method for calculating corrected sums of squares and products.
    """

    def __init__(self, n_columns: int) -> None:
        self._n, self._mean, self._squares = (np.zeros(n_columns) for _ in range(3))

    def learn(self, row: NDArray[np.float32]) -> None:
        """Updates mean and variance with a row; shape (k,), NaN where undefined."""
        values = row.astype(np.float64)
        is_known = ~np.isnan(values)
        self._n += is_known
        off = np.where(is_known, values - self._mean, 0.0)
        self._mean += off / np.maximum(self._n, 1.0)
        self._squares += np.where(is_known, off * (values - self._mean), 0.0)

    def scaled(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        """Returns a row in standard deviations from the mean, shape (k,), without NaN."""
        variance = self._squares / np.maximum(self._n, 1.0)
        varies = (self._n >= _LEAST_ROWS) & (variance > 0)
        scaled = (row.astype(np.float64) - self._mean) / np.sqrt(np.where(varies, variance, 1.0))
        return np.clip(np.where(varies & ~np.isnan(scaled), scaled, 0.0), -LARGEST, LARGEST)

    def kept(self) -> KeptScale:
        """Returns the scale in the form of a snapshot."""
        columns = {"n": self._n, "mean": self._mean, "squares": self._squares}
        return KeptScale(**{name: column.astype("<f8").tobytes() for name, column in columns.items()})

    @classmethod
    def restored(cls, kept: KeptScale, *, n_columns: int) -> "RunningScale":
        """Restores a scale from a snapshot.

        Raises:
            StateError: If it does not have this number of columns.
        """
        scale = cls(n_columns)
        scale._n = _column(kept.n, n_columns)
        scale._mean = _column(kept.mean, n_columns)
        scale._squares = _column(kept.squares, n_columns)
        if min(scale._n.min(initial=0.0), scale._squares.min(initial=0.0)) < 0:
            message = "a scale's counts and squares must not be negative"
            raise StateError(message)
        return scale


def _column(data: bytes, n_columns: int) -> NDArray[np.float64]:
    if len(data) != 8 * n_columns:
        message = f"a scale must have {n_columns} columns of 8 bytes, has {len(data)} bytes"
        raise StateError(message)
    column = np.frombuffer(data, dtype="<f8").astype(np.float64)
    if not np.isfinite(column).all():
        message = "a scale must be of finite numbers"
        raise StateError(message)
    return column
