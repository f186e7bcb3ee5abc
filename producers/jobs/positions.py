"""How far the log itself goes: where a source goes on when its broker remembers.

The history lags behind the log by what its sink has not stored yet; a source that went on from
there would say those events twice. So a broker that keeps its log is asked for its newest events.
The embedded one starts empty, and is told everything that is stored.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple, assert_never

from producers.normalise.watermarks import Control, MarketEvent, SourcePosition, SourceTimes
from schemas import codec
from schemas.errors import ContractError
from schemas.events import (
    CandleObserved,
    SourceFellSilent,
    SourceReturned,
    TickObserved,
    TopicSwitched,
    WatermarkAdvanced,
)
from schemas.streams import StreamSource
from schemas.topics import BY_NAME, MARKET_CANDLE, MARKET_TICK, Topic, partition_of
from schemas.wire.administration import Administration
from schemas.wire.kafka import Record, read_range
from schemas.wire.settings import KafkaEndpoint

LoggedEvent = MarketEvent | Control | TopicSwitched
#: Watermarks lie between events, and other runs' events may lie behind this one's.
_FIRST_LOOK, _WIDER = 500, 10


class LoggedPosition(NamedTuple):
    """The newest events of one source of a stream in the log.

    Attributes:
        reached: Of several instruments, the one that is least far with its candles.
        trade_ids: Of the ticks that were known in the newest tick's millisecond, by instrument.
        candle_ends: Of each instrument's newest candle.
        epoch: The largest that sessions have stated where this was looked for.
        vouched: By topic and partition, the newest event time for which the source vouched.
        entered: By topic and partition, the epoch and number of the switch by which the source entered the
            topic and after which it published something there; left out where it left the topic again.
    """

    reached: SourcePosition = SourcePosition()
    trade_ids: frozenset[tuple[str, int]] = frozenset()
    candle_ends: Mapping[str, int] = {}
    epoch: int = 0
    vouched: Mapping[tuple[str, int], int] = {}
    entered: Mapping[tuple[str, int], tuple[int, int]] = {}

    def topic(self, times: SourceTimes) -> Topic | None:
        """The topic in which the source published last; None at the very beginning.

        What a session published last before it died may be of a topic in which there is no event of it yet.
        """
        if self.entered:
            return BY_NAME[max(self.entered, key=self.entered.__getitem__)[0]]
        reached = self.reached.topic(times)
        if reached is None and self.vouched:
            return BY_NAME[min(self.vouched)[0]]
        return reached

    def vouched_ms(self, times: SourceTimes) -> int | None:
        """The newest event time for which the source vouched in any partition; None where it never did.

        A log that forgot was told of the stored events again, and of no watermark after the last of them.
        """
        return max(self.vouched.values()) if self.vouched else self.reached.event_time_ms(times)

    def covers(self, reached: SourcePosition) -> bool:
        """Whether the log goes as far as something else."""
        pairs = zip(reached, self.reached, strict=True)
        return all(theirs is None or (ours is not None and ours >= theirs) for theirs, ours in pairs)

    def lacks(self, event: MarketEvent) -> bool:
        """Whether an event of the source is not in the log; they are published in order."""
        candle_end_ms, tick_known_ms = self.reached
        match event:
            case CandleObserved():
                end_ms = self.candle_ends.get(event.instrument, candle_end_ms)
                return end_ms is None or event.event_time_ms > end_ms
            case TickObserved():
                if tick_known_ms is None or event.known_time_ms != tick_known_ms:
                    return tick_known_ms is None or event.known_time_ms > tick_known_ms
                return (event.instrument, event.trade_id) not in self.trade_ids
            case _:
                assert_never(event)


def logged(endpoint: KafkaEndpoint, stream: str, source: StreamSource) -> LoggedPosition:
    """How far one source of a stream has been published.

    Args:
        endpoint: The broker.
        stream: The run.
        source: Whose partitions are looked at.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
    """
    found = LoggedPosition()
    for topic in (MARKET_CANDLE, MARKET_TICK):
        places: dict[int, set[str]] = {}
        for name in source.instruments:
            places.setdefault(partition_of(name.encode(), topic.n_partitions), set()).add(name)
        for partition, names in sorted(places.items()):
            where = (topic.name, partition)
            newest = _newest(endpoint, where, (stream, source.name), names)
            found = with_newer(found, newest, where=where)
    return least_far(found, source.instruments)


def least_far(found: LoggedPosition, instruments: Collection[str]) -> LoggedPosition:
    """The same, where candles have been said as far as those of every instrument were."""
    ends = [found.candle_ends.get(name) for name in instruments]
    known = [end_ms for end_ms in ends if end_ms is not None]
    candle_end_ms = min(known) if known and len(known) == len(ends) else None
    return found._replace(reached=found.reached._replace(candle_end_ms=candle_end_ms))


def _newest(
    endpoint: KafkaEndpoint,
    where: tuple[str, int],
    stream_and_source: tuple[str, str],
    instruments: Collection[str],
) -> list[LoggedEvent]:
    """The source's last events in a partition, looked for in ever longer pieces of its end.

    Each of the instruments is looked for, down to the partition's beginning.
    """
    administration = Administration(endpoint)
    begin, end = administration.beginnings([where])[where], administration.ends([where])[where]
    n_records = _FIRST_LOOK
    while end > begin:
        start = max(begin, end - n_records)
        events = list(_events_of(read_range(endpoint, {where: start}), stream_and_source))
        found = {event.instrument for event in events if isinstance(event, CandleObserved | TickObserved)}
        if start == begin or found >= set(instruments):
            return events
        n_records *= _WIDER
    return []


def _events_of(records: Iterable[Record], stream_and_source: tuple[str, str]) -> Iterator[LoggedEvent]:
    for record in records:
        try:
            event = codec.decode(BY_NAME[record.topic], record.value, record.headers)
        except ContractError:
            continue  # the market processor puts it aside
        if (event.stream, event.source) == stream_and_source:
            yield event


def with_newer(
    found: LoggedPosition, events: Iterable[LoggedEvent], *, where: tuple[str, int]
) -> LoggedPosition:
    """The same after more events of one partition, in the order of their log.

    Args:
        where: The topic and the partition that they lie in.
    """
    (candle_end_ms, tick_known_ms), trade_ids = found.reached, found.trade_ids
    candle_ends, epoch, vouched = dict(found.candle_ends), found.epoch, dict(found.vouched)
    events = list(events)
    for event in events:
        match event:
            case CandleObserved():
                candle_end_ms = max(event.event_time_ms, candle_end_ms or event.event_time_ms)
                candle_ends[event.instrument] = max(
                    event.event_time_ms, candle_ends.get(event.instrument, event.event_time_ms)
                )
            case TickObserved():
                if tick_known_ms is None or event.known_time_ms > tick_known_ms:
                    tick_known_ms, trade_ids = event.known_time_ms, frozenset()
                if event.known_time_ms == tick_known_ms:
                    trade_ids |= {(event.instrument, event.trade_id)}
            case WatermarkAdvanced() | SourceFellSilent() | SourceReturned():
                epoch = max(epoch, event.epoch)
                vouched[where] = max(event.event_time_ms, vouched.get(where, event.event_time_ms))
            case TopicSwitched():
                epoch = max(epoch, event.epoch)
            case _:
                assert_never(event)
    entry = _entry(events, where[0])
    entered = {place: switch for place, switch in found.entered.items() if place != where}
    entered |= {} if entry is None else {where: entry}
    return LoggedPosition(
        SourcePosition(candle_end_ms, tick_known_ms), trade_ids, candle_ends, epoch, vouched, entered
    )


def _entry(events: Iterable[LoggedEvent], topic: str) -> tuple[int, int] | None:
    """The switch by which a source entered a topic and after which it published there, if it is still there."""
    switch: tuple[int, int] | None = None
    entry: tuple[int, int] | None = None
    for event in events:
        if not isinstance(event, TopicSwitched):
            entry = entry if switch is None else switch
        elif event.entered_topic == topic:
            switch = (event.epoch, event.number)
        else:
            switch = entry = None
    return entry
