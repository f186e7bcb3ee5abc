"""Sets trades aside whose prices are not on the scale of most: see :mod:`.prices`."""

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from producers.sources.files.trades.columns import TradeColumns
from producers.sources.files.trades.filters import TradeFilter
from producers.sources.files.trades.judgements import IS_ON_SCALE, RULES, Judgement, PriceStep
from producers.sources.files.trades.prices import PriceStretch, wrong_prices
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
        raise ConfigurationError(_mixed(name, len(wrong)))
    rows = trades.rows[order]
    aside = [(int(rows[begin:end].min()), int(rows[begin:end].max())) for begin, end, _ in wrong]
    first_ms, last_ms, outages = _bounds(judged.filter, known[order], wrong)
    found = replace(
        judged.filter,
        rows_aside=_joined_ranges([*judged.filter.rows_aside, *aside]),
        first_known_ms=first_ms,
        last_known_ms=last_ms,
    )
    good = judged.good & found.accepted(trades.rows, known, trades.times_ms)
    return judged._replace(
        filter=found,
        good=good,
        rule=np.where(judged.good & ~good, RULES.index(IS_ON_SCALE), judged.rule).astype(np.int8),
        silences=tuple(sorted((*judged.silences, *outages), key=lambda each: each.from_ms)),
        price_steps=tuple(
            PriceStep(int(rows[begin]), end - begin, ratio)
            for begin, end, ratio in wrong
            if ratio is not None
        ),
    )


def _mixed(name: str, n_steps: int) -> str:
    return (
        f"{name} holds prices that double or halve from one trade to the next {n_steps:,} times, as if several "
        "instruments were mixed; give a file of one instrument"
    )


def _bounds(
    chosen: TradeFilter, known_ms: NDArray[np.int64], wrong: list[PriceStretch]
) -> tuple[int, int, list[Silence]]:
    """The first and the last known time without the stretches at the ends, and the outages that the others are."""
    first_ms, last_ms, outages = chosen.first_known_ms, chosen.last_known_ms, []
    for begin, end, ratio in wrong:
        if begin == 0:
            first_ms = int(known_ms[end])
        elif end == len(known_ms):
            last_ms = int(known_ms[begin - 1])
        elif ratio is not None and known_ms[begin - 1] + 1 < known_ms[end]:
            outages.append(Silence(int(known_ms[begin - 1]) + 1, int(known_ms[end])))
    return first_ms, last_ms, outages


def _joined_ranges(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ranges in order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)
