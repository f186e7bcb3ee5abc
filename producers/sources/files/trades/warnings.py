"""Whole sentences about what is doubtful in a file of trades."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from producers.normalise.trades import TradeKind
from producers.sources.files.trades.collecting import CollectedFile
from producers.sources.files.trades.columns import TradeColumns
from producers.sources.files.trades.judgements import Judgement
from producers.sources.files.trades.venues import inverse_symbol
from schemas.instruments import Instrument
from schemas.time import text_of_time

_MOST_NAMED = 5


def warnings_of(
    collected: CollectedFile,
    trades: TradeColumns,
    judgement: Judgement,
    *,
    chosen: Instrument,
    beside: Sequence[tuple[str, int]],
) -> tuple[str, ...]:
    """Return what a user of the file must know.

    Args:
        collected: What the file holds.
        trades: Those of the chosen instrument.
        judgement: Which of them are good.
        chosen: The instrument.
        beside: The other instruments of the file, with their numbers of trades.
    """
    found = [
        *_about_the_file(collected),
        *_about_other_messages(collected),
        *_about_clocks(judgement),
        *_about_trades(trades, judgement),
        *_about_others(collected, trades, beside),
        *_about_sizes(chosen),
    ]
    return tuple(found)


def _about_the_file(collected: CollectedFile) -> list[str]:
    if collected.fault is None:
        return []
    return [
        f"The file is damaged or cut off after line {collected.n_records:,} ({collected.fault}): what came before is read"
    ]


def _about_other_messages(collected: CollectedFile) -> list[str]:
    """Books, tickers and the like are no bad rows, although they are not among the good ones."""
    others = {kind: n for kind, n in collected.kinds.items() if kind not in set(TradeKind)}
    if not others:
        return []
    named = ", ".join(f"{n:,} {kind}" for kind, n in Counter(others).most_common(_MOST_NAMED))
    return [f"{sum(others.values()):,} messages are no trades and are not used ({named})"]


def _about_clocks(judgement: Judgement) -> list[str]:
    found = []
    if not judgement.filter.is_stamped:
        found.append(
            "The lines do not state when they were recorded: the venue's time of each trade is taken as its known time"
        )
    for change in judgement.changes[:_MOST_NAMED]:
        word = "forward" if change.ahead_ms > 0 else "back"
        found.append(
            f"The recorder's clock was set {word} by {abs(change.ahead_ms) / 1000:,.1f} s at row {change.first_row:,}: "
            f"the {change.n_trades:,} trades that it stamped so are set aside"
        )
    if judgement.n_too_late:
        found.append(
            f"{judgement.n_too_late:,} trades came more than a second later than all others: they are played, too late "
            "for their bars"
        )
    found.extend(
        f"Nothing was recorded from {text_of_time(silence.from_ms)} to {text_of_time(silence.until_ms)}: "
        "that is an outage, for which no bars are made"
        for silence in judgement.silences[:_MOST_NAMED]
    )
    if len(judgement.silences) > _MOST_NAMED:
        found.append(f"There are {len(judgement.silences) - _MOST_NAMED:,} more outages")
    return found


def _about_trades(trades: TradeColumns, judgement: Judgement) -> list[str]:
    found = []
    if not judgement.filter.is_in_order:
        found.append("The trades do not stand in the order of their times: they are sorted")
    if trades.example.kind is TradeKind.AGGREGATE:
        found.append("The records are aggregates: one is what one order traded at one price")
    if trades.has_unknown_sides:
        found.append(
            "The file does not say who took each trade: the tick test of Lee and Ready (1991) decides it by the "
            "direction of the price"
        )
    found.extend(
        f"The prices are {step.ratio:,.4g} times those of most trades from row {step.first_row:,} on, for "
        f"{step.n_trades:,} trades, as when a symbol is redenominated: these trades are set aside"
        for step in judgement.price_steps[:_MOST_NAMED]
    )
    return found + _about_ids(trades, judgement)


def _about_ids(trades: TradeColumns, judgement: Judgement) -> list[str]:
    if judgement.filter.is_numbered:
        return ["The ids do not tell the trades apart: their numbers in the file take the place of the ids"]
    found = []
    n_repeats = trades.n_repeats()
    if n_repeats:
        found.append(
            f"{n_repeats:,} trades repeat another, with the same id, time, price and size: they count once"
        )
    steps = np.diff(trades.ids[judgement.good])
    if judgement.filter.is_in_order and not n_repeats and (steps <= 0).any():
        found.append(
            "The ids of the trades start again: an id that is lower than the one before it is no repeat"
        )
    return found


def _about_others(
    collected: CollectedFile, trades: TradeColumns, beside: Sequence[tuple[str, int]]
) -> list[str]:
    found = []
    if beside:
        names = ", ".join(f"{name} ({n:,})" for name, n in beside[:_MOST_NAMED])
        more = f" and {len(beside) - _MOST_NAMED:,} more" if len(beside) > _MOST_NAMED else ""
        found.append(f"The file also holds trades of {names}{more}, which are not used: INSTRUMENT= chooses")
    example = trades.example
    kinds = {key.kind for key in collected.groups if key.symbol == example.symbol}
    if len(kinds) > 1:
        found.append(
            f"The file also holds {TradeKind.AGGREGATE} records of the same trades, which are not used"
        )
    return found


def _about_sizes(chosen: Instrument) -> list[str]:
    if inverse_symbol(chosen) is None:
        return []
    return ["The sizes are contracts in US dollars: they are read as coins at each trade's price"]
