"""What the client of the web has to know: who asks, where from, by which keys, and how much it may read."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from producers.sources.web.mirrors import Mirror

MEGABYTE = 1024 * 1024
#: Bodies above this size are refused before they are read whole; it also holds after decompression.
LARGEST_BODY_BYTES = 16 * MEGABYTE
LARGEST_MESSAGE_BYTES = 4 * MEGABYTE


class WebParameters(msgspec.Struct, frozen=True, kw_only=True):
    """How outside sources are asked.

    Attributes:
        folder: Where the cache and the pauses of hosts are kept, one folder for each stream; None keeps the pauses
            in memory and caches nothing.
        contact: A mail address or URL in the user agent, by which a source can reach the operator.
        mirror: The local server that answers instead of the sources; None asks the sources themselves.
        headers: Further headers by host, such as those with keys. They are sent, and never stored or shown.
        proxy: URL of the proxy through which sources are reached; None for the direct way.
        no_proxy: Hosts that are reached directly all the same, as in the variable ``NO_PROXY``.
        pace: Multiple of the stated rate limits; None is 1, and as good as no limit with a mirror on this machine,
            which protects nobody.
        largest_body_bytes: As above.
        cache_bytes: The cache on disk is kept below this size.
        attempts: How often a request that failed in passing is sent in all.
        first_wait_s: Before the second attempt, plus jitter; it doubles after that.
        open_s: For the connection, and for the handshake of a WebSocket.
        read_s: Between two parts of an answer.
        whole_s: For a whole answer.
        breaker_s: For how long a host that failed five times in a row is left alone.
        ping_s: Between two pings of a WebSocket, and for the answer to one.
    """

    folder: Path | None = None
    contact: str | None = None
    mirror: Mirror | None = None
    headers: Mapping[str, Mapping[str, str]] = {}
    proxy: str | None = None
    no_proxy: str = ""
    pace: float | None = None
    largest_body_bytes: int = LARGEST_BODY_BYTES
    cache_bytes: int = 64 * MEGABYTE
    attempts: int = 3
    first_wait_s: float = 0.5
    open_s: float = 10.0
    read_s: float = 20.0
    whole_s: float = 60.0
    breaker_s: float = 60.0
    ping_s: float = 20.0

    @property
    def user_agent(self) -> str:
        """Names the program and whom to write to."""
        contact = self.contact or "no contact set"
        return f"Driftline/1 (+{contact}; reads market data and news)"
