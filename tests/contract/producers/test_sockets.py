"""The suite that every opener of WebSockets passes: the fake, and the real one against a server on this machine."""

import threading
from collections.abc import Callable, Iterator

import pytest

from producers.sources.fetching import SourceBusyError, SourceRefusedError, SourceUnreachableError
from producers.sources.sockets import Channel, ChannelClosedError, Received, Sockets
from producers.sources.web.mirrors import Mirror
from producers.sources.web.opening import open_web
from producers.sources.web.parameters import WebParameters
from schemas.wire.clocks import ManualClock, SystemClock
from tests.fakes.sockets import FakeSockets
from tests.fixtures.web_servers import SocketServer, serving_sockets

URL = "wss://stream.example.com/ws/btcusdt@trade"
LONG_S = 60.0


class Venue:
    """What the other end of the connection does, by the fake or by the real server."""

    def __init__(self, sockets: Sockets, held: FakeSockets | SocketServer) -> None:
        self.sockets = sockets
        self._held = held

    def refuse(self, status: int, retry_after_s: float | None = None) -> None:
        if isinstance(self._held, FakeSockets):
            self._held.refuse(status, retry_after_s=retry_after_s)
            return
        headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:.0f}"}
        self._held.refusals.append((status, headers))

    def say(self, *payloads: str | bytes) -> None:
        for payload in payloads:
            self._end.say(payload)

    def end(self, code: int, reason: str) -> None:
        self._end.end(code, reason)

    def cut(self) -> None:
        end = self._end
        if isinstance(end, SocketServer):
            end.cut()
        else:
            end.end()

    def received(self) -> list[str]:
        end = self._end
        return end.received if isinstance(end, SocketServer) else end.sent

    @property
    def _end(self):
        return self._held.opened[-1] if isinstance(self._held, FakeSockets) else self._held


@pytest.fixture(params=["fake", "real"])
def venue(request: pytest.FixtureRequest) -> Iterator[Venue]:
    clock = ManualClock(now_ms=SystemClock().now_ms())
    if request.param == "fake":
        fake = FakeSockets(clock)
        yield Venue(fake, fake)
        return
    with serving_sockets() as server:
        parameters = WebParameters(mirror=Mirror(server.address))
        with open_web(parameters, clock) as web:
            yield Venue(web.sockets, server)


@pytest.fixture
def channel(venue: Venue) -> Iterator[Channel]:
    opened = venue.sockets.connect(URL)
    yield opened
    opened.close()


def until(is_true: Callable[[], bool]) -> None:
    clock, waited = SystemClock(), 0
    while not is_true() and waited < 6_000:
        clock.sleep(0.01)
        waited += 1
    assert is_true()


def test_messages_come_in_order_as_bytes(venue: Venue, channel: Channel):
    venue.say('{"p": "1"}', "é", b"\x00\xff")
    found = [channel.receive(LONG_S) for _ in range(3)]
    assert [each.payload for each in found if each is not None] == [b'{"p": "1"}', "é".encode(), b"\x00\xff"]


def test_every_message_is_dated_when_it_was_read(venue: Venue, channel: Channel):
    venue.say("a")
    found = channel.receive(LONG_S)
    assert isinstance(found, Received)
    assert abs(found.received_ms - SystemClock().now_ms()) < 600_000


def test_nothing_within_the_time_is_none(channel: Channel):
    assert channel.receive(0.01) is None
    assert channel.receive(0.0) is None


def test_what_is_sent_arrives(venue: Venue, channel: Channel):
    channel.send('{"method": "SUBSCRIBE"}')
    until(lambda: venue.received() == ['{"method": "SUBSCRIBE"}'])


def test_the_end_comes_after_every_message(venue: Venue, channel: Channel):
    venue.say("last")
    venue.end(1001, "maintenance")
    found = channel.receive(LONG_S)
    assert found is not None
    assert found.payload == b"last"
    with pytest.raises(ChannelClosedError) as raised:
        channel.receive(LONG_S)
    assert (raised.value.code, raised.value.reason) == (1001, "maintenance")
    with pytest.raises(ChannelClosedError):
        channel.send("too late")


def test_a_cut_connection_ends_without_a_frame(venue: Venue, channel: Channel):
    venue.say("a")
    assert channel.receive(LONG_S) is not None
    venue.cut()
    with pytest.raises(ChannelClosedError) as raised:
        channel.receive(LONG_S)
    assert raised.value.code == 1006


def test_closing_wakes_whoever_waits_and_may_be_repeated(channel: Channel):
    errors: list[ChannelClosedError] = []

    def wait() -> None:
        try:
            channel.receive(LONG_S)
        except ChannelClosedError as error:
            errors.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    channel.close()
    channel.close()
    waiting.join(LONG_S)
    assert len(errors) == 1


@pytest.mark.parametrize("status", [403, 451])
def test_a_handshake_may_be_refused(venue: Venue, status: int):
    venue.refuse(status)
    with pytest.raises(SourceRefusedError) as raised:
        venue.sockets.connect(URL)
    assert raised.value.status == status


def test_a_handshake_may_be_put_off(venue: Venue):
    venue.refuse(429, retry_after_s=90)
    with pytest.raises(SourceBusyError) as raised:
        venue.sockets.connect(URL)
    assert raised.value.retry_after_s == pytest.approx(90)


def test_a_handshake_may_fail_and_the_next_one_succeed(venue: Venue):
    venue.refuse(500)
    with pytest.raises(SourceUnreachableError):
        venue.sockets.connect(URL)
    venue.sockets.connect(URL).close()


@pytest.mark.parametrize("url", ["ws://stream.example.com/", "https://stream.example.com/", "wss:///ws"])
def test_only_addresses_of_wss_are_opened(venue: Venue, url: str):
    with pytest.raises(ValueError, match=r".*"):
        venue.sockets.connect(url)
