"""Reads captures: lines that are messages of a venue's WebSocket, each with or without the recorder's time."""

from collections.abc import Callable, Sequence

from producers.normalise import binance, bybit, coinbase, kraken
from producers.normalise.trades import VenueTrade
from producers.sources.files.trades.records import NO_RECORD, LineReading
from producers.sources.files.trades.stamps import is_note, split_stamp
from schemas.time import milliseconds_by_magnitude

ReadMessage = Callable[[bytes], tuple[str, Sequence[VenueTrade]]]


class MessageReader:
    """Reads the lines of a capture of one venue.

    Args:
        venue: In capitals.
        read_message: Returns the kind of a message, and the trades in it.
        mark: What every message with a trade holds.
    """

    def __init__(self, venue: str, read_message: ReadMessage, *, mark: bytes) -> None:
        self.venue = venue
        self._read_message = read_message
        self._mark = mark

    def read(self, line: bytes) -> LineReading:
        """Return what a line says; see the port."""
        stamp, _, payload = line.partition(b" ")
        local_ms: int | None
        if payload[:1] == b"{" and stamp.isdigit():
            local_ms = milliseconds_by_magnitude(int(stamp))
        elif is_note(line):
            return NO_RECORD
        else:
            local_ms, payload = split_stamp(line)
        kind, trades = self._read_message(payload)
        return LineReading(local_ms, kind, trades)

    def may_hold_trades(self, line: bytes) -> bool:
        """Return whether a line can hold a trade; see the port."""
        return self._mark in line


BINANCE_MESSAGES = MessageReader(binance.VENUE, binance.read_message, mark=b"rade")
COINBASE_MESSAGES = MessageReader(coinbase.VENUE, coinbase.read_message, mark=b'"match"')
KRAKEN_MESSAGES = MessageReader(kraken.VENUE, kraken.read_message, mark=b'"trade"')
BYBIT_MESSAGES = MessageReader(bybit.VENUE, bybit.read_message, mark=b'"publicTrade.')
