"""What the second-stage join holds of one target: rows that wait, and companions' rows to join them with.

Stands apart from :mod:`.vectors` as the part that knows nothing of partitions and sources. From when on a
companion's row may be joined is fixed when it is taken in; which row is joined then is the newest bar's.

Everything here is kept by key, so that a row that waits is written once and deleted once, and how many
wait is bounded by nothing but the changelog. A companion's row is let go when no row of the target can ask
for it any more: when a newer one stands before it for every row that can still come. Rows of one interval
come in the order of their bars; so behind a row that was joined only later bars can ask, and behind a
watermark of the target's source only bars that ended less than ``LATEST_MS`` before it: a row that is
later than that is joined to nothing, whatever is still held.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

import msgspec
import numpy as np

from schemas.companions import Companions
from schemas.events import FeaturesComputed
from schemas.features import FeatureSpec
from schemas.sources import source_of
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, partition_of
from stream_processors.features.vector_declarations import (
    ALLOWANCE_MS,
    OLDEST_BARS,
    FeatureGroup,
    groups_of,
    spec_of,
)
from stream_processors.features.vector_stepping import VectorStepper, taken_of
from stream_processors.operators.keys import key_of
from stream_processors.operators.touching import Touched

NEVER_MS = -(2**62)
#: How far a target's row may be behind its own source's watermark and still be joined: as long as a silence
#: may be inside a stream. A day of minutes is 190 kB of a companion's rows.
LATEST_MS = 24 * 3_600_000


class Kind(StrEnum):
    """The kinds of keys of a target's state."""

    OWN = "own"
    OTHER = "other"
    SERIES = "series"
    KERNEL = "kernel"
    HEARD = "heard"


class OtherRow(msgspec.Struct, frozen=True, array_like=True):
    """A companion's row; it may be joined to rows of ``from_ms`` and later."""

    from_ms: int
    as_of_ms: int
    known_ms: int
    taken: tuple[float, ...]


class OwnRow(msgspec.Struct, frozen=True, array_like=True):
    """A row that waits; its values as their float64 bytes, in the order of the market features.

    Attributes:
        number: Grows in the order in which rows came.
        is_too_late: Whether it was more than ``LATEST_MS`` behind its own source's watermark.
    """

    number: int
    as_of_ms: int
    known_ms: int
    source: str
    interval: Interval
    close: float
    is_warm: bool
    is_too_late: bool
    values: bytes

    def numbers(self) -> list[float]:
        """The values."""
        numbers: list[float] = np.frombuffer(self.values, dtype=np.float64).tolist()
        return numbers


class Joined(msgspec.Struct, frozen=True):
    """What was joined to a row.

    Attributes:
        others: By group, the companion's row, or None.
        beside: The features of the groups, in their order.
        n_late: Companions' rows that came too late for their own bar, and could be joined since the
            row before this one.
    """

    others: list[OtherRow | None]
    beside: list[float]
    n_late: int


class JoinedInstrument:
    """What is configured of an instrument with companions: which they are, and where they lie.

    Args:
        name: The instrument.
        companions: Its companions.
        sources: The source of each instrument whose source is not named after its venue. A join waits for the
            sources of the companions that it names, and for no other.

    Attributes:
        groups: The groups that companions fill, and with which.
        companions: Their instruments, in the order of the groups.
        places: Source and partition of each companion, in the same order.
        number: Of each companion, its place in that order.
    """

    def __init__(self, name: str, companions: Companions, sources: Mapping[str, str]) -> None:
        self.name = name
        self.source = source_of(name, sources)
        self.spec: FeatureSpec = spec_of(companions)
        self.groups: dict[FeatureGroup, str] = groups_of(companions)
        self.companions = tuple(self.groups.values())
        self.places = [(source_of(other, sources), features_partition(other)) for other in self.companions]
        self.number = {other: number for number, other in enumerate(self.companions)}


class Series(msgspec.Struct, array_like=True):
    """What is kept of one interval, besides its rows.

    Attributes:
        newest_own_ms: Of own rows that were taken in.
        late: From when on each late row may be joined.
    """

    newest_own_ms: int = NEVER_MS
    late: list[int] = []


class _Line:
    """One interval of a target.

    Attributes:
        others: Companions' rows by group, oldest first.
    """

    def __init__(self, target: JoinedInstrument, interval: Interval) -> None:
        self.series = Series()
        self.others: list[list[OtherRow]] = [[] for _ in target.groups]
        self.stepper = VectorStepper(list(target.groups), interval=interval)


class Held:
    """What is held of one target in one stream.

    Args:
        touched: Is told of every key that changes.

    Attributes:
        waiting: Own rows, in the order in which they came.
        heard_ms: Of each companion, the latest known time of its rows.
    """

    def __init__(self, target: JoinedInstrument, *, stream: str, touched: Touched) -> None:
        self.target = target
        self.stream = stream
        self.waiting: deque[OwnRow] = deque()
        self.heard_ms = [NEVER_MS] * len(target.companions)
        self._touched = touched
        self._n_rows = 0
        self._lines: dict[Interval, _Line] = {}

    @property
    def has_begun(self) -> bool:
        """Whether a row of the target has come."""
        return any(line.series.newest_own_ms > NEVER_MS for line in self._lines.values())

    def n_others(self, companion: int) -> int:
        """How many rows of a companion are held."""
        return sum(len(line.others[companion]) for line in self._lines.values())

    def take_own(self, row: FeaturesComputed, values: Sequence[float], *, said_ms: int) -> None:
        """Let a row wait; one that was said before changes nothing.

        Args:
            said_ms: How far its source had said everything in its partition before it.
        """
        line = self._line(row.interval)
        if row.event_time_ms <= line.series.newest_own_ms:
            return
        line.series.newest_own_ms = row.event_time_ms
        self._n_rows += 1
        own = OwnRow(
            number=self._n_rows,
            as_of_ms=row.event_time_ms,
            known_ms=row.known_time_ms,
            source=row.source,
            interval=row.interval,
            close=row.close,
            is_warm=row.is_warm,
            is_too_late=row.event_time_ms < said_ms - LATEST_MS,
            values=np.array(values).tobytes(),
        )
        self.waiting.append(own)
        self._put_series(row.interval)
        self._touched.put(self._row_key(Kind.OWN, row.interval, own.as_of_ms), partial(_packed, own))

    def take_other(self, row: FeaturesComputed, values: Sequence[float], *, closed_ms: int) -> None:
        """Keep a companion's row; one that was said before changes nothing.

        Args:
            closed_ms: The last time whose cut the companion had passed before it.
        """
        number = self.target.number[row.instrument]
        if row.known_time_ms > self.heard_ms[number]:
            self.heard_ms[number] = row.known_time_ms
            self._touched.put(self._key(Kind.HEARD), partial(_packed, self.heard_ms))
        line = self._line(row.interval)
        others = line.others[number]
        if others and row.event_time_ms <= others[-1].as_of_ms:
            return
        from_ms = max(row.event_time_ms, row.known_time_ms - ALLOWANCE_MS, closed_ms + 1)
        if from_ms > row.event_time_ms:
            line.series.late.append(from_ms)
            self._put_series(row.interval)
        other = OtherRow(from_ms, row.event_time_ms, row.known_time_ms, taken_of(row.close, values))
        others.append(other)
        key = self._row_key(Kind.OTHER, row.interval, row.event_time_ms, number)
        self._touched.put(key, partial(_packed, other))

    def join_first(self) -> tuple[OwnRow, Joined]:
        """Join the row that has waited longest, which no companion holds up any more."""
        own = self.waiting.popleft()
        self._touched.drop(self._row_key(Kind.OWN, own.interval, own.as_of_ms))
        line = self._line(own.interval)
        oldest_ms = own.as_of_ms - OLDEST_BARS * own.interval.milliseconds
        newest = [
            None if own.is_too_late else newest_joinable(others, own.as_of_ms) for others in line.others
        ]
        taken = [None if other is None or other.as_of_ms < oldest_ms else other for other in newest]
        late = line.series.late
        line.series.late = [from_ms for from_ms in late if from_ms > own.as_of_ms]
        self._put_series(own.interval)
        self._let_go(own.interval, own.as_of_ms)
        beside = line.stepper.step(
            own.as_of_ms,
            close=own.close,
            values=own.numbers(),
            others={
                group: None if other is None else (other.as_of_ms, other.taken)
                for group, other in zip(self.target.groups, taken, strict=True)
            },
        )
        kernel = self._key(Kind.KERNEL, str(own.interval))
        self._touched.put(kernel, lambda: _packed(line.stepper.snapshot()))
        return own, Joined(taken, beside, len(late) - len(line.series.late))

    def let_go_before(self, said_ms: int) -> None:
        """Let go what no row can ask for any more, since its own source has said everything until a time."""
        first_ms = {row.interval: row.as_of_ms for row in reversed(self.waiting)}
        for interval in self._lines:
            self._let_go(interval, min(said_ms - LATEST_MS, first_ms.get(interval, said_ms)))

    def _let_go(self, interval: Interval, since_ms: int) -> None:
        """Let go the rows that a newer one stands before from a time on."""
        for number, others in enumerate(self._lines[interval].others):
            newest = newest_joinable(others, since_ms)
            n_gone = 0
            while (
                newest is not None
                and others[n_gone].as_of_ms < newest.as_of_ms
                and others[n_gone].from_ms <= since_ms
            ):
                self._touched.drop(self._row_key(Kind.OTHER, interval, others[n_gone].as_of_ms, number))
                n_gone += 1
            del others[:n_gone]

    def _line(self, interval: Interval) -> _Line:
        line = self._lines.get(interval)
        if line is None:
            line = self._lines[interval] = _Line(self.target, interval)
        return line

    # State

    def _key(self, kind: str, *names: str | int) -> bytes:
        return key_of(kind, self.stream, self.target.name, *names)

    def _row_key(self, kind: str, interval: Interval, *names: int) -> bytes:
        return key_of(kind, self.stream, self.target.name, str(interval), *names)

    def _put_series(self, interval: Interval) -> None:
        self._touched.put(self._key(Kind.SERIES, str(interval)), partial(self._packed_series, interval))

    def _packed_series(self, interval: Interval) -> bytes:
        return _packed(self._lines[interval].series)

    def restore(self, kind: str, names: Sequence[Any], value: bytes) -> None:
        """Take over the value of a key; once all were, :meth:`settle`.

        Args:
            names: What names the key besides its kind, stream and target.

        Raises:
            ValueError: If it is of other groups or another kernel, or cannot be read.
        """
        match kind:
            case Kind.OWN:
                self.waiting.append(msgspec.msgpack.decode(value, type=OwnRow))
            case Kind.OTHER:
                other = msgspec.msgpack.decode(value, type=OtherRow)
                self._line(Interval(names[0])).others[names[2]].append(other)
            case Kind.SERIES:
                self._line(Interval(names[0])).series = msgspec.msgpack.decode(value, type=Series)
            case Kind.KERNEL:
                states = msgspec.msgpack.decode(value, type=list[bytes])
                self._line(Interval(names[0])).stepper.restore(states)
            case Kind.HEARD:
                self.heard_ms = msgspec.msgpack.decode(value, type=list[int])
            case _:
                message = f"no key of the kind {kind} is known"
                raise ValueError(message)

    def settle(self) -> None:
        """Bring what was restored into its order."""
        self.waiting = deque(sorted(self.waiting, key=lambda row: row.number))
        self._n_rows = max((row.number for row in self.waiting), default=0)
        for line in self._lines.values():
            line.others = [sorted(others, key=_as_of) for others in line.others]


def newest_joinable(others: Sequence[OtherRow], time_ms: int) -> OtherRow | None:
    """The row of the newest bar that may be joined at a time."""
    # A row may be joined from its own time on at the earliest.
    for place in range(bisect_right(others, time_ms, key=_as_of) - 1, -1, -1):
        if others[place].from_ms <= time_ms:
            return others[place]
    return None


def features_partition(instrument: str) -> int:
    """Where an instrument's features lie."""
    return partition_of(instrument.encode(), FEATURES_MARKET.n_partitions)


def _packed(value: Any) -> bytes:
    return msgspec.msgpack.encode(value)


def _as_of(other: OtherRow) -> int:
    return other.as_of_ms
