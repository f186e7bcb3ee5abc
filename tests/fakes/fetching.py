"""The fake of the port of HTTP: it answers from a scripted web, at once and without a network."""

from collections.abc import Mapping
from urllib.parse import urlencode, urljoin, urlsplit

from protego import Protego

from producers.sources.fetching import (
    Fetched,
    Fetcher,
    SourceAnswerError,
    SourceBusyError,
    SourceRefusedError,
    SourceUnreachableError,
)
from schemas.time import Clock
from tests.fakes.web import Answer, ScriptedWeb

ATTEMPTS = 3
REFUSED_FOR_S = 600.0
BUSY_FOR_S = 30.0


class FakeFetcher(Fetcher):
    """Keeps the contract of the port: errors by status, pauses, redirects, conditional requests, robots.txt."""

    def __init__(self, web: ScriptedWeb, clock: Clock) -> None:
        self._web = web
        self._clock = clock
        self._kept: dict[str, tuple[str, Fetched]] = {}
        self._pauses: dict[str, tuple[int, int]] = {}
        self._refused_pages: dict[str, set[str]] = {}

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_page: bool = False,
    ) -> Fetched:
        asked = f"{url}?{urlencode(dict(params))}" if params else url
        if urlsplit(asked).scheme != "https" or not urlsplit(asked).hostname:
            raise ValueError(asked)
        for _ in range(6):
            if is_page:
                self._check_robots(asked)
            answer = self._answered(asked, headers or {}, is_page=is_page)
            if isinstance(answer, Fetched):
                return answer
            asked = answer
        message = f"{_place(asked)} redirects too often"
        raise SourceUnreachableError(message)

    def close(self) -> None:
        pass

    def _check_robots(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            found = self._answered(f"https://{parts.netloc}/robots.txt", {}, is_page=False)
        except SourceAnswerError:
            return
        rules = Protego.parse(found.body.decode() if isinstance(found, Fetched) else "")
        if not rules.can_fetch(url, "driftline"):
            message = f"robots.txt does not allow {_place(url)}"
            raise SourceRefusedError(message, status=403)

    def _answered(self, url: str, headers: Mapping[str, str], *, is_page: bool) -> Fetched | str:
        host = urlsplit(url).netloc
        self._check_pauses(host, _place(url))
        etag, kept = self._kept.get(url, ("", None))
        conditional = {"if-none-match": etag} if kept is not None else {}
        for _ in range(ATTEMPTS):
            answer = self._web.asked(url, {**headers, **conditional})
            if answer.status < 500 or _retry_after(answer) is not None:
                break
        return self._taken(url, host, answer, kept, is_page=is_page)

    def _taken(
        self, url: str, host: str, answer: Answer, kept: Fetched | None, *, is_page: bool
    ) -> Fetched | str:
        status, message = answer.status, f"{_place(url)} answered {answer.status}"
        if status in (403, 418, 451):
            pages = self._refused_pages.setdefault(host, set())
            pages.add(_place(url))
            is_alone = is_page and status == 403 and len(pages) < 3
            self._pause(_place(url) if is_alone else host, status, REFUSED_FOR_S)
            raise SourceRefusedError(message, status=status, retry_after_s=REFUSED_FOR_S)
        if status == 429 or (status == 503 and _retry_after(answer) is not None):
            wait_s = _retry_after(answer)
            wait_s = BUSY_FOR_S if wait_s is None else wait_s
            self._pause(host, status, wait_s)
            raise SourceBusyError(message, retry_after_s=wait_s)
        if status >= 500:
            raise SourceUnreachableError(message)
        if status >= 400:
            raise SourceAnswerError(message, status=status)
        self._refused_pages.pop(host, None)
        if status == 304 and kept is not None:
            return kept._replace(is_new=False, received_ms=self._clock.now_ms())
        if status >= 300:
            return urljoin(url, answer.headers["Location"]).replace("http://", "https://")
        named = {name.lower(): value for name, value in answer.headers.items()}
        found = Fetched(url, status, answer.body, named, is_new=True, received_ms=self._clock.now_ms())
        if "etag" in named:
            self._kept[url] = named["etag"], found
        return found

    def _pause(self, place: str, status: int, wait_s: float) -> None:
        self._pauses[place] = status, self._clock.now_ms() + round(wait_s * 1000)

    def _check_pauses(self, *places: str) -> None:
        for place in places:
            status, until_ms = self._pauses.get(place, (0, 0))
            left_s = (until_ms - self._clock.now_ms()) / 1000
            if left_s <= 0:
                continue
            message = f"{place} answered {status}"
            if status in (403, 418, 451):
                raise SourceRefusedError(message, status=status, retry_after_s=left_s)
            raise SourceBusyError(message, retry_after_s=left_s)


def _place(url: str) -> str:
    return f"{urlsplit(url).netloc}{urlsplit(url).path}"


def _retry_after(answer: Answer) -> float | None:
    stated = {name.lower(): value for name, value in answer.headers.items()}.get("retry-after", "")
    return float(stated) if stated.isdigit() else None
