"""The port of venues: what every exchange and price source can be asked, whatever its API looks like.

A venue knows the forms of one API and nothing of streams, threads or the log. It reads what a socket sent
without any effect, and asks its REST API by a :class:`Fetcher`. Instruments are names on the wire, such as ``BTC-USD.KRAKEN``. What is
read comes as pairs of an instrument and what was observed of it::

    reading = venue.read(payload, received_ms=received_ms)
    for text in reading.replies:
        channel.send(text)
    for instrument, trade in reading.trades:
        tick_of_trade(trade, instrument=instrument, known_time_ms=received_ms, ...)

What a venue promises about the order of its trades, about repeats, gaps, disconnections and maintenance is written
in the docstring of its module, and as far as code depends on it in its :class:`VenueTraits`.
The suite of the port is ``tests/contract/producers/test_venues.py``; a fake is ``tests/fakes/venues.py``.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from producers.normalise.observations import Notice, PerpetualFact, VenueCandle, VenuePrice, VenueQuote
from producers.normalise.rejects import RejectedRow
from producers.normalise.trades import VenueTrade
from schemas.errors import PlatformError
from schemas.time import Interval


class VenueTraits(msgspec.Struct, frozen=True, kw_only=True):
    """What may be relied on at a venue.

    Attributes:
        has_contiguous_ids: Whether the trade ids of an instrument count up by one, so that a jump is a loss.
        candle_intervals: The intervals of which it has candles that open on the minute and hold a volume; empty if none.
        n_candles: How many of the newest candles of an interval it hands out; None if all since the listing.
        oldest_trade_ms: How far back its REST trades reach, in milliseconds before now; None if to the listing.
        silent_after_s: A sound connection with this venue's subscriptions never sends nothing for so long.
        connection_s: After how long the venue cuts a connection; open the next one before that. None if it states none.
        settles_s: How long after its end a candle may still change.
    """

    has_contiguous_ids: bool
    candle_intervals: frozenset[Interval]
    n_candles: int | None
    oldest_trade_ms: int | None
    silent_after_s: float
    connection_s: float | None
    settles_s: float


class SocketAddress(NamedTuple):
    """Where one connection goes, and what is sent when it is open.

    Attributes:
        url: Of wss.
        instruments: Those that it carries.
        subscriptions: Sent in this order right after the handshake; the venue's answers come as notices.
    """

    url: str
    instruments: tuple[str, ...]
    subscriptions: tuple[str, ...]


class Reading(msgspec.Struct, frozen=True):
    """What one message of a socket said, by instrument. Markets that were not asked for are left out.

    Attributes:
        trades: New trades, in the venue's order.
        repeated: Trades that the venue repeats after a subscription (``last_match``, a snapshot): they were made
            before it and may be known. The newest one says up to which id a refill must reach.
        quotes: The best bid and ask.
        candles: Candles as they form, where they were subscribed.
        prices: Latest prices.
        perpetual: Facts about perpetual futures, for the recording; no events.
        notices: What the message says about the connection.
        replies: What must be sent back now.
    """

    trades: Sequence[tuple[str, VenueTrade]] = ()
    repeated: Sequence[tuple[str, VenueTrade]] = ()
    quotes: Sequence[tuple[str, VenueQuote]] = ()
    candles: Sequence[tuple[str, VenueCandle]] = ()
    prices: Sequence[tuple[str, VenuePrice]] = ()
    perpetual: Sequence[tuple[str, PerpetualFact]] = ()
    notices: Sequence[Notice] = ()
    replies: Sequence[str] = ()


class TradesOutOfReachError(PlatformError):
    """The venue's REST API does not reach back to the trades that were asked for.

    The caller then takes the candles of that time, and the ledger names the gap.

    Args:
        message: One sentence.
        oldest_ms: The oldest trade that it would still give; None if that is unknown.
    """

    def __init__(self, message: str, *, oldest_ms: int | None = None) -> None:
        super().__init__(message)
        self.oldest_ms = oldest_ms


class Venue(Protocol):
    """One outside source of prices. ``read`` has no effect; the other methods wait for the network in the caller's thread.

    Methods that ask the network raise the kinds of :class:`schemas.errors.SourceUnavailableError` that the fetcher
    raises, and a :class:`schemas.errors.ContractError` if the answer cannot be read. Pages come lazily: one request for
    each page, made when it is asked for, so that a caller may stop or pause after any page.

    Attributes:
        name: The source, such as ``binance-futures``.
        traits: What may be relied on.
        instruments: Those that it was made for; it reads and answers no others.
    """

    name: str
    traits: VenueTraits
    instruments: tuple[str, ...]

    def sockets(self) -> Sequence[SocketAddress]:
        """Return the connections to open, one thread each. Empty if the venue is only polled (CoinGecko).

        Each instrument's trades come over exactly one of them.
        """

    def read(self, payload: bytes, *, received_ms: int) -> Reading:
        """Return what a message said. The same bytes always give the same.

        Args:
            payload: As it was received.
            received_ms: When, by the platform's clock; it dates what has no time of its own only in ``notices``.

        Raises:
            ContractError: If the message cannot be read, whatever the bytes are. The connection may go on.
        """

    def trades_after(self, instrument: str, trade_id: int, *, time_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Yield every trade after one, oldest first, page by page, up to the venue's newest.

        No id comes twice, ids grow within and across pages, and none is left out. A page may be empty.

        Args:
            instrument: One of the venue's.
            trade_id: The newest that the caller has; it is not given again.
            time_ms: The event time of that trade, for venues that page by time.

        Raises:
            TradesOutOfReachError: If the trade right after it is not to be had any more; before any page is yielded.
        """

    def trades_from(self, instrument: str, from_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Yield every trade at or after a time, as ``trades_after`` does.

        Raises:
            TradesOutOfReachError: If the trades of that time are not to be had; before any page is yielded.
        """

    def candles(
        self, instrument: str, from_ms: int, until_ms: int, *, interval: Interval = Interval.ONE_MINUTE
    ) -> Iterator[Sequence[VenueCandle]]:
        """Yield the closed candles that start in ``[from_ms, until_ms)``, oldest first, page by page.

        The candle that is still forming by the venue's own clock is left out. Minutes without a trade are missing
        where the venue leaves them out; nothing is invented. Where the venue reaches back less far, the pages
        begin later, and :meth:`candles_reach_ms` says where.

        Args:
            instrument: One of the venue's.
            from_ms: The earliest start.
            until_ms: The first start that is too late.
            interval: One of ``traits.candle_intervals``.

        Raises:
            ValueError: If the interval is none of ``traits.candle_intervals``.
        """

    def candles_reach_ms(self, interval: Interval, *, now_ms: int) -> int | None:
        """Return the start of the oldest candle that is to be had now; None if all since the listing."""

    def latest(self, instruments: Sequence[str]) -> Sequence[tuple[str, VenuePrice]]:
        """Return the latest price of each instrument that the venue answers for, in one request where it can.

        Each has the venue's own time: of the price where it states one, otherwise of the answer (its ``Date``).
        """

    def take_answered_ms(self) -> int | None:
        """Return the venue's own time of its earliest answer since this was called last; None if it stated none.

        It is at or before the moment of that answer. What happened until then was there to be answered.
        """
        return None

    def take_rejected(self) -> Sequence[RejectedRow]:
        """Return the rows of answers that were left out because they cannot be read, since this was called last.

        One bad row does not stop a page; an answer of which every row is bad raises a ContractError instead.
        """
