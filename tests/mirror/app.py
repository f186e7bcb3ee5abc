"""The server: ``/HOST/PATH?QUERY`` answers as HOST does, ``/_control`` and ``/_log`` are for tests."""

import asyncio
import json
from email.utils import formatdate
from urllib.parse import parse_qsl

import msgspec

from tests.mirror.answers import NOT_FOUND, Answer, Request, as_json
from tests.mirror.asgi import Receive, Send, headers_of, place
from tests.mirror.faults import ANSWER_KINDS, Fault
from tests.mirror.mirrors import Mirror
from tests.mirror.sockets import serve_socket
from tests.mirror.spoiling import spoiled

N_DRIPS = 20


class App:
    """A mirror as an ASGI application."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror

    async def __call__(self, scope: dict, receive: Receive, send: Send) -> None:
        """Serve one request or one socket."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await serve_socket(self.mirror, scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: dict, receive: Receive, send: Send) -> None:
        host, path, query = place(scope)
        if host.startswith("_"):
            await _answered(send, self._controlled(host, query, await _body(receive)))
            return
        headers = headers_of(scope)
        at = path + (f"?{query}" if query else "")
        entry = self.mirror.journal.note("http", host, at, headers, self.mirror.clock())
        fault = self.mirror.faults.struck(host, at, ANSWER_KINDS)
        request = Request(
            host, path, dict(parse_qsl(query, keep_blank_values=True)), headers, self.mirror.now_ms(host)
        )
        answer = await asyncio.to_thread(self._asked, request)
        entry["fault"] = fault.kind if fault else None
        answer = answer if fault is None else spoiled(answer, fault)
        entry["status"] = answer.status
        dated = answer._replace(
            headers={"date": formatdate(self.mirror.now_ms(host) / 1000, usegmt=True), **answer.headers}
        )
        await (_answered(send, dated) if fault is None else _failed(send, dated, fault))

    def _asked(self, request: Request) -> Answer:
        answers = self.mirror.hosts.by_http(request.host)
        return NOT_FOUND if answers is None else answers(request)

    def _controlled(self, name: str, query: str, body: bytes) -> Answer:
        options = dict(parse_qsl(query))
        if name == "_log":
            after = int(options.pop("after", "0"))
            return as_json(self.mirror.journal.entries(after=after, **options))
        if name != "_control":
            return NOT_FOUND
        try:
            return as_json({"ids": self.mirror.control(json.loads(body or b"{}")), **self.mirror.state()})
        except (ValueError, msgspec.ValidationError) as error:
            return as_json({"error": str(error)}, 400)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{kind}.complete"})
        if kind == "shutdown":
            return


async def _body(receive: Receive) -> bytes:
    parts, has_more = [], True
    while has_more:
        message = await receive()
        parts.append(message.get("body", b""))
        has_more = message.get("more_body", False)
    return b"".join(parts)


def _head(answer: Answer, length: int) -> dict:
    pairs = {"content-type": answer.content_type, "content-length": str(length), **answer.headers}
    return {
        "type": "http.response.start", "status": answer.status,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs.items()],
    }  # fmt: skip


async def _answered(send: Send, answer: Answer) -> None:
    await send(_head(answer, len(answer.body)))
    await send({"type": "http.response.body", "body": answer.body})


async def _failed(send: Send, answer: Answer, fault: Fault) -> None:
    """Send an answer as a failure sends it: late, drop by drop, or half."""
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    if fault.kind not in {"cut", "drip"}:
        await _answered(send, answer)
        return
    await send(_head(answer, len(answer.body)))
    if fault.kind == "cut":
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        return
    step = max(1, -(-len(answer.body) // N_DRIPS))
    for start in range(0, len(answer.body), step):
        await asyncio.sleep(fault.seconds / N_DRIPS)
        await send(
            {"type": "http.response.body", "body": answer.body[start : start + step], "more_body": True}
        )
    await send({"type": "http.response.body", "body": b""})
