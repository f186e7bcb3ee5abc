"""The fake of the port of WebSockets: a test lets venues speak, and sees what they were sent."""

import threading
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from producers.sources.fetching import SourceBusyError, SourceRefusedError, SourceUnreachableError
from producers.sources.sockets import Channel, ChannelClosedError, Received, Sockets
from schemas.time import Clock


class Ended(NamedTuple):
    """The end of a connection."""

    code: int
    reason: str


class FakeChannel(Channel):
    """One connection; the test calls ``say``, ``end`` and reads ``sent``."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self.sent: list[str] = []
        self._clock = clock
        self._waiting: deque[bytes] = deque()
        self._ended: Ended | None = None
        self._changed = threading.Condition()

    def say(self, payload: str | bytes) -> None:
        with self._changed:
            self._waiting.append(payload if isinstance(payload, bytes) else payload.encode())
            self._changed.notify_all()

    def end(self, code: int = 1006, reason: str = "") -> None:
        with self._changed:
            self._ended = self._ended or Ended(code, reason)
            self._changed.notify_all()

    def receive(self, timeout_s: float) -> Received | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended, timeout_s)
            if self._waiting:
                return Received(self._waiting.popleft(), self._clock.now_ms())
            self._check_open()
            return None

    def send(self, text: str) -> None:
        with self._changed:
            self._check_open()
            self.sent.append(text)
            self._changed.notify_all()

    def close(self) -> None:
        self.end(1000)

    @property
    def is_closed(self) -> bool:
        return self._ended is not None

    def _check_open(self) -> None:
        if self._ended is not None:
            message = f"{self.url} ended with code {self._ended.code}"
            raise ChannelClosedError(message, code=self._ended.code, reason=self._ended.reason)


class FakeSockets(Sockets):
    """Opens fake connections; ``refuse`` states the status of the next handshakes, ``opened`` lists the connections."""

    def __init__(self, clock: Clock) -> None:
        self.opened: list[FakeChannel] = []
        self._clock = clock
        self._refusals: deque[tuple[int, float | None]] = deque()

    def refuse(self, status: int, *, times: int = 1, retry_after_s: float | None = None) -> None:
        self._refusals.extend([(status, retry_after_s)] * times)

    def connect(self, url: str, *, headers: Mapping[str, str] | None = None) -> Channel:
        if not url.startswith("wss://") or url.startswith("wss:///"):
            raise ValueError(url)
        if self._refusals:
            status, wait_s = self._refusals.popleft()
            message = f"{url} answered {status}"
            if status in (403, 418, 451):
                raise SourceRefusedError(message, status=status, retry_after_s=600.0)
            if status == 429:
                raise SourceBusyError(message, retry_after_s=30.0 if wait_s is None else wait_s)
            raise SourceUnreachableError(message)
        channel = FakeChannel(url, self._clock)
        self.opened.append(channel)
        return channel
