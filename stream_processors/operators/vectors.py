"""The second-stage join: an instrument's features together with those of its companions, decided by content.

The row of the bar that ends at T triggers the vector and is always in it. Of each companion the vector takes the row of
the newest bar that ended by T and was known by T plus the allowance. The vector is emitted when every companion has
passed that cut. A companion has passed it when its source has published everything until T in the companion's
partition, or when a row of it was known later than the allowance permits::

    BTC  ---- row T ---------------------------|  joined with ETH's row T
    ETH  -------------- row T -- watermark T --|  now no row of T can come any more
                        ^ known by T + 2 s; otherwise it is left out, and may be joined to a later bar

A source has published everything until T when there was a watermark of at least T, a silence from T on or later, a
silence with an absence beyond T, or a return from beyond T. A companion without a row leaves its features undefined.
It was then silent although its watermarks went on, or it was late, or it is absent, or its newest bar is more than five
bars old. The event says which companion that was, and how many rows were late.

News is a companion, too, whose rows lie in another topic. There is a row of the news about a coin at the end of every
minute, and it is joined if it is at most five minutes old. Only the records of its source say how far news is: a watermark
there is about known time, and a row is complete when it comes.

The result does not depend on how partitions interleave, or on how far one of them is read ahead:

1. Whether and from when on a companion's row may be joined (``from_ms``) follows from the records before it in its own
   partition: from its times, and from the cuts before it.
2. A row of the target waits until every companion has passed its cut. By 1, no row that comes after that cut may be
   joined to it. So when it is joined, every row that may be joined is there.
3. A companion's row is deleted only when no row of the target that can still come needs it (:mod:`.joining`). Which
   rows can still come follows from the target's own partition.
4. Rows of the target are joined in the order of their partition.

Nothing is dropped because of a limit. Waiting rows and companions' rows are kept by key. If target and companion lie in
different partitions, the partition that is ahead is not read on (:attr:`holds`, :attr:`holds_beside`), unless a row
waits for it. So whatever is waited for is read.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

import msgspec

from schemas.codec import nan_from_null, null_from_nan
from schemas.companions import NEWS, Companions
from schemas.errors import InvariantError, SnapshotMismatchError
from schemas.events import (
    Event,
    FeaturesComputed,
    NewsFeaturesComputed,
    SourceFellSilent,
    SourceReturned,
    VectorComputed,
    WatermarkAdvanced,
)
from schemas.features import FeatureSpec
from schemas.sources import source_of
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, FEATURES_VECTOR, Topic
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import ALLOWANCE_MS
from stream_processors.operators.join_targets import JoinTarget, features_partition
from stream_processors.operators.joined_rows import TargetRow
from stream_processors.operators.joining import NEVER_MS, HeldTarget, JoinedRows
from stream_processors.operators.keys import key_of, parts_of
from stream_processors.operators.protocols import JoinWait, Output, Place, StateChange
from stream_processors.operators.touching import TouchedKeys

#: While more rows of a target wait than this, its partition is not read on, if they wait for another partition.
MOST_WAITING = 128
#: While more rows of a companion are kept than this, its partition is not read on, if nothing waits for it.
MOST_AHEAD = 1_024
_RELEASE = key_of("release", "")
_FORMAT = "vectors/2"


class _Release(msgspec.Struct, array_like=True):
    """Identifies the state: its format, and for each target the set of features with its companions."""

    form: str
    specs: dict[str, str]


class _Progress(msgspec.Struct, array_like=True):
    """How far a source has published a partition, by its own records.

    Attributes:
        said_ms: All rows that ended by this time were published.
        vouched_ms: No row that ends by this time will come; it may be far beyond ``said_ms``.
        known_ms: The latest known time of its records.
    """

    said_ms: int = NEVER_MS
    vouched_ms: int = NEVER_MS
    known_ms: int = NEVER_MS

    @property
    def promised_ms(self) -> int:
        """The last time of which the source has said that nothing more will come."""
        return max(self.said_ms, self.vouched_ms)

    @property
    def closed_ms(self) -> int:
        """The last time whose cut the source has passed."""
        return max(self.promised_ms, self.known_ms - ALLOWANCE_MS - 1)


class _SourcePlace(NamedTuple):
    """A source in a partition, in one run."""

    stream: str
    source: str
    place: Place

    def key(self) -> bytes:
        """Return the key of its progress in the state, which names the topic if it is not that of features."""
        topic, number = self.place
        of_topic = () if topic == FEATURES_MARKET.name else (topic,)
        return key_of("progress", self.stream, self.source, number, *of_topic)


class VectorOperator:
    """Joins the targets of one partition with their companions, whose rows may lie in any partition.

    Rows of its own partition come through ``step``, rows of other partitions and topics through ``step_beside``.

    Args:
        partition: The number of its own partition.
        companions: The companions of each target. Targets of other partitions belong to other operators.
        sources: The source of each instrument whose source is not named after its venue; None means no such
            instrument.
        stream: The run to join, so that no rows of other runs wait; None joins every run.
        most_waiting: See ``MOST_WAITING``.
        most_ahead: See ``MOST_AHEAD``.

    Attributes:
        partition: The number of its own partition.
    """

    def __init__(
        self,
        *,
        partition: int,
        companions: Mapping[str, Companions],
        sources: Mapping[str, str] | None = None,
        stream: str | None = None,
        most_waiting: int = MOST_WAITING,
        most_ahead: int = MOST_AHEAD,
    ) -> None:
        self.partition = partition
        self._own: Place = (FEATURES_MARKET.name, partition)
        self._stream = stream
        self._targets = {
            name: JoinTarget(name, beside, sources or {})
            for name, beside in companions.items()
            if features_partition(name) == partition
        }
        self._most_waiting, self._most_ahead = most_waiting, most_ahead
        self._progress: dict[_SourcePlace, _Progress] = {}
        self._held: dict[tuple[str, str], HeldTarget] = {}
        self._forwarded: dict[tuple[str, str], int] = {}
        self._newest_stream: str | None = None
        self._touched = TouchedKeys()
        self._touched.put(_RELEASE, self._packed_release)

    @property
    def places_beside(self) -> frozenset[Place]:
        """The other partitions in which companions of its targets lie."""
        everywhere = {place for target in self._targets.values() for _, place in target.places}
        return frozenset(everywhere - {self._own})

    # Which partitions are not read on

    @property
    def holds(self) -> Collection[str]:
        """The topic of features, while many rows of a target wait for other partitions alone.

        Only the run that was read last counts, so that a run that ended with waiting rows holds nothing. The hold
        changes what is read first, and never what is joined.
        """
        for held in self._read_now():
            if len(held.waiting) > self._most_waiting and self._own not in self._blocking(held):
                return (FEATURES_MARKET.name,)
        return ()

    @property
    def holds_beside(self) -> Collection[Place]:
        """The other partitions of which many rows are kept and none is waited for."""
        ahead = {
            place
            for held in self._read_now()
            for companion, (_, place) in enumerate(held.target.places)
            if place != self._own and held.n_others(companion) > self._most_ahead
        }
        return ahead - self.needs_beside if ahead else ()

    @property
    def needs_beside(self) -> set[Place]:
        """The other partitions that a row waits for, or the watermark after the last row."""
        needed = {place for held in self._present() for place in self._blocking(held)}
        return needed - {self._own}

    def _present(self) -> list[HeldTarget]:
        """The targets of the runs that are joined. A state may hold other runs, which may continue later."""
        return [held for (stream, _), held in self._held.items() if self._stream in {None, stream}]

    def _read_now(self) -> Iterator[HeldTarget]:
        """Yields the targets of the run that was read last."""
        if self._newest_stream is not None:
            for name in self._targets:
                held = self._held.get((self._newest_stream, name))
                if held is not None:
                    yield held

    def _blocking(self, held: HeldTarget) -> set[Place]:
        """The partitions that the first waiting row waits for; if no row waits, those that the next watermark waits for."""
        own = _SourcePlace(held.stream, held.target.source, self._own)
        until_ms = held.waiting[0].as_of_ms if held.waiting else self._said_ms(own)
        return {
            place
            for companion, (_, place) in enumerate(held.target.places)
            if self._companion_closed_ms(held, companion) < until_ms
        }

    def waits(self) -> Iterator[JoinWait]:
        """Yield which companions are waited for, and by how many rows."""
        for held in self._present():
            if held.waiting:
                first, last = held.waiting[0], held.waiting[-1]
                for companion, name in enumerate(held.target.companions):
                    if self._companion_closed_ms(held, companion) < first.as_of_ms:
                        yield JoinWait(
                            stream=held.stream,
                            target=held.target.name,
                            companion=name,
                            n_rows=len(held.waiting),
                            first_ms=first.as_of_ms,
                            last_ms=last.as_of_ms,
                        )

    # Steps

    def step(self, _topic: Topic, event: Event) -> Iterator[Output]:
        """Take an event of its own partition, and yield the vectors that are complete with it.

        Raises:
            InvariantError: If a row lacks features that its hash states. The state is then unchanged.
        """
        yield from self._step(self._own, event)

    def step_beside(self, place: Place, event: Event) -> Iterator[Output]:
        """Take an event of another partition, as :meth:`step` does."""
        yield from self._step(place, event)

    def _step(self, place: Place, event: Event) -> Iterator[Output]:
        if self._stream is not None and event.stream != self._stream:
            return
        match event:
            case FeaturesComputed():
                self._on_row(place, event)
            case NewsFeaturesComputed():
                self._on_news(event)
            case WatermarkAdvanced():
                self._on_said(place, event, event.event_time_ms)
            case SourceFellSilent():
                until_ms = event.absent_until_ms
                vouched_ms = NEVER_MS if until_ms is None else until_ms - 1
                self._on_said(place, event, event.event_time_ms, vouched_ms=vouched_ms)
            case SourceReturned():
                self._on_said(place, event, event.event_time_ms - 1)
            case _:
                message = f"the vector join takes no {type(event).__name__}"
                raise TypeError(message)
        self._newest_stream = event.stream
        yield from self._emitted(event.stream)

    def _on_said(self, place: Place, event: Event, said_ms: int, *, vouched_ms: int = NEVER_MS) -> None:
        said_by = _SourcePlace(event.stream, event.source, place)
        progress = self._progress.setdefault(said_by, _Progress())
        progress.said_ms = max(progress.said_ms, said_ms)
        progress.vouched_ms = max(progress.vouched_ms, vouched_ms)
        progress.known_ms = max(progress.known_ms, event.known_time_ms)
        self._touched.put(said_by.key(), partial(msgspec.msgpack.encode, progress))
        if place == self._own:
            for target in self._targets.values():
                held = self._held.get((event.stream, target.name))
                if held is not None and target.source == event.source:
                    held.let_go_before(progress.said_ms)

    def _on_row(self, place: Place, row: FeaturesComputed) -> None:
        concerned = [target for target in self._targets.values() if row.instrument in target.names]
        if not concerned or row.feature_spec_hash != SPEC.hash:
            return  # a row of another release, which has other features
        values = _values(row, SPEC)
        for target in concerned:
            held = self._held_of(row.stream, target)
            if row.instrument == target.name:
                said_ms = self._said_ms(_SourcePlace(row.stream, row.source, place))
                held.take_own(row, values, said_ms=said_ms)
            else:
                closed_ms = self._companion_closed_ms(held, target.number[row.instrument])
                held.take_other(row, values, closed_ms=closed_ms)

    def _on_news(self, row: NewsFeaturesComputed) -> None:
        for target in self._targets.values():
            news = target.news
            if news is not None and (news.asset, news.spec.hash) == (row.asset, row.feature_spec_hash):
                held = self._held_of(row.stream, target)
                closed_ms = self._companion_closed_ms(held, target.number[NEWS])
                held.take_news(row, _values(row, news.spec), closed_ms=closed_ms)

    def _held_of(self, stream: str, target: JoinTarget) -> HeldTarget:
        held = self._held.get((stream, target.name))
        if held is None:
            held = self._held[(stream, target.name)] = HeldTarget(
                target, stream=stream, touched=self._touched
            )
        return held

    def _said_ms(self, said_by: _SourcePlace) -> int:
        progress = self._progress.get(said_by)
        return NEVER_MS if progress is None else progress.said_ms

    def _companion_closed_ms(self, held: HeldTarget, companion: int) -> int:
        """The last time whose cut a companion has passed, by the records of its source or by its own rows."""
        progress = self._progress.get(_SourcePlace(held.stream, *held.target.places[companion]))
        if held.target.companions[companion] == NEWS:
            return NEVER_MS if progress is None else progress.promised_ms
        by_source_ms = NEVER_MS if progress is None else progress.closed_ms
        return max(by_source_ms, held.heard_ms[companion] - ALLOWANCE_MS - 1)

    def _closed_ms(self, held: HeldTarget) -> int:
        """The last time whose cut every companion has passed."""
        return min(self._companion_closed_ms(held, n) for n in range(len(held.target.companions)))

    def _emitted(self, stream: str) -> Iterator[Output]:
        for target in self._targets.values():
            held = self._held.get((stream, target.name))
            if held is None or not held.waiting:
                continue
            closed_ms = self._closed_ms(held)
            while held.waiting and held.waiting[0].as_of_ms <= closed_ms:
                yield Output(FEATURES_VECTOR, _vector(held, *held.join_first()), target.name)
        yield from self._watermarks(stream)

    def _watermarks(self, stream: str) -> Iterator[Output]:
        """Yields the watermarks of times by which all vectors were emitted: no row is missing, and no companion is waited for."""
        begun = [held for target in self._targets if (held := self._begun(stream, target)) is not None]
        for source in dict.fromkeys(held.target.source for held in begun):
            own = self._progress.get(_SourcePlace(stream, source, self._own), _Progress())
            closed = [self._closed_ms(held) for held in begun if held.target.source == source]
            passed_ms = min(own.said_ms, *closed)
            passed_ms -= passed_ms % Interval.ONE_MINUTE.milliseconds  # only the ends of bars matter
            if passed_ms > self._forwarded.get((stream, source), NEVER_MS):
                self._forwarded[(stream, source)] = passed_ms
                key = key_of("forwarded", stream, source)
                self._touched.put(key, partial(self._packed_forwarded, stream, source))
                passed = WatermarkAdvanced(
                    event_time_ms=passed_ms, known_time_ms=own.known_ms, source=source, stream=stream
                )
                yield Output(FEATURES_VECTOR, passed, None)

    def _begun(self, stream: str, target: str) -> HeldTarget | None:
        held = self._held.get((stream, target))
        return held if held is not None and held.has_begun else None

    # State

    def _packed_release(self) -> bytes:
        return msgspec.msgpack.encode(_Release(_FORMAT, self._specs()))

    def _specs(self) -> dict[str, str]:
        """The set of features of each target, and the sources that are not named after a venue."""
        return {name: target.spec.hash + _stated_sources(target) for name, target in self._targets.items()}

    def _packed_forwarded(self, stream: str, source: str) -> bytes:
        return msgspec.msgpack.encode(self._forwarded[(stream, source)])

    def changes(self) -> Iterable[StateChange]:
        """Return what changed of waiting rows, companions' rows, progress and kernel states."""
        return self._touched.changes()

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Restore a state.

        Raises:
            SnapshotMismatchError: If the state has other companions, another set of features or another release.
        """
        try:
            self._check(msgspec.msgpack.decode(entries.get(_RELEASE, b""), type=_Release))
            for key, value in entries.items():
                self._restore_key(*parts_of(key), value=value)
        except (msgspec.DecodeError, ValueError, KeyError, IndexError) as error:
            message = f"the state belongs to another release: {error}"
            raise SnapshotMismatchError(message) from error
        for held in self._held.values():
            held.settle()
        self._touched.take(entries)

    def _restore_key(self, kind: str, stream: str, *names: str | int, value: bytes) -> None:
        match kind:
            case "release":
                return
            case "progress":
                topic = str(names[2]) if len(names) > 2 else FEATURES_MARKET.name
                said_by = _SourcePlace(stream, str(names[0]), (topic, int(names[1])))
                self._progress[said_by] = msgspec.msgpack.decode(value, type=_Progress)
            case "forwarded":
                self._forwarded[(stream, str(names[0]))] = msgspec.msgpack.decode(value, type=int)
            case _:
                target = self._targets[str(names[0])]
                self._held_of(stream, target).restore(kind, names[1:], value)

    def _check(self, release: _Release) -> None:
        if release.form != _FORMAT:
            message = f"the state must have the format {_FORMAT}, was {release.form}"
            raise SnapshotMismatchError(message)
        if release.specs != self._specs():
            message = (
                f"the state belongs to other companions or features: it is of {sorted(release.specs)}, "
                f"this operator is of {sorted(self._specs())}"
            )
            raise SnapshotMismatchError(message)

    def forget(self, stream: str) -> None:
        """Forget a run that ended."""
        self._held = {key: held for key, held in self._held.items() if key[0] != stream}
        self._progress = {
            said_by: found for said_by, found in self._progress.items() if said_by.stream != stream
        }
        self._forwarded = {key: passed_ms for key, passed_ms in self._forwarded.items() if key[0] != stream}
        self._touched.drop_where(lambda key: parts_of(key)[1] == stream)

    def newest(self) -> Iterable[Event]:
        """Return nothing, because vectors are no view."""
        return ()


def _stated_sources(target: JoinTarget) -> str:
    places = zip(
        (target.name, *target.companions), (target.source, *(s for s, _ in target.places)), strict=True
    )
    stated = [
        f"{name} of {source}" for name, source in places if name != NEWS and source != source_of(name, {})
    ]
    return f" ({', '.join(stated)})" if stated else ""


def _values(row: FeaturesComputed | NewsFeaturesComputed, spec: FeatureSpec) -> list[float]:
    try:
        numbers: list[float] = nan_from_null([row.values[name] for name in spec.names]).tolist()
    except KeyError as error:
        message = f"features {row.feature_spec_hash[:12]} must hold {error}, have {len(row.values)}"
        raise InvariantError(message) from error
    return numbers


def _vector(held: HeldTarget, own: TargetRow, joined: JoinedRows) -> VectorComputed:
    target = held.target
    known_ms = [other.known_ms for other in joined.others if other is not None]
    times = [None if other is None else other.as_of_ms for other in joined.others]
    values = null_from_nan([*own.numbers(), *joined.beside])
    return VectorComputed(
        event_time_ms=own.as_of_ms,
        known_time_ms=max([own.known_ms, *known_ms]),
        source=own.source,
        stream=held.stream,
        instrument=target.name,
        interval=own.interval,
        close=own.close,
        feature_spec_hash=target.spec.hash,
        is_warm=own.is_warm,
        values=dict(zip(target.spec.names, values, strict=True)),
        joined=dict(zip(target.companions, times, strict=True)),
        n_late=joined.n_late,
    )
