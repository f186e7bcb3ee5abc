"""Judges which trades of a file are good, from everything that the first pass collected.

Nothing here hangs on one line: levels are medians, and what lies away from them is set aside by a rule that
is counted and shown.
"""

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from producers.sources.files.forms import ReadRequest
from producers.sources.files.trades.clocks import (
    LARGEST_CHANGE_MS,
    ClockSkew,
    estimate_clock_skew,
    level_of_leads,
    longest_pause_ms,
    n_too_late,
    silences_of,
    stamps_ahead,
    stray_times,
    stretches_of,
)
from producers.sources.files.trades.collecting import CollectedFile
from producers.sources.files.trades.columns import NO_LOCAL_MS, TradeColumns
from producers.sources.files.trades.filters import TradeFilter
from producers.sources.files.trades.judgements import (
    AGREES,
    HAS_STAMP,
    HAS_TIME,
    IS_NEAR,
    IS_OF_CLOCK,
    RULES,
    ClockChange,
    Judgement,
)
from producers.sources.files.trades.scales import without_wrong_prices
from schemas.errors import ConfigurationError
from schemas.sources import LARGEST_LEAD_MS
from schemas.streams import Silence
from schemas.time import EARLIEST_MS, Interval, text_of_time

#: Where at most this share of a file's messages are no trades, the file is a recording of trades alone.
_SHARE_OF_TRADES_ALONE = 0.1
_MOST_AHEAD = 1_000

Mask = NDArray[np.bool_]


def judge(collected: CollectedFile, trades: TradeColumns, *, name: str, request: ReadRequest) -> Judgement:
    """Return which trades are good.

    Args:
        collected: What the file holds.
        trades: Those of the chosen instrument, in the order of the file.
        name: The file's name, for errors.
        request: When no trade is later, and how long trades may pause where the user says so.

    Raises:
        ConfigurationError: If the times are no times of trades, or the two clocks differ by more than a minute.
    """
    if collected.is_stamped:
        judged = _judge_stamped(collected, trades, name, request)
    else:
        judged = _judge_unstamped(trades, name, request)
    if not judged.good.any():
        raise ConfigurationError(_no_times(name, trades.times_ms, request.not_after_ms))
    return without_wrong_prices(judged, trades, name)


def _judge_unstamped(trades: TradeColumns, name: str, request: ReadRequest) -> Judgement:
    """The venue's time is the known time."""
    not_after_ms = request.not_after_ms
    times = trades.times_ms
    in_time = (times >= EARLIEST_MS) & (times <= not_after_ms)
    if not in_time.any():
        raise ConfigurationError(_no_times(name, times, not_after_ms))
    pause_ms = _pause_ms(times[in_time], request, is_of_trades=True)
    near = in_time.copy()
    near[in_time] = ~stray_times(times[in_time], pause_ms)
    kept = times[near]
    silences = silences_of(np.sort(kept), pause_ms)
    found = TradeFilter(
        is_stamped=False,
        kind=trades.example.kind,
        first_known_ms=int(kept.min()),
        last_known_ms=int(kept.max()),
        silences=silences,
        is_in_order=bool((np.diff(kept) >= 0).all()),
        is_numbered=not trades.are_told_apart(),
    )
    good = found.accepted(trades.rows, times, times)
    rule = np.where(in_time, RULES.index(IS_NEAR), RULES.index(HAS_TIME)).astype(np.int8)
    return Judgement(found, good, rule, ClockSkew(0, 0), silences, ())


def _judge_stamped(
    collected: CollectedFile, trades: TradeColumns, name: str, request: ReadRequest
) -> Judgement:
    """The local time of its line is the known time of a trade."""
    local, times = trades.local_ms, trades.times_ms
    in_time = (local >= EARLIEST_MS) & (local <= request.not_after_ms) & (times >= EARLIEST_MS)
    in_time &= times <= request.not_after_ms + LARGEST_LEAD_MS
    if not in_time.any():
        raise ConfigurationError(_no_times(name, times, request.not_after_ms))
    level_ms = level_of_leads((times - local)[in_time])
    if level_ms is None:
        raise ConfigurationError(_other_clock(name, int(np.median((times - local)[in_time]))))
    away_ms = times - local - level_ms
    agrees = in_time & (np.abs(away_ms) <= LARGEST_CHANGE_MS)
    changed, changes = _changes(trades.rows, in_time, agrees, away_ms)
    first_ms, last_ms, silences = _recorded(collected, local[agrees & ~changed], changes, request)
    found = _ordered_filter(
        trades,
        TradeFilter(
            is_stamped=True,
            kind=trades.example.kind,
            first_known_ms=first_ms,
            last_known_ms=last_ms,
            lead_from_ms=level_ms - LARGEST_CHANGE_MS,
            lead_until_ms=level_ms + LARGEST_CHANGE_MS,
            is_numbered=not trades.are_told_apart(),
        ),
    )
    good = found.accepted(trades.rows, local, times)
    leads = _leads(trades, good, found) if good.any() else np.zeros(1, dtype=np.int64)
    return Judgement(
        filter=found,
        good=good,
        rule=_rules_broken(local, in_time, agrees, changed),
        skew=estimate_clock_skew(leads),
        silences=silences,
        changes=tuple(each[0] for each in changes),
        n_too_late=n_too_late(leads),
    )


def _ordered_filter(trades: TradeColumns, found: TradeFilter) -> TradeFilter:
    """The same filter with what the order of the good trades tells."""
    good = found.accepted(trades.rows, trades.local_ms, trades.times_ms)
    rows, local = trades.rows[good], trades.local_ms[good]
    return replace(found, is_in_order=_is_in_order(local), rows_aside=_rows_ahead(rows, local))


def _leads(trades: TradeColumns, good: Mask, found: TradeFilter) -> NDArray[np.int64]:
    """The venue's times less the known times of the good trades, in the order in which they are played."""
    order = np.flatnonzero(good)
    if not found.is_in_order:
        order = order[np.argsort(trades.local_ms[order], kind="stable")]
    return trades.times_ms[order] - np.maximum.accumulate(trades.local_ms[order])


def _is_in_order(local_ms: NDArray[np.int64]) -> bool:
    return bool((np.maximum.accumulate(local_ms) - local_ms <= LARGEST_CHANGE_MS).all())


def _rows_ahead(rows: NDArray[np.int64], local_ms: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    """The lines of single local times that are ahead of those after them."""
    ahead = rows[stamps_ahead(local_ms)] if _is_in_order(local_ms) else rows[:0]
    return tuple((row, row) for row in ahead[:_MOST_AHEAD].tolist())


def _rules_broken(local: NDArray[np.int64], in_time: Mask, agrees: Mask, changed: Mask) -> NDArray[np.int8]:
    """The number of the rule that each trade breaks, if it is not good."""
    rule = np.full(len(local), RULES.index(IS_NEAR), dtype=np.int8)
    rule[~agrees] = RULES.index(AGREES)
    rule[changed] = RULES.index(IS_OF_CLOCK)
    rule[~in_time] = RULES.index(HAS_TIME)
    rule[local == NO_LOCAL_MS] = RULES.index(HAS_STAMP)
    return rule


def _pause_ms(times: NDArray[np.int64], request: ReadRequest, *, is_of_trades: bool) -> int:
    """The longest pause that is no outage; what the user says of minutes without a trade holds for trades alone."""
    if is_of_trades and request.longest_pause_ms is not None:
        return max(request.longest_pause_ms, Interval.ONE_MINUTE.milliseconds)
    return longest_pause_ms(np.sort(times), is_of_trades=is_of_trades)


def _changes(
    rows: NDArray[np.int64], in_time: Mask, agrees: Mask, away_ms: NDArray[np.int64]
) -> tuple[Mask, list[tuple[ClockChange, int, int]]]:
    """Which trades lie in stretches of another clock, and each stretch with the lines between which it lies."""
    judged = np.flatnonzero(in_time)
    changed = np.zeros(len(rows), dtype=np.bool_)
    found = []
    for begin, end in stretches_of(~agrees[judged]):
        members = judged[begin : end + 1]
        changed[members] = True
        after_row = int(rows[judged[begin - 1]]) if begin > 0 else 0
        before_row = int(rows[judged[end + 1]]) if end + 1 < len(judged) else 2**62
        change = ClockChange(int(rows[members[0]]), len(members), -int(np.median(away_ms[members])))
        found.append((change, after_row, before_row))
    return changed, found


def _recorded(
    collected: CollectedFile,
    good_local_ms: NDArray[np.int64],
    changes: list[tuple[ClockChange, int, int]],
    request: ReadRequest,
) -> tuple[int, int, tuple[Silence, ...]]:
    """The first and the last local time that the recorder vouches for, and its silences."""
    stamps, rows = collected.stamps_ms, collected.stamp_rows
    kept = (stamps >= EARLIEST_MS) & (stamps <= request.not_after_ms)
    for _, after_row, before_row in changes:
        kept &= (rows <= after_row) | (rows >= before_row)
    stamps, rows = stamps[kept], rows[kept]
    is_of_trades = len(stamps) - collected.n_trades < _SHARE_OF_TRADES_ALONE * len(stamps)
    pause_ms = _pause_ms(stamps, request, is_of_trades=is_of_trades)
    near = ~stray_times(stamps, pause_ms)
    stamps, rows = stamps[near], rows[near]
    silences = _with_changes(silences_of(np.sort(stamps), pause_ms), stamps, rows, changes)
    # A stretch without a trade at an end of the file has a clock that nothing vouches for.
    first_ms, last_ms = int(stamps.min()), int(stamps.max())
    earliest_ms, latest_ms = int(good_local_ms.min()), int(good_local_ms.max())
    first_ms = max([first_ms, *(each.until_ms for each in silences if each.until_ms <= earliest_ms)])
    last_ms = min([last_ms, *(each.from_ms - 1 for each in silences if each.from_ms > latest_ms)])
    inside = tuple(each for each in silences if first_ms < each.until_ms <= last_ms)
    return first_ms, last_ms, inside


def _with_changes(
    silences: tuple[Silence, ...],
    stamps: NDArray[np.int64],
    rows: NDArray[np.int64],
    changes: list[tuple[ClockChange, int, int]],
) -> tuple[Silence, ...]:
    """The silences, and one for each stretch of another clock between two of the right one, however short it is."""
    found = list(silences)
    for _, after_row, before_row in changes:
        before, after = stamps[rows <= after_row], stamps[rows >= before_row]
        if (
            len(before)
            and len(after)
            and (silence := Silence(int(before[-1]) + 1, int(after[0]))) not in found
        ):
            found.append(silence)
    return tuple(
        sorted((each for each in found if each.from_ms < each.until_ms), key=lambda each: each.from_ms)
    )


def _no_times(name: str, times: NDArray[np.int64], not_after_ms: int) -> str:
    middle = text_of_time(int(np.median(times)), "minute")
    return (
        f"{name} holds no trade from 2009-01-01 to {text_of_time(not_after_ms, 'minute')}: half of its "
        f"{len(times):,} trades are stamped {middle} or earlier"
    )


def _other_clock(name: str, lead_ms: int) -> str:
    word = "behind" if lead_ms > 0 else "ahead of"
    return (
        f"{name} was recorded by a clock that is {abs(lead_ms) / 1000:,.1f} s {word} the venue's, where at most "
        f"{LARGEST_LEAD_MS // 1000} s can be a difference of clocks; state the local times in UTC, or leave them "
        "out of the lines so that the venue's times are used"
    )
