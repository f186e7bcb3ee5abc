"""The state of the second-stage join for one target: its waiting rows, and the rows of its companions.

This module is separate from :mod:`.vectors` because it knows nothing of partitions and sources. The time from which on a
companion's row may be joined is fixed when the row is read. Of the rows that may be joined, the one of the newest bar is
joined.

Everything is kept by key. A waiting row is written once and deleted once, and only the changelog limits how many rows
may wait. A companion's row is deleted when every row of the target that can still come would be joined to a newer one.
Rows of one interval come in the order of their bars. So after a row was joined, only later bars can need a companion's
row; and after a watermark of the target's source, only bars that ended less than ``LATEST_MS`` before it can. A row that
is later than that is joined to nothing, whatever is still kept.

Rows of news have no interval: one list of them is joined to the rows of every interval. They are only deleted after
watermarks, since a row of another interval may still come.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import Any

import msgspec
import numpy as np

from schemas.companions import NEWS
from schemas.events import FeaturesComputed, NewsFeaturesComputed
from schemas.time import Interval
from stream_processors.features.vector_declarations import (
    ALLOWANCE_MS,
    OLDEST_BARS,
    OLDEST_NEWS_MS,
    FeatureGroup,
)
from stream_processors.features.vector_stepping import VectorStepper, taken_of
from stream_processors.operators.join_targets import JoinTarget
from stream_processors.operators.joined_rows import (
    CompanionRow,
    TargetRow,
    as_of,
    newest_joinable,
    without_needed,
)
from stream_processors.operators.keys import key_of
from stream_processors.operators.touching import TouchedKeys

NEVER_MS = -(2**62)
#: A target's row that is older than its own source's watermark by more than this is joined to nothing. It is the
#: longest time without a trade inside a stream. A day of minutes is 190 kB of a companion's rows.
LATEST_MS = 24 * 3_600_000


class JoinStateKind(StrEnum):
    """The kinds of keys in the state of a target."""

    OWN = "own"
    OTHER = "other"
    NEWS = "news"
    SERIES = "series"
    KERNEL = "kernel"
    HEARD = "heard"


class JoinedRows(msgspec.Struct, frozen=True):
    """What was joined to a row of the target.

    Attributes:
        others: The companion's row of each group, or None.
        beside: The companion features of the groups, in their order.
        n_late: The number of companions' rows that came too late for their own bar and became joinable after the
            target's row before this one.
    """

    others: list[CompanionRow | None]
    beside: list[float]
    n_late: int


class JoinSeries(msgspec.Struct, array_like=True):
    """What is kept of one interval besides its rows.

    Attributes:
        newest_own_ms: The newest as-of time of the target's rows.
        late: The times from which on late companions' rows may be joined.
    """

    newest_own_ms: int = NEVER_MS
    late: list[int] = []


class _Line:
    """One interval of a target.

    Attributes:
        others: The companions' rows by group, oldest first.
    """

    def __init__(self, target: JoinTarget, interval: Interval, news: list[CompanionRow]) -> None:
        self.series = JoinSeries()
        self.others = [news if group is FeatureGroup.NEWS else [] for group in target.groups]
        n_news = 0 if target.news is None else len(target.news.spec.names)
        self.stepper = VectorStepper(list(target.groups), interval=interval, n_news=n_news)


class HeldTarget:
    """The state of one target in one stream.

    Args:
        target: The configuration of the target.
        stream: The run.
        touched: Records every key that changes.

    Attributes:
        waiting: The target's rows that wait, in the order in which they came.
        heard_ms: The latest known time of each companion's rows.
    """

    def __init__(self, target: JoinTarget, *, stream: str, touched: TouchedKeys) -> None:
        self.target = target
        self.stream = stream
        self.waiting: deque[TargetRow] = deque()
        self.heard_ms = [NEVER_MS] * len(target.companions)
        self._touched = touched
        self._n_rows = 0
        self._lines: dict[Interval, _Line] = {}
        self._news: list[CompanionRow] = []

    @property
    def has_begun(self) -> bool:
        """Whether there was a row of the target."""
        return any(line.series.newest_own_ms > NEVER_MS for line in self._lines.values())

    def n_others(self, companion: int) -> int:
        """Return how many rows of a companion are kept; of news, how many are later than the target's rows."""
        if self.target.companions[companion] == NEWS:
            newest_ms = max((line.series.newest_own_ms for line in self._lines.values()), default=NEVER_MS)
            return len(self._news) - bisect_right(self._news, newest_ms, key=as_of)
        return sum(len(line.others[companion]) for line in self._lines.values())

    def take_own(self, row: FeaturesComputed, values: Sequence[float], *, said_ms: int) -> None:
        """Let a row of the target wait. A row that was read before changes nothing.

        Args:
            row: The row.
            values: Its market features in their order.
            said_ms: The watermark of its source in its partition before it.
        """
        line = self._line(row.interval)
        if row.event_time_ms <= line.series.newest_own_ms:
            return
        line.series.newest_own_ms = row.event_time_ms
        self._n_rows += 1
        own = TargetRow(
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
        self._touched.put(self._row_key(JoinStateKind.OWN, row.interval, own.as_of_ms), partial(_packed, own))

    def take_other(self, row: FeaturesComputed, values: Sequence[float], *, closed_ms: int) -> None:
        """Keep a companion's row. A row that was read before changes nothing.

        Args:
            row: The row.
            values: Its market features in their order.
            closed_ms: The last time whose cut the companion had passed before it.
        """
        number = self.target.number[row.instrument]
        if row.known_time_ms > self.heard_ms[number]:
            self.heard_ms[number] = row.known_time_ms
            self._touched.put(self._key(JoinStateKind.HEARD), partial(_packed, self.heard_ms))
        line = self._line(row.interval)
        others = line.others[number]
        if others and row.event_time_ms <= others[-1].as_of_ms:
            return
        from_ms = max(row.event_time_ms, row.known_time_ms - ALLOWANCE_MS, closed_ms + 1)
        if from_ms > row.event_time_ms:
            line.series.late.append(from_ms)
            self._put_series(row.interval)
        other = CompanionRow(from_ms, row.event_time_ms, row.known_time_ms, taken_of(row.close, values))
        others.append(other)
        key = self._row_key(JoinStateKind.OTHER, row.interval, row.event_time_ms, number)
        self._touched.put(key, partial(_packed, other))

    def take_news(self, row: NewsFeaturesComputed, values: Sequence[float], *, closed_ms: int) -> None:
        """Keep a row of news, as :meth:`take_other` does. Its features are complete at its time, however late it came.

        Args:
            row: The row.
            values: Its features in their order.
            closed_ms: The last time whose cut news had passed before it.
        """
        if self._news and row.event_time_ms <= self._news[-1].as_of_ms:
            return
        from_ms = max(row.event_time_ms, closed_ms + 1)
        news = CompanionRow(from_ms, row.event_time_ms, row.known_time_ms, tuple(values))
        self._news.append(news)
        self._touched.put(self._key(JoinStateKind.NEWS, row.event_time_ms), partial(_packed, news))

    def join_first(self) -> tuple[TargetRow, JoinedRows]:
        """Join the row that has waited longest. Every companion must have passed its cut."""
        own = self.waiting.popleft()
        self._touched.drop(self._row_key(JoinStateKind.OWN, own.interval, own.as_of_ms))
        line = self._line(own.interval)
        oldest_ms = self._oldest_ms(own)
        newest = [
            None if own.is_too_late else newest_joinable(others, own.as_of_ms) for others in line.others
        ]
        taken = [
            None if other is None or other.as_of_ms < until_ms else other
            for other, until_ms in zip(newest, oldest_ms, strict=True)
        ]
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
        kernel = self._key(JoinStateKind.KERNEL, str(own.interval))
        self._touched.put(kernel, lambda: _packed(line.stepper.snapshot()))
        return own, JoinedRows(taken, beside, len(late) - len(line.series.late))

    def _oldest_ms(self, own: TargetRow) -> list[int]:
        """The oldest row of each companion that may be joined to a row of the target."""
        bars_ms = own.as_of_ms - OLDEST_BARS * own.interval.milliseconds
        return [
            own.as_of_ms - OLDEST_NEWS_MS if group is FeatureGroup.NEWS else bars_ms
            for group in self.target.groups
        ]

    def let_go_before(self, said_ms: int) -> None:
        """Delete the companions' rows that no row can need after a watermark of the target's own source."""
        first_ms = {row.interval: row.as_of_ms for row in reversed(self.waiting)}
        for interval in self._lines:
            self._let_go(interval, min(said_ms - LATEST_MS, first_ms.get(interval, said_ms)))
        since_ms = min([said_ms - LATEST_MS, *first_ms.values()])
        for gone in without_needed(self._news, since_ms):
            self._touched.drop(self._key(JoinStateKind.NEWS, gone.as_of_ms))

    def _let_go(self, interval: Interval, since_ms: int) -> None:
        """Delete the instruments' rows that are older than the row that is joined from a time on."""
        for number, others in enumerate(self._lines[interval].others):
            if others is not self._news:
                for gone in without_needed(others, since_ms):
                    self._touched.drop(self._row_key(JoinStateKind.OTHER, interval, gone.as_of_ms, number))

    def _line(self, interval: Interval) -> _Line:
        line = self._lines.get(interval)
        if line is None:
            line = self._lines[interval] = _Line(self.target, interval, self._news)
        return line

    # State

    def _key(self, kind: str, *names: str | int) -> bytes:
        return key_of(kind, self.stream, self.target.name, *names)

    def _row_key(self, kind: str, interval: Interval, *names: int) -> bytes:
        return key_of(kind, self.stream, self.target.name, str(interval), *names)

    def _put_series(self, interval: Interval) -> None:
        self._touched.put(
            self._key(JoinStateKind.SERIES, str(interval)), partial(self._packed_series, interval)
        )

    def _packed_series(self, interval: Interval) -> bytes:
        return _packed(self._lines[interval].series)

    def restore(self, kind: str, names: Sequence[Any], value: bytes) -> None:
        """Restore the value of a key. Call :meth:`settle` after the last key.

        Args:
            kind: The kind of the key.
            names: The names of the key after its kind, stream and target.
            value: Its value.

        Raises:
            ValueError: If the value belongs to other groups or another kernel, or cannot be read.
        """
        match kind:
            case JoinStateKind.OWN:
                self.waiting.append(msgspec.msgpack.decode(value, type=TargetRow))
            case JoinStateKind.OTHER:
                other = msgspec.msgpack.decode(value, type=CompanionRow)
                self._line(Interval(names[0])).others[names[2]].append(other)
            case JoinStateKind.NEWS:
                self._news.append(msgspec.msgpack.decode(value, type=CompanionRow))
            case JoinStateKind.SERIES:
                self._line(Interval(names[0])).series = msgspec.msgpack.decode(value, type=JoinSeries)
            case JoinStateKind.KERNEL:
                states = msgspec.msgpack.decode(value, type=list[bytes])
                self._line(Interval(names[0])).stepper.restore(states)
            case JoinStateKind.HEARD:
                self.heard_ms = msgspec.msgpack.decode(value, type=list[int])
            case _:
                message = f"no key of the kind {kind} is known"
                raise ValueError(message)

    def settle(self) -> None:
        """Sort what was restored."""
        self.waiting = deque(sorted(self.waiting, key=lambda row: row.number))
        self._n_rows = max((row.number for row in self.waiting), default=0)
        self._news.sort(key=as_of)
        for line in self._lines.values():
            for others in line.others:
                others.sort(key=as_of)


def _packed(value: Any) -> bytes:
    return msgspec.msgpack.encode(value)
