"""The closes of one instrument by time: where every outcome is read, and at which a backtest trades.

Stands apart because the classic fault lives here: a "one hour" label that was the next row of an
irregular series. A return from T to T + h is read from the closes at exactly T and exactly T + h.
Where either is missing (an outage, the end of the data) the return is undefined; no other close
ever stands in.
"""

from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.features import FeatureCloses, FeatureTable
from schemas.time import Interval, Length

#: After a silence longer than this a recording counts as a new one: no position is held across it.
LONGEST_SILENCE_MS = Interval.ONE_DAY.milliseconds
#: The lags of late entries, besides one bar.
_ENTRY_LAGS_MS = (Interval.ONE_MINUTE.milliseconds, Interval.FIVE_MINUTES.milliseconds)


class ForwardReturn(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The forward returns over one stretch: what the price did after each decision.

    Attributes:
        log_return: Shape (n,); NaN where a close is missing, exactly 0 for a tie.
        known_ms: Shape (n,), int64: when it was known; -1 where it is undefined.
    """

    log_return: NDArray[np.float64]
    known_ms: NDArray[np.int64]

    @property
    def is_up(self) -> NDArray[np.bool_]:
        """Shape (n,): whether the price rose; False for ties and for undefined returns."""
        return np.greater(self.log_return, 0)

    @property
    def is_tie(self) -> NDArray[np.bool_]:
        """Shape (n,): whether the price did not change, which is neither up nor down."""
        return np.equal(self.log_return, 0)

    @property
    def is_decided(self) -> NDArray[np.bool_]:
        """Shape (n,): whether the price went up or down; False for ties and for undefined returns."""
        decided: NDArray[np.bool_] = ~np.isnan(self.log_return) & ~self.is_tie
        return decided

    def at(self, rows: slice | NDArray[np.int64]) -> "ForwardReturn":
        """The forward returns of some of the decisions."""
        return ForwardReturn(log_return=self.log_return[rows], known_ms=self.known_ms[rows])

    def known_by(self, time_ms: int) -> "ForwardReturn":
        """The same decisions; returns that were not known by a time are undefined."""
        is_known = (self.known_ms >= 0) & (self.known_ms <= time_ms)
        return ForwardReturn(
            log_return=np.where(is_known, self.log_return, np.nan),
            known_ms=np.where(is_known, self.known_ms, -1),
        )


class PricePath(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The closes of one instrument by time, oldest first.

    Attributes:
        end_ms: Shape (m,), int64, strictly increasing: when each close was made.
        known_ms: Shape (m,), int64: when each close was known.
        close: Shape (m,), float64, quote per base, > 0.
        interval_ms: The step at which closes usually come.
    """

    end_ms: NDArray[np.int64]
    known_ms: NDArray[np.int64]
    close: NDArray[np.float64]
    interval_ms: int

    def __post_init__(self) -> None:
        """Refuse closes out of order, since every look-up is by bisection.

        Raises:
            ValueError: If the times do not strictly increase.
        """
        if np.any(self.end_ms[1:] <= self.end_ms[:-1]):
            message = "end_ms must be strictly increasing"
            raise ValueError(message)

    @classmethod
    def of_bars(cls, bars: FeatureTable | FeatureCloses, interval: Interval) -> Self:
        """The closes of the bars that features were computed from."""
        return cls(
            end_ms=bars.as_of_ms,
            known_ms=bars.known_ms,
            close=bars.close,
            interval_ms=interval.milliseconds,
        )

    def __len__(self) -> int:
        """How many closes there are."""
        return len(self.end_ms)

    def between(self, from_ms: int, to_ms: int) -> "PricePath":
        """The closes of ``[from_ms, to_ms]``, both ends included."""
        first = int(np.searchsorted(self.end_ms, from_ms, side="left"))
        last = int(np.searchsorted(self.end_ms, to_ms, side="right"))
        return PricePath(
            end_ms=self.end_ms[first:last],
            known_ms=self.known_ms[first:last],
            close=self.close[first:last],
            interval_ms=self.interval_ms,
        )

    def stretch_ends(self) -> NDArray[np.int64]:
        """The last row of each stretch without a silence longer than a day."""
        breaks = np.flatnonzero(np.diff(self.end_ms) > LONGEST_SILENCE_MS)
        return np.append(breaks, len(self) - 1).astype(np.int64)

    def rows_at_or_after(self, times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first row at or after each time; ``len(self)`` where there is none."""
        return np.searchsorted(self.end_ms, times_ms, side="left").astype(np.int64)

    def rows_at(self, times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row at exactly each time; -1 where there is none."""
        if len(self) == 0:
            return np.full(len(times_ms), -1, dtype=np.int64)
        rows = np.minimum(self.rows_at_or_after(times_ms), len(self) - 1)
        return np.where(self.end_ms[rows] == times_ms, rows, -1).astype(np.int64)

    def log_returns(self, from_ms: NDArray[np.int64], until_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """The log return from the close at exactly one time to that at exactly another, shape (n,).

        NaN where either close is missing; a tie is exactly 0.
        """
        return self._log_returns(self.rows_at(from_ms), self.rows_at(until_ms))

    def forward_returns(self, from_ms: NDArray[np.int64], until_ms: NDArray[np.int64]) -> ForwardReturn:
        """The log returns between exact times, and when each was known.

        A return is known once its later close was known, and never before that close was made.
        """
        start, end = self.rows_at(from_ms), self.rows_at(until_ms)
        has = (start >= 0) & (end >= 0)
        known_ms = np.full(len(from_ms), -1, dtype=np.int64)
        known_ms[has] = np.maximum(self.known_ms[end[has]], until_ms[has])
        return ForwardReturn(log_return=self._log_returns(start, end), known_ms=known_ms)

    def _log_returns(self, start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.float64]:
        has = (start >= 0) & (end >= 0)
        returns = np.full(len(start), np.nan)
        returns[has] = np.log(self.close[end[has]] / self.close[start[has]])
        return returns

    def entry_lags_ms(self, interval: Length) -> tuple[int, ...]:
        """The lags at which a late entry can be judged: a minute, five minutes and one bar.

        Lags that the closes are too far apart for are left out.

        Args:
            interval: The bar of the decisions.
        """
        lags = sorted({*_ENTRY_LAGS_MS, interval.milliseconds})
        return tuple(lag for lag in lags if lag % self.interval_ms == 0)


def merged(first: PricePath, second: PricePath) -> PricePath:
    """The closes of both paths; where both have a close at the same time, that of the first."""
    fresh = ~np.isin(second.end_ms, first.end_ms)
    end_ms = np.concatenate([first.end_ms, second.end_ms[fresh]])
    order = np.argsort(end_ms, kind="stable")
    return PricePath(
        end_ms=end_ms[order],
        known_ms=np.concatenate([first.known_ms, second.known_ms[fresh]])[order],
        close=np.concatenate([first.close, second.close[fresh]])[order],
        interval_ms=min(first.interval_ms, second.interval_ms),
    )
