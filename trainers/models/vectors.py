"""Feature values as a model sees them: the one conversion, for fitting and for serving alike."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def model_input(values: ArrayLike) -> NDArray[np.float32]:
    """Feature values in a model's own precision; undefined is NaN.

    What is infinite, or becomes so as a float32, is undefined too: the wire writes it as null, so
    a model that had been fitted on it would never meet it again.

    Args:
        values: Any shape, float64, NaN where undefined.

    Returns:
        The same shape.
    """
    with np.errstate(over="ignore"):
        converted = np.array(values, dtype=np.float32)
    converted[~np.isfinite(converted)] = np.nan
    return converted
