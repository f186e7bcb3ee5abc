"""A fake venue that gives candles page by page, and fails, leaves out and spoils them as it is told."""

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from producers.normalise.observations import VenueCandle
from producers.normalise.rejects import RejectedRow
from schemas.time import Interval
from tests.fakes.markets import MINUTE_MS, START_MS, made_market
from tests.fakes.venues import FAKE_TRAITS, FakeVenue


def made_candles(n: int, *, from_ms: int = START_MS) -> list[VenueCandle]:
    """Return minutes of a quiet market, oldest first."""
    found: list[VenueCandle] = []
    for number in range(n):
        opened, close = 100.0 + number % 7, 100.0 + (number + 1) % 7
        low, high = min(opened, close) - 1, max(opened, close) + 1
        found.append(
            VenueCandle("", from_ms + number * MINUTE_MS, MINUTE_MS, opened, high, low, close, volume=2.5)
        )
    return found


class PagedVenue(FakeVenue):
    """Gives its candles page by page, and keeps what it was asked for.

    Args:
        instruments: Those of the venue; all have the same candles.
        candles: Of minutes, oldest first; what is missing was not traded.
        name: The source.
        page: The candles of a page.
        reach_ms: The oldest start that it gives; None if all.

    Attributes:
        rows: The candles, which may be replaced.
        before_page: Called with the number of each page before it is given, across all calls; it may raise.
        unreadable: The starts of candles that cannot be read.
        asked: The stretches that were asked for.
        n_pages: How many pages were given or failed.
    """

    def __init__(
        self,
        instruments: Sequence[str],
        candles: Sequence[VenueCandle],
        *,
        name: str = "coinbase",
        page: int = 50,
        reach_ms: int | None = None,
    ) -> None:
        super().__init__(instruments, made_market(n_trades=3, n_candles=2), name=name)
        self.traits = replace(FAKE_TRAITS, n_candles=None if reach_ms is None else 719)
        self.rows = list(candles)
        self.before_page: Callable[[int], None] = lambda _number: None
        self.unreadable: set[int] = set()
        self.asked: list[tuple[int, int]] = []
        self.n_pages = 0
        self._page_rows = page
        self._reach_ms = reach_ms
        self._rejected: list[RejectedRow] = []

    def candles(
        self, instrument: str, from_ms: int, until_ms: int, *, interval: Interval = Interval.ONE_MINUTE
    ) -> Iterator[Sequence[VenueCandle]]:
        self.asked.append((from_ms, until_ms))
        oldest_ms = max(from_ms, self._reach_ms or 0)
        rows = [each for each in self.rows if oldest_ms <= each.start_ms < until_ms]
        for at in range(0, max(len(rows), 1), self._page_rows):
            self.n_pages += 1
            self.before_page(self.n_pages)
            part = rows[at : at + self._page_rows]
            bad = [each for each in part if each.start_ms in self.unreadable]
            self._rejected += [RejectedRow("no number", b"[]") for _ in bad]
            yield [each for each in part if each not in bad]

    def candles_reach_ms(self, interval: Interval, *, now_ms: int) -> int | None:
        return self._reach_ms

    def take_rejected(self) -> Sequence[RejectedRow]:
        taken, self._rejected = self._rejected, []
        return taken
