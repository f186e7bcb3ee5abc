"""Merges the pages of several instruments by time, a request at a time, so that a caller can do other things between."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")


class PageMerge(Generic[T]):
    """Takes pages of each instrument when they are needed, and gives the items of all in the order of time.

    Args:
        pages: The pages of each instrument, oldest first.
        time_of: The time of an item.
    """

    def __init__(self, pages: Mapping[str, Iterator[Sequence[T]]], time_of: Callable[[T], int]) -> None:
        self._pages = dict(pages)
        self._time_of = time_of
        self._waiting: dict[str, deque[T]] = {name: deque() for name in pages}
        self._lacking = list(pages)

    def fetch(self) -> bool:
        """Take a page of an instrument of which nothing waits; return False if no instrument needs one."""
        if not self._lacking:
            return False
        name = self._lacking[-1]
        page = next(self._pages[name], None)
        if page is None:
            self._lacking.pop()
        elif page:
            self._waiting[name].extend(page)
            self._lacking.pop()
        return True

    def ready(self) -> Iterator[tuple[str, T]]:
        """Yield the items that come before everything that is still to be fetched."""
        if self._lacking:
            return
        heads = [(self._time_of(items[0]), name) for name, items in self._waiting.items() if items]
        heapify(heads)
        while heads:
            _, name = heappop(heads)
            items = self._waiting[name]
            yield name, items.popleft()
            if not items:
                self._lacking.append(name)
                return
            heappush(heads, (self._time_of(items[0]), name))
