"""Chance that can be looked up: the draws of an hour are a function of seed, hour and purpose.

numpy's Philox is counter-based: a generator keyed by (seed, hour) starts at once wherever the
hour lies, so the market of a minute is the same whatever was made before it. Hours, not minutes,
are keyed: building a generator costs 20 us, and a fortnight has 20,160 minutes but 336 hours.

Source:
    Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3".
"""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What the draws are for; each has draws of its own, so that one never shifts another's."""

    STATES = 1
    TRADES = 2
    NEWS = 3


def generator(*, seed: int, hour: int, purpose: Purpose) -> np.random.Generator:
    """The generator of an hour.

    Args:
        seed: Of the market, 0 <= seed < 2**64.
        hour: Hours since the Unix epoch, >= 0.
        purpose: Whose draws.
    """
    counter = np.array([0, 0, int(purpose), hour], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=np.uint64(seed), counter=counter))
