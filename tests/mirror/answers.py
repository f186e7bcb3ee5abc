"""What a source is asked, and what it answers."""

import json
from collections.abc import Mapping
from typing import NamedTuple


class Request(NamedTuple):
    """One request, as the source sees it: its host without a port, and its own clock."""

    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    now_ms: int

    def number(self, name: str, otherwise: int | None = None) -> int | None:
        """Return a parameter as a whole number."""
        value = self.query.get(name)
        return otherwise if value is None or not value.lstrip("-").isdigit() else int(value)


class Answer(NamedTuple):
    """One answer of HTTP."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


def as_json(value: object, status: int = 200, **headers: str) -> Answer:
    """Return an answer of JSON; underscores in the names of headers stand for hyphens."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return Answer(body, status, headers={name.replace("_", "-"): text for name, text in headers.items()})


NOT_FOUND = Answer(b"the mirror has nothing here\n", 404, "text/plain")
