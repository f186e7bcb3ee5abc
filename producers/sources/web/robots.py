"""robots.txt: read once a day for each host, by the same client.

A missing one allows everything. One that cannot be reached lets no page be asked until it can.

Source:
    RFC 9309, sections 2.3.1.3 and 2.3.1.4.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple

from protego import Protego

from producers.sources.fetching import SourceAnswerError, SourceRefusedError
from producers.sources.web.addresses import host_of, shown
from schemas.time import Clock

AGENT = "driftline"
KEPT_S = 24 * 3600.0
#: The rest of a longer file is not read.
LARGEST_BYTES = 512 * 1024


class _Kept(NamedTuple):
    rules: Protego | None
    at_s: float


class Robots:
    """The rules of all hosts.

    Args:
        fetch: Returns the body of an address; raises what :class:`~producers.sources.fetching.Fetcher` does.
        slow_down: Told how many seconds a host wants between two requests.
        clock: By which a day passes.
    """

    def __init__(
        self, fetch: Callable[[str], bytes], slow_down: Callable[[str, float], None], clock: Clock
    ) -> None:
        self._fetch = fetch
        self._slow_down = slow_down
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def check(self, url: str) -> None:
        """Return if the rules of the host allow a page.

        Raises:
            SourceRefusedError: If they do not.
            SourceUnavailableError: If they cannot be read now.
        """
        host = host_of(url)
        kept = self._kept.get(host)
        if kept is None or self._clock.monotonic_s() - kept.at_s > KEPT_S:
            kept = self._read(host)
        if kept.rules is not None and not kept.rules.can_fetch(url, AGENT):
            message = f"robots.txt of {host} does not allow {shown(url)}"
            raise SourceRefusedError(message, status=403)

    def _read(self, host: str) -> _Kept:
        try:
            body = self._fetch(f"https://{host}/robots.txt")
        except SourceAnswerError:
            rules = None
        else:
            rules = Protego.parse(body[:LARGEST_BYTES].decode("utf-8", "replace"))
            delay_s = rules.crawl_delay(AGENT)
            if delay_s is not None and delay_s > 0:
                self._slow_down(host, float(delay_s))
        kept = _Kept(rules, self._clock.monotonic_s())
        with self._lock:
            self._kept[host] = kept
        return kept
