"""Sample weights by uniqueness: labels that overlap hold the same information, so they share its weight."""

import numpy as np
from numpy.typing import NDArray


def uniqueness(*, start_ms: NDArray[np.int64], end_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    """The average uniqueness of each label over its interval ``[start, end)``.

    At every instant a label counts as one divided by the number of labels that are open at that instant. Its
    uniqueness is the mean of this count over its interval, weighted by time.

    Args:
        start_ms: Shape (n,), increasing.
        end_ms: Shape (n,), each after its start.

    Returns:
        Shape (n,), in (0, 1]; 1 where no other label overlaps.

    Raises:
        ValueError: If a label does not end after its start.

    Source:
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 4.4.

    Example:
        >>> import numpy as np
        >>> uniqueness(start_ms=np.array([0, 10]), end_ms=np.array([20, 30])).tolist()
        [0.75, 0.75]
    """
    if np.any(end_ms <= start_ms):
        message = "every label must end after its start"
        raise ValueError(message)
    if len(start_ms) == 0:
        return np.empty(0)
    edges = np.unique(np.concatenate([start_ms, end_ms]))
    n_open = np.searchsorted(np.sort(start_ms), edges[:-1], side="right") - np.searchsorted(
        np.sort(end_ms), edges[:-1], side="right"
    )
    share = np.diff(edges) / np.maximum(n_open, 1)
    running = np.concatenate([[0.0], np.cumsum(share)])
    inside = running[np.searchsorted(edges, end_ms)] - running[np.searchsorted(edges, start_ms)]
    weights: NDArray[np.float64] = inside / (end_ms - start_ms)
    return weights
