"""What the adapters of venues share: pages that never repeat or skip a trade, and candles that are closed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from producers.normalise.observations import VenueCandle
from producers.normalise.rejects import RejectedRow
from producers.normalise.trades import VenueTrade
from producers.sources.venues import TradesOutOfReachError
from schemas.time import Interval

#: Rows that nobody asked for are kept up to this number.
_MOST_REJECTED = 10_000


class TradePage(NamedTuple):
    """One answer with trades.

    Attributes:
        trades: In any order.
        n_rows: How many rows it had, so that a full page is known.
        n_rejected: How many of them could not be read.
    """

    trades: Sequence[VenueTrade]
    n_rows: int
    n_rejected: int = 0


class Rejections:
    """The rows that an adapter left out, until somebody takes them. It may be filled and emptied by several threads."""

    def __init__(self) -> None:
        self._rows: list[RejectedRow] = []

    def add(self, rows: Sequence[RejectedRow]) -> None:
        """Keep rows, as long as there are not too many."""
        self._rows.extend(rows[: max(0, _MOST_REJECTED - len(self._rows))])

    def take(self) -> Sequence[RejectedRow]:
        """Return the rows and forget them."""
        taken, self._rows = self._rows, []
        return taken


def newer_than(trades: Iterable[VenueTrade], trade_id: int) -> list[VenueTrade]:
    """Return the trades with larger ids, in the order of their ids, each id once."""
    found: dict[int, VenueTrade] = {}
    for each in trades:
        if each.trade_id > trade_id:
            found.setdefault(each.trade_id, each)
    return [found[key] for key in sorted(found)]


def begins_after(page: TradePage, trade_id: int, what: str) -> list[VenueTrade]:
    """Return the trades of a page after one.

    Args:
        page: The oldest page after that trade that the venue gives.
        trade_id: The trade.
        what: Names the venue and the market.

    Raises:
        TradesOutOfReachError: If the next trade is missing and no row of the page was left out.
    """
    found = newer_than(page.trades, trade_id)
    if found and found[0].trade_id > trade_id + 1 and not page.n_rejected:
        message = f"{what}: trade {trade_id + 1} is not to be had any more"
        raise TradesOutOfReachError(message, oldest_ms=found[0].time_ms)
    return found


def pages_by_id(
    first: TradePage, trade_id: int, ask: Callable[[int], TradePage], *, n_full: int, what: str
) -> Iterator[Sequence[VenueTrade]]:
    """Yield the trades after one, page by page, until a page is not full.

    Args:
        first: The page that begins with the trade after it.
        trade_id: The trade.
        ask: Returns the page that begins with an id.
        n_full: The rows of a full page.
        what: Names the venue and the market.

    Raises:
        TradesOutOfReachError: If the first page begins later.
    """
    page, found = first, begins_after(first, trade_id, what)
    while found:
        yield found
        if page.n_rows < n_full:
            return
        newest_id = found[-1].trade_id
        page = ask(newest_id + 1)
        found = newer_than(page.trades, newest_id)


def from_time(pages: Iterable[Sequence[VenueTrade]], from_ms: int) -> Iterator[Sequence[VenueTrade]]:
    """Yield pages without the trades that were made before a time and come before the first one at or after it."""
    has_begun = False
    for page in pages:
        kept = list(page)
        while not has_begun and kept and kept[0].time_ms < from_ms:
            kept.pop(0)
        has_begun = has_begun or bool(kept)
        yield kept


def closed_candles(
    candles: Iterable[VenueCandle], *, from_ms: int, until_ms: int, closed_ms: int
) -> list[VenueCandle]:
    """Return the candles that start in ``[from_ms, until_ms)`` and had ended at a time.

    Args:
        candles: Oldest first.
        from_ms: The earliest start.
        until_ms: The first start that is too late.
        closed_ms: A candle that ends later is still forming.
    """
    return [
        each
        for each in candles
        if from_ms <= each.start_ms < until_ms and each.start_ms + each.length_ms <= closed_ms
    ]


def first_start_ms(from_ms: int, interval: Interval) -> int:
    """Return the start of the first candle that starts at or after a time."""
    return -(-from_ms // interval.milliseconds) * interval.milliseconds


def check_interval(name: str, interval: Interval, offered: frozenset[Interval]) -> None:
    """Check that a venue has candles of an interval.

    Args:
        name: The venue, for the error.
        interval: That was asked for.
        offered: Those that it has.

    Raises:
        ValueError: If it has none.
    """
    if interval not in offered:
        has = ", ".join(sorted(offered)) or "none"
        message = f"{name} has no candles of {interval}; it has {has}"
        raise ValueError(message)
