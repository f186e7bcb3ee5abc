"""What the second-stage join holds of one target: rows that wait, and companions' rows to join them with.

Stands apart from :mod:`.vectors` as the part that knows nothing of partitions and streams. From when on a
companion's row may be joined is fixed when it is taken in; which row is joined then is the newest bar's.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from schemas.companions import Companions
from schemas.events import FeaturesComputed
from schemas.features import FeatureSpec
from schemas.instruments import parse_instrument
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, partition_of
from stream_processors.features.vector_declarations import (
    ALLOWANCE_MS,
    OLDEST_BARS,
    Group,
    groups_of,
    spec_of,
)
from stream_processors.features.vector_stepping import VectorStepper, taken_of

NEVER_MS = -(2**62)
#: Companions' rows held of a target that has not begun: far more than its first row can ask for.
MOST_BEFORE_BEGIN = 1_024


class OtherRow(msgspec.Struct, frozen=True, array_like=True):
    """A companion's row; it may be joined to rows of ``from_ms`` and later."""

    from_ms: int
    as_of_ms: int
    known_ms: int
    taken: tuple[float, ...]


class OwnRow(msgspec.Struct, frozen=True, array_like=True):
    """A row that waits; its values as their float64 bytes, in the order of the market features."""

    as_of_ms: int
    known_ms: int
    source: str
    interval: Interval
    close: float
    is_warm: bool
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


class Target:
    """What is configured of a target: its companions, and where they lie.

    Attributes:
        groups: The groups that companions fill, and with which.
        places: Source and partition of each companion, in the same order.
    """

    def __init__(self, name: str, companions: Companions) -> None:
        self.name = name
        self.source = source_of(name)
        self.spec: FeatureSpec = spec_of(companions)
        self.groups: dict[Group, str] = groups_of(companions)
        self.places = [(source_of(other), features_partition(other)) for other in self.groups.values()]
        self.number = {other: number for number, other in enumerate(self.groups.values())}


class Series(msgspec.Struct, array_like=True):
    """One interval of a target.

    Attributes:
        others: Companions' rows by group, oldest first.
        late: From when on each late row may be joined.
        states: Of the kernel; written when a snapshot is made.
        newest_own_ms: Of own rows that were taken in.
    """

    others: list[list[OtherRow]]
    late: list[int] = []
    states: list[bytes] = []
    newest_own_ms: int = NEVER_MS

    def let_go(self, since_ms: int) -> None:
        """Forget rows that a newer one stands before from a time on."""
        for others in self.others:
            newest = newest_joinable(others, since_ms)
            while (
                newest is not None and others[0].as_of_ms < newest.as_of_ms and others[0].from_ms <= since_ms
            ):
                del others[0]


class Kept(msgspec.Struct, array_like=True):
    """A target in a stream, for a snapshot."""

    stream: str
    target: str
    has_begun: bool
    waiting: list[OwnRow]
    series: dict[Interval, Series]


class Held:
    """What is held of one target in one stream."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.has_begun = False
        self.waiting: list[OwnRow] = []
        self._series: dict[Interval, Series] = {}
        self._steppers: dict[Interval, VectorStepper] = {}

    @property
    def n_others(self) -> int:
        """How many rows of companions are held."""
        return sum(len(others) for series in self._series.values() for others in series.others)

    def take_own(self, row: FeaturesComputed, values: Sequence[float]) -> None:
        """Let a row wait; one that was said before changes nothing."""
        series = self._series_of(row.interval)
        if row.event_time_ms <= series.newest_own_ms:
            return
        series.newest_own_ms, self.has_begun = row.event_time_ms, True
        raw = np.array(values).tobytes()
        times = (row.event_time_ms, row.known_time_ms)
        self.waiting.append(OwnRow(*times, row.source, row.interval, row.close, row.is_warm, raw))

    def take_other(self, row: FeaturesComputed, values: Sequence[float], *, closed_ms: int) -> None:
        """Keep a companion's row; one that was said before changes nothing.

        Args:
            closed_ms: The last time whose cut its partition had passed before it.
        """
        series = self._series_of(row.interval)
        others = series.others[self.target.number[row.instrument]]
        if others and row.event_time_ms <= others[-1].as_of_ms:
            return
        from_ms = max(row.event_time_ms, row.known_time_ms - ALLOWANCE_MS, closed_ms + 1)
        if from_ms > row.event_time_ms:
            series.late.append(from_ms)
        others.append(OtherRow(from_ms, row.event_time_ms, row.known_time_ms, taken_of(row.close, values)))
        if not self.has_begun:
            del others[:-MOST_BEFORE_BEGIN]

    def join(self, own: OwnRow) -> Joined:
        """Join a row that no companion holds up any more; rows come in their order."""
        series = self._series_of(own.interval)
        oldest_ms = own.as_of_ms - OLDEST_BARS * own.interval.milliseconds
        newest = [newest_joinable(others, own.as_of_ms) for others in series.others]
        taken = [None if other is None or other.as_of_ms < oldest_ms else other for other in newest]
        n_late = sum(from_ms <= own.as_of_ms for from_ms in series.late)
        series.late = [from_ms for from_ms in series.late if from_ms > own.as_of_ms]
        series.let_go(own.as_of_ms)
        beside = self._steppers[own.interval].step(
            own.as_of_ms,
            close=own.close,
            values=own.numbers(),
            others={
                group: None if other is None else (other.as_of_ms, other.taken)
                for group, other in zip(self.target.groups, taken, strict=True)
            },
        )
        return Joined(taken, beside, n_late)

    def let_go(self, own_watermark_ms: int) -> None:
        """Forget what no row behind a watermark of its own can ask for; only while none waits."""
        for series in self._series.values():
            series.let_go(own_watermark_ms)

    def _series_of(self, interval: Interval) -> Series:
        series = self._series.get(interval)
        if series is None:
            series = self._series[interval] = Series([[] for _ in self.target.groups])
            self._steppers[interval] = VectorStepper(list(self.target.groups), interval=interval)
        return series

    def kept(self, stream: str) -> Kept:
        """Its state."""
        for interval, stepper in self._steppers.items():
            self._series[interval].states = stepper.snapshot()
        return Kept(stream, self.target.name, self.has_begun, self.waiting, self._series)

    def restore(self, kept: Kept) -> None:
        """Take over a state.

        Raises:
            ValueError: If it is of other groups or another kernel.
        """
        self.has_begun, self.waiting = kept.has_begun, kept.waiting
        for interval, series in kept.series.items():
            self._series_of(interval)
            self._series[interval] = series
            self._steppers[interval].restore(series.states)


def newest_joinable(others: Sequence[OtherRow], time_ms: int) -> OtherRow | None:
    """The row of the newest bar that may be joined at a time."""
    for other in reversed(others):
        if other.from_ms <= time_ms:
            return other
    return None


def source_of(instrument: str) -> str:
    """What the events of an instrument say in ``source``: its venue."""
    return parse_instrument(instrument).venue.lower()


def features_partition(instrument: str) -> int:
    """Where an instrument's features lie."""
    return partition_of(instrument.encode(), FEATURES_MARKET.n_partitions)
