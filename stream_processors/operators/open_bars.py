"""The bar that is being built from the trades of an interval that has not ended yet."""

import msgspec

from schemas.events import TickObserved


class OpenBar(msgspec.Struct, array_like=True):
    """A bar that is being built.

    Its trades are ordered by event time, then by the epoch and the value of the trade id.

    Attributes:
        first: Event time, id epoch and id of the first trade.
        last: The same of the last trade.
        known_ms: The latest known time of its trades.
    """

    start_ms: int
    first: tuple[int, int, int]
    last: tuple[int, int, int]
    open: float
    high: float
    low: float
    close: float
    volume: float
    buy_volume: float
    n_trades: int
    known_ms: int

    def add(self, tick: TickObserved) -> None:
        """Add a trade of its interval."""
        order = (tick.event_time_ms, tick.id_epoch, tick.trade_id)
        if order < self.first:
            self.first, self.open = order, tick.price
        if order >= self.last:
            self.last, self.close = order, tick.price
        self.high = max(self.high, tick.price)
        self.low = min(self.low, tick.price)
        self.volume += tick.size
        self.buy_volume += 0.0 if tick.is_buyer_maker else tick.size
        self.n_trades += 1
        self.known_ms = max(self.known_ms, tick.known_time_ms)


def opened(tick: TickObserved, start_ms: int) -> OpenBar:
    """Return the bar that starts at ``start_ms``, with its first trade."""
    order = (tick.event_time_ms, tick.id_epoch, tick.trade_id)
    price = tick.price
    bought = 0.0 if tick.is_buyer_maker else tick.size
    return OpenBar(
        start_ms, order, order, price, price, price, price, tick.size, bought, 1, tick.known_time_ms
    )
