"""Running scales of the columns, and what becomes of a missing value.

River's own scaler has no word for a missing value: a NaN would be in its means for good. So the
scale is ours, is part of the model and of its snapshot, and is the same for every kind.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import StateError

#: In standard deviations: one wild value must not undo what a gradient has learnt in a year.
LARGEST = 8.0
_LEAST_ROWS = 2


class KeptScale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scale as it is kept: three columns of float64, little-endian."""

    n: bytes
    mean: bytes
    squares: bytes


class RunningScale:
    """Mean and variance of what each column was defined as so far.

    A value is scaled to zero mean and unit variance and cut at ``LARGEST``. One that is missing,
    or of a column that has not varied yet, is the column's mean: 0.

    Args:
        n_columns: How many, k.

    Source:
        Welford (1962), Note on a method for calculating corrected sums of squares and products.
    """

    def __init__(self, n_columns: int) -> None:
        self._n, self._mean, self._squares = (np.zeros(n_columns) for _ in range(3))

    def learn(self, row: NDArray[np.float32]) -> None:
        """Take a row in; shape (k,), NaN where undefined."""
        values = row.astype(np.float64)
        is_known = ~np.isnan(values)
        self._n += is_known
        off = np.where(is_known, values - self._mean, 0.0)
        self._mean += off / np.maximum(self._n, 1.0)
        self._squares += np.where(is_known, off * (values - self._mean), 0.0)

    def scaled(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        """A row in standard deviations from the mean, shape (k,), without any NaN."""
        variance = self._squares / np.maximum(self._n, 1.0)
        varies = (self._n >= _LEAST_ROWS) & (variance > 0)
        scaled = (row.astype(np.float64) - self._mean) / np.sqrt(np.where(varies, variance, 1.0))
        return np.clip(np.where(varies & ~np.isnan(scaled), scaled, 0.0), -LARGEST, LARGEST)

    def kept(self) -> KeptScale:
        """As it is written into a snapshot."""
        columns = {"n": self._n, "mean": self._mean, "squares": self._squares}
        return KeptScale(**{name: column.astype("<f8").tobytes() for name, column in columns.items()})

    @classmethod
    def restored(cls, kept: KeptScale, *, n_columns: int) -> "RunningScale":
        """The scale that was written.

        Raises:
            StateError: If it is not one of so many columns.
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
