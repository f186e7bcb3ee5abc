"""Position rules: from predictions to positions, as multiples of equity.

Every rule is a function of the probability and of returns that were complete at the decision. A
position of 1 is all equity long, -1 is all equity short, and 0 is no position.
"""

import math
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.time import Interval
from trainers.backtesting.decisions import ModelDecisions

#: The number of trailing returns between decisions from which their typical size is computed.
TRAILING_RETURNS = 96
_LEAST_RETURNS = 20
_YEAR_MS = 365 * Interval.ONE_DAY.milliseconds


class RuleKind(StrEnum):
    """The ways in which a probability becomes a position."""

    SIGN = "sign"
    THRESHOLD = "threshold"
    VOLATILITY = "volatility"
    KELLY = "kelly"


class PositionRule(msgspec.Struct, frozen=True, kw_only=True):
    """A position rule with its parameters.

    Attributes:
        threshold: The least probability of the predicted side; below it no position is held. Every rule uses
            it, so that sized positions can abstain too.
        target_volatility: The volatility of equity per year that ``volatility`` aims at.
        kelly_fraction: The share of the growth-optimal position that ``kelly`` holds.
        cap: The largest position.
        is_long_only: Whether a prediction of down means no position instead of a short one.
    """

    rule: RuleKind = RuleKind.SIGN
    threshold: float = 0.5
    target_volatility: float = 0.2
    kelly_fraction: float = 0.25
    cap: float = 1.0
    is_long_only: bool = False

    def __post_init__(self) -> None:
        """Refuse parameters outside their range.

        Raises:
            ValueError: If a parameter is outside its range.
        """
        if not 0.5 <= self.threshold < 1:
            message = f"threshold must be a probability of the side taken, in [0.5, 1), was {self.threshold}"
            raise ValueError(message)
        for name in ("target_volatility", "kelly_fraction", "cap"):
            if not 0 < getattr(self, name) <= 10:
                message = f"{name} must be in (0, 10], was {getattr(self, name)}"
                raise ValueError(message)


def positions(decisions: ModelDecisions, rule: PositionRule, *, every_ms: int) -> NDArray[np.float64]:
    """The position that is held from each decision on.

    Args:
        decisions: Oldest first.
        rule: The rule and its parameters.
        every_ms: The time between decisions.

    Returns:
        Shape (n,), multiples of equity in ``[-cap, cap]``. Rules that size positions hold none until
        twenty returns are known.

    Source:
        Kelly (1956) in its continuous form: the expected return over its mean square, where the
        expected return is ``(2p - 1)`` times the mean size of a return. It is only as good as the
        probability's calibration.
    """
    probability = decisions.probability.astype(np.float64)
    side = decisions.side.astype(np.float64)
    confidence = np.maximum(probability, 1 - probability)
    size = _sizes(decisions, rule, confidence, every_ms=every_ms)
    held = side * np.minimum(np.where(np.isfinite(size), size, 0.0), rule.cap)
    held[confidence < rule.threshold] = 0.0
    return np.maximum(held, 0.0) if rule.is_long_only else held


def _sizes(
    decisions: ModelDecisions, rule: PositionRule, confidence: NDArray[np.float64], *, every_ms: int
) -> NDArray[np.float64]:
    """The sizes of positions before the cap; NaN where too few returns are known yet."""
    if rule.rule in (RuleKind.SIGN, RuleKind.THRESHOLD):
        return np.full(len(decisions), min(1.0, rule.cap))
    mean, square = trailing_returns(decisions, every_ms=every_ms)
    if rule.rule is RuleKind.VOLATILITY:
        return rule.target_volatility / np.sqrt(square * (_YEAR_MS / every_ms))
    return rule.kelly_fraction * (2 * confidence - 1) * mean / square


def trailing_returns(
    decisions: ModelDecisions, *, every_ms: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean size and the mean square of the returns before each decision.

    They are log returns from the close of a decision to that of the next, of neighbours that are
    exactly ``every_ms`` apart; the newest return ends at the decision itself.

    Returns:
        Two arrays of shape (n,); NaN before twenty returns, and where the price never changed.
    """
    returns = np.full(len(decisions), np.nan)
    if len(decisions) > 1:
        is_next = np.diff(decisions.as_of_ms) == every_ms
        returns[1:] = np.where(is_next, np.diff(np.log(decisions.close)), np.nan)
    count = _trailing_sum(np.isfinite(returns).astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _trailing_sum(np.nan_to_num(np.abs(returns))) / count
        square = _trailing_sum(np.nan_to_num(returns**2)) / count
    is_known = (count >= _LEAST_RETURNS) & (square > 0)
    return np.where(is_known, mean, math.nan), np.where(is_known, square, math.nan)


def _trailing_sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the newest :data:`TRAILING_RETURNS` values at each place, including the value there.

    Each window is summed by itself instead of as a difference of running sums, so that a position
    is a function of its window alone, to the bit, and truncating the future changes nothing.
    """
    padded = np.concatenate([np.zeros(TRAILING_RETURNS - 1), values])
    windows = np.lib.stride_tricks.sliding_window_view(padded, TRAILING_RETURNS)
    sums: NDArray[np.float64] = windows.sum(axis=1)
    return sums
