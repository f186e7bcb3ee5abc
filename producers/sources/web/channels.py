"""The sockets: websockets in threads, over the manners, the mirror and the public addresses of HTTP."""

import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxyStatus,
    InvalidStatus,
    WebSocketException,
)
from websockets.sync.client import connect

from producers.sources.fetching import SourceAnswerError
from producers.sources.sockets import Channel, ChannelClosedError, Received, Sockets
from producers.sources.web.addresses import Resolve, host_of, public_addresses, resolve, shown
from producers.sources.web.manners import Manners
from producers.sources.web.parameters import LARGEST_MESSAGE_BYTES, WebParameters
from producers.sources.web.proxies import proxy_for
from schemas.time import Clock

_TLS_PORT = 443
_NOT_FOUND = 404
#: Messages that the library reads ahead; after that it stops reading from the connection.
_READ_AHEAD = 64
#: A closing frame is waited for this long; the data are read and the connection is given up anyway.
_CLOSING_S = 2.0
_NO_CLOSING_FRAME = 1006


class PoliteSockets(Sockets):
    """Opens connections over the network; see the port for the contract.

    Args:
        parameters: How sources are asked.
        manners: Of this process, shared with the fetcher.
        clock: By which messages are dated.
        resolving: Resolves names.
    """

    def __init__(
        self, parameters: WebParameters, manners: Manners, clock: Clock, *, resolving: Resolve = resolve
    ) -> None:
        self._parameters = parameters
        self._manners = manners
        self._clock = clock
        self._resolving = resolving
        self._tls: ssl.SSLContext | None = None

    def connect(self, url: str, *, headers: Mapping[str, str] | None = None) -> Channel:
        """Open a connection; see the port."""
        self._manners.before(url, scheme="wss")
        try:
            return self._opened(url, headers or {})
        except InvalidStatus as error:
            answer = error.response
            self._manners.answered(
                url, answer.status_code, answer.headers, is_page=False, scheme="wss"
            )  # raises for all statuses from 400 on
            message = f"{shown(url)} answered {answer.status_code} instead of opening a WebSocket"
            raise SourceAnswerError(message, status=answer.status_code) from error
        except InvalidProxyStatus as error:
            reason = f"cannot be reached: the proxy answered {error.response.status_code}"
            raise self._manners.failed(url, reason, scheme="wss") from error
        except (OSError, EOFError, InvalidHandshake, WebSocketException, ValueError) as error:
            reason = f"did not open a WebSocket ({_text_of(error)})"
            raise self._manners.failed(url, reason, scheme="wss") from error

    def _opened(self, url: str, headers: Mapping[str, str]) -> Channel:
        mirror = self._parameters.mirror
        if mirror is None:
            stated = self._parameters
            host = host_of(url, scheme="wss")
            proxy = proxy_for(host, proxy=stated.proxy, no_proxy=stated.no_proxy)
            opened = self._connection(url, headers, proxy=proxy, is_guarded=proxy is None)
        else:
            opened = self._mirrored(url, headers)
        self._manners.answered(url, 101, {}, is_page=False, scheme="wss")
        return PoliteChannel(opened, shown(url), self._clock)

    def _mirrored(self, url: str, headers: Mapping[str, str]) -> Any:
        mirror = self._parameters.mirror
        if mirror is None:
            raise AssertionError
        try:
            return self._connection(mirror.target(url), headers)
        except InvalidStatus as error:
            if error.response.status_code != _NOT_FOUND or urlsplit(url).port is None:
                raise
            return self._connection(mirror.target(url, is_without_port=True), headers)

    def _connection(
        self, url: str, headers: Mapping[str, str], *, proxy: str | None = None, is_guarded: bool = False
    ) -> Any:
        is_tls = url.startswith("wss:")
        if is_tls and self._tls is None:
            self._tls = ssl.create_default_context()
        return connect(
            url,
            sock=self._socket(url) if is_guarded else None,
            ssl=self._tls if is_tls else None,
            proxy=proxy,
            additional_headers=dict(headers),
            user_agent_header=self._parameters.user_agent,
            open_timeout=self._parameters.open_s,
            ping_interval=self._parameters.ping_s,
            ping_timeout=self._parameters.ping_s,
            close_timeout=_CLOSING_S,
            max_size=LARGEST_MESSAGE_BYTES,
            max_queue=_READ_AHEAD,
            legacy=True,
        )

    def _socket(self, url: str) -> socket.socket:
        parts = urlsplit(url)
        port = parts.port or _TLS_PORT
        failure: OSError = OSError("no address")
        for address in public_addresses(parts.hostname or "", port, resolving=self._resolving):
            try:
                return socket.create_connection((address, port), timeout=self._parameters.open_s)
            except OSError as error:
                failure = error
        raise failure


class PoliteChannel(Channel):
    """An open connection; see the port for the contract.

    Args:
        connection: Of the library.
        place: The address, for errors.
        clock: By which messages are dated.
    """

    def __init__(self, connection: Any, place: str, clock: Clock) -> None:
        self._connection = connection
        self._place = place
        self._clock = clock
        self._closing = threading.Lock()

    def receive(self, timeout_s: float) -> Received | None:
        """Return the next message; see the port."""
        try:
            payload = self._connection.recv(timeout_s, decode=False)
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise self._closed(error) from error
        return Received(payload=payload, received_ms=self._clock.now_ms())

    def send(self, text: str) -> None:
        """Send a text message; see the port."""
        try:
            self._connection.send(text)
        except ConnectionClosed as error:
            raise self._closed(error) from error

    def close(self) -> None:
        """Close the connection; see the port."""
        with self._closing:
            self._connection.close()

    def _closed(self, error: ConnectionClosed) -> ChannelClosedError:
        frame = error.rcvd or error.sent
        code = _NO_CLOSING_FRAME if frame is None else int(frame.code)
        reason = "" if frame is None else frame.reason
        message = f"{self._place} ended with code {code}" + (f" ({reason})" if reason else "")
        return ChannelClosedError(message, code=code, reason=reason)


def _text_of(error: Exception) -> str:
    text = str(error)
    return text if text and "://" not in text else type(error).__name__
