"""Chooses where the warm-up of recorded candles ends: at the close of a candle that the files hold.

Training waits until the features of the warm-up are stored up to its end. Features are stored at closes, so
nothing would ever be stored up to a moment inside a missing stretch, and the start would wait for ever.
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from schemas.time import Interval, bar_start_ms

#: The part of the replayed stretch that is the warm-up, as long as a candle closes there.
WARM_UP_SHARE = 0.7


def warm_up_end_ms(
    closes: Sequence[NDArray[np.int64]], *, origin_ms: int, end_ms: int, boundary: Interval
) -> int:
    """Return the close that all files share and that lies nearest to 70 % of the stretch.

    Of two closes at the same distance it is the earlier one.

    Args:
        closes: The closes of each file, ascending.
        origin_ms: The first open of the stretch.
        end_ms: The last close of the stretch; the warm-up ends before it.
        boundary: The warm-up ends on a boundary of this interval, where a bar of every shorter one ends, too.

    Returns:
        ``origin_ms`` if the files share no such close: the warm-up is empty then.
    """
    shared = reduce(np.intersect1d, closes)
    is_inside = (shared > origin_ms) & (shared < end_ms) & (shared % boundary.milliseconds == 0)
    candidates = shared[is_inside]
    wanted_ms = bar_start_ms(origin_ms + int(WARM_UP_SHARE * (end_ms - origin_ms)), boundary)
    if not len(candidates) or wanted_ms <= origin_ms:
        return origin_ms
    return int(candidates[np.argmin(np.abs(candidates - wanted_ms))])
