"""Features of volume and order flow: how much was traded, in which direction, and how it moved the price."""

import math

from stream_processors.features.bars import BUY_VOLUME, VOLUME
from stream_processors.features.compiling import inlined, ratio
from stream_processors.features.windows import (
    BOUGHT_VOLUME,
    HAS_TRADED,
    ILLIQUIDITY,
    LONG_5,
    LONG_15,
    LONG_20,
    LONG_60,
    LONG_168,
    PLACED_VOLUME,
    SHORT_5,
    SHORT_14,
    SHORT_15,
    SHORT_20,
    SHORT_60,
    SIGNED_VOLUME,
    TRADED_VOLUME,
    VALUE,
    VALUE_DOWN,
    VALUE_UP,
    log_close_before,
)


@inlined
def step_volume(state, number, sums, bar, out):
    """Write the features of volume and order flow."""
    volume_5, volume_15 = sums[LONG_5 + TRADED_VOLUME], sums[LONG_15 + TRADED_VOLUME]
    volume_60, volume_168 = sums[LONG_60 + TRADED_VOLUME], sums[LONG_168 + TRADED_VOLUME]
    per_5, per_15 = ratio(1.0, volume_5), ratio(1.0, volume_15)
    per_60, per_168 = ratio(1.0, volume_60), ratio(1.0, volume_168)
    out[0] = 60.0 * bar[VOLUME] * per_60
    out[1] = 12.0 * volume_5 * per_60
    out[2] = 4.0 * volume_15 * per_60
    out[3] = 2.8 * volume_60 * per_168
    out[4] = sums[LONG_5 + SIGNED_VOLUME] * per_5
    out[5] = sums[LONG_15 + SIGNED_VOLUME] * per_15
    out[6] = sums[LONG_60 + SIGNED_VOLUME] * per_60
    out[7] = sums[LONG_168 + SIGNED_VOLUME] * per_168
    close = log_close_before(state, number, 0)
    out[8] = close - math.log(sums[SHORT_15 + VALUE] * per_15)
    out[9] = close - math.log(sums[SHORT_60 + VALUE] * per_60)
    fast = ratio(sums[SHORT_15 + ILLIQUIDITY], sums[SHORT_15 + HAS_TRADED])
    slow = ratio(sums[SHORT_60 + ILLIQUIDITY], sums[SHORT_60 + HAS_TRADED])
    out[10], out[11], out[12] = fast, slow, ratio(fast, slow)
    up, down = sums[SHORT_14 + VALUE_UP], sums[SHORT_14 + VALUE_DOWN]
    out[13] = 100.0 * ratio(up, up + down)
    out[14] = ratio(sums[SHORT_20 + PLACED_VOLUME], sums[LONG_20 + TRADED_VOLUME])
    out[15] = ratio(2.0 * bar[BUY_VOLUME] - bar[VOLUME], bar[VOLUME])
    out[16] = 2.0 * sums[SHORT_5 + BOUGHT_VOLUME] * per_5 - 1.0
    out[17] = 2.0 * sums[SHORT_15 + BOUGHT_VOLUME] * per_15 - 1.0
    out[18] = 2.0 * sums[SHORT_60 + BOUGHT_VOLUME] * per_60 - 1.0
