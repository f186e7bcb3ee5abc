"""Whether the bars of two instruments state the same times: their returns correlate best at the same bar.

Pure. Files state a bar's open or its close as its time. Where one file does this and another that, one of
two companions lies a bar later than the other, and what is meant to stand beside a bar looks into its
future. Prices of two coins, or of a coin and its perpetual, move together within minutes, so their returns
tell.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.prices import PricePath

#: Fewer common returns than this tell nothing.
LEAST_RETURNS = 100
#: By how much the correlation one bar apart must be the stronger one; chance reaches about four divided by
#: the root of the number of returns.
_MARGIN, _CHANCE = 0.1, 4.0
#: Returns are cut at so many times their median size, so that one wrong price does not decide.
_MOST_MEDIANS = 10.0


class Misalignment(NamedTuple):
    """Two instruments whose returns correlate better one bar apart.

    Attributes:
        shift_bars: 1 where the companion's bars lie one bar later than the own ones that they go with, -1
            where they lie one bar earlier.
        correlation: Of the returns at that shift.
        correlation_at_once: Of the returns at the same times.
        n: How many returns the correlation at the same times is of.
    """

    shift_bars: int
    correlation: float
    correlation_at_once: float
    n: int


def misalignment(own: PricePath, companion: PricePath) -> Misalignment | None:
    """Find out whether two instruments fit better one bar apart than at the same bar.

    Args:
        own: The instrument that is predicted; the companion's bars are of the same interval.
        companion: The one that stands beside it.

    Returns:
        How they fit; None where they fit best at the same time, or too few returns are common.
    """
    interval_ms = own.interval_ms
    ours, theirs = _returns(own, interval_ms), _returns(companion, interval_ms)
    at_once, n = _correlation(ours, theirs, shift_ms=0)
    shifted = {shift: _correlation(ours, theirs, shift_ms=shift * interval_ms)[0] for shift in (-1, 1)}
    best = max(shifted, key=lambda shift: abs(shifted[shift]))
    if n < LEAST_RETURNS or abs(shifted[best]) <= abs(at_once) + max(_MARGIN, _CHANCE / np.sqrt(n)):
        return None
    return Misalignment(best, shifted[best], at_once, n)


def misalignment_words(found: Misalignment, *, own: str, companion: str) -> str:
    """A warning for people.

    Args:
        found: How the two fit.
        own: The name of the instrument that is predicted, or of its file.
        companion: The name of the companion, or of its file.
    """
    side = "later" if found.shift_bars > 0 else "earlier"
    effect = (
        "its features are a bar older than they could be"
        if found.shift_bars > 0
        else "its features look a bar into the future, and no accuracy is to be believed"
    )
    return (
        f"the bars of {companion} fit those of {own} better one bar {side} (correlation of returns "
        f"{found.correlation:.2f}) than at the same time ({found.correlation_at_once:.2f}, of {found.n:,} returns). One "
        f"of the two probably states the close of a bar where its open is expected, and then {effect}"
    )


class _Returns(NamedTuple):
    """Log returns of bars that follow one another, by the end of the later bar."""

    end_ms: NDArray[np.int64]
    value: NDArray[np.float64]


def _returns(closes: PricePath, interval_ms: int) -> _Returns:
    follows = np.diff(closes.end_ms) == interval_ms
    value = np.diff(np.log(closes.close))[follows]
    limit = _MOST_MEDIANS * np.median(np.abs(value)) if len(value) else 0.0
    return _Returns(closes.end_ms[1:][follows], np.clip(value, -limit, limit) if limit > 0 else value)


def _correlation(ours: _Returns, theirs: _Returns, *, shift_ms: int) -> tuple[float, int]:
    """Of our returns with theirs that end ``shift_ms`` later, and of how many; 0 where it is undefined."""
    if not len(theirs.end_ms):
        return 0.0, 0
    wanted = ours.end_ms + shift_ms
    places = np.minimum(np.searchsorted(theirs.end_ms, wanted), len(theirs.end_ms) - 1)
    is_common = theirs.end_ms[places] == wanted
    first, second = ours.value[is_common], theirs.value[places[is_common]]
    n = len(first)
    if n < LEAST_RETURNS or first.std() == 0 or second.std() == 0:
        return 0.0, n
    return float(np.corrcoef(first, second)[0, 1]), n
