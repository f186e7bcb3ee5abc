"""Sets trades aside whose prices are not on the scale of most: see :mod:`.prices`."""

import numpy as np
from msgspec.structs import replace

from producers.sources.files.trades.columns import TradeColumns
from producers.sources.files.trades.judgements import IS_ON_SCALE, RULES, Judgement, PriceStep
from producers.sources.files.trades.prices import wrong_prices
from schemas.errors import ConfigurationError
from schemas.streams import Silence

_MOST_STRETCHES = 1_000


def without_wrong_prices(judged: Judgement, trades: TradeColumns, name: str) -> Judgement:
    """Return the same without the trades whose prices are not on the scale of most; longer stretches of them are outages.

    Args:
        judged: What was judged by the times.
        trades: The trades of the chosen instrument.
        name: The file's name, for the error.

    Raises:
        ConfigurationError: If prices double or halve so often that the file must mix several instruments.
    """
    known = trades.local_ms if judged.filter.is_stamped else trades.times_ms
    order = np.flatnonzero(judged.good)
    order = order[np.argsort(known[order], kind="stable")]
    wrong = wrong_prices(trades.prices[order], trades.times_ms[order])
    if not wrong:
        return judged
    if len(wrong) > _MOST_STRETCHES:
        message = (
            f"{name} holds prices that double or halve from one trade to the next {len(wrong):,} times, as if several "
            "instruments were mixed; give a file of one instrument"
        )
        raise ConfigurationError(message)
    rows, known = trades.rows[order], known[order]
    first_ms, last_ms, silences = (
        judged.filter.first_known_ms,
        judged.filter.last_known_ms,
        list(judged.silences),
    )
    for begin, end, ratio in wrong:
        if begin == 0:
            first_ms = int(known[end])
        elif end == len(known):
            last_ms = int(known[begin - 1])
        elif ratio is not None and known[begin - 1] + 1 < known[end]:
            silences.append(Silence(int(known[begin - 1]) + 1, int(known[end])))
    every = tuple(sorted(silences, key=lambda each: each.from_ms))
    found = replace(
        judged.filter,
        rows_aside=_joined_ranges(
            [*judged.filter.rows_aside, *((int(rows[b:e].min()), int(rows[b:e].max())) for b, e, _ in wrong)]
        ),
        first_known_ms=first_ms,
        last_known_ms=last_ms,
    )
    good = judged.good & found.accepted(
        trades.rows, trades.local_ms if found.is_stamped else trades.times_ms, trades.times_ms
    )
    rule = judged.rule.copy()
    rule[judged.good & ~good] = RULES.index(IS_ON_SCALE)
    steps = tuple(PriceStep(int(rows[b]), e - b, ratio) for b, e, ratio in wrong if ratio is not None)
    return judged._replace(filter=found, good=good, rule=rule, silences=every, price_steps=steps)


def _joined_ranges(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ranges in order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)
