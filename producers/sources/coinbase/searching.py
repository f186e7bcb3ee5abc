"""Finds trades among pages that are asked for by a cursor alone: the ids below it, newest first.

Ids count up by one, so the page that ends with an id is asked for by the id after it. A time is found by doubling
steps back from the newest trade, and then by halving::

    ids   1 ......................... low .... mid .... high ........ newest
    time  before from_ms                |              at or after from_ms
"""

from collections.abc import Callable, Iterator, Sequence

from producers.normalise.trades import VenueTrade
from producers.sources.paging import TradePage, begins_after, newer_than
from schemas.errors import InvariantError


class CursorPages:
    """Pages of one product.

    Args:
        page: Returns the trades with the largest ids below a cursor; the newest ones without a cursor.
        what: Names the venue and the product.
        n_full: The rows of a full page.
    """

    def __init__(self, page: Callable[[int | None], TradePage], what: str, n_full: int) -> None:
        self._page = page
        self._what = what
        self._n_full = n_full

    def newest(self) -> list[VenueTrade]:
        """Return the newest trades, oldest first."""
        return newer_than(self._page(None).trades, -1)

    def below(self, cursor: int) -> list[VenueTrade]:
        """Return the trades with the largest ids below a cursor, oldest first; none below the first trade."""
        return newer_than(self._page(cursor).trades, -1) if cursor > 1 else []

    @property
    def n_full(self) -> int:
        """The rows of a full page."""
        return self._n_full

    def after(self, trade_id: int) -> Iterator[Sequence[VenueTrade]]:
        """Yield the trades after one, oldest first, up to what was the newest at the beginning.

        Raises:
            TradesOutOfReachError: If the trade right after it is missing.
        """
        newest = self._page(None)
        oldest_id = min((each.trade_id for each in newest.trades), default=trade_id + 1)
        reached_id = trade_id
        while reached_id + 1 < oldest_id:
            page = self._page(min(reached_id + 1 + self._n_full, oldest_id))
            found = (
                begins_after(page, reached_id, self._what)
                if reached_id == trade_id
                else newer_than(page.trades, reached_id)
            )
            if not found:
                break
            yield found
            reached_id = found[-1].trade_id
        yield (
            begins_after(newest, reached_id, self._what)
            if reached_id == trade_id
            else newer_than(newest.trades, reached_id)
        )


def newest_id_before(pages: CursorPages, from_ms: int) -> int:
    """Return the newest id of the trades before a time; the id before the very first trade if none is.

    Args:
        pages: Of one product.
        from_ms: The time.
    """
    page, high, n_back = pages.newest(), 1, 0
    while page and page[0].time_ms >= from_ms:
        high = page[0].trade_id
        page = pages.below(max(min(high, pages.n_full + 1), high - n_back))
        n_back = 2 * n_back + pages.n_full
        if page and page[0].trade_id >= high:
            message = "a page of Coinbase trades must lie below its cursor, it does not"
            raise InvariantError(message)
    if not page:
        return high - 1
    low = max(each.trade_id for each in page if each.time_ms < from_ms)
    return low if page[-1].time_ms >= from_ms else _between(pages, low, max(high, low + 1), from_ms)


def _between(pages: CursorPages, low: int, high: int, from_ms: int) -> int:
    """The newest id before a time: that of ``low`` is before it, that of ``high`` is not."""
    while low + 1 < high:
        page = pages.below(min(high, (low + high) // 2 + pages.n_full // 2))
        inside = [each for each in page if low < each.trade_id < high]
        if not inside:
            return low
        before = [each.trade_id for each in inside if each.time_ms < from_ms]
        not_before = [each.trade_id for each in inside if each.time_ms >= from_ms]
        low, high = max([low, *before]), min([high, *not_before])
        if before and not_before:
            return low
    return low
