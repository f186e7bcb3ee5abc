"""Judges the rows of a file of candles: which are good, which break a rule, and which say that nothing was traded."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.columns import Columns
from producers.sources.files.candles.other_lengths import OtherLength, other_lengths, rows_of
from producers.sources.files.candles.outliers import far_times
from producers.sources.files.candles.price_jumps import price_jumps
from producers.sources.files.candles.steps import BarLength
from producers.sources.files.candles.wicks import factor_of, far_wicks
from schemas.frames import MISSING_TIME, PRICES, Fate, Rule, broken_rules, candle_rules

Mask = NDArray[np.bool_]


def _holds(_: object) -> Mask:
    """Stand in for a predicate: these rules compare rows with one another, and `judged` finds who breaks them."""
    message = "a rule that compares rows has no predicate of its own"
    raise AssertionError(message)


FAR = Rule("lies near the other rows", "timestamp", Fate.REJECTED, _holds)
SYMBOL = Rule("is that of most rows", "symbol", Fate.REJECTED, _holds)
LENGTH = Rule("is of a bar as long as most bars", "timestamp", Fate.REJECTED, _holds)
WRONG = Rule("is near the prices of the rows around it", "close", Fate.REJECTED, _holds)
HIGH = Rule("is near the open or the close", "high", Fate.REJECTED, _holds)
LOW = Rule("is near the open or the close", "low", Fate.REJECTED, _holds)
SCALE = Rule("is on the price scale of most rows", "close", Fate.REJECTED, _holds)


class Judged(NamedTuple):
    """The rows of a file by time, judged.

    Attributes:
        broken: By rule, shape (n,): the rows that break it.
        is_empty: Shape (n,): rows that have a time and no prices, because nothing was traded.
        left_out: Shape (n,): rows that are not used, the empty ones among them.
        kept: The rows that are used.
        jumps: The times and the factors at which the price jumps by more than a market moves.
        other_lengths: Stretches of bars of another length; none of their rows is used.
        wicks: The times of wicks that are kept although they are beyond what a market moves, and by which factor.
    """

    broken: Mapping[Rule, Mask]
    is_empty: Mask
    left_out: Mask
    kept: NDArray[np.intp]
    jumps: tuple[tuple[int, float], ...]
    other_lengths: Sequence[OtherLength] = ()
    wicks: tuple[tuple[int, float], ...] = ()


def judged(columns: Columns, length: BarLength, *, not_after_ms: int) -> Judged:
    """Judge the rows of a file.

    Args:
        columns: By time.
        length: Of the bars.
        not_after_ms: No bar may end later than this.
    """
    rules = candle_rules(length, phase_ms=length.phase_ms, not_after_ms=not_after_ms)
    stretches = other_lengths(columns["timestamp"], length)
    broken = _other_symbols(columns) | _of_other_lengths(columns, stretches)
    is_other = _left_out(broken, len(columns["timestamp"]))
    is_empty = _is_empty(columns) & _is_of_a_bar(columns["timestamp"], length, not_after_ms) & ~is_other
    aside = is_empty | is_other
    table = {name: values[~aside] for name, values in columns.items()} if aside.any() else columns
    broken |= {rule: _spread(rows, aside) for rule, rows in broken_rules(table, rules).items()}
    left_out = _left_out(broken, len(is_empty)) | is_empty
    broken |= _far(columns, left_out)
    left_out |= _left_out(broken, len(is_empty))
    wicks, borne_out = _far_wicks(columns, left_out)
    broken |= wicks
    left_out |= _left_out(broken, len(is_empty))
    kept = np.flatnonzero(~left_out)
    found = price_jumps(_rows(columns, kept), step_ms=length.milliseconds)
    broken |= _told(kept, len(is_empty), {WRONG: found.wrong, SCALE: found.other})
    jumps = tuple((int(columns["timestamp"][kept[row]]), factor) for row, factor in found.jumps)
    kept = kept[~found.wrong & ~found.other]
    left_out = np.ones(len(is_empty), dtype=np.bool_)
    left_out[kept] = False
    return Judged(broken, is_empty, left_out, kept, jumps, stretches, borne_out)


def _other_symbols(columns: Columns) -> dict[Rule, Mask]:
    """The rows that are not about what most rows are about."""
    if "symbol" not in columns:
        return {}
    names, counts = np.unique(columns["symbol"], return_counts=True)
    return {SYMBOL: columns["symbol"] != names[counts.argmax()]}


def _of_other_lengths(columns: Columns, stretches: Sequence[OtherLength]) -> dict[Rule, Mask]:
    return {LENGTH: rows_of(stretches, columns["timestamp"])} if stretches else {}


def _is_empty(columns: Columns) -> Mask:
    """Rows with a time and no number but a volume of zero: nothing was traded then."""
    prices: Mask = np.logical_and.reduce([np.isnan(columns[name]) for name in PRICES])
    if not prices.any():
        return prices
    volume = columns["volume"]
    result: Mask = prices & (np.isnan(volume) | (volume == 0)) & (columns["timestamp"] != MISSING_TIME)
    return result


def _is_of_a_bar(times: NDArray[np.int64], length: BarLength, not_after_ms: int) -> Mask:
    result: Mask = (times % length.milliseconds == length.phase_ms) & (
        times <= not_after_ms - length.milliseconds
    )
    return result


def _spread(rows: Mask, aside: Mask) -> Mask:
    """The rows of the table without those that are judged by themselves, as rows of all."""
    result = np.zeros(len(aside), dtype=np.bool_)
    result[~aside] = rows
    return result


def _left_out(broken: Mapping[Rule, Mask], n: int) -> Mask:
    result = np.zeros(n, dtype=np.bool_)
    for rule, rows in broken.items():
        if rule.fate is not Fate.KEPT:
            result |= rows
    return result


def _far(columns: Columns, left_out: Mask) -> dict[Rule, Mask]:
    kept = np.flatnonzero(~left_out)
    return _told(kept, len(left_out), {FAR: far_times(columns["timestamp"][kept])})


def _far_wicks(columns: Columns, left_out: Mask) -> tuple[dict[Rule, Mask], tuple[tuple[int, float], ...]]:
    """The wicks that are wrong, and the times and factors of those that are kept."""
    kept = np.flatnonzero(~left_out)
    rows = _rows(columns, kept)
    found = far_wicks(rows)
    borne_out = tuple((int(rows["timestamp"][row]), factor_of(rows, row)) for row in found.kept)
    return _told(kept, len(left_out), {HIGH: found.high, LOW: found.low}), borne_out


def _rows(columns: Columns, kept: NDArray[np.intp]) -> Columns:
    """Some rows of the times, the prices and the volume; the same arrays where all are kept."""
    names = ("timestamp", *PRICES, "volume")
    if len(kept) == len(columns["timestamp"]):
        return {name: columns[name] for name in names}
    return {name: columns[name][kept] for name in names}


def _told(kept: NDArray[np.intp], n: int, broken: Mapping[Rule, Mask]) -> dict[Rule, Mask]:
    """The rules that some of the kept rows break, told of all rows."""
    return {rule: _marked(kept[rows], n) for rule, rows in broken.items() if rows.any()}


def _marked(rows: NDArray[np.intp], n: int) -> Mask:
    result = np.zeros(n, dtype=np.bool_)
    result[rows] = True
    return result
