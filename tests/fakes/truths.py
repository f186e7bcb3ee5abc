"""How null controls judge an interval."""


def holds(interval, truth):
    """Whether the truth lies inside a 95 % interval, widened to 99.8 %.

    So many models are tried in the null controls that one in twenty would fail by chance.
    """
    low, high = interval
    return abs((low + high) / 2 - truth) <= 1.58 * (high - low) / 2
