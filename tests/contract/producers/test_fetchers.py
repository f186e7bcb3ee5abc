"""The suite that every fetcher passes: the fake, and the real one against a server on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.sources.fetching import (
    Fetcher,
    SourceAnswerError,
    SourceBusyError,
    SourceRefusedError,
    SourceUnreachableError,
)
from producers.sources.web.mirrors import Mirror
from producers.sources.web.opening import open_web
from producers.sources.web.parameters import WebParameters
from schemas.wire.clocks import ManualClock, SystemClock
from tests.fakes.fetching import FakeFetcher
from tests.fakes.web import Answer, ScriptedWeb, with_etag
from tests.fixtures.web_servers import serving

API = "https://api.example.com/v1/price"
PAGE = "https://news.example.com/article"
ROBOTS = "https://news.example.com/robots.txt"


@pytest.fixture
def web() -> ScriptedWeb:
    return ScriptedWeb()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=SystemClock().now_ms())


@pytest.fixture(params=["fake", "real"])
def fetcher(
    request: pytest.FixtureRequest, web: ScriptedWeb, clock: ManualClock, tmp_path: Path
) -> Iterator[Fetcher]:
    if request.param == "fake":
        yield FakeFetcher(web, clock)
        return
    with serving(web) as address:
        parameters = WebParameters(folder=tmp_path, mirror=Mirror(address), first_wait_s=0.001)
        with open_web(parameters, clock) as opened:
            yield opened.fetcher


def test_an_answer_names_the_address_of_the_source(fetcher: Fetcher, web: ScriptedWeb, clock: ManualClock):
    web.answer(API, Answer(200, b"{}", {"X-Weight": "2"}))
    found = fetcher.get(API, params={"symbol": "BTC USDT"}, headers={"X-Asked": "yes"})
    assert (found.url.partition("?")[0], found.status, found.body, found.is_new) == (API, 200, b"{}", True)
    assert found.headers["x-weight"] == "2"
    assert found.received_ms == clock.now_ms()
    assert web.requests[0].url == f"{API}?symbol=BTC+USDT"
    assert web.requests[0].headers["x-asked"] == "yes"


@pytest.mark.parametrize("url", ["http://api.example.com/a", "/a", "https:///a", "ftp://a.example.com/"])
def test_an_address_without_tls_or_host_is_a_mistake_of_the_caller(fetcher: Fetcher, url: str):
    with pytest.raises(ValueError, match=r".*"):
        fetcher.get(url)


@pytest.mark.parametrize("status", [403, 418, 451])
def test_a_refusal_is_not_tried_again_soon(
    fetcher: Fetcher, web: ScriptedWeb, clock: ManualClock, status: int
):
    web.answer(API, Answer(status), Answer(200, b"{}"))
    for _ in range(3):
        with pytest.raises(SourceRefusedError) as raised:
            fetcher.get(API)
        assert raised.value.status == status
        assert raised.value.retry_after_s > 60
        clock.sleep(60)
    assert web.n_asked(API) == 1
    clock.sleep(3_600)
    assert fetcher.get(API).body == b"{}"


def test_one_refused_page_leaves_the_others_and_three_pause_the_host(fetcher: Fetcher, web: ScriptedWeb):
    web.answer(f"{PAGE}/good", Answer(200, b"text"))
    for name in ("1", "2", "good", "3", "4", "5"):
        web.answer(f"{PAGE}/{name}", Answer(200, b"text") if name == "good" else Answer(403))
        if name == "good":
            assert fetcher.get(f"{PAGE}/{name}", is_page=True).body == b"text"
        else:
            with pytest.raises(SourceRefusedError):
                fetcher.get(f"{PAGE}/{name}", is_page=True)
    with pytest.raises(SourceRefusedError):
        fetcher.get(f"{PAGE}/good", is_page=True)
    assert web.n_asked(f"{PAGE}/good") == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_source_that_asks_to_wait_is_left_alone_that_long(
    fetcher: Fetcher, web: ScriptedWeb, clock: ManualClock, status: int
):
    web.answer(API, Answer(status, headers={"Retry-After": "120"}), Answer(200, b"{}"))
    with pytest.raises(SourceBusyError) as raised:
        fetcher.get(API)
    assert raised.value.retry_after_s == pytest.approx(120)
    clock.sleep(100)
    with pytest.raises(SourceBusyError) as raised:
        fetcher.get(API)
    assert raised.value.retry_after_s == pytest.approx(20)
    assert web.n_asked(API) == 1
    clock.sleep(20.5)
    assert fetcher.get(API).body == b"{}"


def test_too_many_requests_without_a_time_are_paused_too(fetcher: Fetcher, web: ScriptedWeb):
    web.answer(API, Answer(429))
    for _ in range(2):
        with pytest.raises(SourceBusyError) as raised:
            fetcher.get(API)
        assert raised.value.retry_after_s > 0
    assert web.n_asked(API) == 1


def test_a_failure_that_passes_is_tried_again(fetcher: Fetcher, web: ScriptedWeb):
    web.answer(API, Answer(500), Answer(502), Answer(200, b"{}"))
    assert fetcher.get(API).body == b"{}"


def test_a_failure_that_stays_is_an_error(fetcher: Fetcher, web: ScriptedWeb):
    web.answer(API, Answer(500))
    with pytest.raises(SourceUnreachableError):
        fetcher.get(API)
    assert web.n_asked(API) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_what_a_source_does_not_have_is_not_tried_again(fetcher: Fetcher, web: ScriptedWeb, status: int):
    web.answer(API, Answer(status))
    with pytest.raises(SourceAnswerError) as raised:
        fetcher.get(API)
    assert raised.value.status == status
    assert web.n_asked(API) == 1


def test_redirects_are_followed_at_most_five_times(fetcher: Fetcher, web: ScriptedWeb):
    for number in range(7):
        web.answer(f"{API}/{number}", Answer(302, headers={"Location": f"/v1/price/{number + 1}"}))
    web.answer(f"{API}/7", Answer(200, b"found"))
    found = fetcher.get(f"{API}/2")
    assert (found.url, found.body) == (f"{API}/7", b"found")
    with pytest.raises(SourceUnreachableError):
        fetcher.get(f"{API}/1")


def test_a_redirect_to_another_host_is_followed(fetcher: Fetcher, web: ScriptedWeb):
    web.answer(API, Answer(301, headers={"Location": "http://other.example.com/here"}))
    web.answer("https://other.example.com/here", Answer(200, b"found"))
    assert fetcher.get(API).url == "https://other.example.com/here"


@pytest.mark.parametrize("is_page", [False, True])
def test_an_unchanged_answer_is_told_apart(
    fetcher: Fetcher, web: ScriptedWeb, clock: ManualClock, *, is_page: bool
):
    web.answer(PAGE, with_etag(b"old"))
    assert fetcher.get(PAGE, is_page=is_page).is_new
    clock.sleep(5)
    again = fetcher.get(PAGE, is_page=is_page)
    assert (again.status, again.body, again.is_new) == (200, b"old", False)
    assert again.received_ms == clock.now_ms()
    web.answer(PAGE, with_etag(b"new", '"2"'))
    changed = fetcher.get(PAGE, is_page=is_page)
    assert (changed.body, changed.is_new) == (b"new", True)


def test_robots_forbid_pages_and_not_interfaces(fetcher: Fetcher, web: ScriptedWeb):
    web.answer(ROBOTS, Answer(200, b"User-agent: *\nDisallow: /article"))
    web.answer(PAGE, Answer(200, b"text"))
    with pytest.raises(SourceRefusedError) as raised:
        fetcher.get(PAGE, is_page=True)
    assert raised.value.status == 403
    assert web.n_asked(PAGE) == 0
    assert fetcher.get(PAGE).body == b"text"


def test_without_robots_everything_is_allowed(fetcher: Fetcher, web: ScriptedWeb):
    web.answer(PAGE, Answer(200, b"text"))
    assert fetcher.get(PAGE, is_page=True).body == b"text"


def test_robots_that_cannot_be_read_let_no_page_be_asked(fetcher: Fetcher, web: ScriptedWeb):
    web.answer(ROBOTS, Answer(500), Answer(500), Answer(500), Answer(200, b""))
    web.answer(PAGE, Answer(200, b"text"))
    with pytest.raises(SourceUnreachableError):
        fetcher.get(PAGE, is_page=True)
    assert web.n_asked(PAGE) == 0
    assert fetcher.get(PAGE, is_page=True).body == b"text"
