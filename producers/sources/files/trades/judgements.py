"""What is judged of a file of trades, and the rules by which a line is set aside."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.trades.clocks import ClockSkew
from producers.sources.files.trades.filters import TradeFilter
from schemas.streams import Silence

IS_READ = "line can be read"
HAS_TIME = "time is of 2009 or later and not later than the start of the run"
HAS_STAMP = "line states the local time as the other lines do"
AGREES = "local time and venue time differ as those of the other trades do"
IS_OF_CLOCK = "local time is by the clock of most trades"
IS_ON_SCALE = "price is at most twice or half of the price before it"
IS_NEAR = "time lies near the times of the other records"

RULES = (HAS_TIME, HAS_STAMP, AGREES, IS_OF_CLOCK, IS_NEAR, IS_ON_SCALE)

Mask = NDArray[np.bool_]


class ClockChange(NamedTuple):
    """A stretch of trades that were stamped by another clock than most.

    Attributes:
        first_row: The line of the first of them.
        n_trades: How many they are.
        ahead_ms: How far the recorder's clock was ahead of where it was for most trades.
    """

    first_row: int
    n_trades: int
    ahead_ms: int


class PriceStep(NamedTuple):
    """A stretch of trades whose prices are on another scale than those of most.

    Attributes:
        first_row: The line of the first of them.
        n_trades: How many they are.
        ratio: Of their prices to those of most trades.
    """

    first_row: int
    n_trades: int
    ratio: float


class Judgement(NamedTuple):
    """Which trades are good, and what follows for the run.

    Attributes:
        filter: Says for any trade of the file whether it is good.
        good: Shape (n,), by trade.
        rule: Shape (n,): the number in :data:`RULES` of the rule that a bad trade breaks.
        skew: The clock of the venue against the recorder's.
        silences: Stretches of known time without any record.
        changes: Of the recorder's clock.
        n_too_late: How many good trades came so much later than the others that they are too late for their bars.
        price_steps: Stretches of trades on another scale of prices than most.
    """

    filter: TradeFilter
    good: Mask
    rule: NDArray[np.int8]
    skew: ClockSkew
    silences: tuple[Silence, ...]
    changes: tuple[ClockChange, ...]
    price_steps: tuple[PriceStep, ...] = ()
    n_too_late: int = 0
