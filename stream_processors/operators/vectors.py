"""The second-stage join: an instrument's features with its companions' beside them, decided by content.

The row of the bar that ends at T triggers, and is always in it. Of each companion it takes the row of the
newest bar that ended by T and was known by T and the allowance. It is emitted when every companion's
partition has passed that cut: by a watermark of at least T, or by anything known later than the allowance::

    BTC  ---- row T ---------------------------|  joined with ETH's row T
    ETH  -------------- row T -- watermark T --|  now no row of T can come any more
                        ^ known by T + 2 s, or it stays out, and may join what ends later

When a row may first be joined is fixed where it lies in its own partition, so what is joined does not hang on
how partitions interleave: a row behind a watermark that has passed it joins what ends later. A companion
without a row leaves its features undefined: it was silent although its watermarks went on, it was late, or
its newest bar is more than five bars old. The event says which, and how many rows were late.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from schemas.codec import nan_from_null, null_from_nan
from schemas.companions import Companions
from schemas.errors import InvariantError, SnapshotMismatchError
from schemas.events import Event, FeaturesComputed, VectorComputed, WatermarkAdvanced
from schemas.time import Interval
from schemas.topics import FEATURES_VECTOR, Topic
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import ALLOWANCE_MS
from stream_processors.operators.joining import (
    NEVER_MS,
    Held,
    Kept,
    OwnRow,
    Target,
    features_partition,
)
from stream_processors.operators.keys import Differences, key_of
from stream_processors.operators.protocols import Change, Output

#: Rows that wait beyond this number ask for their companions first; 128 are 110 kB of a snapshot.
MOST_WAITING = 128
#: The oldest of more than these stay without a vector; there are so many only where a companion says nothing
#: at all any more, not even watermarks: what it may still say is not known, so nothing is made up.
MOST_HELD_UP = 512
#: Companions' rows held beyond this number ask for own rows first; 1,024 are 130 kB of a snapshot.
MOST_AHEAD = 1_024


_WHOLE = key_of("whole", "")


class _Progress(msgspec.Struct, array_like=True):
    """How far a source has got in a partition of the log."""

    watermark_ms: int = NEVER_MS
    known_ms: int = NEVER_MS

    @property
    def closed_ms(self) -> int:
        """The last time whose cut it has passed."""
        return max(self.watermark_ms, self.known_ms - ALLOWANCE_MS - 1)


class _Snapshot(msgspec.Struct, array_like=True, tag="vectors/1"):
    specs: dict[str, str]
    progress: list[tuple[str, str, int, _Progress]]
    kept: list[Kept]
    forwarded: list[tuple[str, str, int]]


class VectorOperator:
    """Joins the targets of one partition with their companions, wherever those lie.

    Rows of its own partition come by ``step``, those of others by ``step_beside``.

    Args:
        partition: Its own number.
        companions: By target; those of other partitions are left to their operators.
        stream: The one run to join, so that no other's rows wait; None joins every run.

    Attributes:
        partition: Its own number.
    """

    def __init__(
        self, *, partition: int, companions: Mapping[str, Companions], stream: str | None = None
    ) -> None:
        self.partition = partition
        self._stream = stream
        self._targets = {
            name: Target(name, beside)
            for name, beside in companions.items()
            if features_partition(name) == partition
        }
        self._progress: dict[tuple[str, str, int], _Progress] = {}
        self._held: dict[tuple[str, str], Held] = {}
        self._forwarded: dict[tuple[str, str], int] = {}
        self._differences = Differences()

    @property
    def partitions_beside(self) -> frozenset[int]:
        """The other partitions in which its targets' companions lie."""
        everywhere = {number for target in self._targets.values() for _, number in target.places}
        return frozenset(everywhere - {self.partition})

    @property
    def is_waiting(self) -> bool:
        """Whether own rows ran far ahead of their companions."""
        return self._n_waiting() > MOST_WAITING

    @property
    def is_ahead(self) -> bool:
        """Whether companions ran far ahead of own rows."""
        return sum(held.n_others for held in self._present()) > MOST_AHEAD

    def _present(self) -> list[Held]:
        """What is held of the runs that are joined; a snapshot may hold others, for when they go on."""
        return [held for (stream, _), held in self._held.items() if self._stream in {None, stream}]

    def _n_waiting(self) -> int:
        return sum(len(held.waiting) for held in self._present())

    def step(self, _topic: Topic, event: Event) -> Iterator[Output]:
        """Take an event of its own partition in; yield the vectors that nothing is missing for any more.

        Raises:
            InvariantError: If a row has not the features that its hash states; the state is as before.
        """
        yield from self._step(self.partition, event)

    def step_beside(self, partition: int, event: Event) -> Iterator[Output]:
        """Take an event of another partition in; as :meth:`step`."""
        yield from self._step(partition, event)

    def _step(self, partition: int, event: Event) -> Iterator[Output]:
        if self._stream is not None and event.stream != self._stream:
            return
        match event:
            case FeaturesComputed():
                self._on_row(partition, event)
            case WatermarkAdvanced():
                progress = self._progress_of(event.stream, event.source, partition)
                progress.watermark_ms = max(progress.watermark_ms, event.event_time_ms)
            case _:
                message = f"the vector join takes no {type(event).__name__}"
                raise TypeError(message)
        progress = self._progress_of(event.stream, event.source, partition)
        progress.known_ms = max(progress.known_ms, event.known_time_ms)
        yield from self._emitted(event.stream)

    def _progress_of(self, stream: str, source: str, partition: int) -> _Progress:
        return self._progress.setdefault((stream, source, partition), _Progress())

    def _on_row(self, partition: int, row: FeaturesComputed) -> None:
        concerned = [
            target
            for target in self._targets.values()
            if row.instrument == target.name or row.instrument in target.number
        ]
        if not concerned or row.feature_spec_hash != SPEC.hash:
            return  # of another release, whose features are others
        values = _values(row)
        closed_ms = self._progress_of(row.stream, row.source, partition).closed_ms
        for target in concerned:
            held = self._held.setdefault((row.stream, target.name), Held(target))
            if row.instrument == target.name:
                held.take_own(row, values)
                self._give_up_rows()
            else:
                held.take_other(row, values, closed_ms=closed_ms)

    def _give_up_rows(self) -> None:
        """A companion that stays away is not waited for with more rows than a snapshot can hold."""
        if self._n_waiting() > MOST_HELD_UP:
            max(self._present(), key=lambda held: len(held.waiting)).waiting.pop(0)

    def _emitted(self, stream: str) -> Iterator[Output]:
        for target in self._targets.values():
            held = self._held.get((stream, target.name))
            if held is None:
                continue
            closed_ms = self._closed_ms(stream, target)
            while held.waiting and held.waiting[0].as_of_ms <= closed_ms:
                yield Output(FEATURES_VECTOR, _vector(stream, held, held.waiting.pop(0)), target.name)
            if not held.waiting:
                held.let_go(self._progress_of(stream, target.source, self.partition).watermark_ms)
        yield from self._watermarks(stream)

    def _closed_ms(self, stream: str, target: Target) -> int:
        """The last time whose cut every companion has passed."""
        return min(self._progress_of(stream, source, number).closed_ms for source, number in target.places)

    def _watermarks(self, stream: str) -> Iterator[Output]:
        """All vectors that ended by a time are out: own rows are all there, and no companion holds them up."""
        begun = [target for target in self._targets.values() if self._has_begun(stream, target)]
        for source in dict.fromkeys(target.source for target in begun):
            own = self._progress_of(stream, source, self.partition)
            closed = [self._closed_ms(stream, target) for target in begun if target.source == source]
            passed_ms = min(own.watermark_ms, *closed)
            passed_ms -= passed_ms % Interval.ONE_MINUTE.milliseconds  # ends of bars alone are of interest
            if passed_ms > self._forwarded.get((stream, source), NEVER_MS):
                self._forwarded[(stream, source)] = passed_ms
                passed = WatermarkAdvanced(
                    event_time_ms=passed_ms, known_time_ms=own.known_ms, source=source, stream=stream
                )
                yield Output(FEATURES_VECTOR, passed, None)

    def _has_begun(self, stream: str, target: Target) -> bool:
        held = self._held.get((stream, target.name))
        return held is not None and held.has_begun

    def changes(self) -> Iterator[Change]:
        """Rows that wait, companions' rows, progress and the kernel's states, as MessagePack."""
        yield from self._differences.since({_WHOLE: self._packed()})

    def _packed(self) -> bytes:
        packed = _Snapshot(
            specs={name: target.spec.hash for name, target in self._targets.items()},
            progress=[(*key, progress) for key, progress in self._progress.items()],
            kept=[held.kept(stream) for (stream, _), held in self._held.items()],
            forwarded=[(*key, passed_ms) for key, passed_ms in self._forwarded.items()],
        )
        return msgspec.msgpack.encode(packed)

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Take over a state.

        Raises:
            SnapshotMismatchError: If it is of other companions, of another set of features or another release.
        """
        try:
            found = msgspec.msgpack.decode(entries.get(_WHOLE, b""), type=_Snapshot)
            self._check(found.specs)
            for kept in found.kept:
                held = self._held[(kept.stream, kept.target)] = Held(self._targets[kept.target])
                held.restore(kept)
        except (msgspec.DecodeError, ValueError) as error:
            message = f"the state is of another release: {error}"
            raise SnapshotMismatchError(message) from error
        self._progress = {(stream, source, n): progress for stream, source, n, progress in found.progress}
        self._forwarded = {(stream, source): passed_ms for stream, source, passed_ms in found.forwarded}
        self._differences.take(entries)

    def forget(self, stream: str) -> None:
        """Drop what is held of a run."""
        self._held = {key: held for key, held in self._held.items() if key[0] != stream}
        self._progress = {key: progress for key, progress in self._progress.items() if key[0] != stream}
        self._forwarded = {key: passed_ms for key, passed_ms in self._forwarded.items() if key[0] != stream}

    def _check(self, specs: dict[str, str]) -> None:
        own = {name: target.spec.hash for name, target in self._targets.items()}
        if specs != own:
            message = f"the state is of other companions or features: {sorted(specs)}, this is {sorted(own)}"
            raise SnapshotMismatchError(message)

    def newest(self) -> Iterable[Event]:
        """Nothing: vectors are no view."""
        return ()


def _values(row: FeaturesComputed) -> list[float]:
    try:
        numbers: list[float] = nan_from_null([row.values[name] for name in SPEC.names]).tolist()
    except KeyError as error:
        message = f"features {row.feature_spec_hash[:12]} must hold {error}, have {len(row.values)}"
        raise InvariantError(message) from error
    return numbers


def _vector(stream: str, held: Held, own: OwnRow) -> VectorComputed:
    target, joined = held.target, held.join(own)
    known_ms = [other.known_ms for other in joined.others if other is not None]
    times = [None if other is None else other.as_of_ms for other in joined.others]
    values = null_from_nan([*own.numbers(), *joined.beside])
    return VectorComputed(
        event_time_ms=own.as_of_ms,
        known_time_ms=max([own.known_ms, *known_ms]),
        source=own.source,
        stream=stream,
        instrument=target.name,
        interval=own.interval,
        close=own.close,
        feature_spec_hash=target.spec.hash,
        is_warm=own.is_warm,
        values=dict(zip(target.spec.names, values, strict=True)),
        joined=dict(zip(target.groups.values(), times, strict=True)),
        n_late=joined.n_late,
    )
