"""A mirror that runs in a thread of the tests."""

import asyncio
import socket
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from schemas.wire.clocks import SystemClock
from tests.mirror.app import App
from tests.mirror.mirrors import Mirror
from tests.mirror.recordings import Recordings
from tests.mirror.sockets import OpenProtocol


def mirrored(address: str, mirror: str) -> str:
    """Return where a mirror answers for an address."""
    parts = urlsplit(address)
    scheme = "ws" if parts.scheme in {"ws", "wss"} else "http"
    query = f"?{parts.query}" if parts.query else ""
    return f"{scheme}://{urlsplit(mirror).netloc}/{parts.netloc}{parts.path}{query}"


def server_of(mirror: Mirror, port: int) -> uvicorn.Server:
    """Return the server of a mirror."""
    config = uvicorn.Config(
        App(mirror), host="127.0.0.1", port=port, ws=OpenProtocol, http="h11", lifespan="off", log_level="critical",
        access_log=False, ws_per_message_deflate=False, ws_ping_interval=20.0, timeout_graceful_shutdown=1,
        server_header=False, date_header=False,
    )  # fmt: skip
    return uvicorn.Server(config)


class RunningMirror:
    """A mirror on a free port of 127.0.0.1, with the controls that tests use.

    Args:
        mirror: What is served.

    Attributes:
        address: For ``DRIFTLINE_SOURCES_MIRROR``.
        mirror: The application: its ``world`` holds the true market, its ``journal`` the log of requests.
    """

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = server_of(mirror, 0)
        self._thread = Thread(target=self._run, name="mirror", daemon=True)

    def start(self) -> "RunningMirror":
        """Start serving; requests wait until it does."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Cut all connections and end."""
        self._server.should_exit = True
        self._thread.join(60)
        self._socket.close()

    def url(self, address: str) -> str:
        """Return where the mirror answers for an address of https or wss."""
        return mirrored(address, self.address)

    def fail(self, kind: str, **fault: Any) -> int:
        """Add one failure (see ``tests/mirror/faults.py``), and return its id."""
        return self.mirror.control({"faults": [{"kind": kind, **fault}]})[0]

    def heal(self) -> None:
        """Take all failures away."""
        self.mirror.faults.remove()

    def log(self, **which: Any) -> list[dict]:
        """Return what was asked: of a ``host``, of paths that begin with ``path``."""
        return self.mirror.journal.entries(**which)

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))


def started(folder: Path, recordings: Recordings | None = None, **options: Any) -> RunningMirror:
    """Start a mirror of a folder of recorded data."""
    clock = options.pop("clock", SystemClock().now_ms)
    return RunningMirror(Mirror(recordings or Recordings(folder), clock, **options)).start()
