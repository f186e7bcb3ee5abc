"""Limits, pauses, breakers, addresses, mirrors and proxies: what is decided before anything is sent."""

from pathlib import Path

import pytest

from producers.sources.fetching import SourceBusyError, SourceRefusedError, SourceUnreachableError
from producers.sources.web.addresses import (
    AddressRefusedError,
    check_host,
    is_public,
    public_addresses,
    shown,
)
from producers.sources.web.breakers import FAILURES, Breakers
from producers.sources.web.limits import LIMITS, HostLimits
from producers.sources.web.manners import Manners
from producers.sources.web.mirrors import Mirror, parse_mirror
from producers.sources.web.parameters import WebParameters
from producers.sources.web.pauses import Pauses, asked_wait_s
from producers.sources.web.proxies import proxy_for
from producers.sources.web.settings import WebSettings
from schemas.errors import ConfigurationError
from schemas.wire.clocks import ManualClock, SystemClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=SystemClock().now_ms())


def passed_s(clock: ManualClock, limits: HostLimits, host: str, path: str, n: int) -> float:
    began_s = clock.monotonic_s()
    for _ in range(n):
        limits.wait(host, path)
    return clock.monotonic_s() - began_s


def test_kraken_is_asked_once_in_a_second(clock: ManualClock):
    assert passed_s(clock, HostLimits(clock), "api.kraken.com", "/0/public/Trades", 11) >= 10


def test_a_host_that_is_not_listed_is_asked_once_in_a_second(clock: ManualClock):
    assert passed_s(clock, HostLimits(clock), "news.example.com", "/", 12) >= 10


@pytest.mark.parametrize(("path", "weight"), [("/api/v3/historicalTrades", 25), ("/api/v3/klines", 2)])
def test_heavy_requests_to_binance_are_fewer(clock: ManualClock, path: str, weight: int):
    """Binance allows 6,000 units a minute; the first minute also has the burst."""
    stated, taken = 6_000, LIMITS["api.binance.com"]
    n = 6_000 // weight
    minutes = passed_s(clock, HostLimits(clock), "api.binance.com", path, n) / 60
    assert n * weight <= minutes * stated / 2 + taken.burst


def test_each_host_has_a_limit_of_its_own(clock: ManualClock):
    limits = HostLimits(clock)
    limits.wait("api.kraken.com", "/")
    assert passed_s(clock, limits, "a.example.com", "/", 1) == 0


def test_a_host_that_wishes_a_delay_gets_it(clock: ManualClock):
    limits = HostLimits(clock)
    limits.slow_down("news.example.com", 10.0)
    assert passed_s(clock, limits, "news.example.com", "/", 5) >= 40


def test_a_shorter_delay_does_not_make_it_faster(clock: ManualClock):
    limits = HostLimits(clock)
    limits.slow_down("news.example.com", 0.1)
    assert passed_s(clock, limits, "news.example.com", "/", 12) >= 10


def test_nobody_waits_when_the_process_ends(clock: ManualClock):
    limits = HostLimits(clock, is_stopped=lambda: True)
    limits.wait("api.kraken.com", "/")
    with pytest.raises(SourceBusyError):
        limits.wait("api.kraken.com", "/")


def test_refusals_grow_to_six_hours(clock: ManualClock):
    pauses = Pauses(None, clock)
    waits = [pauses.refused("a.example.com", None, 451, None).retry_after_s for _ in range(6)]
    assert waits == [600, 1800, 5400, 16200, 21600, 21600]


def test_a_ban_lasts_as_long_as_it_says(clock: ManualClock):
    assert Pauses(None, clock).refused("a.example.com", None, 418, 7_200.0).retry_after_s == 7_200


@pytest.mark.parametrize("is_kept", [True, False])
def test_pauses_outlive_a_restart_and_end_with_a_success(
    tmp_path: Path, clock: ManualClock, *, is_kept: bool
):
    folder = tmp_path / "pauses" if is_kept else None
    Pauses(folder, clock).refused("a.example.com", None, 451, None)
    later = Pauses(folder, clock)
    if not is_kept:
        later.check("a.example.com")
        return
    with pytest.raises(SourceRefusedError):
        later.check("a.example.com")
    later.succeeded("a.example.com", "a.example.com/page")
    Pauses(folder, clock).check("a.example.com")


def test_a_damaged_file_of_a_pause_is_no_pause(tmp_path: Path, clock: ManualClock):
    Pauses(tmp_path, clock).busy("a.example.com", 429, 100.0)
    for path in tmp_path.iterdir():
        path.write_bytes(b"{")
    Pauses(tmp_path, clock).check("a.example.com")


def test_waits_are_read_as_seconds_and_as_dates():
    now_ms = 1_700_000_000_000
    date = "Tue, 14 Nov 2023 22:15:20 GMT"
    texts = ["120", " 0 ", date, "Tue, 14 Nov 2000 22:15:20 GMT", "soon", "-5", "", "9" * 50]
    found = [asked_wait_s({"retry-after": text}, now_ms) for text in texts]
    assert found == [120, 0, 120, 0, None, None, None, 86_400]


def test_a_host_that_fails_five_times_is_left_alone_and_tried_again():
    clock = SystemClock()
    breakers = Breakers(clock, left_alone_s=0.2)
    for _ in range(FAILURES):
        breakers.check("a.example.com")
        breakers.report("a.example.com", OSError())
    with pytest.raises(SourceBusyError):
        breakers.check("a.example.com")
    breakers.check("b.example.com")
    until_s = clock.monotonic_s() + 60
    while clock.monotonic_s() < until_s:
        try:
            breakers.check("a.example.com")
            break
        except SourceBusyError:
            clock.sleep(0.05)
    breakers.report("a.example.com", None)
    breakers.report("a.example.com", OSError())
    breakers.check("a.example.com")


def test_a_success_between_failures_keeps_the_host():
    breakers = Breakers(SystemClock(), left_alone_s=60.0)
    for _ in range(3 * FAILURES):
        breakers.report("a.example.com", OSError())
        breakers.report("a.example.com", None)
    breakers.check("a.example.com")


PUBLIC = ["1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.1.2.3"),
    *("::1", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::"),
    *("224.0.0.1", "ff02::1", "255.255.255.255", "not an address"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_told(address: str):
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_a_local_network_are_told(address: str):
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "a.localhost", "printer.local", "db.internal", "LOCALHOST.", "127.0.0.1", "127.1"),
        *("2130706433", "0x7f000001", "::1", ""),
    ],
)
def test_local_names_and_odd_addresses_are_refused(host: str):
    with pytest.raises(AddressRefusedError):
        check_host(host)


def test_a_name_that_resolves_into_a_private_address_is_refused():
    with pytest.raises(AddressRefusedError):
        public_addresses("a.example.com", 443, resolving=lambda *_: ["10.0.0.1", "::1"])
    found = public_addresses("a.example.com", 443, resolving=lambda *_: ["10.0.0.1", "1.1.1.1"])
    assert found == ["1.1.1.1"]


def test_private_addresses_are_refused_before_anything_is_sent(clock: ManualClock):
    manners = Manners(WebParameters(), clock)
    with pytest.raises(SourceUnreachableError):
        manners.before("https://169.254.169.254/latest/meta-data")


def test_errors_show_no_query():
    assert shown("https://user:word@a.example.com/path?key=secret#part") == "a.example.com/path"


def test_a_mirror_gets_hosts_with_their_ports():
    mirror = parse_mirror(" http://127.0.0.1:8400/ ")
    assert mirror == Mirror("http://127.0.0.1:8400")
    assert mirror.target("https://a.example.com/p?q=1") == "http://127.0.0.1:8400/a.example.com/p?q=1"
    assert mirror.target("https://a.example.com") == "http://127.0.0.1:8400/a.example.com/"
    assert mirror.target("wss://a.example.com:9443/ws") == "ws://127.0.0.1:8400/a.example.com:9443/ws"
    assert mirror.target("wss://a.example.com:9443/ws", is_without_port=True).endswith("/a.example.com/ws")
    assert (
        Mirror("https://gate.example.com").target("wss://a.example.com/")
        == "wss://gate.example.com/a.example.com/"
    )


@pytest.mark.parametrize(
    "text",
    [
        *(
            "127.0.0.1:8400",
            "ftp://a",
            "http://",
            "http://a/path",
            "http://a?x=1",
            "http://u:p@a",
            "http://a:b",
        ),
        *("http://a:99999", "//a", "http://[::1"),
    ],
)
def test_a_mirror_of_another_form_is_refused_by_name(text: str):
    with pytest.raises(ConfigurationError, match="DRIFTLINE_SOURCES_MIRROR"):
        parse_mirror(text)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_no_mirror_is_none(text: str | None):
    assert parse_mirror(text) is None


PROXY = "http://p:1"


@pytest.mark.parametrize(
    ("proxy", "no_proxy", "host", "taken"),
    [
        (None, "", "a.example.com", None),
        (PROXY, "", "a.example.com", PROXY),
        ("p:1", "", "a.example.com", PROXY),
        (PROXY, "b.com, .example.com", "a.example.com", None),
        (PROXY, "*", "a.example.com", None),
        (PROXY, "*.example.com", "a.example.com", None),
        (PROXY, "example.com", "a.example.com:9443", None),
        (PROXY, "ample.com", "a.example.com", PROXY),
    ],
)
def test_a_proxy_is_taken_unless_the_host_is_listed(
    proxy: str | None, no_proxy: str, host: str, taken: str | None
):
    assert proxy_for(host, proxy=proxy, no_proxy=no_proxy) == taken


def test_settings_become_parameters(tmp_path: Path):
    settings = WebSettings.from_environment(
        {
            "DRIFTLINE_SOURCES_CONTACT": "ops@example.com",
            "DRIFTLINE_SOURCES_MIRROR": "http://127.0.0.1:8400",
            "DRIFTLINE_COINGECKO_KEY": "a-secret-key",
            "DRIFTLINE_BINANCE_KEY": "another-key",
            "https_proxy": "http://lower:1",
            "HTTPS_PROXY": "http://upper:1",
            "NO_PROXY": "example.com",
        }
    )
    assert "a-secret-key" not in repr(settings)
    assert "another-key" not in repr(settings)
    found = settings.parameters(tmp_path)
    assert (found.folder, found.mirror, found.proxy) == (
        tmp_path,
        Mirror("http://127.0.0.1:8400"),
        "http://lower:1",
    )
    assert (found.no_proxy, found.pace) == ("example.com", None)
    assert "ops@example.com" in found.user_agent
    assert found.headers["pro-api.coingecko.com"] == {"x-cg-pro-api-key": "a-secret-key"}
    assert found.headers["api.coingecko.com"] == {"x-cg-demo-api-key": "a-secret-key"}
    assert found.headers["api.binance.com"] == {"x-mbx-apikey": "another-key"}


@pytest.mark.parametrize("name", ["DRIFTLINE_SOURCES_MIRROR", "DRIFTLINE_SOURCES_PACE"])
def test_wrong_settings_are_named(name: str):
    with pytest.raises(ConfigurationError, match=name):
        WebSettings.from_environment({name: "nonsense"})


def test_without_settings_sources_are_asked_themselves():
    found = WebSettings.from_environment({}).parameters(None)
    assert (found.mirror, found.headers, found.proxy) == (None, {}, None)
