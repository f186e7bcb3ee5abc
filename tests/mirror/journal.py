"""The log of requests, by which tests count politeness."""

from collections import deque
from collections.abc import Mapping
from threading import Lock

MOST = 200_000
KEPT_HEADERS = (
    "user-agent",
    "if-none-match",
    "if-modified-since",
    "accept",
    "cache-control",
    "x-cg-pro-api-key",
    "x-mbx-apikey",
)


class Journal:
    """What was asked, in order. It may be used from several threads."""

    def __init__(self) -> None:
        self._entries: deque[dict] = deque(maxlen=MOST)
        self._lock = Lock()
        self._n = 0

    def note(self, kind: str, host: str, path: str, headers: Mapping[str, str], at_ms: int) -> dict:
        """Begin an entry, which the answer completes with its status."""
        kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
        with self._lock:
            self._n += 1
            entry = {
                "n": self._n,
                "at_ms": at_ms,
                "kind": kind,
                "host": host,
                "path": path,
                "headers": kept,
                "status": None,
                "fault": None,
            }
            self._entries.append(entry)
        return entry

    def entries(self, *, host: str | None = None, path: str | None = None, after: int = 0) -> list[dict]:
        """Return entries: of a host, of paths that begin so, after a number."""
        with self._lock:
            return [
                dict(entry)
                for entry in self._entries
                if entry["n"] > after
                and host in {None, entry["host"]}
                and entry["path"].startswith(path or "")
            ]

    def forget(self) -> None:
        """Forget all entries; their numbers go on."""
        with self._lock:
            self._entries.clear()
