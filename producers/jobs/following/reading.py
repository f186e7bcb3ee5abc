"""Reads what the connections of one source bring: trades wait, quotes are given, notices are heeded."""

import structlog

from producers.jobs.following.giving import Giving
from producers.jobs.following.lines import Line
from producers.jobs.following.notes import Recorder
from producers.jobs.following.shown_times import times_in
from producers.jobs.following.waiting import Waiting
from producers.normalise.observations import Notice, NoticeKind
from producers.normalise.quote_rates import QuoteRate
from producers.sources.sockets import Received
from producers.sources.venues import Reading, Venue
from schemas.errors import ContractError

log = structlog.get_logger()

#: The most messages of one connection in a step.
_MOST_MESSAGES = 1_000
#: While so many trades wait for a refill, the sockets are not read.
_MOST_WAITING = 100_000
_LONGEST_REASON = 300


class LineReader:
    """Reads the connections of one source.

    Args:
        venue: It reads the messages.
        giving: Where quotes go, and whose clock is estimated.
        waiting: Where trades go.
        recorder: Keeps what is not published.
        stream: The run.

    Attributes:
        reason: What the venue says about itself, or which messages cannot be read; empty if nothing is wrong.
        answered_ms: When the venue sent or answered something last; None if it never did.
    """

    def __init__(
        self, venue: Venue, giving: Giving, waiting: Waiting, recorder: Recorder, *, stream: str
    ) -> None:
        self._venue = venue
        self._giving = giving
        self._waiting = waiting
        self._recorder = recorder
        self._quotes = QuoteRate(stream=stream, source=venue.name)
        self._n_unreadable = 0
        self.reason = ""
        self.answered_ms: int | None = None

    def read(self, line: Line) -> int:
        """Read what has arrived over one connection, and return how many messages that were.

        Raises:
            ShutError: If the source was declared absent.
        """
        for n in range(_MOST_MESSAGES):
            if len(self._waiting) >= _MOST_WAITING:
                return n
            received = line.receive()
            if received is None:
                return n
            self._on_message(line, received)
        return _MOST_MESSAGES

    def _on_message(self, line: Line, received: Received) -> None:
        self.answered_ms = received.received_ms
        try:
            reading = self._venue.read(received.payload, received_ms=received.received_ms)
        except ContractError as error:
            self._n_unreadable += 1
            self.reason = f"{self._n_unreadable} messages could not be read: {error}"[:_LONGEST_REASON]
            return
        self._recorder.record(self._venue.name, received, reading)
        for text in reading.replies:
            line.send(text)
        self._take_trades(line, reading, received.received_ms)
        for time_ms in times_in(reading):
            if line.shown.in_message(time_ms, received.received_ms):
                line.broke()
        for notice in reading.notices:
            self._on_notice(line, notice)
        self._give_quotes(reading, received.received_ms)

    def _take_trades(self, line: Line, reading: Reading, received_ms: int) -> None:
        for instrument, trade in reading.repeated:
            self._waiting.add(instrument, trade, received_ms, is_repeated=True)
        for instrument, trade in reading.trades:
            self._waiting.add(instrument, trade, received_ms)
            self._giving.clock.observe(trade.time_ms, received_ms)
        if reading.trades or reading.quotes:
            line.subscribed()

    def _give_quotes(self, reading: Reading, received_ms: int) -> None:
        for instrument, quote in reading.quotes:
            skew_ms = self._giving.clock.skew_ms
            event = self._quotes.event(instrument, quote, known_time_ms=received_ms, skew_ms=skew_ms)
            if event is not None:
                self._giving.give_quote(event)

    def _on_notice(self, line: Line, notice: Notice) -> None:
        match notice.kind:
            case NoticeKind.SUBSCRIBED:
                line.subscribed()
            case NoticeKind.CLOSING:
                line.drop(notice.text or "the venue announced that it closes the connection")
            case NoticeKind.NOT_SUBSCRIBED | NoticeKind.ERROR | NoticeKind.MAINTENANCE:
                self.reason = f"The venue says: {notice.kind}, {notice.text}"[:_LONGEST_REASON]
                log.warning("notice of a venue", source=self._venue.name, kind=notice.kind, text=notice.text)
            case NoticeKind.ONLINE:
                self.reason = ""
            case NoticeKind.HEARTBEAT:
                self._on_heartbeat(line, notice)
            case NoticeKind.OTHER:
                pass

    def _on_heartbeat(self, line: Line, notice: Notice) -> None:
        """Have trades fetched that a heartbeat counts and that never came; it names a market, so one must be meant."""
        if notice.last_trade_id is None or len(line.instruments) > 1 or len(self._waiting):
            return
        newest = self._giving.newest(line.instruments[0])
        if newest is not None and notice.last_trade_id > newest.trade_id:
            line.broke()
