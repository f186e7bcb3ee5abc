"""What sources say of themselves in one partition: how far they are, whether they are absent, where they go on.

The market processor has the same-numbered partition of the topics of candles and of trades. Order is kept
inside each and not between them, so a source that goes on in the other one says so in both: first in the one
that it leaves. What follows in the topic that is entered is not read on until that record was met in the left
one (:attr:`SourceBook.holds`). It was acknowledged there before the other was published; so it is always
still to be read, it can never be held up by what waits for it, and no time-out is needed::

    candles   c c c W L                      L and E are one record; E is not read on before L was met
    trades            E w . . w .

Records of a session are void once one of a later session was met in the same topic and partition (its
``epoch`` is larger): a producer that was replaced may still be alive. A switch is never void, since it only
says what comes after what.
"""

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from schemas.events import (
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


class Voice(msgspec.Struct):
    """One source in one stream.

    Attributes:
        forwarded_ms: The newest watermark that was handed on.
        silent_from_ms: Since when it is absent; None while it speaks.
        absent_until_ms: How far that was vouched for.
        returned_ms: When the last absence ended.
        status_epoch: Of the session whose presence was told to people; None before the first.
        epochs: The newest session met, by topic.
        left: By topic, the newest switch met by which it was left.
        awaited: By topic that was entered, the switch that is to be met in the left one, and which that is.
    """

    forwarded_ms: int = -1
    silent_from_ms: int | None = None
    absent_until_ms: int = _NEVER_MS
    returned_ms: int = _NEVER_MS
    status_epoch: int | None = None
    epochs: dict[str, int] = {}
    left: dict[str, _Switch] = {}
    awaited: dict[str, tuple[int, int, str]] = {}

    def is_told_present(self, epoch: int) -> bool:
        """Whether people were told that the source is present in a session, or in a later one."""
        return self.status_epoch is not None and epoch <= self.status_epoch


class SourceBook:
    """The sources of one partition, by stream and source."""

    def __init__(self) -> None:
        self.voices: dict[tuple[str, str], Voice] = {}
        self._held: dict[str, set[tuple[str, str]]] = {}
        self._moved: set[tuple[str, str]] = set()

    @property
    def holds(self) -> frozenset[str]:
        """The topics of which nothing is to be read on now."""
        return frozenset(self._held)

    def voice(self, event: Event) -> Voice:
        """What the source of an event has said; it is going to change."""
        self._moved.add((event.stream, event.source))
        return self.voices.setdefault((event.stream, event.source), Voice())

    def is_void(self, topic: str, event: WatermarkAdvanced | SourceFellSilent | SourceReturned) -> bool:
        """Whether a later session than the event's was met; else the event's is the newest."""
        voice = self.voice(event)
        newest = voice.epochs.get(topic, 0)
        if event.epoch > newest:
            voice.epochs[topic] = event.epoch
        return event.epoch < newest

    def on_switch(self, topic: str, event: TopicSwitched) -> None:
        """Take a switch in, in the topic that is left or in the one that is entered."""
        voice, switch = self.voice(event), (event.epoch, event.number)
        if topic == event.left_topic:
            voice.left[topic] = max(switch, voice.left.get(topic, (-1, -1)))
            for entered, (epoch, number, left) in list(voice.awaited.items()):
                if left == topic and voice.left[topic] >= (epoch, number):
                    del voice.awaited[entered]
                    self._release(entered, event)
        elif topic == event.entered_topic and voice.left.get(event.left_topic, (-1, -1)) < switch:
            voice.awaited[topic] = (*switch, event.left_topic)
            self._held.setdefault(topic, set()).add((event.stream, event.source))

    def _release(self, topic: str, event: Event) -> None:
        waiting = self._held.get(topic, set())
        waiting.discard((event.stream, event.source))
        if not waiting:
            self._held.pop(topic, None)

    def on_watermark(self, event: WatermarkAdvanced, *, shortest_ms: int) -> Iterator[Output]:
        """Hand on a watermark that passed the end of a bar; whatever it says, the source speaks.

        Args:
            shortest_ms: The shortest of the source's bars.
        """
        voice = self.voice(event)
        if voice.silent_from_ms is not None and event.event_time_ms > voice.silent_from_ms:
            voice.silent_from_ms, voice.returned_ms = None, event.event_time_ms
            yield _status(event, is_present=True)
        elif voice.silent_from_ms is None and not voice.is_told_present(event.epoch):
            yield _status(event, is_present=True)
        if voice.silent_from_ms is None:
            voice.status_epoch = max(event.epoch, voice.status_epoch or 0)
        passed_ms = event.event_time_ms - event.event_time_ms % shortest_ms
        if passed_ms > voice.forwarded_ms:
            voice.forwarded_ms = passed_ms
            yield from _handed_on(replace(event, event_time_ms=passed_ms, epoch=0))

    def on_silence(self, event: SourceFellSilent) -> Iterator[Output]:
        """Hand on a silence that says something new; one of before the last return is an old one, told again."""
        voice, from_ms = self.voice(event), event.event_time_ms
        until_ms = _NEVER_MS if event.absent_until_ms is None else event.absent_until_ms
        if from_ms < max(voice.forwarded_ms, voice.returned_ms, voice.silent_from_ms or _NEVER_MS):
            return
        if voice.silent_from_ms == from_ms and until_ms <= voice.absent_until_ms:
            return
        if voice.silent_from_ms is None:
            yield _status(event, is_present=False)
        voice.silent_from_ms, voice.absent_until_ms = from_ms, until_ms
        yield from _handed_on(replace(event, epoch=0))

    def on_return(self, event: SourceReturned) -> Iterator[Output]:
        """Hand on the end of an absence."""
        voice = self.voice(event)
        if voice.silent_from_ms is None or event.event_time_ms < voice.silent_from_ms:
            return
        voice.silent_from_ms, voice.returned_ms = None, event.event_time_ms
        voice.status_epoch = max(event.epoch, voice.status_epoch or 0)
        yield _status(event, is_present=True)
        yield from _handed_on(replace(event, epoch=0))

    # State

    def take_moved(self) -> set[tuple[str, str]]:
        """The streams and sources whose voices may have changed since this was asked last."""
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
        voice = self.voices[(stream, source)] = msgspec.msgpack.decode(value, type=Voice)
        for topic in voice.awaited:
            self._held.setdefault(topic, set()).add((stream, source))

    def forget(self, stream: str) -> None:
        """Drop the sources of a run."""
        self.voices = {key: voice for key, voice in self.voices.items() if key[0] != stream}
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


def _handed_on(event: Event) -> Iterator[Output]:
    """A record about a source goes into the partitions of the same number, where its order counts."""
    yield Output(MARKET_BAR, event, None)
    yield Output(FEATURES_MARKET, event, None)
