"""Asks all outside sources at once, for at most three seconds, whether they answer.

It uses the standard library alone and threads that nobody waits for, because the launcher stays small, and because
looking up a name may take longer than the three seconds where there is no internet.
"""

import http.client
import queue
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

_REFUSALS = {HTTPStatus.FORBIDDEN, HTTPStatus.IM_A_TEAPOT, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS}
PROBE_S = 3.0
USER_AGENT = "driftline (asks whether the source answers)"


class ProbedSource(NamedTuple):
    """A source, and the cheapest thing that it can be asked.

    Attributes:
        name: As its events say it in ``source``.
        url: What is asked for.
        is_venue: Whether its trades make a market, so that a live run is possible with it alone.
    """

    name: str
    url: str
    is_venue: bool


SOURCES = (
    ProbedSource("binance", "https://api.binance.com/api/v3/ping", is_venue=True),
    ProbedSource("coinbase", "https://api.exchange.coinbase.com/time", is_venue=True),
    ProbedSource("kraken", "https://api.kraken.com/0/public/Time", is_venue=True),
    ProbedSource("coingecko", "https://api.coingecko.com/api/v3/ping", is_venue=False),
    ProbedSource("coindesk", "https://www.coindesk.com/robots.txt", is_venue=False),
    ProbedSource("cryptoslate", "https://cryptoslate.com/robots.txt", is_venue=False),
)


class Probed(NamedTuple):
    """What became of a question.

    Attributes:
        source: The source.
        trouble: Why it does not answer, as the end of a sentence; empty if it answers.
    """

    source: ProbedSource
    trouble: str

    @property
    def answers(self) -> bool:
        """Whether the source can be used."""
        return not self.trouble


Ask = Callable[[str, float], str]


def ask_by_http(url: str, timeout_s: float) -> str:
    """Return why an address does not answer; empty if it does. Proxies of the environment are used."""
    request = Request(url, headers={"User-Agent": USER_AGENT})  # noqa: S310  (the addresses stand above)
    try:
        with urlopen(request, timeout=timeout_s):  # noqa: S310
            return ""
    except HTTPError as error:
        error.close()
        return (
            f"is not available here (status {error.code})"
            if error.code in _REFUSALS
            else f"answers with status {error.code}"
        )
    except URLError as error:
        return f"does not answer ({_words(error.reason)})"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"does not answer ({_words(error)})"


def _words(reason: object) -> str:
    """Return a reason without the number that the system gives it."""
    return str(getattr(reason, "strerror", None) or reason).lower()


def probe(
    sources: Sequence[ProbedSource] = SOURCES, *, ask: Ask = ask_by_http, within_s: float = PROBE_S
) -> list[Probed]:
    """Ask all sources at once, and return what each said, in their order.

    Args:
        sources: Who is asked.
        ask: How one address is asked.
        within_s: After this time, whoever has not answered does not answer.
    """
    said: queue.SimpleQueue[tuple[ProbedSource, str]] = queue.SimpleQueue()
    for source in sources:

        def run(source: ProbedSource = source) -> None:
            said.put((source, ask(source.url, within_s)))

        threading.Thread(target=run, name=f"probe-{source.name}", daemon=True).start()
    ends_s = time.monotonic() + within_s
    troubles = dict.fromkeys(sources, f"did not answer within {within_s:g} s")
    for _ in sources:
        try:
            source, trouble = said.get(timeout=max(0.0, ends_s - time.monotonic()))
        except queue.Empty:
            break
        troubles[source] = trouble
    return [Probed(source, trouble) for source, trouble in troubles.items()]
