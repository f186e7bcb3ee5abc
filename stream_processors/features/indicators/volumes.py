"""Volume and order flow: what was traded, in which direction, and how far it moved the price."""

import math

from stream_processors.features.bars import BUY_VOLUME, VOLUME
from stream_processors.features.compiling import compiled
from stream_processors.features.windows import (
    BOUGHT_VOLUME,
    HAS_TRADED,
    ILLIQUIDITY,
    PLACED_VOLUME,
    SIGNED_VOLUME,
    TRADED_VOLUME,
    VALUE,
    VALUE_DOWN,
    VALUE_UP,
    log_close_before,
    ratio,
)


@compiled
def _imbalance(bought, volume):  # type: ignore[no-untyped-def]
    """Bought less sold over all, -1 to 1."""
    return ratio(2.0 * bought - volume, volume)


@compiled
def step_volume(state, number, bar, long, short, out):  # type: ignore[no-untyped-def]
    """What volume says; the sums are over (5, 15, 20, 60, 168) and (5, 14, 15, 20, 60) bars."""
    long_5, long_15, long_20, long_60, long_168 = long
    short_5, short_14, short_15, short_20, short_60 = short
    volume_5, volume_15, volume_60 = long_5[TRADED_VOLUME], long_15[TRADED_VOLUME], long_60[TRADED_VOLUME]
    out[0] = ratio(60.0 * bar[VOLUME], volume_60)
    out[1] = ratio(60.0 * volume_5, 5.0 * volume_60)
    out[2] = ratio(60.0 * volume_15, 15.0 * volume_60)
    out[3] = ratio(168.0 * volume_60, 60.0 * long_168[TRADED_VOLUME])
    out[4] = ratio(long_5[SIGNED_VOLUME], volume_5)
    out[5] = ratio(long_15[SIGNED_VOLUME], volume_15)
    out[6] = ratio(long_60[SIGNED_VOLUME], volume_60)
    out[7] = ratio(long_168[SIGNED_VOLUME], long_168[TRADED_VOLUME])
    close = log_close_before(state, number, 0)
    out[8] = close - math.log(ratio(short_15[VALUE], volume_15))
    out[9] = close - math.log(ratio(short_60[VALUE], volume_60))
    fast = ratio(short_15[ILLIQUIDITY], short_15[HAS_TRADED])
    slow = ratio(short_60[ILLIQUIDITY], short_60[HAS_TRADED])
    out[10], out[11], out[12] = fast, slow, ratio(fast, slow)
    out[13] = 100.0 * ratio(short_14[VALUE_UP], short_14[VALUE_UP] + short_14[VALUE_DOWN])
    out[14] = ratio(short_20[PLACED_VOLUME], long_20[TRADED_VOLUME])
    out[15] = _imbalance(bar[BUY_VOLUME], bar[VOLUME])
    out[16] = _imbalance(short_5[BOUGHT_VOLUME], volume_5)
    out[17] = _imbalance(short_15[BOUGHT_VOLUME], volume_15)
    out[18] = _imbalance(short_60[BOUGHT_VOLUME], volume_60)
