"""What scores of news tell of the return that follows: information coefficients of hourly means.

At the end T of an hour a scorer's mean is over the articles known within that hour. An article is known some minutes after
its publication, because a recorded file does not say when it was first seen. Hours without an article have no mean.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainers.datasets.prices import PricePath
from trainers.evaluation.block_intervals import DAY_MS
from trainers.evaluation.information import information_coefficient, shift_p_value, shifted_coefficients
from trainers.evaluation.significance import holm
from trainers.sentiment.reports import Signal, figure_of

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
HORIZONS = {"1h": HOUR_MS, "4h": 4 * HOUR_MS, "24h": DAY_MS}
DELAYS_MINUTES = (0, 5, 60)


class HourlyMeans(NamedTuple):
    """The mean score of each hour that has articles.

    Attributes:
        end_ms: Shape (m,), increasing: the end of each hour.
        mean: Shape (m,).
    """

    end_ms: NDArray[np.int64]
    mean: NDArray[np.float64]


def hourly_means(known_ms: NDArray[np.int64], scores: NDArray[np.float64]) -> HourlyMeans:
    """The mean score of the articles that were known before the end of each hour, and not before its start.

    An article that is known exactly at the end of an hour belongs to the next one, because a decision at T may use only
    what was known before T.

    Args:
        known_ms: Shape (n,).
        scores: Shape (n,), NaN for a refusal.
    """
    is_scored = np.isfinite(scores)
    hour, number, counts = np.unique(known_ms[is_scored] // HOUR_MS, return_inverse=True, return_counts=True)
    sums = np.bincount(number, scores[is_scored], minlength=len(hour))
    return HourlyMeans((hour + 1) * HOUR_MS, sums / np.maximum(counts, 1))


def signals_of(
    published_ms: NDArray[np.int64],
    scores: Mapping[str, NDArray[np.float64]],
    prices: PricePath,
    *,
    seed: int,
) -> list[Signal]:
    """The information coefficient of every scorer, horizon and delay.

    Args:
        published_ms: Shape (n,): when each article was published.
        scores: By scorer: the score of each article, NaN for a refusal.
        prices: The closes whose returns are explained.
        seed: The seed of the intervals.
    """
    signals = [
        _signal(means, prices, scorer=scorer, horizon=horizon, delay=delay, seed=seed)
        for scorer, each in scores.items()
        for delay in DELAYS_MINUTES
        for means in (hourly_means(published_ms + delay * MINUTE_MS, each),)
        for horizon in HORIZONS
    ]
    adjusted = holm([signal.p_value for signal in signals])
    return [
        msgspec.structs.replace(signal, adjusted=p_value)
        for signal, p_value in zip(signals, adjusted, strict=True)
    ]


def _signal(
    means: HourlyMeans, prices: PricePath, *, scorer: str, horizon: str, delay: int, seed: int
) -> Signal:
    returns = prices.log_returns(means.end_ms, means.end_ms + HORIZONS[horizon])
    found = information_coefficient(means.mean, returns, means.end_ms, generator=np.random.default_rng(seed))
    shifted = shifted_coefficients(means.mean, returns, means.end_ms)
    ends = np.quantile(shifted, [0.025, 0.975]).tolist() if len(shifted) else None
    return Signal(
        scorer=scorer,
        horizon=horizon,
        delay_minutes=delay,
        n=found.n,
        coefficient=figure_of(found),
        control=None if ends is None else (ends[0], ends[1]),
        p_value=shift_p_value(found.value, shifted),
    )


def signal_findings(signals: Sequence[Signal]) -> list[str]:
    """What the signals say: those that are more than chance, or that no edge is shown."""
    if not signals:
        return []
    shown = [signal for signal in signals if signal.is_shown]
    if not shown:
        return [_no_edge(signals)]
    return [
        f"{signal.scorer.partition('@')[0]} has an information coefficient of {signal.coefficient} for the next "
        f"{signal.horizon} with {signal.delay_minutes} minutes of delay (p = {signal.adjusted:.2g} among {len(signals)})."
        for signal in shown
    ]


def _no_edge(signals: Sequence[Signal]) -> str:
    largest = max(signals, key=lambda signal: np.nan_to_num(abs(signal.coefficient.value)))
    return (
        f"No edge is shown: none of the {len(signals)} information coefficients is more than chance. The farthest from 0 is "
        f"{largest.coefficient}, of {largest.scorer.partition('@')[0]} for {largest.horizon} with "
        f"{largest.delay_minutes} minutes of delay (p = {largest.p_value:.2g} alone, {largest.adjusted:.2g} among all)."
    )
