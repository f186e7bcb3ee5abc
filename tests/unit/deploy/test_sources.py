"""What ``driftline status`` shows of a run on a mirror: its banner, and how the sources are."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from rich.console import Console

from deploy.local.sources import render_sources, source_states
from deploy.local.states import LauncherState, render

SOURCES = [
    {"source": "binance", "state": "healthy", "reason": "it answers", "last_item_age_s": 0.4, "lag_s": 1.2},
    {"source": "coindesk", "state": "refused", "reason": "it answered 403.", "last_item_age_s": 93_800.0, "n_open_gaps": 2},
]  # fmt: skip


class Api(BaseHTTPRequestHandler):
    body = b""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(type(self).body)

    def log_message(self, format, *args):  # noqa: A002 - the name of the base class
        pass


@pytest.fixture
def api() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Api)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def text_of(*shown) -> str:
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(*shown)
    console.file.close()
    return console.export_text()


def state_of(stream: str) -> LauncherState:
    return LauncherState(
        pid=1, api_url="http://127.0.0.1:8000", data="MIRROR at http://127.0.0.1:18090", stream=stream, uptime_s=1.0,
        n_broker_restarts=0, first_prediction_after_s=None, memory=None, processes=(),
    )  # fmt: skip


def test_sources_are_shown_with_the_reason_of_those_that_are_not_well(api):
    Api.body = json.dumps({"stream": "live", "sources": SOURCES}).encode()
    shown = text_of(render_sources(source_states(api)))
    assert "1 d 2 h" in shown
    assert "it answered 403." in shown
    assert "it answers" not in shown


@pytest.mark.parametrize("body", [b"", b"[]", b'{"sources": 3}', b"<html>"])
def test_an_api_that_says_nothing_of_sources_shows_none(api, body):
    Api.body = body
    assert source_states(api) == []


def test_an_api_that_is_gone_shows_none():
    assert source_states("http://127.0.0.1:9") == []


@pytest.mark.parametrize(
    ("stream", "n_banners"), [("mirror-0123456789ab", 2), ("simulation-0123456789ab", 1)]
)
def test_a_run_on_a_mirror_has_a_banner_above_its_table(stream, n_banners):
    """The line below the table names the data of every run."""
    assert text_of(render(state_of(stream))).count("MIRROR at") == n_banners


def test_sources_are_asked_for_where_they_are_followed():
    assert [state_of(each).follows_sources for each in ("live", "mirror-1", "replay-1", "simulation-1")] == [
        True, True, False, False,
    ]  # fmt: skip
