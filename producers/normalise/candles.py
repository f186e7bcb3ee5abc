"""Turns rows of candle tables into events.

A file states only the time of the open. A candle is taken to have happened, and to be known, at its close.
"""

from collections.abc import Mapping

from schemas.errors import InvariantError
from schemas.events import CandleObserved
from schemas.time import Interval

Row = Mapping[str, float | int]


def candle_of_row(
    row: Row, *, instrument: str, interval: Interval, source: str, stream: str
) -> CandleObserved:
    """Turn a row into an event. Event time and known time are the open time plus the interval.

    Args:
        row: ``start_ms``, ``open``, ``high``, ``low``, ``close``, ``volume`` in base units, and
            ``n_trades`` and ``taker_buy_volume`` where they are known.

    Raises:
        InvariantError: If a column is missing, a price is not positive, the high is not the
            highest, the low not the lowest, or the start is not one of a bar.
    """
    try:
        start_ms = int(row["start_ms"])
        opened, high, low, close, volume = (
            float(row[column]) for column in ("open", "high", "low", "close", "volume")
        )
    except (KeyError, TypeError, ValueError) as error:
        message = f"a candle row must have start_ms, open, high, low, close and volume as numbers: {error!r}"
        raise InvariantError(message) from error
    if not 0 < low <= min(opened, close) <= max(opened, close) <= high < float("inf"):
        message = (
            "a candle row needs 0 < low <= open, close <= high, "
            f"was open {opened}, high {high}, low {low}, close {close}"
        )
        raise InvariantError(message)
    if start_ms % interval.milliseconds or not 0 <= volume < float("inf"):
        message = f"a {interval} candle row needs an aligned start and a volume, was {start_ms} and {volume}"
        raise InvariantError(message)
    n_trades = row.get("n_trades")
    end_ms = start_ms + interval.milliseconds
    return CandleObserved(
        event_time_ms=end_ms,
        known_time_ms=end_ms,
        source=source,
        stream=stream,
        instrument=instrument,
        interval=interval,
        start_ms=start_ms,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        n_trades=None if n_trades is None else int(n_trades),
        taker_buy_volume=_part_of(volume, row.get("taker_buy_volume")),
    )


def _part_of(volume: float, bought: float | None) -> float | None:
    """What buyers took, or None where it is not stated or is no part of the volume, so that it cannot be believed."""
    return float(bought) if bought is not None and 0 <= bought <= volume else None
