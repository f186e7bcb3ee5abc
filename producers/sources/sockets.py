"""The port of WebSockets: connections to outside sources, each read by one thread.

The implementation stands in ``producers/sources/web``, and a fake with the same suite in ``tests/fakes/sockets.py``. A
handshake that is answered by 403, 418, 451, 429 or 5xx raises the same errors as a request of
:mod:`producers.sources.fetching`.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from schemas.errors import SourceUnavailableError


class ChannelClosedError(SourceUnavailableError):
    """The connection ended: the venue closed it, the network cut it, or a message was too large.

    Args:
        message: Names the host and the reason.
        code: The code of the closing frame; 1006 if there was none, 1009 if a message was too large.
        reason: The text of the closing frame; empty if there was none.
    """

    def __init__(self, message: str, *, code: int, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class Received(NamedTuple):
    """One message.

    Attributes:
        payload: The message; a text message as UTF-8.
        received_ms: The platform's clock right after the message was read from the connection.
    """

    payload: bytes
    received_ms: int


class Channel(Protocol):
    """One open connection. One thread receives; any thread may send and close."""

    def receive(self, timeout_s: float) -> Received | None:
        """Return the next message, or None if none came within the time.

        Messages come in the order in which the venue sent them. Pings of the protocol are answered and sent inside.

        Raises:
            ChannelClosedError: If the connection ended; every message before the end was returned.
        """

    def send(self, text: str) -> None:
        """Send a text message, such as a subscription or a pong in the venue's own form.

        Raises:
            ChannelClosedError: If the connection ended.
        """

    def close(self) -> None:
        """Close the connection; it may be closed already. A thread that waits in ``receive`` gets the error."""


class Sockets(Protocol):
    """Opens connections. It may be used from several threads."""

    def connect(self, url: str, *, headers: Mapping[str, str] | None = None) -> Channel:
        """Open a connection, and return when the handshake is done.

        It tries once; when to try again is the caller's decision, by the error.

        Args:
            url: Such as ``wss://stream.binance.com:9443/ws``, as the venue's documentation has it.
            headers: Further headers of the handshake.

        Raises:
            SourceUnavailableError: One of the kinds of :mod:`producers.sources.fetching`.
            ValueError: If the address is none of wss with a host.
        """
