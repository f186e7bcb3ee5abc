"""An exchange in memory, behind the ports of venues and sockets: its trades happen as the clock passes."""

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from producers.normalise.observations import Notice, NoticeKind, VenueCandle, VenuePrice, VenueQuote
from producers.normalise.trades import VenueTrade
from producers.sources.fetching import SourceRefusedError, SourceUnreachableError
from producers.sources.sockets import Channel, ChannelClosedError, Received, Sockets
from producers.sources.venues import (
    Reading,
    SocketAddress,
    TradesOutOfReachError,
    Venue,
    VenueTraits,
)
from schemas.errors import DecodeError
from schemas.time import Clock, Interval

MINUTE_MS = 60_000
#: A heartbeat comes this often.
BEAT_MS = 1_000
TRAITS = VenueTraits(
    has_contiguous_ids=True,
    candle_intervals=frozenset({Interval.ONE_MINUTE}),
    n_candles=None,
    oldest_trade_ms=None,
    silent_after_s=10.0,
    connection_s=None,
    settles_s=2.0,
)
Stretch = tuple[int, int]


def candles_of(trades: Sequence[VenueTrade]) -> list[VenueCandle]:
    """The minutes of trades, as the venue would make them."""
    minutes: dict[int, list[VenueTrade]] = {}
    for trade in trades:
        minutes.setdefault(trade.time_ms // MINUTE_MS * MINUTE_MS, []).append(trade)
    return [
        VenueCandle(
            symbol=found[0].symbol,
            start_ms=start_ms,
            length_ms=MINUTE_MS,
            open=found[0].price,
            high=max(trade.price for trade in found),
            low=min(trade.price for trade in found),
            close=found[-1].price,
            volume=sum(trade.size for trade in found),
            n_trades=len(found),
        )
        for start_ms, found in sorted(minutes.items())
    ]


class PlayedExchange(Venue, Sockets):
    """A venue whose trades are given; tests set what fails, and when.

    Args:
        name: The source.
        clock: By which everything happens.
        trades: Of each instrument, in the order of the venue.
        history: Further candles of each instrument, from before its trades.
        latency_ms: So much later than it happened a trade is on the socket.
        lag_ms: So much later than it happened the REST API shows a trade.
        page: How many trades are on a page.
        traits: What the venue promises.

    Attributes:
        socket_is_down: Stretches of the clock in which no connection can be opened, and open ones end.
        rest_is_down: Stretches in which the REST API does not answer.
        refuses: Whether it says that it does not serve us.
        cuts: Moments at which every open connection ends; the message of that moment is lost.
        oldest_trade_id: Once it was made, the REST API hands out no trade before this one; by instrument.
        n_newest: The REST API hands out no more than so many trades of an instrument; None for all.
        never_sent: Trades that the socket leaves out, as (instrument, position).
        is_mute: Stretches in which open connections bring nothing, not even heartbeats; what happens is lost on them.
        counts_in_heartbeats: Whether a heartbeat states the newest trade of the first instrument.
        is_behind: Stretches of the clock in which everything of the venue is as it was some time before, as (begin,
            end, by how much): the socket sends again what it had sent, and leaves out what is between at the end.
        is_dated: Whether heartbeats state the venue's time.
        n_requests: How often the REST API was asked.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        trades: Mapping[str, Sequence[VenueTrade]],
        *,
        history: Mapping[str, Sequence[VenueCandle]] | None = None,
        latency_ms: int = 40,
        lag_ms: int = 100,
        page: int = 50,
        traits: VenueTraits = TRAITS,
    ) -> None:
        self.name = name
        self.traits = traits
        self.instruments = tuple(trades)
        self.clock = clock
        self.trades = {name: list(found) for name, found in trades.items()}
        self.latency_ms = latency_ms
        self.lag_ms = lag_ms
        self.page = page
        self.socket_is_down: list[Stretch] = []
        self.rest_is_down: list[Stretch] = []
        self.refuses = False
        self.cuts: list[int] = []
        self.oldest_trade_id: dict[str, int] = {}
        self.n_newest: int | None = None
        self.never_sent: set[tuple[str, int]] = set()
        self.is_mute: list[Stretch] = []
        self.counts_in_heartbeats = False
        self.is_behind: list[tuple[int, int, int]] = []
        self.is_dated = False
        self.n_requests = 0
        self._answered_ms: int | None = None
        self._candles = {
            name: [*(history or {}).get(name, ()), *candles_of(found)] for name, found in self.trades.items()
        }
        # Everything that the socket sends, by the moment at which it is there to be read.
        messages = [
            (trade.time_ms + latency_ms, position, instrument)
            for instrument, found in self.trades.items()
            for position, trade in enumerate(found)
        ]
        self.messages = sorted(messages)
        self.times = [message[0] for message in self.messages]

    def now_ms(self) -> int:
        """What the clock of the venue shows now, but for the constant skew of its trades."""
        return self.at_ms(self.clock.now_ms())

    def at_ms(self, now_ms: int) -> int:
        """What the clock of the venue shows at a time of ours.

        Whoever needs both times asks for ours once: the two of different moments look like a venue that falls back.
        """
        return now_ms - sum(by_ms for begin, end, by_ms in self.is_behind if begin <= now_ms < end)

    # Sockets

    def sockets(self) -> Sequence[SocketAddress]:
        return [SocketAddress(f"wss://{self.name}.example/ws", self.instruments, ("subscribe",))]

    def connect(self, url: str, *, headers: Mapping[str, str] | None = None) -> Channel:
        self._check(self.socket_is_down, "the socket")
        return PlayedChannel(self)

    def _check(self, stretches: Sequence[Stretch], what: str) -> None:
        now_ms = self.clock.now_ms()
        if self.refuses:
            raise SourceRefusedError(f"{self.name} answers 451", status=451, retry_after_s=600)
        if any(begin <= now_ms < end for begin, end in stretches):
            raise SourceUnreachableError(f"{what} of {self.name} does not answer")

    def is_cut(self, from_ms: int, until_ms: int) -> int | None:
        """The first moment in a stretch of the clock at which open connections end."""
        moments = [*self.cuts, *(begin for begin, _ in self.socket_is_down)]
        return min((at_ms for at_ms in moments if from_ms < at_ms <= until_ms), default=None)

    def read(self, payload: bytes, *, received_ms: int) -> Reading:
        try:
            message = json.loads(payload)
        except ValueError as error:
            raise DecodeError(str(error)) from error
        match message:
            case {"trade": [instrument, position]}:
                return Reading(trades=[(instrument, self.trades[instrument][position])])
            case {"quote": [instrument, price]}:
                quote = VenueQuote(instrument, price, 1.0, price, 1.0)
                return Reading(quotes=[(instrument, quote)])
            case _:
                newest = message.get("newest")
                at_ms = message.get("time")
                notice = Notice(NoticeKind(message["notice"]), last_trade_id=newest, time_ms=at_ms)
                return Reading(notices=[notice])

    # REST

    def _visible(self, instrument: str) -> list[VenueTrade]:
        self.n_requests += 1
        self._check(self.rest_is_down, "the API")
        self._answers()
        newest_ms = self.now_ms() - self.lag_ms
        return [trade for trade in self.trades[instrument] if trade.time_ms <= newest_ms]

    def _answers(self) -> None:
        at_ms = (self.now_ms() - self.lag_ms) // 1000 * 1000
        self._answered_ms = min(at_ms, self._answered_ms or at_ms)

    def take_answered_ms(self) -> int | None:
        taken, self._answered_ms = self._answered_ms, None
        return taken

    def _pages(self, instrument: str, wanted: Sequence[VenueTrade]) -> Iterator[Sequence[VenueTrade]]:
        is_beyond = self.n_newest is not None and len(wanted) > self.n_newest
        if is_beyond or (wanted and wanted[0].trade_id < self._oldest_id(instrument)):
            raise TradesOutOfReachError(f"{self.name} hands out no trade after {wanted[0].trade_id - 1}")
        for at in range(0, len(wanted), self.page):
            if at:
                self.n_requests += 1
                self._check(self.rest_is_down, "the API")
            yield wanted[at : at + self.page]

    def _oldest_id(self, instrument: str) -> int:
        oldest_id, now_ms = self.oldest_trade_id.get(instrument, 0), self.now_ms()
        is_made = any(
            trade.trade_id >= oldest_id and trade.time_ms <= now_ms for trade in self.trades[instrument]
        )
        return oldest_id if is_made else 0

    def trades_after(self, instrument: str, trade_id: int, *, time_ms: int) -> Iterator[Sequence[VenueTrade]]:
        visible = self._visible(instrument)
        known = [n for n, trade in enumerate(visible) if trade.trade_id <= trade_id]
        yield from self._pages(instrument, visible[known[-1] + 1 if known else 0 :])

    def trades_from(self, instrument: str, from_ms: int) -> Iterator[Sequence[VenueTrade]]:
        visible = self._visible(instrument)
        begin = bisect_left([trade.time_ms for trade in visible], from_ms)
        yield from self._pages(instrument, visible[begin:])

    def candles(
        self, instrument: str, from_ms: int, until_ms: int, *, interval: Interval = Interval.ONE_MINUTE
    ) -> Iterator[Sequence[VenueCandle]]:
        self.n_requests += 1
        self._check(self.rest_is_down, "the API")
        self._answers()
        until_ms = min(until_ms, self.now_ms())
        found = [
            candle
            for candle in self._candles[instrument]
            if from_ms <= candle.start_ms and candle.start_ms + MINUTE_MS <= until_ms
        ]
        for at in range(0, len(found), self.page):
            yield found[at : at + self.page]

    def candles_reach_ms(self, interval: Interval, *, now_ms: int) -> int | None:
        return None

    def latest(self, instruments: Sequence[str]) -> Sequence[tuple[str, VenuePrice]]:
        return []


class PlayedChannel(Channel):
    """One connection to a played exchange. What happened before it was opened does not come over it."""

    def __init__(self, exchange: PlayedExchange) -> None:
        self._exchange = exchange
        self._opened_ms = exchange.clock.now_ms()
        venue_ms = exchange.at_ms(self._opened_ms)
        self._behind_ms = self._opened_ms - venue_ms
        self._next = bisect_left(exchange.times, venue_ms)
        self._beat_ms = self._opened_ms + BEAT_MS
        self._notices = ["subscribed"]
        self._is_closed = False

    def receive(self, timeout_s: float) -> Received | None:
        exchange, now_ms = self._exchange, self._exchange.clock.now_ms()
        venue_ms = exchange.at_ms(now_ms)
        if now_ms - venue_ms != self._behind_ms:
            self._behind_ms = now_ms - venue_ms
            self._next = bisect_left(exchange.times, venue_ms)
        if any(begin <= now_ms < end and begin > self._opened_ms for begin, end in exchange.is_mute):
            self._next = bisect_left(exchange.times, now_ms)
            return None
        cut_ms = exchange.is_cut(self._opened_ms, now_ms)
        if self._notices:
            return self._received({"notice": self._notices.pop(0)}, now_ms)
        while self._next < len(exchange.messages):
            at_ms, position, instrument = exchange.messages[self._next]
            if at_ms > venue_ms or (cut_ms is not None and at_ms >= cut_ms):
                break
            self._next += 1
            if (instrument, position) not in exchange.never_sent:
                return self._received({"trade": [instrument, position]}, now_ms)
        if self._is_closed or cut_ms is not None:
            self._is_closed = True
            raise ChannelClosedError("the connection was cut", code=1006)
        if now_ms >= self._beat_ms:
            self._beat_ms = now_ms + BEAT_MS
            beat = {"notice": "heartbeat", "newest": self._newest()}
            return self._received(beat | ({"time": venue_ms} if exchange.is_dated else {}), now_ms)
        return None

    def _newest(self) -> int | None:
        """The newest trade that this connection has brought or left out, if heartbeats state it."""
        if not self._exchange.counts_in_heartbeats or not self._next:
            return None
        _, position, instrument = self._exchange.messages[self._next - 1]
        return self._exchange.trades[instrument][position].trade_id

    def _received(self, message: object, now_ms: int) -> Received:
        return Received(json.dumps(message).encode(), now_ms)

    def send(self, text: str) -> None:
        if self._is_closed:
            raise ChannelClosedError("the connection was cut", code=1006)

    def close(self) -> None:
        self._is_closed = True
