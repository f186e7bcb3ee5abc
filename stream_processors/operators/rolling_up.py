"""Builds longer bars from shorter ones, only where no shorter bar is missing."""

from typing import TypeVar

import msgspec

from schemas.events import BarClosed
from schemas.time import Interval, bar_start_ms

Number = TypeVar("Number", int, float)


class RollUp(msgspec.Struct, kw_only=True):
    """Rolls bars up into one longer interval. The struct is the whole state.

    Attributes:
        into: The longer interval, a multiple of the shorter one.
        held: The longer bar so far, without a gap since the start of its interval; None if there is no such bar.
    """

    into: Interval
    held: BarClosed | None = None

    def step(self, bar: BarClosed) -> BarClosed | None:
        """Take the next bar, and return the longer bar that it completes, if any.

        After a gap, no longer bar begins until the next longer interval starts.
        """
        held = self.held
        if bar.start_ms == bar_start_ms(bar.start_ms, self.into):
            held = msgspec.structs.replace(bar, interval=self.into)
        elif held is not None and bar.start_ms == held.event_time_ms:
            held = _merged(held, bar)
        else:
            held = None
        is_complete = held is not None and held.event_time_ms == held.start_ms + self.into.milliseconds
        self.held = None if is_complete else held
        return held if is_complete else None


def _merged(held: BarClosed, bar: BarClosed) -> BarClosed:
    return msgspec.structs.replace(
        held,
        event_time_ms=bar.event_time_ms,
        known_time_ms=max(held.known_time_ms, bar.known_time_ms),
        source=bar.source,
        high=max(held.high, bar.high),
        low=min(held.low, bar.low),
        close=bar.close,
        volume=held.volume + bar.volume,
        buy_volume=_sum(held.buy_volume, bar.buy_volume),
        n_trades=_sum(held.n_trades, bar.n_trades),
        n_late=held.n_late + bar.n_late,
    )


def _sum(left: Number | None, right: Number | None) -> Number | None:
    return None if left is None or right is None else left + right
