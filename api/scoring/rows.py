"""Keeps rows of features for a version that may be promoted later.

Pure. This module is separate from :mod:`.operators` because it knows nothing of promotions. A row is packed into
some 9 bytes for each feature, because a partition may hold thousands of series. The names of the features are
kept once for each set of features.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from schemas.events import FeaturesComputed
from schemas.time import Interval

NEVER_MS = -(2**62)


class RowForm(StrEnum):
    """The form of a row: market features alone, or a vector that also has the features of companions."""

    MARKET = "market"
    VECTOR = "vector"


class SeriesKey(msgspec.Struct, frozen=True, kw_only=True):
    """Identifies a series: the rows of one run, instrument and interval."""

    stream: str
    instrument: str
    interval: Interval


class PackedRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row in the form that is kept in memory and written to the changelog."""

    known_time_ms: int
    source: str
    close: float
    feature_spec_hash: str
    names_digest: bytes
    values: list[float | None]


class FeatureNames:
    """The feature names of each run, by their digest."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, bytes], tuple[str, ...]] = {}
        self._digests: dict[tuple[str, ...], bytes] = {}

    def digest(self, names: tuple[str, ...]) -> bytes:
        """Return the digest of feature names."""
        found = self._digests.get(names)
        if found is None:
            text = "\n".join(names).encode()
            found = self._digests[names] = hashlib.blake2b(text, digest_size=8).digest()
        return found

    def remember(self, stream: str, names: tuple[str, ...]) -> bool:
        """Keep the names for a run, and return whether they are new to it."""
        place = (stream, self.digest(names))
        if place in self._names:
            return False
        self._names[place] = names
        return True

    def of(self, stream: str, digest: bytes) -> tuple[str, ...]:
        """Return the names that belong to a digest."""
        return self._names[(stream, digest)]

    def forget(self, stream: str) -> list[bytes]:
        """Drop the names of a run, and return their digests."""
        gone = [digest for known, digest in self._names if known == stream]
        for digest in gone:
            del self._names[(stream, digest)]
        return gone


class SeriesStanding(msgspec.Struct, array_like=True):
    """The position of a series.

    Attributes:
        source: The source of its newest row.
        newest_ms: The as-of time of its newest row.
        known_ms: When the newest row was known.
        feature_spec_hash: The hash of the features of its newest row.
        began_ms: The as-of time of its first warm row; None before that row.
        let_go_ms: Rows up to this time have been dropped.
    """

    source: str
    newest_ms: int
    known_ms: int
    feature_spec_hash: str
    began_ms: int | None = None
    let_go_ms: int = NEVER_MS


class RowSeries:
    """The kept warm rows of one form of a series, oldest first."""

    def __init__(self, key: SeriesKey, standing: SeriesStanding) -> None:
        self.key = key
        self.standing = standing
        self._rows: deque[tuple[int, bytes]] = deque()

    def __len__(self) -> int:
        """Return how many rows are kept."""
        return len(self._rows)

    def keep(self, as_of_ms: int, packed: bytes) -> None:
        """Add a row that is newer than all others."""
        self._rows.append((as_of_ms, packed))

    def let_go(self, until_ms: int, *, n_most: int) -> list[int]:
        """Drop the rows up to a time, and the oldest above a number. Returns the as-of times of the dropped rows."""
        gone: list[int] = []
        while self._rows and (self._rows[0][0] <= until_ms or len(self._rows) > n_most):
            gone.append(self._rows.popleft()[0])
        self.standing.let_go_ms = max(self.standing.let_go_ms, *gone[-1:], until_ms)
        return gone

    def as_of_times(self) -> list[int]:
        """Return the as-of times of the kept rows."""
        return [as_of_ms for as_of_ms, _ in self._rows]

    def after(self, time_ms: int, names: FeatureNames) -> Iterator[FeaturesComputed]:
        """Return the kept rows after a time, oldest first."""
        for as_of_ms, packed in self._rows:
            if as_of_ms > time_ms:
                yield _unpacked(self.key, as_of_ms, packed, names)


def packed_row(row: FeaturesComputed, names: FeatureNames) -> bytes:
    """Return a row as the bytes that the changelog holds."""
    return msgspec.msgpack.encode(
        PackedRow(
            row.known_time_ms,
            row.source,
            row.close,
            row.feature_spec_hash,
            names.digest(tuple(row.values)),
            list(row.values.values()),
        )
    )


def _unpacked(key: SeriesKey, as_of_ms: int, packed: bytes, names: FeatureNames) -> FeaturesComputed:
    row = msgspec.msgpack.decode(packed, type=PackedRow)
    return FeaturesComputed(
        event_time_ms=as_of_ms,
        known_time_ms=row.known_time_ms,
        source=row.source,
        stream=key.stream,
        instrument=key.instrument,
        interval=key.interval,
        close=row.close,
        feature_spec_hash=row.feature_spec_hash,
        is_warm=True,
        values=dict(zip(names.of(key.stream, row.names_digest), row.values, strict=True)),
    )
