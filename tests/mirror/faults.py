"""Failures on demand: which requests and sockets they meet, and how many."""

import itertools
from collections.abc import Iterable
from fnmatch import fnmatchcase
from threading import Lock

import msgspec

#: What an answer of HTTP can suffer, and what an open socket can.
ANSWER_KINDS = {"status", "slow", "drip", "cut", "encoding", "html", "guids", "empty", "body"}
SOCKET_KINDS = {"close", "cut_socket", "cut_message", "silent", "gap", "repeat", "say"}
KINDS = ANSWER_KINDS | SOCKET_KINDS | {"skew"}


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One failure.

    Attributes:
        kind: One of ``KINDS``; ``tests/mirror/README.md`` says what each does.
        host: Which hosts it meets, without a port; ``*`` and ``?`` as in file names.
        path: Which paths it meets, likewise; the query belongs to it after a question mark.
        count: How many it meets; None for all until it is taken away.
        every: It meets every n-th alone.
        skip: How many are spared before the first.
        status: The status of the answer; for a socket, that of the handshake, or the code that closes it.
        retry_after_s: The header ``Retry-After``.
        seconds: How long; for ``skew``, by how much the venue's clock is ahead.
        n: How many messages with trades.
        text: The body, the message, or the reason of the close.
        content_type: Of the body.
    """

    kind: str
    host: str = "*"
    path: str = "*"
    count: int | None = None
    every: int = 1
    skip: int = 0
    status: int = 500
    retry_after_s: float | None = None
    seconds: float = 1.0
    n: int = 1
    text: str = ""
    content_type: str | None = None
    id: int = 0
    n_seen: int = 0
    n_hit: int = 0

    def __post_init__(self) -> None:
        """Refuse a kind that does not exist."""
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(sorted(KINDS))}, was {self.kind!r}")

    def meets(self, host: str, path: str) -> bool:
        """Say whether a place is meant."""
        return fnmatchcase(host, self.host) and (
            fnmatchcase(path, self.path) or fnmatchcase(path.partition("?")[0], self.path)
        )

    def strikes(self) -> bool:
        """Count one more that is meant, and say whether it is struck."""
        self.n_seen += 1
        place = self.n_seen - self.skip
        if place < 1 or place % self.every or (self.count is not None and self.n_hit >= self.count):
            return False
        self.n_hit += 1
        return True


class Faults:
    """The failures of a mirror. It may be used from several threads."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)
        self._lock = Lock()

    def add(self, faults: Iterable[Fault]) -> list[int]:
        """Add failures, and return their ids."""
        added = [msgspec.structs.replace(fault, id=next(self._ids), n_seen=0, n_hit=0) for fault in faults]
        with self._lock:
            self._faults = self._faults + added
        return [fault.id for fault in added]

    def remove(self, ids: Iterable[int] | None = None) -> None:
        """Take failures away: those with these ids, or all."""
        gone = None if ids is None else set(ids)
        with self._lock:
            self._faults = [] if gone is None else [fault for fault in self._faults if fault.id not in gone]

    def present(self) -> list[dict]:
        """Return all failures with their counts."""
        with self._lock:
            return [msgspec.to_builtins(fault) for fault in self._faults]

    def struck(self, host: str, path: str, kinds: Iterable[str]) -> Fault | None:
        """Return the failure that strikes a request, a handshake or a socket now, if any."""
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and fault.meets(host, path) and fault.strikes():
                    return fault
        return None

    def skew_ms(self, host: str) -> int:
        """Return by how much a host's clock is ahead."""
        with self._lock:
            return sum(
                round(fault.seconds * 1000)
                for fault in self._faults
                if fault.kind == "skew" and fnmatchcase(host, fault.host)
            )
