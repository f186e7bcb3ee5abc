"""What a venue says on one WebSocket: the port of the mirror's sockets, and what all venues share."""

import json
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from tests.mirror.tapes import Trades

WORDS = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Message(NamedTuple):
    """One message; ``is_trade`` says whether it carries trades, which faults leave out or repeat."""

    text: str
    is_trade: bool = False


class Session(Protocol):
    """The venue's side of one connection."""

    def greeting(self, now_ms: int) -> list[Message]:
        """Return what the venue says by itself after the handshake."""

    def heard(self, text: str, now_ms: int) -> list[Message]:
        """Return the replies to a message of the client."""

    def due(self, from_ms: int, until_ms: int) -> list[Message]:
        """Return what happens within [from, until), in order of time."""


class Moment(NamedTuple):
    """A message and when it is sent."""

    at_ms: int
    message: Message


def in_order(moments: list[Moment]) -> list[Message]:
    """Return messages by their time; those of one time keep their order."""
    return [moment.message for moment in sorted(moments, key=lambda moment: moment.at_ms)]


def beats(from_ms: int, until_ms: int, every_ms: int) -> range:
    """Return the multiples of an interval within [from, until)."""
    return range(-(-from_ms // every_ms) * every_ms, until_ms, every_ms)


def each(trades: Trades) -> Iterator[Trades]:
    """Yield trades one by one, of plain numbers."""
    return (Trades(*values) for values in zip(*(column.tolist() for column in trades), strict=True))


def parsed(text: str) -> dict:
    """Return a client's message; an empty one if it is no object of JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
