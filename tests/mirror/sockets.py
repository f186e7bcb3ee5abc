"""One WebSocket: it plays a venue's session by the clock, and suffers failures on demand."""

import asyncio
from collections import deque
from typing import Any
from urllib.parse import parse_qsl

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tests.mirror.asgi import Receive, Send, headers_of, place
from tests.mirror.faults import SOCKET_KINDS, Fault
from tests.mirror.mirrors import Mirror
from tests.mirror.sessions import Message, Session
from tests.mirror.spoiling import SAYS

STEP_S = 0.02
N_REMEMBERED = 1_000
#: After a stop of the machine, what happened meanwhile is sent in parts, so that memory stays small.
MOST_AT_ONCE_MS = 5_000


class OpenProtocol(WebSocketsSansIOProtocol):
    """The protocol of uvicorn, which hands its transport on so that it can be cut."""

    async def run_asgi(self) -> None:
        """Run the application with the transport in its scope."""
        self.scope["state"]["transport"] = self.transport
        await super().run_asgi()


class _Gone(Exception):  # noqa: N818 - no error: the connection is over
    """The connection is over."""


class _Line:
    """The sending side of a connection, with what failures do to it."""

    def __init__(self, transport: asyncio.Transport, send: Send) -> None:
        self._transport = transport
        self._send = send
        self._recent: deque[str] = deque(maxlen=N_REMEMBERED)
        self._n_left_out = 0
        self._silent_until = 0.0

    async def say(self, messages: list[Message]) -> None:
        """Send messages, apart from those that a failure leaves out."""
        if asyncio.get_running_loop().time() < self._silent_until:
            return
        for message in messages:
            if message.is_trade and self._n_left_out:
                self._n_left_out -= 1
                continue
            if message.is_trade:
                self._recent.append(message.text)
            await self._text(message.text)

    async def suffer(self, fault: Fault, messages: list[Message]) -> None:
        """Do what a failure asks for; those that end the connection raise."""
        match fault.kind:
            case "gap":
                self._n_left_out += fault.n
            case "repeat":
                for text in list(self._recent)[-fault.n :]:
                    await self._text(text)
            case "say":
                await self._text(fault.text)
            case "silent":
                self._silent_until = asyncio.get_running_loop().time() + fault.seconds
                self._transport.pause_reading()
            case "close":
                await self._send(
                    {
                        "type": "websocket.close",
                        "code": fault.status if fault.status > 999 else 1001,
                        "reason": fault.text,
                    }
                )
                raise _Gone
            case "cut_message" | "cut_socket":
                if fault.kind == "cut_message":
                    self._half(next((each.text for each in messages), '{"e":"trade","E":17'))
                self._transport.close()
                raise _Gone

    async def _text(self, text: str) -> None:
        try:
            await self._send({"type": "websocket.send", "text": text})
        except OSError as error:
            raise _Gone from error

    def _half(self, text: str) -> None:
        """Write a frame that announces a whole message, and half of it."""
        body = text.encode()
        self._transport.write(bytes([0x81, 126]) + len(body).to_bytes(2, "big") + body[: len(body) // 2])


async def _connected(
    mirror: Mirror, host: str, at: str, session: Session | None, send: Send, entry: dict
) -> bool:
    """Accept a handshake, or refuse it."""
    fault = mirror.faults.struck(host, at, {"status", "slow"})
    entry["fault"] = fault.kind if fault else None
    if fault is not None and fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        fault = None
    status = 404 if session is None else fault.status if fault is not None else 101
    entry["status"] = status
    if status == 101:
        await send({"type": "websocket.accept"})
        return True
    headers = [(b"content-type", b"text/plain")]
    if fault is not None and fault.retry_after_s is not None:
        headers.append((b"retry-after", f"{fault.retry_after_s:g}".encode()))
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": SAYS.get(status, "").encode()})
    return False


async def serve_socket(mirror: Mirror, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Serve one connection until one of the two sides ends it."""
    host, path, query = place(scope)
    at = path + (f"?{query}" if query else "")
    await receive()
    entry = mirror.journal.note("socket", host, at, headers_of(scope), mirror.clock())
    session = await asyncio.to_thread(mirror.hosts.by_socket, host, path, dict(parse_qsl(query)))
    if not await _connected(mirror, host, at, session, send, entry) or session is None:
        return
    line = _Line(scope["state"]["transport"], send)
    listening = asyncio.ensure_future(_listen(mirror, host, session, receive, line))
    try:
        await line.say(session.greeting(mirror.now_ms(host)))
        await _play(mirror, host, at, session, line, listening)
    except _Gone:
        pass
    finally:
        listening.cancel()


async def _listen(mirror: Mirror, host: str, session: Session, receive: Receive, line: _Line) -> None:
    """Answer what the client says, until it is gone."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
        await line.say(session.heard(text, mirror.now_ms(host)))


async def _play(
    mirror: Mirror, host: str, at: str, session: Session, line: _Line, listening: asyncio.Future
) -> None:
    """Send what happens, when it happens."""
    played_ms = mirror.clock()
    while not listening.done():
        until_ms = min(mirror.clock(), played_ms + MOST_AT_ONCE_MS)
        skew_ms = mirror.faults.skew_ms(host)
        messages = session.due(played_ms + skew_ms, until_ms + skew_ms)
        fault = mirror.faults.struck(host, at, SOCKET_KINDS)
        if fault is not None:
            await line.suffer(fault, messages)
        await line.say(messages)
        played_ms = max(until_ms, played_ms)
        await asyncio.sleep(STEP_S)
