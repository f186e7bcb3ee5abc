"""What the real fetcher and sockets do beyond the port: bounds, the cache, keys, the mirror and the network."""

import gzip
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

import pytest
from websockets.sync.server import serve

from producers.sources.fetching import SourceAnswerError, SourceRefusedError, SourceUnreachableError
from producers.sources.sockets import ChannelClosedError
from producers.sources.web.addresses import AddressRefusedError
from producers.sources.web.clients import PoliteFetcher
from producers.sources.web.manners import Manners
from producers.sources.web.mirrors import Mirror
from producers.sources.web.opening import Web, open_web
from producers.sources.web.parameters import LARGEST_MESSAGE_BYTES, WebParameters
from schemas.wire.clocks import ManualClock, SystemClock
from tests.fakes.web import Answer, ScriptedWeb, with_etag
from tests.fixtures.web_servers import serving, serving_sockets

API = "https://api.example.com/v1/price"
FEED = "https://news.example.com/feed"
LIMIT = 100_000
KEY = "a-secret-key"

Opening = Callable[..., Web]


@pytest.fixture
def web() -> ScriptedWeb:
    return ScriptedWeb()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=SystemClock().now_ms())


@pytest.fixture
def opening(web: ScriptedWeb, clock: ManualClock, tmp_path: Path) -> Iterator[Opening]:
    """Opens the client as often as one likes, as after restarts."""
    opened = []
    with serving(web) as address:

        def open_again(**changes) -> Web:
            stated = {
                "folder": tmp_path / "web",
                "mirror": Mirror(address),
                "first_wait_s": 0.001,
                "largest_body_bytes": LIMIT,
                **changes,
            }
            held = open_web(WebParameters(**stated), clock)
            opened.append(held)
            return held.__enter__()

        yield open_again
        for held in opened:
            held.__exit__(None, None, None)


def compressed(body: bytes, coding: str = "gzip") -> Answer:
    if coding == "gzip":
        packed = gzip.compress(body)
    elif coding == "bare":
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = packer.compress(body) + packer.flush()
    else:
        packed = zlib.compress(body)
    return Answer(200, packed, {"Content-Encoding": "deflate" if coding == "bare" else coding})


@pytest.mark.parametrize("coding", ["gzip", "deflate", "bare"])
def test_compressed_answers_are_read(opening: Opening, web: ScriptedWeb, coding: str):
    web.answer(API, compressed(b"{}" * 1000, coding))
    assert opening().fetcher.get(API).body == b"{}" * 1000


def test_several_gzip_members_are_one_body(opening: Opening, web: ScriptedWeb):
    web.answer(API, Answer(200, gzip.compress(b"a") + gzip.compress(b"b"), {"Content-Encoding": "gzip"}))
    assert opening().fetcher.get(API).body == b"ab"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"x" * (LIMIT + 1)),
        compressed(b"0" * 50_000_000),
        Answer(200, gzip.compress(gzip.compress(b"0" * 50_000_000)), {"Content-Encoding": "gzip, gzip"}),
        Answer(200, b"?", {"Content-Encoding": "br"}),
        Answer(200, b"not gzip", {"Content-Encoding": "gzip"}),
        Answer(200, gzip.compress(b"x" * 1000)[:-20], {"Content-Encoding": "gzip"}),
    ],
    ids=["large", "bomb", "bomb in a bomb", "other coding", "damaged", "too short"],
)
def test_answers_that_are_too_large_or_damaged_are_refused(
    opening: Opening, web: ScriptedWeb, answer: Answer
):
    web.answer(API, answer, Answer(200, b"good"))
    fetcher = opening().fetcher
    with pytest.raises(SourceUnreachableError):
        fetcher.get(API)
    assert web.n_asked(API) == 1
    assert fetcher.get(API).body == b"good"


def test_the_largest_allowed_answer_is_read(opening: Opening, web: ScriptedWeb):
    web.answer(API, compressed(b"x" * LIMIT))
    assert len(opening().fetcher.get(API).body) == LIMIT


def test_an_answer_that_breaks_off_is_asked_for_again(opening: Opening, web: ScriptedWeb):
    web.answer(API, Answer(200, b"x" * 1000, cut_at=500), Answer(200, b"whole"))
    assert opening().fetcher.get(API).body == b"whole"


def test_an_answer_that_always_breaks_off_is_an_error_and_is_not_kept(opening: Opening, web: ScriptedWeb):
    web.answer(FEED, Answer(200, b"x" * 1000, {"Cache-Control": "max-age=600"}, cut_at=500))
    fetcher = opening().fetcher
    with pytest.raises(SourceUnreachableError):
        fetcher.get(FEED)
    web.answer(FEED, Answer(200, b"whole"))
    assert fetcher.get(FEED).body == b"whole"


def test_a_slow_source_is_given_up(opening: Opening, web: ScriptedWeb):
    web.answer(API, Answer(200, b"late", wait_s=1.0))
    with pytest.raises(SourceUnreachableError, match="in time"):
        opening(read_s=0.1, attempts=1).fetcher.get(API)


def test_a_fresh_page_is_not_asked_for_again_and_an_interface_is(opening: Opening, web: ScriptedWeb):
    fresh = {"Cache-Control": "public, max-age=300", "ETag": '"1"'}
    for url in (FEED, API):
        web.answer(url, Answer(200, b"text", fresh))
    fetcher = opening().fetcher
    for url, is_page in ((FEED, True), (API, False)):
        fetcher.get(url, is_page=is_page)
        fetcher.get(url, is_page=is_page)
    assert (web.n_asked(FEED), web.n_asked(API)) == (1, 2)


@pytest.mark.parametrize(
    "headers",
    [
        {"Last-Modified": formatdate(1_500_000_000, usegmt=True)},
        {"Cache-Control": "no-cache", "ETag": '"1"'},
        {"Cache-Control": "no-store, max-age=300"},
        {"Expires": formatdate(4_000_000_000, usegmt=True)},
        {},
    ],
    ids=["guessed freshness", "no-cache", "no-store", "expires alone", "nothing"],
)
def test_freshness_that_a_page_does_not_state_is_not_assumed(
    opening: Opening, web: ScriptedWeb, headers: dict[str, str]
):
    """An old Last-Modified would make a feed fresh for hours, in which nothing new is seen."""
    web.answer(FEED, Answer(200, b"1", headers), Answer(200, b"2", headers))
    fetcher = opening().fetcher
    assert [fetcher.get(FEED, is_page=True).body for _ in range(2)] == [b"1", b"2"]


def test_the_date_of_the_source_is_handed_on(opening: Opening, web: ScriptedWeb):
    stated = formatdate(1_600_000_000, usegmt=True)
    web.answer(API, Answer(200, b"text", {"Date": stated, "ETag": '"1"'}))
    # The server of the test states its own time before it.
    assert opening().fetcher.get(API).headers["date"].endswith(stated)


def test_a_page_of_a_clock_that_runs_ahead_does_not_stay_fresh(
    opening: Opening, web: ScriptedWeb, clock: ManualClock
):
    """The age of an answer from the future is 0 for ever; the cache takes our date instead."""
    ahead = {"Date": formatdate(4_000_000_000, usegmt=True), "Cache-Control": "max-age=1"}
    web.answer(FEED, Answer(200, b"1", ahead), Answer(200, b"2", ahead))
    fetcher = opening().fetcher
    until_s = SystemClock().monotonic_s() + 60
    while fetcher.get(FEED, is_page=True).body == b"1":
        assert SystemClock().monotonic_s() < until_s
        SystemClock().sleep(0.2)


def test_the_cache_outlives_a_restart(opening: Opening, web: ScriptedWeb):
    web.answer(FEED, with_etag(b"text"))
    opening().fetcher.get(FEED, is_page=True)
    again = opening().fetcher.get(FEED, is_page=True)
    assert (again.body, again.is_new) == (b"text", False)


def test_a_refusal_outlives_a_restart(opening: Opening, web: ScriptedWeb):
    web.answer(API, Answer(451))
    for _ in range(2):
        with pytest.raises(SourceRefusedError):
            opening().fetcher.get(API)
    assert web.n_asked(API) == 1


def test_the_cache_stays_below_its_size(opening: Opening, web: ScriptedWeb, tmp_path: Path):
    fetcher = opening(cache_bytes=1_000_000).fetcher
    for number in range(60):
        web.answer(f"{FEED}/{number}", Answer(200, bytes([number]) * 90_000, {"ETag": f'"{number}"'}))
        fetcher.get(f"{FEED}/{number}")
    assert (tmp_path / "web" / "cache.db").stat().st_size < 3_000_000


def test_a_key_is_sent_and_neither_kept_nor_shown(opening: Opening, web: ScriptedWeb, tmp_path: Path):
    web.answer(API, with_etag(b"text"))
    fetcher = opening(headers={"api.example.com": {"x-cg-pro-api-key": KEY}}).fetcher
    fetcher.get(API)
    assert web.requests[0].headers["x-cg-pro-api-key"] == KEY
    web.answer(API, Answer(401))
    with pytest.raises(SourceAnswerError) as raised:
        fetcher.get(API, params={"key": KEY})
    assert KEY not in str(raised.value)
    written = [path.read_bytes() for path in (tmp_path / "web").rglob("*") if path.is_file()]
    assert written
    assert not any(KEY.encode() in each for each in written)


def test_a_key_and_headers_of_the_caller_do_not_follow_to_another_host(opening: Opening, web: ScriptedWeb):
    web.answer(API, Answer(302, headers={"Location": "https://other.example.com/a"}))
    web.answer("https://other.example.com/a", Answer(200, b"text"))
    keys = {"api.example.com": {"x-key": KEY}}
    opening(headers=keys).fetcher.get(API, headers={"Authorization": KEY, "Accept": "text/xml"})
    first, second = web.requests
    assert (first.headers["x-key"], first.headers["authorization"]) == (KEY, KEY)
    assert not {"x-key", "authorization"} & second.headers.keys()
    assert second.headers["accept"] == "text/xml"


def test_the_user_agent_names_the_contact(opening: Opening, web: ScriptedWeb):
    web.answer(API, Answer(200, b"text"))
    opening(contact="mailto:ops@example.com").fetcher.get(API)
    agent = web.requests[0].headers["user-agent"]
    assert agent.startswith("Driftline/")
    assert "ops@example.com" in agent


def test_no_cookie_is_sent_back(opening: Opening, web: ScriptedWeb):
    web.answer(API, Answer(200, b"text", {"Set-Cookie": "id=1; Path=/"}))
    fetcher = opening().fetcher
    fetcher.get(API)
    fetcher.get(API)
    assert "cookie" not in web.requests[1].headers


def test_many_threads_share_the_connections(opening: Opening, web: ScriptedWeb):
    """Two threads that began at once each opened a pool, and one of them was never closed."""
    for number in range(16):
        web.answer(f"https://{number}.example.com/", Answer(200, b"text"))
    fetcher = opening().fetcher
    ready = threading.Barrier(16)

    def get(number: int) -> bytes:
        ready.wait(60)
        return fetcher.get(f"https://{number}.example.com/").body

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(get, range(16))) == [b"text"] * 16
    assert len(fetcher._transport._ways) == 1


def test_a_host_with_a_port_is_also_found_without_it(opening: Opening, web: ScriptedWeb):
    web.answer("https://stream.example.com/time", Answer(200, b"1"))
    assert opening().fetcher.get("https://stream.example.com:9443/time").body == b"1"
    web.answer("https://stream.example.com:9443/time", Answer(200, b"2"))
    assert opening().fetcher.get("https://stream.example.com:9443/time").body == b"2"


def test_a_redirect_that_names_the_mirror_means_the_source(opening: Opening, web: ScriptedWeb):
    fetcher = opening()
    address = fetcher.fetcher._parameters.mirror.address
    web.answer(FEED, Answer(301, headers={"Location": f"{address}/news.example.com/rss"}))
    web.answer("https://news.example.com/rss", Answer(200, b"text"))
    assert fetcher.fetcher.get(FEED).url == "https://news.example.com/rss"


@pytest.mark.parametrize("location", ["", "file:///etc/passwd", "https://", "https://u:p@a.example.com/"])
def test_a_redirect_to_no_address_is_an_error(opening: Opening, web: ScriptedWeb, location: str):
    web.answer(API, Answer(302, headers={"Location": location}))
    with pytest.raises(SourceUnreachableError):
        opening().fetcher.get(API)


def test_robots_state_a_delay(opening: Opening, web: ScriptedWeb, clock: ManualClock):
    web.answer("https://news.example.com/robots.txt", Answer(200, b"User-agent: *\nCrawl-delay: 7"))
    web.answer(FEED, Answer(200, b"text"))
    fetcher = opening(pace=1.0).fetcher
    began_s = clock.monotonic_s()
    for _ in range(4):
        fetcher.get(FEED, is_page=True)
    assert clock.monotonic_s() - began_s >= 20
    assert web.n_asked("https://news.example.com/robots.txt") == 1


@pytest.mark.parametrize("body", [b"\xff\xfe<html>", b"<html>not found</html>", b"\0" * 1000, b"x" * 600_000])
def test_robots_of_any_bytes_are_read(opening: Opening, web: ScriptedWeb, body: bytes):
    web.answer("https://news.example.com/robots.txt", Answer(200, body))
    web.answer(FEED, Answer(200, b"text"))
    assert opening(largest_body_bytes=1_000_000).fetcher.get(FEED, is_page=True).body == b"text"


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["10.0.0.1", "::1"]])
def test_a_name_with_private_addresses_is_not_asked(clock: ManualClock, addresses: list[str]):
    parameters = WebParameters()
    fetcher = PoliteFetcher(parameters, Manners(parameters, clock), clock, resolving=lambda *_: addresses)
    with pytest.raises(AddressRefusedError):
        fetcher.get(API)
    fetcher.close()


def test_a_name_that_cannot_be_resolved_is_unreachable(clock: ManualClock):
    def unknown(*_) -> list[str]:
        raise OSError(-2, "Name or service not known")

    parameters = WebParameters(first_wait_s=0.001)
    fetcher = PoliteFetcher(parameters, Manners(parameters, clock), clock, resolving=unknown)
    with pytest.raises(SourceUnreachableError, match="resolved"):
        fetcher.get(API)
    fetcher.close()


def test_a_host_behind_a_proxy_is_asked_through_it(web: ScriptedWeb, clock: ManualClock):
    """The proxy here is a server that knows no CONNECT, which shows in its answer."""
    with serving(web) as address:
        parameters = WebParameters(proxy=address, attempts=1)
        with open_web(parameters, clock) as opened, pytest.raises(SourceUnreachableError, match="ProxyError"):
            opened.fetcher.get(API)


def test_sockets_find_a_host_without_its_port(clock: ManualClock):
    with serving_sockets() as server:
        server.refusals = [(404, {})]
        with open_web(WebParameters(mirror=Mirror(server.address), contact="me@example.com"), clock) as web:
            web.sockets.connect("wss://stream.example.com:9443/ws").close()
        assert server.paths == ["/stream.example.com:9443/ws", "/stream.example.com/ws"]
        assert "me@example.com" in (server.user_agents[0] or "")


def test_a_message_that_is_too_large_ends_the_connection(clock: ManualClock):
    with serving_sockets() as server, open_web(WebParameters(mirror=Mirror(server.address)), clock) as web:
        channel = web.sockets.connect("wss://stream.example.com/ws")
        server.say("x" * (LARGEST_MESSAGE_BYTES + 1))
        with pytest.raises(ChannelClosedError) as raised:
            channel.receive(60)
        assert raised.value.code == 1009


def test_a_venue_that_answers_no_ping_is_given_up(clock: ManualClock):
    """A connection whose other end is gone gives no error by itself."""

    def hold(connection) -> None:
        connection.protocol.receive_data = lambda _: None  # reads nothing any more, so it answers no ping
        connection.recv_events_thread.join()

    server = serve(hold, "127.0.0.1", 0, ping_interval=None)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    with open_web(WebParameters(mirror=Mirror(address), ping_s=0.2), clock) as web:
        channel = web.sockets.connect("wss://stream.example.com/ws")
        with pytest.raises(ChannelClosedError):
            channel.receive(60)
    server.shutdown()
    thread.join()


def test_a_socket_to_a_private_address_is_not_opened(clock: ManualClock):
    with open_web(WebParameters(), clock) as web, pytest.raises(AddressRefusedError):
        web.sockets.connect("wss://127.0.0.1:9443/ws")
