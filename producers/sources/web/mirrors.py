"""The mirror: one local server that answers in place of every source.

``DRIFTLINE_SOURCES_MIRROR=http://127.0.0.1:PORT`` sends every request for ``https://HOST/PATH?QUERY`` to
``MIRROR/HOST/PATH?QUERY`` and every WebSocket to ``ws://.../HOST/PATH``. HOST keeps its port; where the mirror answers
404 for it, HOST without the port is tried. What a source is called does not change: results name the source's own
address. The mirror alone may lie at a private address and may be without TLS.
"""

from typing import NamedTuple
from urllib.parse import urlsplit

from schemas.errors import ConfigurationError

VARIABLE = "DRIFTLINE_SOURCES_MIRROR"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Mirror(NamedTuple):
    """The address of a mirror.

    Attributes:
        address: Such as ``http://127.0.0.1:8400``, without a slash at its end.
    """

    address: str

    @property
    def is_loopback(self) -> bool:
        """Whether it runs on this machine, so that no stated rate limit protects anybody."""
        return urlsplit(self.address).hostname in _LOOPBACK

    def target(self, url: str, *, is_without_port: bool = False) -> str:
        """Return where a request goes.

        Args:
            url: The source's own address, of https or wss.
            is_without_port: Leave out the port of the source.

        Example:
            >>> Mirror("http://127.0.0.1:8400").target("wss://stream.binance.com:9443/ws?a=1")
            'ws://127.0.0.1:8400/stream.binance.com:9443/ws?a=1'
        """
        parts = urlsplit(url)
        base = self.address
        if parts.scheme == "wss":
            base = "ws" + base.removeprefix("http")
        host = (parts.hostname or "") if is_without_port else parts.netloc
        query = f"?{parts.query}" if parts.query else ""
        return f"{base}/{host}{parts.path or '/'}{query}"

    def source_of(self, location: str) -> str:
        """Return the source's own address of a redirect that names the mirror; any other is returned as it is."""
        rest = location.removeprefix(f"{self.address}/")
        return location if rest == location else f"https://{rest}"


def parse_mirror(text: str | None) -> Mirror | None:
    """Return the mirror that a setting names; None if it is unset.

    Raises:
        ConfigurationError: If it is no URL of http or https with a host and nothing behind it.
    """
    if text is None or not text.strip():
        return None
    address = text.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good, parts = False, urlsplit("")
    if not is_good or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        message = f"{VARIABLE} must look like http://127.0.0.1:8400, was {text!r}"
        raise ConfigurationError(message)
    return Mirror(address)
