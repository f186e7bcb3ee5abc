"""The fetcher: httpx with a cache on disk, over the transports that keep the manners."""

import http.cookiejar
from collections.abc import Callable, Mapping
from urllib.parse import urljoin, urlsplit

import httpx
import stamina
from hishel import CacheOptions, SqliteStorage
from hishel.httpx import CacheTransport

from producers.sources.fetching import Fetched, Fetcher, SourceUnreachableError
from producers.sources.web.addresses import AddressRefusedError, Resolve, host_of, resolve, shown
from producers.sources.web.bodies import ACCEPTED, read_body
from producers.sources.web.manners import Manners, PassingError
from producers.sources.web.parameters import WebParameters
from producers.sources.web.robots import Robots
from producers.sources.web.transports import IS_PAGE, RECEIVED, SOURCE_DATE, PoliteTransport, failure_text
from schemas.time import Clock

MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_KEPT_ACROSS_HOSTS = ("accept", "accept-language")
_LONGEST_WAIT_S = 5.0
_CACHE_S = 24 * 3600.0


class PoliteFetcher(Fetcher):
    """Asks sources over the network; see the port for the contract.

    Args:
        parameters: How sources are asked.
        manners: Of this process, shared with the sockets.
        clock: By which answers are dated.
        is_stopped: Whether the process is to end, so that nothing is tried again.
        resolving: Resolves names.
    """

    def __init__(
        self,
        parameters: WebParameters,
        manners: Manners,
        clock: Clock,
        *,
        is_stopped: Callable[[], bool] | None = None,
        resolving: Resolve = resolve,
    ) -> None:
        self._parameters = parameters
        self._manners = manners
        self._clock = clock
        self._is_stopped = is_stopped or (lambda: False)
        self._transport = PoliteTransport(parameters, manners, clock, resolving=resolving)
        self._client = httpx.Client(
            transport=_cached(self._transport, parameters),
            headers={"User-Agent": parameters.user_agent, "Accept": "*/*", "Accept-Encoding": ACCEPTED},
            timeout=httpx.Timeout(parameters.read_s, connect=parameters.open_s),
            trust_env=False,
        )
        self._client.cookies.jar.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self._robots = Robots(
            lambda url: self._followed(url, {}, is_page=False).body, manners.limits.slow_down, clock
        )

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_page: bool = False,
    ) -> Fetched:
        """Return the answer to one GET request; see the port."""
        host_of(url)
        asked = str(httpx.URL(url, params=dict(params))) if params else url
        return self._followed(asked, headers or {}, is_page=is_page)

    def close(self) -> None:
        """Close the connections and the cache."""
        self._client.close()

    def _followed(self, url: str, headers: Mapping[str, str], *, is_page: bool) -> Fetched:
        sent = dict(headers)
        for _ in range(MOST_REDIRECTS + 1):
            if is_page:
                self._robots.check(url)
            answer = self._answer(url, sent, is_page=is_page)
            if isinstance(answer, Fetched):
                return answer
            if host_of(answer) != host_of(url):
                sent = {name: value for name, value in sent.items() if name.lower() in _KEPT_ACROSS_HOSTS}
            url = answer
        message = f"{shown(url)} redirects more than {MOST_REDIRECTS} times"
        raise SourceUnreachableError(message)

    def _answer(self, url: str, headers: Mapping[str, str], *, is_page: bool) -> Fetched | str:
        """The answer, or the address to which it redirects; a failure that may pass is tried again."""
        attempts = stamina.retry_context(
            on=lambda error: isinstance(error, PassingError) and not self._is_stopped(),
            attempts=self._parameters.attempts,
            timeout=self._parameters.whole_s,
            wait_initial=self._parameters.first_wait_s,
            wait_max=_LONGEST_WAIT_S,
            wait_jitter=self._parameters.first_wait_s,
        )
        for attempt in attempts:
            with attempt:
                return self._once(url, headers, is_page=is_page)
        raise AssertionError  # the library raises the last error

    def _once(self, url: str, headers: Mapping[str, str], *, is_page: bool) -> Fetched | str:
        asked = {**headers, **({} if is_page else {"Cache-Control": "no-cache"})}
        request = self._client.build_request("GET", url, headers=asked, extensions={IS_PAGE: is_page})
        try:
            response = self._client.send(request, stream=True, follow_redirects=False)
            try:
                if response.status_code in _REDIRECTS:
                    return self._redirect(url, response)
                return self._read(url, response)
            finally:
                response.close()
        except httpx.TransportError as error:
            raise self._manners.failed(url, failure_text(error)) from error
        except httpx.HTTPError as error:
            message = f"{shown(url)} answered with something that is no HTTP ({type(error).__name__})"
            raise SourceUnreachableError(message) from error

    def _read(self, url: str, response: httpx.Response) -> Fetched:
        body = read_body(
            response.iter_raw(),
            response.headers,
            place=shown(url),
            largest_bytes=self._parameters.largest_body_bytes,
            clock=self._clock,
            whole_s=self._parameters.whole_s,
        )
        is_new = not response.extensions.get("caching", {}).get("from_cache", False)
        received = response.headers.get(RECEIVED, "")
        return Fetched(
            url=url,
            status=response.status_code,
            body=body,
            headers=_stated(response.headers),
            is_new=is_new,
            received_ms=self._clock.now_ms() if is_new or not received.isdigit() else int(received),
        )

    def _redirect(self, url: str, response: httpx.Response) -> str:
        mirror = self._parameters.mirror
        location = response.headers.get("location", "")
        to: str = urljoin(url, mirror.source_of(location) if mirror is not None else location)
        parts = urlsplit(to)
        if parts.scheme == "http":
            to = parts._replace(scheme="https").geturl()
        try:
            host_of(to)
        except ValueError as error:
            message = f"{shown(url)} redirects to an address that is not asked"
            raise AddressRefusedError(message) from error
        return to


def _stated(headers: httpx.Headers) -> dict[str, str]:
    """The headers as the source stated them, with its own date if it stated one."""
    found = {name: value for name, value in headers.items() if name not in (RECEIVED, SOURCE_DATE, "date")}
    return {**found, "date": headers[SOURCE_DATE]} if SOURCE_DATE in headers else found


def _cached(transport: httpx.BaseTransport, parameters: WebParameters) -> httpx.BaseTransport:
    if parameters.folder is None:
        return transport
    parameters.folder.mkdir(parents=True, exist_ok=True)
    storage = SqliteStorage(
        database_path=parameters.folder / "cache.db",
        default_ttl=_CACHE_S,
        max_stream_size=parameters.largest_body_bytes,
        max_size=parameters.cache_bytes,
    )
    return CacheTransport(transport, storage=storage, rfc=CacheOptions(shared=False, allow_stale=False))
