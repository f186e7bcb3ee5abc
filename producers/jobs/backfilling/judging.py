"""Judges the candles of a page before they are stored. Pure.

The rules are those of files (:mod:`schemas.frames`, and the bounds of prices in ``sources/files/candles``), so a candle
is good or bad whether it came from a file or from an API. A bad row is put aside, and the rest of the page is stored.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from producers.jobs.backfilling.stretches import Stretch
from producers.normalise.observations import VenueCandle
from producers.sources.files.candles.price_jumps import price_jumps
from producers.sources.files.candles.wicks import far_wicks
from schemas.frames import CANDLE_COLUMNS, Columns, Fate, breaches_of, broken_rules, candle_rules
from schemas.sources import LARGEST_LEAD_MS
from schemas.time import Interval, text_of_time

_FAR = "The {column} of {price:g} is far from the prices of the candles around it."


class BadCandle(NamedTuple):
    """A candle that is put aside.

    Attributes:
        start_ms: When it begins, as it says itself.
        reason: One sentence.
        column: The column that breaks the rule.
        raw: The candle as JSON.
    """

    start_ms: int
    reason: str
    column: str
    raw: bytes


class Judged(NamedTuple):
    """The candles of a page, sorted out.

    Attributes:
        good: By start, each start once.
        bad: Those that are put aside.
    """

    good: list[VenueCandle]
    bad: list[BadCandle]


def judged(
    candles: Sequence[VenueCandle], asked: Stretch, interval: Interval, *, before: Columns, now_ms: int
) -> Judged:
    """Sort out the candles of a page.

    Args:
        candles: As the venue gave them.
        asked: What it was asked for.
        interval: Of which length.
        before: The stored candles right before, by which far prices are found: ``timestamp``, prices and volume.
        now_ms: By the clock of the platform.
    """
    columns = columns_of(candles)
    why: dict[int, tuple[str, str]] = {}
    for row, candle in enumerate(candles):
        said = _out_of_place(candle, asked, interval)
        if said is not None:
            why[row] = said
    rules = candle_rules(interval, not_after_ms=now_ms + LARGEST_LEAD_MS)
    dropped: set[int] = set()
    for breach in breaches_of(broken_rules(columns, rules), columns):
        if breach.fate is Fate.DROPPED:
            dropped.add(breach.row - 1)
        else:
            said = (
                breach.column,
                f"The {breach.column} breaks the rule that it {breach.rule}: it is {breach.value}.",
            )
            why.setdefault(breach.row - 1, said)
    sound = [row for row in range(len(candles)) if row not in why and row not in dropped]
    sound.sort(key=lambda row: candles[row].start_ms)
    why |= _far_prices([candles[row] for row in sound], sound, before, interval)
    return Judged(
        good=[candles[row] for row in sound if row not in why],
        bad=[_bad(candles[row], *said) for row, said in sorted(why.items())],
    )


def columns_of(candles: Sequence[VenueCandle]) -> dict[str, NDArray[Any]]:
    """Return candles as columns of shape (n,); a volume that is not stated is NaN."""
    prices = {
        name: np.array([getattr(each, name) for each in candles], dtype=np.float64)
        for name in ("open", "high", "low", "close")
    }
    volume = [np.nan if each.volume is None else each.volume for each in candles]
    return {
        "timestamp": np.array([each.start_ms for each in candles], dtype=np.int64),
        **prices,
        "volume": np.array(volume, dtype=np.float64),
    }


def _out_of_place(candle: VenueCandle, asked: Stretch, interval: Interval) -> tuple[str, str] | None:
    """The column and the reason if a candle is none that was asked for."""
    if candle.length_ms not in {0, interval.milliseconds}:
        return "length", f"The candle must be {interval.milliseconds} ms long, and is {candle.length_ms}."
    if candle.is_closed is False:
        return "timestamp", "The candle is still forming, as the venue says."
    if not asked.start_ms <= candle.start_ms < asked.end_ms:
        first, last = text_of_time(asked.start_ms), text_of_time(asked.end_ms)
        return "timestamp", f"The candle must start from {first} and before {last}, which was asked for."
    return None


def _far_prices(
    candles: Sequence[VenueCandle], rows: Sequence[int], before: Columns, interval: Interval
) -> dict[int, tuple[str, str]]:
    """The rows whose prices lie far from those around them, among rows that keep every other rule."""
    n_before = len(before["timestamp"])
    page = columns_of(candles)
    columns = {name: np.concatenate((before[name], page[name])) for name in CANDLE_COLUMNS}
    if len(candles) == 0:
        return {}
    jumps, wicks = price_jumps(columns, step_ms=interval.milliseconds), far_wicks(columns)
    found = {"close": jumps.wrong | jumps.other, "high": wicks.high, "low": wicks.low}
    why: dict[int, tuple[str, str]] = {}
    for column, mask in found.items():
        for at in np.flatnonzero(mask[n_before:]).tolist():
            price = columns[column][n_before + at]
            why.setdefault(rows[at], (column, _FAR.format(column=column, price=price)))
    return why


def _bad(candle: VenueCandle, column: str, reason: str) -> BadCandle:
    return BadCandle(candle.start_ms, reason, column, msgspec.json.encode(candle))
