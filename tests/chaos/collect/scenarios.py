"""The failures: what happens to the venues, and what happens to the news."""

from typing import Any, NamedTuple

Fault = dict[str, Any]
VENUES = ("stream.binance.com", "ws-feed.exchange.coinbase.com", "ws.kraken.com")
REST = ("api.binance.com", "api.exchange.coinbase.com", "api.kraken.com")


class Scenario(NamedTuple):
    """One failure of the venues.

    Attributes:
        name: In the table.
        faults: What the mirror does.
        lasts_s: For how long, before everything is well again.
        kills: The moments at which the follower is killed with -9, in seconds after the beginning.
        pause_s: For how long the follower is stopped (SIGSTOP) at the beginning; 0 for not at all.
        stays_away: Whether the venues are left alone afterwards, as ten minutes after a refusal. The run then
            goes on without them, and the ledger must name what is missing.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    lasts_s: float = 5.0
    kills: tuple[float, ...] = ()
    pause_s: float = 0.0
    stays_away: bool = False


def each(hosts: tuple[str, ...], kind: str, **fields: Any) -> tuple[Fault, ...]:
    """Return one failure for each host."""
    return tuple({"kind": kind, "host": host, **fields} for host in hosts)


CUT = each(VENUES, "cut_socket", count=1)

VENUE_SCENARIOS = (
    Scenario("nothing happens"),
    Scenario("sockets cut", CUT),
    Scenario("sockets cut in mid-message", each(VENUES, "cut_message", count=1)),
    Scenario("maintenance: close 1012", each(VENUES, "close", count=1, status=1012, text="maintenance")),
    Scenario("sockets silent for 15 s", each(VENUES, "silent", count=1, seconds=15.0), lasts_s=18.0),
    Scenario("40 trades left out", each(VENUES, "gap", count=1, n=40), lasts_s=8.0),
    Scenario("200 trades repeated", each(VENUES, "repeat", count=1, n=200)),
    Scenario("cut, and REST slow by 3 s", CUT + each(REST, "slow", seconds=3.0), lasts_s=10.0),
    Scenario("cut, and REST answers 500", CUT + each(REST, "status", status=500, count=3), lasts_s=8.0),
    Scenario(
        "cut, and REST answers 429, retry after 3 s",
        CUT + each(REST, "status", status=429, retry_after_s=3.0, count=2),
        lasts_s=10.0,
    ),
    Scenario("cut, and REST bodies cut off", CUT + each(REST, "cut", count=2), lasts_s=8.0),
    Scenario("cut, and REST answers HTML", CUT + each(REST, "html", count=2), lasts_s=8.0),
    Scenario("cut, and REST empty but valid", CUT + each(REST, "empty", count=2), lasts_s=8.0),
    Scenario("cut, and handshakes answered with 429", CUT + each(VENUES, "status", status=429, retry_after_s=2.0, count=2), lasts_s=8.0),
    Scenario("handshakes slow by 2 s", CUT + each(VENUES, "slow", seconds=2.0, count=1), lasts_s=8.0),
    Scenario("Coinbase's clock ahead by 20 s", ({"kind": "skew", "host": "*coinbase.com", "seconds": 20.0},), lasts_s=15.0),
    Scenario("Kraken's clock behind by 20 s", ({"kind": "skew", "host": "*kraken.com", "seconds": -20.0},), lasts_s=15.0),
    Scenario("venues away for 40 s, and given up after 10 s", CUT + each(VENUES + REST, "status", status=500), lasts_s=40.0),
    Scenario("follower stopped for 15 s", pause_s=15.0, lasts_s=16.0),
    Scenario("kill -9 while it follows", kills=(1.0,)),
    Scenario("kill -9 while it starts", kills=(1.0, 3.0, 4.0, 5.5), lasts_s=7.0),
    Scenario("kill -9 while it refills", CUT + each(REST, "slow", seconds=1.0), lasts_s=12.0, kills=(2.0, 6.0)),
    Scenario("kill -9 at six moments", kills=(0.4, 4.9, 9.7, 13.3, 18.1, 24.6), lasts_s=26.0),
    # A refused handshake is not tried for ten minutes, whoever is killed meanwhile; REST goes on.
    Scenario("cut, and handshakes refused with 451", CUT + each(VENUES, "status", status=451), lasts_s=12.0),
    Scenario(
        "everything refused with 451, then kill -9",
        CUT + each(VENUES + REST, "status", status=451),
        lasts_s=12.0,
        kills=(11.5,),
        stays_away=True,
    ),
)  # fmt: skip


class NewsScenario(NamedTuple):
    """One failure of the news sites.

    Attributes:
        name: In the table.
        faults: What the mirror does while the collector runs once.
        kill_after_s: When the collector is killed with -9; None for not at all.
        is_refusal: Whether the sites say that they do not serve us, so that they must be left alone for a while.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    kill_after_s: float | None = None
    is_refusal: bool = False


SITES = ("www.coindesk.com", "cryptoslate.com")
REFUSALS = (403, 418, 451)
NEWS_SCENARIOS = (
    NewsScenario("nothing happens"),
    *(
        NewsScenario(f"status {status}", each(SITES, "status", status=status, retry_after_s=1.0), is_refusal=status in REFUSALS)
        for status in (403, 418, 429, 451, 500)
    ),
    NewsScenario("slow by 2 s", each(SITES, "slow", seconds=2.0, count=2)),
    NewsScenario("bodies cut off", each(SITES, "cut")),
    NewsScenario("wrong encoding", each(SITES, "encoding")),
    NewsScenario("HTML instead of RSS", each(SITES, "html")),
    NewsScenario("changed GUIDs", each(SITES, "guids")),
    NewsScenario("empty but valid", each(SITES, "empty")),
    *(NewsScenario(f"kill -9 after {after_s:g} s", kill_after_s=after_s) for after_s in (1.0, 2.0, 2.5, 3.0, 4.0)),
)  # fmt: skip
