"""The state of each source in one partition: its watermark, whether it is absent, and in which topic it publishes.

The market processor reads the same-numbered partitions of the topics of candles and of trades. Kafka keeps order inside
each and not between them. So a source that changes to the other topic publishes a record about it in both, first in the
topic that it leaves. The topic that it enters is not read on until that record was met in the topic that it left
(:attr:`SourceStates.holds`). The record was acknowledged there before the other one was published. So it is always
still to be read, nothing that waits for it can hold it up, and no time-out is needed::

    candles   c c c W L                      L and E are the same record; the topic is held at E until L was met
    trades            E w . . w .

Records of a session are void once a record of a later session, which has a larger ``epoch``, was met in the same topic
and partition, because a producer that was replaced may still be alive. A switch is never void, because it only states
an order.
"""

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from schemas.events import (
    END_OF_TIME_MS,
    Event,
    SourceFellSilent,
    SourceReturned,
    SourceStatusChanged,
    TopicSwitched,
    WatermarkAdvanced,
)
from schemas.topics import FEATURES_MARKET, MARKET_BAR, SOURCES_STATUS
from stream_processors.operators.protocols import Output

_NEVER_MS = -(2**62)
_Switch = tuple[int, int]


class SourceState(msgspec.Struct):
    """The state of one source in one stream.

    Attributes:
        forwarded_ms: The newest watermark that was forwarded.
        joined_ms: From when on the source publishes everything, where it stated that before its first watermark; None
            if it did not, and after a silence.
        silent_from_ms: Since when the source is absent; None while it is present.
        absent_until_ms: Until when the source promised to be absent.
        returned_ms: When the last absence ended.
        status_epoch: The newest session whose presence was published for people; None before the first.
        epochs: The newest session that was met, by topic.
        left: By topic, the newest switch that left it.
        awaited: By topic that was entered, the switch that must be met in the topic that was left, and that topic.
    """

    forwarded_ms: int = -1
    silent_from_ms: int | None = None
    absent_until_ms: int = _NEVER_MS
    returned_ms: int = _NEVER_MS
    status_epoch: int | None = None
    epochs: dict[str, int] = {}
    left: dict[str, _Switch] = {}
    awaited: dict[str, tuple[int, int, str]] = {}
    joined_ms: int | None = None

    @property
    def reached_ms(self) -> int:
        """The event time up to which it published everything; its end if it has ended for all time."""
        has_ended = self.silent_from_ms is not None and self.absent_until_ms == END_OF_TIME_MS
        return max(self.forwarded_ms, self.silent_from_ms or 0) if has_ended else self.forwarded_ms

    def is_told_present(self, epoch: int) -> bool:
        """Whether the presence of the source was published in this session or in a later one."""
        return self.status_epoch is not None and epoch <= self.status_epoch


class SourceStates:
    """The states of the sources of one partition, by stream and source."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], SourceState] = {}
        self._held: dict[str, set[tuple[str, str]]] = {}
        self._moved: set[tuple[str, str]] = set()

    @property
    def holds(self) -> frozenset[str]:
        """The topics that must not be read on now."""
        return frozenset(self._held)

    def state_of(self, event: Event) -> SourceState:
        """Return the state of the source of an event, and count it as changed."""
        self._moved.add((event.stream, event.source))
        return self.states.setdefault((event.stream, event.source), SourceState())

    def is_void(self, topic: str, event: WatermarkAdvanced | SourceFellSilent | SourceReturned) -> bool:
        """Return whether a later session than that of the event was met; if not, the event's is now the newest."""
        state = self.state_of(event)
        newest = state.epochs.get(topic, 0)
        if event.epoch > newest:
            state.epochs[topic] = event.epoch
        return event.epoch < newest

    def joined_ms(self, stream: str, source: str) -> int | None:
        """Return the event time from which on a source stated to publish everything; None if it did not."""
        state = self.states.get((stream, source))
        return None if state is None else state.joined_ms

    def on_switch(self, topic: str, event: TopicSwitched) -> None:
        """Take a switch, either in the topic that is left or in the topic that is entered."""
        state, switch = self.state_of(event), (event.epoch, event.number)
        if topic == event.left_topic:
            state.left[topic] = max(switch, state.left.get(topic, (-1, -1)))
            for entered, (epoch, number, left) in list(state.awaited.items()):
                if left == topic and state.left[topic] >= (epoch, number):
                    del state.awaited[entered]
                    self._release(entered, event)
        elif topic == event.entered_topic and state.left.get(event.left_topic, (-1, -1)) < switch:
            state.awaited[topic] = (*switch, event.left_topic)
            self._held.setdefault(topic, set()).add((event.stream, event.source))

    def _release(self, topic: str, event: Event) -> None:
        waiting = self._held.get(topic, set())
        waiting.discard((event.stream, event.source))
        if not waiting:
            self._held.pop(topic, None)

    def on_watermark(self, event: WatermarkAdvanced, *, shortest_ms: int) -> Iterator[Output]:
        """Yield a watermark to forward if it passed the end of a bar. Any watermark shows that the source is present.

        Args:
            event: The watermark.
            shortest_ms: The length of the source's shortest bars.
        """
        state = self.state_of(event)
        if state.silent_from_ms is not None and event.event_time_ms > state.silent_from_ms:
            state.silent_from_ms, state.returned_ms = None, event.event_time_ms
            yield _status(event, is_present=True)
        elif state.silent_from_ms is None and not state.is_told_present(event.epoch):
            yield _status(event, is_present=True)
        if state.silent_from_ms is None:
            state.status_epoch = max(event.epoch, state.status_epoch or 0)
        passed_ms = event.event_time_ms - event.event_time_ms % shortest_ms
        if passed_ms > state.forwarded_ms:
            state.forwarded_ms = passed_ms
            yield from _forwarded(replace(event, event_time_ms=passed_ms, epoch=0))

    def on_silence(self, event: SourceFellSilent) -> Iterator[Output]:
        """Yield a silence to forward if it is new. A silence from before the last return was published again."""
        state, from_ms = self.state_of(event), event.event_time_ms
        until_ms = _NEVER_MS if event.absent_until_ms is None else event.absent_until_ms
        if from_ms < max(state.forwarded_ms, state.returned_ms, state.silent_from_ms or _NEVER_MS):
            return
        if state.silent_from_ms == from_ms and until_ms <= state.absent_until_ms:
            return
        if state.silent_from_ms is None:
            yield _status(event, is_present=False)
        state.silent_from_ms, state.absent_until_ms, state.joined_ms = from_ms, until_ms, None
        yield from _forwarded(replace(event, epoch=0))

    def on_return(self, event: SourceReturned) -> Iterator[Output]:
        """Yield the end of an absence to forward. A return before the first watermark states when the source joins."""
        state = self.state_of(event)
        if state.silent_from_ms is None and state.forwarded_ms < 0:
            state.joined_ms = event.event_time_ms
        if state.silent_from_ms is None or event.event_time_ms < state.silent_from_ms:
            return
        state.silent_from_ms, state.returned_ms = None, event.event_time_ms
        state.status_epoch = max(event.epoch, state.status_epoch or 0)
        yield _status(event, is_present=True)
        yield from _forwarded(replace(event, epoch=0))

    # State

    def take_moved(self) -> set[tuple[str, str]]:
        """Return the streams and sources whose states may have changed since the last call."""
        moved, self._moved = self._moved, set()
        return moved

    def restore(self, stream: str, source: str, value: bytes) -> None:
        """Restore what is known of a source.

        Args:
            stream: The run of the source.
            source: Its name.
            value: The kept bytes.

        Raises:
            msgspec.DecodeError: If they cannot be read.
        """
        state = self.states[(stream, source)] = msgspec.msgpack.decode(value, type=SourceState)
        for topic in state.awaited:
            self._held.setdefault(topic, set()).add((stream, source))

    def forget(self, stream: str) -> None:
        """Forget the sources of a run."""
        self.states = {key: state for key, state in self.states.items() if key[0] != stream}
        self._moved = {key for key in self._moved if key[0] != stream}
        kept = {topic: {key for key in keys if key[0] != stream} for topic, keys in self._held.items()}
        self._held = {topic: keys for topic, keys in kept.items() if keys}


def _status(event: WatermarkAdvanced | SourceFellSilent | SourceReturned, *, is_present: bool) -> Output:
    status = SourceStatusChanged(
        event_time_ms=event.event_time_ms,
        known_time_ms=event.known_time_ms,
        source=event.source,
        stream=event.stream,
        is_present=is_present,
        epoch=event.epoch,
    )
    return Output(SOURCES_STATUS, status, event.source)


def _forwarded(event: Event) -> Iterator[Output]:
    """A record about a source is forwarded into the partitions of the same number, because its order there counts."""
    yield Output(MARKET_BAR, event, None)
    yield Output(FEATURES_MARKET, event, None)
