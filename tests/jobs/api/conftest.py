"""An application over the session's real servers, answered by a real HTTP server."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from api.app import create_app
from api.settings import ApiSettings
from schemas.time import Clock
from schemas.wire import redis
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import Endpoints

Serve = Callable[..., "contextmanager[httpx.Client]"]


def wait_until(is_so: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Poll until something is so."""
    deadline = time.monotonic() + seconds
    waiting = threading.Event()
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to be in time"
        waiting.wait(0.02)


@pytest.fixture
def serving(endpoints: Endpoints):
    """Serves a stream within a block, and hands out a client."""

    @contextmanager
    def serve(
        stream: str,
        *,
        clock: Clock | None = None,
        where: Endpoints = endpoints,
        data_dir: Path | None = None,
        speed: str | None = None,
        stated: Mapping[str, str] | None = None,
    ) -> Iterator[httpx.Client]:
        own = {} if data_dir is None else {"DRIFTLINE_DATA_DIR": str(data_dir)}
        own |= {} if speed is None else {"DRIFTLINE_SPEED": speed}
        settings = ApiSettings.from_environment({"DRIFTLINE_STREAM": stream, **own, **(stated or {})})
        app = create_app(settings, endpoints=where, clock=clock)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        listening = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            wait_until(lambda: server.started)
            with httpx.Client(
                base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=60
            ) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(60)

    return serve


@pytest.fixture
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    """The real history."""
    with PostgresPool(endpoints.database_url) as opened:
        yield opened


@pytest.fixture
def views(endpoints: Endpoints) -> Iterator[redis.Views]:
    """The real views."""
    with redis.connect(endpoints.redis_url) as client:
        yield redis.Views(client, job="test")
