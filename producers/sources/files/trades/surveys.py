"""What a file of trades holds: found in one pass over it, for the description of a run and for reports."""

from collections import Counter
from typing import NamedTuple

import numpy as np
from msgspec import structs

from producers.normalise.trades import TradeKind
from producers.sources.files.forms import ReadRequest
from producers.sources.files.reports import RowsSetAside
from producers.sources.files.trades.clocks import ClockSkew
from producers.sources.files.trades.coin_sizes import doubt_about_sizes
from producers.sources.files.trades.collecting import (
    MOST_BYTES_KEPT,
    MOST_KEPT,
    CollectedFile,
    chosen_instrument,
    instruments_beside,
    wanted_groups,
)
from producers.sources.files.trades.columns import TradeColumns, joined
from producers.sources.files.trades.filters import TradeFilter
from producers.sources.files.trades.judgements import IS_READ, RULES, Judgement
from producers.sources.files.trades.judging import judge
from producers.sources.files.trades.records import TradeFile
from producers.sources.files.trades.warnings import warnings_of
from schemas.errors import ConfigurationError
from schemas.instruments import Instrument
from schemas.streams import Silence
from schemas.time import Interval, bar_start_ms

_LONGEST_VALUE = 80


class RejectedLine(NamedTuple):
    """A line that is not used, and the rule that it breaks."""

    row: int
    rule: str
    line: bytes
    reason: str


class TradeSurvey(NamedTuple):
    """What a file of trades holds.

    Attributes:
        instrument: Whose trades are used.
        filter: Says which trades are good.
        skew: The clock of the venue against the recorder's.
        first_known_ms: The earliest known time that the file vouches for.
        last_known_ms: The latest.
        silences: Stretches of known time in which the recorder had nothing.
        n_messages: The records that were read, by kind.
        n_records: All records, readable or not.
        n_good: The trades that are used.
        n_other: The trades of another instrument, of another kind, or not of the market.
        first_ms: The time of the first good trade, by the venue.
        last_ms: The time of the last good trade, by the venue.
        set_aside: The records that broke a rule, by rule.
        rejected: The first of them, at most :data:`MOST_KEPT` per rule, by line.
        warnings: Whole sentences about what is doubtful in the file.
    """

    instrument: str
    filter: TradeFilter
    skew: ClockSkew
    first_known_ms: int
    last_known_ms: int
    silences: tuple[Silence, ...]
    n_messages: Counter[str]
    n_records: int
    n_good: int
    n_other: int
    first_ms: int
    last_ms: int
    set_aside: dict[str, RowsSetAside]
    rejected: tuple[RejectedLine, ...]
    warnings: tuple[str, ...]

    @property
    def first_boundary_ms(self) -> int:
        """The first start of a minute (venue time) from which on every trade was recorded."""
        vouched_ms = self.first_known_ms + self.skew.lead_ms
        minute_ms = Interval.ONE_MINUTE.milliseconds
        return bar_start_ms(vouched_ms + minute_ms - 1, Interval.ONE_MINUTE)

    @property
    def end_ms(self) -> int:
        """Up to here (venue time) every trade was recorded."""
        return self.last_known_ms + self.skew.lead_ms


def survey_trades(file: TradeFile, request: ReadRequest) -> TradeSurvey:
    """Read a file of trades once and judge what it holds.

    Args:
        file: The file.
        request: Whose trades count, that of the first trade if it does not say, and when no trade is later.

    Raises:
        ConfigurationError: If the file holds no trade of the instrument, does not say whether its trades are of
            futures, was recorded by a clock that differs from the venue's by more than a minute, or has sizes that seem
            to count money and no instrument was stated.
    """
    name = file.path.name
    collected = CollectedFile(file)
    if not collected.groups:
        raise ConfigurationError(_no_trade(collected, name))
    chosen = chosen_instrument(collected, name, request.instrument)
    trades = joined(wanted_groups(collected, chosen))
    judgement = judge(collected, trades, name=name, request=request)
    doubt = _doubt_about_sizes(trades, judgement, chosen)
    if doubt is not None and request.instrument is None:
        message = f"in {name} {doubt}"
        raise ConfigurationError(message)
    good_times = trades.times_ms[judgement.good]
    rejected = _rejected(file, collected, trades, judgement)
    beside = list(instruments_beside(collected, chosen))
    return TradeSurvey(
        instrument=str(chosen),
        filter=judgement.filter,
        skew=judgement.skew,
        first_known_ms=judgement.filter.first_known_ms,
        last_known_ms=judgement.filter.last_known_ms,
        silences=judgement.silences,
        n_messages=collected.kinds,
        n_records=collected.n_records,
        n_good=len(good_times),
        n_other=max(collected.n_trades, sum(collected.kinds[kind] for kind in TradeKind)) - len(trades),
        first_ms=int(good_times.min()),
        last_ms=int(good_times.max()),
        set_aside=_counts(collected, judgement, rejected),
        rejected=rejected,
        warnings=(
            *warnings_of(collected, trades, judgement, chosen=chosen, beside=beside),
            *(() if doubt is None else (doubt[0].upper() + doubt[1:],)),
        ),
    )


def _doubt_about_sizes(trades: TradeColumns, judgement: Judgement, chosen: Instrument) -> str | None:
    worth = float(np.median((trades.prices * trades.sizes)[judgement.good]))
    spot, perpetual = (
        str(structs.replace(chosen, is_perpetual=is_perpetual)) for is_perpetual in (False, True)
    )
    return doubt_about_sizes(worth, quote=chosen.quote, spot=spot, perpetual=perpetual)


def _no_trade(collected: CollectedFile, name: str) -> str:
    if collected.bad_lines:
        first = collected.bad_lines[0]
        what = f"of its {collected.n_records:,} lines {collected.n_bad:,} cannot be read (row {first.row}: {first.reason})"
    else:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in collected.kinds.most_common(5)) or "no lines"
        what = f"it holds {kinds}"
    return f"{name} holds no trade: {what}"


def _rejected(
    file: TradeFile, collected: CollectedFile, trades: TradeColumns, judgement: Judgement
) -> tuple[RejectedLine, ...]:
    """The first lines that break each rule, as they stand in the file."""
    found = [RejectedLine(bad.row, IS_READ, bad.line, bad.reason) for bad in collected.bad_lines]
    bad = np.flatnonzero(~judgement.good)
    rules: dict[int, str] = {}
    for number, rule in enumerate(RULES):
        for row in trades.rows[bad[judgement.rule[bad] == number]][:MOST_KEPT].tolist():
            rules.setdefault(row, rule)
    if rules:
        for row, line in enumerate(file.lines(), start=1):
            if row in rules:
                found.append(RejectedLine(row, rules[row], line[:MOST_BYTES_KEPT], f"{rules[row]}: not so"))
    return tuple(sorted(found))


def _counts(
    collected: CollectedFile, judgement: Judgement, rejected: tuple[RejectedLine, ...]
) -> dict[str, RowsSetAside]:
    bad = judgement.rule[~judgement.good]
    counts = {IS_READ: collected.n_bad} | {rule: int((bad == i).sum()) for i, rule in enumerate(RULES)}
    firsts: dict[str, RejectedLine] = {}
    for line in rejected:
        firsts.setdefault(line.rule, line)
    return {
        rule: RowsSetAside(
            count=counts[rule],
            first_row=first.row,
            first_value=first.line[:_LONGEST_VALUE].decode(errors="replace").replace("\0", "\\0"),
        )
        for rule, first in firsts.items()
    }
