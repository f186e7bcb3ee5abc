"""The minutes that a venue leaves out of its candles because nothing was traded."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from schemas.events import CandleObserved
from schemas.time import Interval

_MINUTE_MS = Interval.ONE_MINUTE.milliseconds


def with_quiet_minutes(
    pages: Iterable[Sequence[CandleObserved]], *, longest_pause_ms: int
) -> Iterator[Sequence[CandleObserved]]:
    """Yield pages of one instrument's candles, with candles of no volume for minutes that the venue leaves out.

    Args:
        pages: Oldest first.
        longest_pause_ms: A longer hole is an outage and stays; 0 if the venue leaves no minute out.
    """
    last: CandleObserved | None = None
    for page in pages:
        filled: list[CandleObserved] = []
        for candle in page:
            if last is not None and candle.start_ms - last.event_time_ms <= longest_pause_ms:
                filled += _quiet(last, candle)
            filled.append(candle)
            last = candle
        yield filled


def _quiet(last: CandleObserved, following: CandleObserved) -> Iterator[CandleObserved]:
    price = last.close
    is_history = following.known_time_ms == following.event_time_ms
    for start_ms in range(last.event_time_ms, following.start_ms, _MINUTE_MS):
        end_ms = start_ms + _MINUTE_MS
        yield replace(
            last,
            start_ms=start_ms,
            event_time_ms=end_ms,
            known_time_ms=end_ms if is_history else following.known_time_ms,
            open=price,
            high=price,
            low=price,
            volume=0.0,
            n_trades=0,
            taker_buy_volume=None if last.taker_buy_volume is None else 0.0,
        )
