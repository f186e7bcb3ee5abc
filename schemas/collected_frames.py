"""The rules of the tables that collection fills: bars as they are stored, trades, quotes, prices and articles.

They stand apart from :mod:`schemas.frames`, which has what a rule is and the rules of files of candles. Each rule says
why it holds. They are driven twice as well: over arrays by ``driftline quality``, which reads Postgres, and by pandera
where days are written as files (``driftline store export --check``).

What a codec has refused never reaches a table, so a broken rule here means that something wrote around the codec, that
a venue was wrong in a way which a single message does not show, or that the market did something rare.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

import numpy as np

from schemas.frames import MISSING_TIME, Columns, Fate, Mask, Rule
from schemas.time import EARLIEST_MS

#: The most that a source's clock may be ahead of ours when it dates what we already have.
LARGEST_LEAD_MS: Final = 60_000
#: The rows from which the usual size of a move is taken.
_ROWS_OF_BLOCK: Final = 1_440
#: A move is an outlier if it is larger than this many usual moves (the median of their sizes, scaled to a standard
#: deviation), and larger than the least.
_USUAL_MOVES, _LEAST_MOVE = 30.0, 0.01
_TO_DEVIATION = 1.4826


class CollectedFrame(StrEnum):
    """A table that collection fills."""

    BARS = "bars"
    TICKS = "ticks"
    QUOTES = "quotes"
    PRICES = "prices"
    ARTICLES = "articles"


#: By table, its columns that rules look at, with the types that pandas has for them. A missing time is MISSING_TIME.
FRAME_COLUMNS: Final[Mapping[CollectedFrame, Mapping[str, str]]] = {
    CollectedFrame.BARS: {
        "start_ms": "int64",
        **dict.fromkeys(("open", "high", "low", "close", "volume", "buy_volume"), "float64"),
    },
    CollectedFrame.TICKS: {
        "event_time_ms": "int64",
        "known_time_ms": "int64",
        "price": "float64",
        "size": "float64",
    },
    CollectedFrame.QUOTES: {
        "event_time_ms": "int64",
        "known_time_ms": "int64",
        **dict.fromkeys(("bid", "bid_size", "ask", "ask_size"), "float64"),
    },
    CollectedFrame.PRICES: {
        "event_time_ms": "int64",
        "known_time_ms": "int64",
        "price": "float64",
        "volume_24h": "float64",
    },
    CollectedFrame.ARTICLES: {
        "event_time_ms": "int64",
        "known_time_ms": "int64",
        "modified_ms": "int64",
        "version": "int64",
    },
}


def frame_rules(frame: CollectedFrame) -> tuple[Rule, ...]:
    """Return the rules of a table. Its rows are of one instrument, or one source of articles, by event time."""
    return _RULES[frame]


def _number(column: str, reason: str) -> Rule:
    return Rule("is a number", column, Fate.REJECTED, lambda rows: np.isfinite(rows[column]), reason)


def _positive(column: str, reason: str) -> Rule:
    return Rule("is positive", column, Fate.REJECTED, lambda rows: ~(rows[column] <= 0), reason)


def _not_negative(column: str, reason: str) -> Rule:
    return Rule("is not negative", column, Fate.REJECTED, lambda rows: ~(rows[column] < 0), reason)


def _late_enough(column: str) -> Rule:
    return Rule(
        "is not before 2009",
        column,
        Fate.REJECTED,
        lambda rows: rows[column] >= EARLIEST_MS,
        "There was no Bitcoin before, so such a time is in another unit.",
    )


def _known_in_time(what: str) -> Rule:
    return Rule(
        "is not after it was first seen",
        "event_time_ms",
        Fate.REJECTED,
        lambda rows: rows["event_time_ms"] <= rows["known_time_ms"] + LARGEST_LEAD_MS,
        f"Nobody can have {what} of the future; a minute is left for clocks that differ.",
    )


def _rising(column: str, *, is_strict: bool, reason: str) -> Rule:
    """Times that go on from row to row."""

    def holds(rows: Columns) -> Mask:
        result = np.ones(len(rows[column]), dtype=np.bool_)
        steps = np.diff(rows[column])
        result[1:] = steps > 0 if is_strict else steps >= 0
        return result

    name = "is after the row above" if is_strict else "is not before the row above"
    return Rule(name, column, Fate.REJECTED, holds, reason)


def _within_band(
    column: str, value: Callable[[Columns], np.ndarray[tuple[int], np.dtype[np.float64]]]
) -> Rule:
    def holds(rows: Columns) -> Mask:
        return ~is_jump(value(rows))

    return Rule(
        "is within the band of usual moves",
        column,
        Fate.KEPT,
        holds,
        f"A move of more than {_USUAL_MOVES:g} usual ones and of more than {_LEAST_MOVE:.0%} is rare in a market and "
        "common in faults. It is counted and kept, because crashes are true.",
    )


def is_jump(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Mask:
    """Return for each value whether the move to it is far larger than moves usually are.

    The usual move is the median size of the moves in its block of 1,440 rows, which a few wrong values do not change. A wrong
    value is marked twice: when it comes and when it goes.

    Args:
        values: Prices, shape (n,). A move from or to a value that is not positive is none.

    Returns:
        Shape (n,); the first is False.
    """
    result = np.zeros(len(values), dtype=np.bool_)
    if len(values) < 2:
        return result
    is_good = np.isfinite(values) & (values > 0)
    logs = np.log(np.where(is_good, values, 1.0))
    sizes = np.where(is_good[1:] & is_good[:-1], np.abs(np.diff(logs)), np.nan)
    for begin in range(0, len(sizes), _ROWS_OF_BLOCK):
        block = sizes[begin : begin + _ROWS_OF_BLOCK]
        known = block[np.isfinite(block)]
        if len(known):
            band = max(_LEAST_MOVE, _USUAL_MOVES * _TO_DEVIATION * float(np.median(known)))
            result[1 + begin : 1 + begin + len(block)] = block > band
    return result


def _mid(rows: Columns) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    mid: np.ndarray[tuple[int], np.dtype[np.float64]] = (rows["bid"] + rows["ask"]) / 2
    return mid


def _is_inside(name: str) -> Rule:
    return Rule(
        "lies within low and high",
        name,
        Fate.REJECTED,
        lambda rows: ~((rows[name] < rows["low"]) | (rows[name] > rows["high"])),
        "The low and the high are over all prices of the bar, this one among them.",
    )


_PRICES = ("open", "high", "low", "close")
_PRICE_REASON = "Returns are differences of logarithms, and a market has no price of 0."
_SIZE_REASON = "A size says how much; who took it is told apart from it, and never by a sign."
_NUMBER_REASON = "An undefined or infinite number spreads to every feature that looks back to it."
_RULES: Final[Mapping[CollectedFrame, tuple[Rule, ...]]] = {
    CollectedFrame.BARS: (
        _late_enough("start_ms"),
        _rising("start_ms", is_strict=True, reason="An instrument has one bar of a length at a time."),
        *(_number(name, _NUMBER_REASON) for name in (*_PRICES, "volume")),
        *(_positive(name, _PRICE_REASON) for name in _PRICES),
        _not_negative("volume", _SIZE_REASON),
        _not_negative("buy_volume", _SIZE_REASON),
        Rule(
            "is not below low",
            "high",
            Fate.REJECTED,
            lambda rows: ~(rows["high"] < rows["low"]),
            "The columns would be exchanged.",
        ),
        *(_is_inside(name) for name in ("open", "close")),
        Rule(
            "is not more than the volume",
            "buy_volume",
            Fate.REJECTED,
            # Both are sums of the same sizes in another order.
            lambda rows: ~(rows["buy_volume"] > rows["volume"] * (1 + 1e-9)),
            "Buyers took a part of what was traded.",
        ),
        _within_band("close", lambda rows: rows["close"]),
    ),
    CollectedFrame.TICKS: (
        _late_enough("event_time_ms"),
        _known_in_time("a trade"),
        _rising(
            "event_time_ms",
            is_strict=False,
            reason="Trades are read by their time; a file of a day is in that order too.",
        ),
        *(_number(name, _NUMBER_REASON) for name in ("price", "size")),
        _positive("price", _PRICE_REASON),
        _positive("size", _SIZE_REASON),
        _within_band("price", lambda rows: rows["price"]),
    ),
    CollectedFrame.QUOTES: (
        _late_enough("event_time_ms"),
        _known_in_time("a quote"),
        _rising("event_time_ms", is_strict=True, reason="The log has one quote of an instrument at a time."),
        *(_number(name, _NUMBER_REASON) for name in ("bid", "bid_size", "ask", "ask_size")),
        *(_positive(name, _PRICE_REASON) for name in ("bid", "ask")),
        *(_not_negative(name, _SIZE_REASON) for name in ("bid_size", "ask_size")),
        Rule(
            "is not below the bid",
            "ask",
            Fate.REJECTED,
            lambda rows: ~(rows["ask"] < rows["bid"]),
            "A book whose best bid is above its best ask was put together of two moments.",
        ),
        _within_band("bid", _mid),
    ),
    CollectedFrame.PRICES: (
        _late_enough("event_time_ms"),
        _known_in_time("a price"),
        _rising(
            "event_time_ms", is_strict=True, reason="A source states one price of an instrument at a time."
        ),
        _number("price", _NUMBER_REASON),
        _positive("price", _PRICE_REASON),
        _not_negative("volume_24h", _SIZE_REASON),
        _within_band("price", lambda rows: rows["price"]),
    ),
    CollectedFrame.ARTICLES: (
        _late_enough("event_time_ms"),
        _known_in_time("an article"),
        Rule(
            "is not before it was published",
            "modified_ms",
            Fate.KEPT,
            lambda rows: (
                (rows["modified_ms"] == MISSING_TIME)
                | (rows["modified_ms"] >= rows["event_time_ms"] - LARGEST_LEAD_MS)
            ),
            "An earlier change belongs to a draft, or one of the two times lacks its zone.",
        ),
        Rule(
            "is not negative",
            "version",
            Fate.REJECTED,
            lambda rows: rows["version"] >= 0,
            "The first version is 0.",
        ),
    ),
}
