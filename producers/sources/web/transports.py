"""The transports below the cache: one keeps the manners and reaches the mirror, one reaches public addresses alone.

The cache stands above them, so that an answer that is still fresh costs no request, and so that what it keeps on
disk holds no key: keys are added here.
"""

import threading
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from producers.sources.web.addresses import Resolve, host_of, public_addresses, resolve
from producers.sources.web.manners import Manners
from producers.sources.web.parameters import WebParameters
from producers.sources.web.proxies import proxy_for
from schemas.time import Clock

#: An answer of the cache is used without asking again for at most this long, whatever the source states.
LONGEST_FRESH_S = 900
#: When an answer was received; the cache keeps it beside the answer.
RECEIVED = "x-driftline-received-ms"
#: The date that the source stated; the cache sees ours.
SOURCE_DATE = "x-driftline-source-date"
#: Set by the client if a page is asked for; it is not sent.
IS_PAGE = "driftline_is_page"
_NOT_FOUND = 404
#: Directives to our own cache, and the name of a host that a mirror must not see as its own.
_HIDDEN = {b"cache-control", b"host"}


class PublicBackend(httpcore.SyncBackend):
    """Opens connections to public addresses alone, to the very address that was checked.

    Args:
        resolving: Resolves names.
    """

    def __init__(self, resolving: Resolve = resolve) -> None:
        self._resolving = resolving

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first public address that answers; the names of the arguments are httpcore's.

        Args:
            host: A name or an address.
            port: Of the host.
            timeout: For each address, in seconds; None waits for as long as the system does.
            local_address: From which the connection is made.
            socket_options: Of the connection.

        Raises:
            AddressRefusedError: If the host has no public address.
            httpcore.ConnectError: If it cannot be resolved or reached.
        """
        try:
            addresses = public_addresses(host, port, resolving=self._resolving)
        except OSError as error:
            message = f"the name of the host cannot be resolved ({error.strerror or error})"
            raise httpcore.ConnectError(message) from error
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class PublicTransport(httpx.HTTPTransport):
    """The transport of httpx over :class:`PublicBackend`."""

    def __init__(self, resolving: Resolve = resolve) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False), network_backend=PublicBackend(resolving)
        )


class PoliteTransport(httpx.BaseTransport):
    """Keeps the manners for every request that the cache does not answer.

    Args:
        parameters: How sources are asked.
        manners: Of this process.
        clock: By which answers are dated.
        resolving: Resolves names.
    """

    def __init__(
        self, parameters: WebParameters, manners: Manners, clock: Clock, *, resolving: Resolve = resolve
    ) -> None:
        self._parameters = parameters
        self._manners = manners
        self._clock = clock
        self._resolving = resolving
        self._lock = threading.Lock()
        self._ways: dict[str | None, httpx.BaseTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the answer if it is a success or a redirect.

        Raises:
            SourceUnavailableError: If it is not, or does not come.
        """
        url = str(request.url)
        self._manners.before(url)
        try:
            response = self._sent(request, url)
        except httpx.TransportError as error:
            raise self._manners.failed(url, failure_text(error)) from error
        try:
            is_page = bool(request.extensions.get(IS_PAGE))
            self._manners.answered(url, response.status_code, response.headers, is_page=is_page)
        except BaseException:
            response.close()
            raise
        self._dated(response, is_page=is_page)
        return response

    def close(self) -> None:
        """Close the connections."""
        for way in self._ways.values():
            way.close()

    def _sent(self, request: httpx.Request, url: str) -> httpx.Response:
        mirror = self._parameters.mirror
        host = host_of(url)
        if mirror is None:
            stated = self._parameters
            way = self._way(proxy_for(host, proxy=stated.proxy, no_proxy=stated.no_proxy))
            return way.handle_request(self._outgoing(request, url, host))
        response = self._way(None).handle_request(self._outgoing(request, mirror.target(url), host))
        if response.status_code == _NOT_FOUND and urlsplit(url).port is not None:
            response.close()
            target = mirror.target(url, is_without_port=True)
            response = self._way(None).handle_request(self._outgoing(request, target, host))
        return response

    def _outgoing(self, request: httpx.Request, target: str, host: str) -> httpx.Request:
        headers = [(name, value) for name, value in request.headers.raw if name.lower() not in _HIDDEN]
        keys = self._parameters.headers.get(host, {})
        extra = [(name.encode(), value.encode()) for name, value in keys.items()]
        extensions = {name: value for name, value in request.extensions.items() if name == "timeout"}
        return httpx.Request(request.method, target, headers=[*headers, *extra], extensions=extensions)

    def _way(self, proxy: str | None) -> httpx.BaseTransport:
        with self._lock:
            if proxy not in self._ways:
                self._ways[proxy] = self._made(proxy)
            return self._ways[proxy]

    def _made(self, proxy: str | None) -> httpx.BaseTransport:
        if proxy is not None:
            return httpx.HTTPTransport(proxy=proxy, trust_env=False)
        if self._parameters.mirror is not None:
            return httpx.HTTPTransport(trust_env=False)
        return PublicTransport(self._resolving)

    def _dated(self, response: httpx.Response, *, is_page: bool) -> None:
        """Tell the cache what it may keep.

        The date of the source is replaced by ours, since an answer of a source whose clock runs ahead, or which
        states no date, would stay fresh for ever. Freshness is taken only from pages that state it.
        """
        now_ms = self._clock.now_ms()
        headers = response.headers
        if "date" in headers:
            headers[SOURCE_DATE] = headers["date"]
        headers["date"] = formatdate(now_ms / 1000, usegmt=True)
        headers[RECEIVED] = str(now_ms)
        headers["cache-control"] = kept_as(headers, is_page=is_page)
        headers.pop("expires", None)


def kept_as(headers: httpx.Headers, *, is_page: bool) -> str:
    """Return the directive by which the cache keeps an answer.

    Args:
        headers: Of the answer.
        is_page: Only pages may be used without asking again; what an API says is asked for each time.
    """
    stated = headers.get("cache-control", "").lower()
    if "no-store" in stated:
        return "no-store"
    has_validator = "etag" in headers or "last-modified" in headers
    fresh_s = _max_age_s(stated) if is_page and "no-cache" not in stated else 0
    if fresh_s > 0:
        return f"max-age={min(fresh_s, LONGEST_FRESH_S)}"
    return "no-cache" if has_validator else "no-store"


def _max_age_s(stated: str) -> int:
    for each in stated.split(","):
        name, _, value = each.strip().partition("=")
        text = value.strip(' "')
        if name == "max-age" and text.isascii() and text.isdigit():
            return int(text[:9])
    return 0


def failure_text(error: httpx.TransportError) -> str:
    """Return what went wrong on the network, without an address."""
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return "could not be reached in time"
    if isinstance(error, httpx.TimeoutException):
        return "did not answer in time"
    if isinstance(error, httpx.ConnectError):
        return f"cannot be reached ({_without_address(error)})"
    return f"broke off ({type(error).__name__})"


def _without_address(error: Exception) -> str:
    text = str(error)
    return text if "://" not in text else type(error).__name__
