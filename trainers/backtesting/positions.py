"""Position rules: from what was said to how much is held, as a multiple of equity.

Every rule is a function of the probability and of moves that were over when it was said. A
position of 1 is all equity long, -1 all of it short, 0 nothing.
"""

import math
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.time import Interval
from trainers.backtesting.decisions import ModelDecisions

#: How many moves between decisions are looked back on for their size.
TRAILING_MOVES = 96
_LEAST_MOVES = 20
_YEAR_MS = 365 * Interval.ONE_DAY.milliseconds


class RuleKind(StrEnum):
    """How a probability becomes a position."""

    SIGN = "sign"
    THRESHOLD = "threshold"
    VOLATILITY = "volatility"
    KELLY = "kelly"


class PositionRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with its numbers.

    Attributes:
        threshold: The least probability of the side taken; below it nothing is held. Used by every
            rule, so that sized positions can abstain too.
        target_volatility: Of equity per year, for ``volatility``.
        kelly_fraction: The share of the growth-optimal position, for ``kelly``.
        cap: The largest position.
        is_long_only: Whether down means nothing held instead of short.
    """

    rule: RuleKind = RuleKind.SIGN
    threshold: float = 0.5
    target_volatility: float = 0.2
    kelly_fraction: float = 0.25
    cap: float = 1.0
    is_long_only: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing.

        Raises:
            ValueError: If one does.
        """
        if not 0.5 <= self.threshold < 1:
            message = f"threshold must be a probability of the side taken, in [0.5, 1), was {self.threshold}"
            raise ValueError(message)
        for name in ("target_volatility", "kelly_fraction", "cap"):
            if not 0 < getattr(self, name) <= 10:
                message = f"{name} must be in (0, 10], was {getattr(self, name)}"
                raise ValueError(message)


def positions(decisions: ModelDecisions, rule: PositionRule, *, every_ms: int) -> NDArray[np.float64]:
    """What to hold from each decision on.

    Args:
        decisions: Oldest first.
        rule: How.
        every_ms: Between decisions.

    Returns:
        Shape (n,), multiples of equity in ``[-cap, cap]``. Sized rules hold nothing until twenty
        moves have been seen.

    Source:
        Kelly (1956) in its continuous form: the expected move over its mean square, where the
        expected move is ``(2p - 1)`` times the mean size of a move. It is only as good as the
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
    """How large, before the cap; NaN where moves are not known yet."""
    if rule.rule in (RuleKind.SIGN, RuleKind.THRESHOLD):
        return np.full(len(decisions), min(1.0, rule.cap))
    mean, square = trailing_moves(decisions, every_ms=every_ms)
    if rule.rule is RuleKind.VOLATILITY:
        return rule.target_volatility / np.sqrt(square * (_YEAR_MS / every_ms))
    return rule.kelly_fraction * (2 * confidence - 1) * mean / square


def trailing_moves(
    decisions: ModelDecisions, *, every_ms: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean size and the mean square of the moves before each decision.

    Moves are log returns from one decision's close to the next one's, of neighbours that are
    exactly ``every_ms`` apart; the newest one ends at the decision itself.

    Returns:
        Two of shape (n,); NaN before twenty moves, and where nothing moved.
    """
    moves = np.full(len(decisions), np.nan)
    if len(decisions) > 1:
        is_next = np.diff(decisions.as_of_ms) == every_ms
        moves[1:] = np.where(is_next, np.diff(np.log(decisions.close)), np.nan)
    count = _trailing_sum(np.isfinite(moves).astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _trailing_sum(np.nan_to_num(np.abs(moves))) / count
        square = _trailing_sum(np.nan_to_num(moves**2)) / count
    is_known = (count >= _LEAST_MOVES) & (square > 0)
    return np.where(is_known, mean, math.nan), np.where(is_known, square, math.nan)


def _trailing_sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the newest :data:`TRAILING_MOVES` values at each place, that one included.

    Windows are added up one by one instead of as differences of running sums, so that a position
    is a function of its window alone, to the bit, and truncating the future changes nothing.
    """
    padded = np.concatenate([np.zeros(TRAILING_MOVES - 1), values])
    windows = np.lib.stride_tricks.sliding_window_view(padded, TRAILING_MOVES)
    sums: NDArray[np.float64] = windows.sum(axis=1)
    return sums
