"""Features of the shape of the newest bar."""

from stream_processors.features.bars import CLOSE, HIGH, LOW, OPEN
from stream_processors.features.compiling import inlined, ratio
from stream_processors.features.windows import (
    LOG_HIGH,
    LOG_LOW,
    OVERNIGHT,
    RANGE,
    SHORT_15,
    SHORT_60,
    close_location,
)


@inlined
def step_shape(state, sums, bar, out):
    """Write places within the bar, which are zero where the bar has no range, and relative ranges."""
    open_, close = bar[OPEN], bar[CLOSE]
    spread = bar[HIGH] - bar[LOW]
    per_spread = 1.0 / spread if spread > 0.0 else 0.0
    out[0] = close_location(bar)
    out[1] = (bar[HIGH] - max(open_, close)) * per_spread
    out[2] = (min(open_, close) - bar[LOW]) * per_spread
    out[3] = (close - open_) * per_spread
    out[4] = state[OVERNIGHT]
    log_range = state[LOG_HIGH] - state[LOG_LOW]
    out[5] = ratio(15.0 * log_range, sums[SHORT_15 + RANGE])
    out[6] = ratio(60.0 * log_range, sums[SHORT_60 + RANGE])
