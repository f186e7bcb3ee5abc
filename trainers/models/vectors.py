"""Converts feature values to a model's input; fitting and serving use the same conversion."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def model_input(values: ArrayLike) -> NDArray[np.float32]:
    """Returns feature values as float32; undefined values are NaN.

    Values that are infinite, or become infinite as float32, are undefined too: the wire writes them as null, so
    a model that had been fitted on them would never meet them when it serves.

    Args:
        values: Any shape, float64, NaN where undefined.

    Returns:
        The same shape.
    """
    with np.errstate(over="ignore"):
        converted = np.array(values, dtype=np.float32)
    converted[~np.isfinite(converted)] = np.nan
    return converted
