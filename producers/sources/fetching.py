"""The port of HTTP: one polite way to ask an outside source for something, and what may go wrong.

Everything that reads the web takes a :class:`Fetcher` and knows no library of HTTP. The implementation keeps to
robots.txt, the limits of each host, the cache, and the mirror; see ``producers/sources/web``. A fake with the
same suite stands in ``tests/fakes/fetching.py``.

The errors are sorted by what the caller does next::

    SourceUnavailableError
      SourceRefusedError      403, 418, 451, or robots.txt: not available here; say so once and take the next source
      SourceBusyError         429, or a host that failed too often: ask again after ``retry_after_s``
      SourceUnreachableError  network, 5xx, time-out, too large, an address that is not public
      SourceAnswerError       any other status of 4xx, such as 404: the same request will get the same answer
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from schemas.errors import SourceUnavailableError


class SourceRefusedError(SourceUnavailableError):
    """The source does not serve us here. This is said once, tried again rarely, and never evaded.

    Args:
        message: Names the host and the reason, without any key.
        status: The status of the answer: 403, 418 or 451; 403 too where robots.txt forbids the page.
        retry_after_s: After how many seconds the host is asked again; until then the error comes without a request.
    """

    def __init__(self, message: str, *, status: int, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class SourceBusyError(SourceUnavailableError):
    """The source asks us to wait (429), or failed so often that it is left alone for a while.

    Args:
        message: Names the host and the reason, without any key.
        retry_after_s: After how many seconds the host is asked again; until then the error comes without a request.
        is_asked: Whether the source asks for it, by 429; False if it failed too often.
    """

    def __init__(self, message: str, *, retry_after_s: float, is_asked: bool = True) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.is_asked = is_asked


class SourceUnreachableError(SourceUnavailableError):
    """The source did not answer in full: network, status 5xx, time-out, an answer that is too large."""


class SourceAnswerError(SourceUnavailableError):
    """The source answered that it does not have this, such as 404 or 400.

    Args:
        message: Names the host and the status.
        status: The status of the answer, from 400 to 499.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class Fetched(NamedTuple):
    """One answer that is a success.

    Attributes:
        url: The address that answered in the end, as the source names itself, also when a mirror answered; it
            holds no key.
        status: From 200 to 299; 304 never reaches the caller, who gets the stored body and its status instead.
        body: The whole body after decompression, of any encoding, which the parser finds out.
        headers: Of the answer, with names in lower case; ``date`` is the source's own, if it states one.
        is_new: False if the body is the one that the cache had already. It may still be news to the caller, who may
            have ended before he published what was in it.
        received_ms: When the whole body had been read, by the platform's clock; of the request that confirmed
            the body if it came from the cache.
    """

    url: str
    status: int
    body: bytes
    headers: Mapping[str, str]
    is_new: bool
    received_ms: int


class Fetcher(Protocol):
    """Asks outside sources. It may be used from several threads, and it waits in the caller's thread."""

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_page: bool = False,
    ) -> Fetched:
        """Return the answer to one GET request.

        It waits for the host's rate limit, tries a passing failure again a few times, and follows at most five
        redirects. Keys are added by the fetcher itself, by host.

        Args:
            url: An absolute address of https, as the source's documentation has it.
            params: The query, where the address has none.
            headers: Further headers, such as ``accept``.
            is_page: Whether this is a page, a feed or a sitemap made for browsers, so that robots.txt is asked. An
                API that is documented for programs is asked without.

        Raises:
            SourceUnavailableError: One of the kinds of this module.
            ValueError: If the address is none of https with a host.
        """

    def close(self) -> None:
        """Close the connections. Requests that are under way may fail."""
