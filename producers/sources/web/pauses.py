"""Pauses: until when a host, or one page of it, is not asked because it refused us or asked us to wait.

One small file for each pause lies in the folder of the stream, so that a restart, and another process of the same
run, keep to it. A refusal is tried again after ten minutes, and then after three times as long, up to six hours.
"""

import contextlib
import hashlib
import threading
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path

import msgspec

from producers.sources.fetching import SourceBusyError, SourceRefusedError
from schemas.time import Clock

REFUSED = (403, 418, 451)
FIRST_REFUSAL_S = 600.0
LONGEST_REFUSAL_S = 6 * 3600.0
FIRST_BUSY_S = 30.0
LONGEST_BUSY_S = 900.0
#: A source that asks for a longer wait is asked again after this.
LONGEST_ASKED_S = 24 * 3600.0
#: So many pages of a host that refused us in a row mean that the host does.
PAGES_OF_A_HOST = 3
_EXPONENT = 20  # keeps the powers small


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """One pause.

    Attributes:
        until_ms: When the next request may be sent.
        status: The status that caused it.
        n_times: How often in a row.
    """

    until_ms: int
    status: int
    n_times: int


class Pauses:
    """The pauses of one run, by place: a host, or the address of a page without its query.

    Args:
        folder: Where they are kept; None keeps them in memory.
        clock: By which they end.
    """

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Pause] = {}
        self._refused_pages: dict[str, set[str]] = {}

    def check(self, place: str) -> None:
        """Return if a place may be asked now.

        Raises:
            SourceRefusedError: If it refused us, and it is too early to try again.
            SourceBusyError: If it asked us to wait.
        """
        pause = self._of(place)
        if pause is None:
            return
        left_s = (pause.until_ms - self._clock.now_ms()) / 1000
        if left_s > 0:
            raise _error(place, pause.status, min(left_s, LONGEST_ASKED_S))

    def refused(self, host: str, page: str | None, status: int, asked_s: float | None) -> SourceRefusedError:
        """Keep that a source does not serve us; returns the error to raise.

        Args:
            host: With its port if it names one.
            page: The address of a page that was refused by 403, since others of the host may be open; None if the
                whole host refused. After three pages without a success in between, the host is paused.
            status: 403, 418 or 451.
            asked_s: The wait that the source asks for; None if it asks for none.
        """
        place = host
        if page is not None:
            with self._lock:
                pages = self._refused_pages.setdefault(host, set())
                pages.add(page)
                place = host if len(pages) >= PAGES_OF_A_HOST else page
        n_times = self._times(place)
        grown_s = FIRST_REFUSAL_S * 3 ** min(n_times - 1, _EXPONENT)
        wait_s = max(min(grown_s, LONGEST_REFUSAL_S), asked_s or 0.0)
        self._keep(place, Pause(until_ms=self._until_ms(wait_s), status=status, n_times=n_times))
        return SourceRefusedError(_reason(place, status), status=status, retry_after_s=wait_s)

    def busy(self, host: str, status: int, asked_s: float | None) -> SourceBusyError:
        """Keep that a host asks us to wait; returns the error to raise.

        Args:
            host: With its port if it names one.
            status: 429, or 503 with a time.
            asked_s: The wait that the source asks for; None if it asks for none.
        """
        n_times = self._times(host)
        wait_s = min(FIRST_BUSY_S * 2 ** min(n_times - 1, _EXPONENT), LONGEST_BUSY_S)
        wait_s = wait_s if asked_s is None else max(asked_s, 1.0)
        self._keep(host, Pause(until_ms=self._until_ms(wait_s), status=status, n_times=n_times))
        return SourceBusyError(_reason(host, status), retry_after_s=wait_s)

    def succeeded(self, host: str, page: str) -> None:
        """Forget the pauses of a place that answered."""
        with self._lock:
            self._refused_pages.pop(host, None)
        for place in (host, page):
            if self._of(place) is not None:
                self._forget(place)

    def _times(self, place: str) -> int:
        before = self._of(place)
        return 1 if before is None else before.n_times + 1

    def _until_ms(self, wait_s: float) -> int:
        return self._clock.now_ms() + round(min(wait_s, LONGEST_ASKED_S) * 1000)

    def _of(self, place: str) -> Pause | None:
        if self._folder is None:
            return self._held.get(place)
        try:
            return msgspec.json.decode(self._path(self._folder, place).read_bytes(), type=Pause)
        except (OSError, msgspec.DecodeError):
            return None

    def _keep(self, place: str, pause: Pause) -> None:
        if self._folder is None:
            self._held[place] = pause
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(self._folder, place)
        written = path.with_suffix(f".{threading.get_ident()}")
        written.write_bytes(msgspec.json.encode(pause))
        written.replace(path)

    def _forget(self, place: str) -> None:
        self._held.pop(place, None)
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._path(self._folder, place).unlink()

    @staticmethod
    def _path(folder: Path, place: str) -> Path:
        name = "".join(each if each.isalnum() or each in ".-" else "_" for each in place)[:80]
        return folder / f"{name}-{hashlib.sha256(place.encode()).hexdigest()[:12]}.json"


def _reason(place: str, status: int) -> str:
    if status in REFUSED:
        return f"{place} answered {status}: it is not available here"
    return f"{place} answered {status}: it asks us to wait"


def _error(place: str, status: int, left_s: float) -> SourceRefusedError | SourceBusyError:
    if status in REFUSED:
        return SourceRefusedError(_reason(place, status), status=status, retry_after_s=left_s)
    return SourceBusyError(_reason(place, status), retry_after_s=left_s)


def asked_wait_s(headers: Mapping[str, str], now_ms: int) -> float | None:
    """Return the seconds that ``Retry-After`` asks for; None if it is missing or cannot be read.

    Args:
        headers: Of the answer, with names in lower case or of any case in a mapping that ignores it.
        now_ms: By which a date is turned into a wait.

    Example:
        >>> asked_wait_s({"retry-after": "120"}, 0)
        120.0
    """
    text = (headers.get("retry-after") or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_ASKED_S)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at_ms = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000
    return min(max(at_ms - now_ms, 0.0) / 1000, LONGEST_ASKED_S)
