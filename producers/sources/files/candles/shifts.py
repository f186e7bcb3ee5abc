"""Finds stretches of a file whose times are shifted against the others, such as closes after opens.

Where the stretches overlap, the same bars stand at two times: that is certain, and the file is refused. Where they
do not, the price goes on across a hole, or from one of two rows of one time to the other, as if no bar were there: that is
doubtful, and said.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.columns import Columns
from producers.sources.files.candles.holes import Holes
from producers.sources.files.candles.steps import BarLength
from schemas.errors import ConfigurationError
from schemas.frames import PRICES, Rule
from schemas.time import text_of_time

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]

_FEWEST_BARS = 3
_MOST_ROWS = 20_000
#: Of a file with more holes than this, nobody can tell which of them are shifts and which are bars without a trade.
_MOST_HOLES = 5
_FEWEST_STEPS = 20
#: A price goes on if it moves at most by this part of what a bar usually moves.
_GOES_ON = 0.05
_USUAL = 0.9
#: Times are shifted by a bar where closes follow opens, or by hours where another time zone follows.
_HOUR_MS = 3_600_000


def check_shifts(columns: Columns, contradicted: Rows, length: BarLength, name: str) -> None:
    """Refuse a file that has the same bars at two times.

    Args:
        columns: By time.
        contradicted: The rows whose time has two sets of numbers.
        length: Of the bars.
        name: Of the file.

    Raises:
        ConfigurationError: If some bars stand at two times that are as far apart for each of them.
    """
    times: dict[tuple[float, ...], list[int]] = defaultdict(list)
    for row in contradicted[:_MOST_ROWS]:
        prices = tuple(float(columns[price][row]) for price in PRICES)
        if prices[1] > prices[2]:
            times[prices].append(int(columns["timestamp"][row]))
    lags = Counter(same[1] - same[0] for same in times.values() if len(same) == 2 and same[1] != same[0])
    if not lags:
        return
    lag_ms, n = lags.most_common(1)[0]
    if n < _FEWEST_BARS:
        return
    first_ms = min(same[0] for same in times.values() if len(same) == 2 and same[1] - same[0] == lag_ms)
    closes = " (opens and closes)" if lag_ms == length.milliseconds else ""
    message = (
        f"{name} has {n:,} bars at two times that are {BarLength(lag_ms)} apart, from "
        f"{text_of_time(first_ms, 'minute')} on: it joins files whose times mean different things{closes}; give each as a "
        "file of its own, and say --close-stamped for the one that states closes"
    )
    raise ConfigurationError(message)


def contradicted_rows(broken: Mapping[Rule, Mask]) -> Rows:
    """Return the rows whose time has two sets of numbers."""
    found = [rows for rule, rows in broken.items() if rule.name == "has one set of numbers"]
    return np.flatnonzero(found[0]) if found else np.empty(0, dtype=np.intp)


def shift_doubts(columns: Columns, contradicted: Rows, sound: Columns, holes: Holes) -> Sequence[str]:
    """Return a sentence where times seem to be shifted from some row on.

    Args:
        columns: All rows, by time.
        contradicted: Those whose time has two sets of numbers.
        sound: The good rows, by time.
        holes: What is missing between them.
    """
    usual = _usual_moves(sound, holes)
    if usual is None:
        return ()
    within, between = usual
    at = [
        *_across_holes(sound, holes, within, between),
        *_at_one_time(columns, contradicted, within, between),
    ]
    if not at:
        return ()
    sentence = (
        f"The price goes on at {text_of_time(min(at), 'minute')} as if no bar were missing or doubled there: the times of the "
        "rows after it may be shifted, for example closes after opens; if so, give each part as a file of its own"
    )
    return (sentence,)


def _usual_moves(sound: Columns, holes: Holes) -> tuple[float, float] | None:
    """How far a price usually moves in a bar, and at most between two bars; None where these are no different."""
    opens, closes = np.log(sound["open"]), np.log(sound["close"])
    if len(opens) < _FEWEST_STEPS or (~holes.is_pause).sum() > _MOST_HOLES:
        return None
    within = float(np.median(np.abs(closes - opens)))
    joined = np.ones(len(opens) - 1, dtype=np.bool_)
    joined[holes.after[holes.after < len(joined)]] = False
    if not joined.any():
        return None
    between = float(np.quantile(np.abs(opens[1:] - closes[:-1])[joined], _USUAL))
    return (within, between) if between <= _GOES_ON * within else None


def _across_holes(sound: Columns, holes: Holes, within: float, between: float) -> Sequence[int]:
    times = sound["start_ms"]
    after = holes.after[~holes.is_pause & (holes.after < len(times) - 1)]
    shift_ms = times[after + 1] - times[after] - int(np.diff(times).min())
    after = after[(holes.n_missing[np.isin(holes.after, after)] == 1) | (shift_ms % _HOUR_MS == 0)]
    moved = np.abs(np.log(sound["open"][after + 1]) - np.log(sound["close"][after]))
    rows = after[moved <= max(between, _GOES_ON * within / 2)] + 1
    return [int(time) for time in times[rows]]


def _at_one_time(columns: Columns, contradicted: Rows, within: float, between: float) -> Sequence[int]:
    """The times of two rows of which the later one opens where the earlier one closes, and not where it opens."""
    times = columns["timestamp"][contradicted]
    _, counts = np.unique(times, return_counts=True)
    if len(counts) > _MOST_HOLES:
        return []
    ends = np.cumsum(counts)
    pairs = [
        (contradicted[end - 2], contradicted[end - 1]) for end, n in zip(ends, counts, strict=True) if n == 2
    ]
    opens = {row: float(np.log(columns["open"][row])) for pair in pairs for row in pair}
    closes = {row: float(np.log(columns["close"][row])) for pair in pairs for row in pair}
    limit = max(between, _GOES_ON * within / 2)
    return [
        int(columns["timestamp"][one])
        for one, other in pairs
        if min(abs(closes[one] - opens[other]), abs(closes[other] - opens[one])) <= limit
        and abs(opens[one] - opens[other]) > within
    ]
