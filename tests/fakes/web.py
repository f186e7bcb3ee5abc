"""A web whose answers a test states: by address, for the fake fetcher and for a real local server alike."""

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """What is answered to a request.

    Attributes:
        status: Of the answer.
        body: As sent.
        headers: Of the answer.
        wait_s: Before the answer begins; a server alone waits.
        cut_at: After so many bytes the connection is cut; a server alone cuts.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    wait_s: float = 0.0
    cut_at: int | None = None


class Asked(NamedTuple):
    """A request that arrived."""

    url: str
    headers: Mapping[str, str]


Rule = Answer | Callable[[Asked], Answer]


class ScriptedWeb:
    """Answers by address without its query, each rule in turn, the last one for ever; everything else is 404."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self._rules: dict[str, list[Rule]] = {}
        self._lock = threading.Lock()

    def answer(self, url: str, *rules: Rule) -> None:
        with self._lock:
            self._rules[url] = list(rules)

    def asked(self, url: str, headers: Mapping[str, str]) -> Answer:
        request = Asked(url, {name.lower(): value for name, value in headers.items()})
        parts = urlsplit(url)
        with self._lock:
            self.requests.append(request)
            rules = self._rules.get(f"{parts.scheme}://{parts.netloc}{parts.path}", [Answer(404)])
            rule = rules.pop(0) if len(rules) > 1 else rules[0]
        return rule if isinstance(rule, Answer) else rule(request)

    def n_asked(self, url: str) -> int:
        return sum(request.url.partition("?")[0] == url for request in self.requests)


def with_etag(body: bytes, etag: str = '"1"', **headers: str) -> Rule:
    """An answer that is 304 to whoever has it already."""

    def rule(asked: Asked) -> Answer:
        if asked.headers.get("if-none-match") == etag:
            return Answer(304, headers={"ETag": etag, **headers})
        return Answer(200, body, {"ETag": etag, **headers})

    return rule
