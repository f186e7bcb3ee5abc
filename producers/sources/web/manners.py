"""What is asked and kept before and after every request to a host, by HTTP or by WebSocket."""

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from producers.sources.fetching import SourceAnswerError, SourceUnreachableError
from producers.sources.web.addresses import check_host, host_of, shown
from producers.sources.web.breakers import Breakers
from producers.sources.web.limits import HostLimits
from producers.sources.web.parameters import WebParameters
from producers.sources.web.pauses import REFUSED, Pauses, asked_wait_s
from schemas.time import Clock

_TOO_MANY = 429
_UNAVAILABLE = 503
_LOOPBACK_PACE = 1000.0


class PassingError(SourceUnreachableError):
    """The source failed in a way that may be over at once, so the request is sent again."""


class Manners:
    """Keeps to the limits, pauses and breakers of hosts. One object serves all threads of a process.

    Args:
        parameters: How sources are asked.
        clock: By which it waits.
        is_stopped: Whether the process is to end.
    """

    def __init__(
        self, parameters: WebParameters, clock: Clock, *, is_stopped: Callable[[], bool] | None = None
    ) -> None:
        mirror = parameters.mirror
        is_local = mirror is not None and mirror.is_loopback
        usual_pace = _LOOPBACK_PACE if is_local else 1.0
        pace = usual_pace if parameters.pace is None else parameters.pace
        folder: Path | None = parameters.folder
        self._clock = clock
        self._has_mirror = mirror is not None
        self._pauses = Pauses(folder / "pauses" if folder is not None else None, clock)
        self._breakers = Breakers(clock, left_alone_s=parameters.breaker_s)
        self.limits = HostLimits(clock, pace=pace, is_stopped=is_stopped)

    def before(self, url: str, *, scheme: str = "https") -> None:
        """Return when a request may be sent.

        Args:
            url: The source's own address.
            scheme: That the address must have.

        Raises:
            SourceUnavailableError: If the source refused us or asked us to wait, and it is too early to ask again.
            ValueError: If the address is none of the scheme.
        """
        host = host_of(url, scheme=scheme)
        if not self._has_mirror:
            check_host(urlsplit(url).hostname or "")
        self._pauses.check(host)
        self._pauses.check(shown(url))
        self._breakers.check(host)
        self.limits.wait(host, urlsplit(url).path)

    def answered(
        self, url: str, status: int, headers: Mapping[str, str], *, is_page: bool, scheme: str = "https"
    ) -> None:
        """Keep what an answer says about the source.

        Args:
            url: The source's own address.
            status: Of the answer.
            headers: Of the answer; names in any case.
            is_page: Whether a page was asked for, which may be refused alone.
            scheme: That the address has.

        Raises:
            SourceUnavailableError: If the answer is neither a success nor a redirect.
        """
        host = host_of(url, scheme=scheme)
        asked_s = asked_wait_s(headers, self._clock.now_ms())
        if status in REFUSED:
            page = shown(url) if is_page and status == REFUSED[0] else None
            raise self._pauses.refused(host, page, status, asked_s)
        if status == _TOO_MANY or (status == _UNAVAILABLE and asked_s is not None):
            raise self._pauses.busy(host, status, asked_s)
        if status >= 500:
            raise self.failed(url, f"answered {status}", scheme=scheme)
        self._breakers.report(host, None)
        if status >= 400:
            message = f"{shown(url)} answered {status}"
            raise SourceAnswerError(message, status=status)
        self._pauses.succeeded(host, shown(url))

    def failed(self, url: str, reason: str, *, scheme: str = "https") -> PassingError:
        """Keep that a host did not answer in full; returns the error to raise.

        Args:
            url: The source's own address.
            reason: Such as "did not answer in time".
            scheme: That the address has.
        """
        error = PassingError(f"{shown(url)} {reason}")
        self._breakers.report(host_of(url, scheme=scheme), error)
        return error
