"""Random numbers by key: the draws of an hour are a function of seed, hour and purpose.

numpy's Philox is counter-based, so a generator for any (seed, hour) starts at once, and the market of a
minute does not depend on what was generated before. The key is the hour and not the minute, because
building a generator costs 20 us, and a fortnight has 20,160 minutes but only 336 hours.

Source:
    Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3".
"""

from enum import IntEnum

import numpy as np


class DrawPurpose(IntEnum):
    """The purpose of draws. Each purpose has its own draws, so that one never shifts those of another."""

    STATES = 1
    TRADES = 2
    NEWS = 3


def generator(*, seed: int, hour: int, purpose: DrawPurpose) -> np.random.Generator:
    """Return the generator of an hour.

    Args:
        seed: The seed of the market, 0 <= seed < 2**64.
        hour: Hours since the Unix epoch, >= 0.
        purpose: What the draws are for.
    """
    counter = np.array([0, 0, int(purpose), hour], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=np.uint64(seed), counter=counter))
