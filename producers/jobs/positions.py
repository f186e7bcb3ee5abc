"""Finds how far a source was published in the log, so that a broker that keeps its log gets only what it lacks.

The history lags behind the log by the events that its sink has not stored yet, and a source that resumed from
the history would publish those events twice. So a broker that keeps its log is asked for its newest events.
The embedded broker starts empty, and everything that is stored is published to it again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple, assert_never

from producers.normalise.watermarks import Control, MarketEvent, Reached, SourceTimes
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
#: Watermarks lie between the events, and events of other runs may follow those of this run.
_FIRST_LOOK, _WIDER = 500, 10


class LoggedPosition(NamedTuple):
    """The newest events of one source of a stream in the log.

    Attributes:
        reached: The position of the source; for candles, that of the instrument that lags most.
        trade_ids: The instrument, the epoch and the value of the id of each tick that was known in the newest
            tick's millisecond.
        candle_ends: The end of the newest candle of each instrument.
        epoch: The largest epoch that sessions stated in these partitions.
        vouched: The newest event time for which the source vouched, by topic and partition.
        newest_ticks: The newest tick of each instrument, by the epoch and the value of its id.
        silent: The topics and partitions in which the newest record of the source about itself is an absence.
        entered: The epoch and number of the switch by which the source entered a topic and after which it published
            something there, by topic and partition; left out if it left the topic again.
    """

    reached: Reached = Reached()
    trade_ids: frozenset[tuple[str, int, int]] = frozenset()
    candle_ends: Mapping[str, int] = {}
    epoch: int = 0
    vouched: Mapping[tuple[str, int], int] = {}
    entered: Mapping[tuple[str, int], tuple[int, int]] = {}
    newest_ticks: Mapping[str, TickObserved] = {}
    silent: frozenset[tuple[str, int]] = frozenset()

    def topic(self, times: SourceTimes) -> Topic | None:
        """Return the topic in which the source published last; None before its first record.

        The last record of a session that died may lie in a topic that holds no event of the source yet. A session
        may also have died after the first candle of one instrument, before those of the others and any watermark.
        """
        if self.entered:
            return BY_NAME[max(self.entered, key=self.entered.__getitem__)[0]]
        reached = self.reached.topic(times)
        if reached is None and self.vouched:
            return BY_NAME[min(self.vouched)[0]]
        if reached is None and self.candle_ends:
            return MARKET_CANDLE
        return reached

    def vouched_ms(self, times: SourceTimes) -> int | None:
        """Return the newest event time for which the source vouched in any partition; None if it never did.

        In a log that was lost, the stored events were published again, and no watermark after the last of them.
        """
        return max(self.vouched.values()) if self.vouched else self.reached.event_time_ms(times)

    def covers(self, reached: Reached) -> bool:
        """Return whether the log goes at least as far as another position."""
        pairs = zip(reached, self.reached, strict=True)
        return all(theirs is None or (ours is not None and ours >= theirs) for theirs, ours in pairs)

    def lacks(self, event: MarketEvent) -> bool:
        """Return whether an event of the source is not in the log. Events are published in order."""
        candle_end_ms, tick_known_ms = self.reached
        match event:
            case CandleObserved():
                end_ms = self.candle_ends.get(event.instrument, candle_end_ms)
                return end_ms is None or event.event_time_ms > end_ms
            case TickObserved():
                if tick_known_ms is None or event.known_time_ms != tick_known_ms:
                    return tick_known_ms is None or event.known_time_ms > tick_known_ms
                return _trade_id(event) not in self.trade_ids
            case _:
                assert_never(event)


def logged(endpoint: KafkaEndpoint, stream: str, source: StreamSource) -> LoggedPosition:
    """Return how far one source of a stream has been published.

    Args:
        endpoint: The address of the broker.
        stream: The run.
        source: The source whose partitions are read.

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
    """Return the same position with candles only as far as those of every instrument were published."""
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
    """The last events of the source in a partition, which are searched in ever longer pieces of its end.

    The search ends when each of the instruments was found, or at the beginning of the partition.
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
            continue  # the market processor dead-letters it
        if (event.stream, event.source) == stream_and_source:
            yield event


def with_newer(
    found: LoggedPosition, events: Iterable[LoggedEvent], *, where: tuple[str, int]
) -> LoggedPosition:
    """Return the position after more events of one partition, in the order of the log.

    Args:
        found: The position before them.
        events: The events.
        where: Their topic and partition.
    """
    (candle_end_ms, tick_known_ms), trade_ids = found.reached, found.trade_ids
    candle_ends, epoch, vouched = dict(found.candle_ends), found.epoch, dict(found.vouched)
    newest_ticks, silent = dict(found.newest_ticks), found.silent
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
                    trade_ids |= {_trade_id(event)}
                newest = newest_ticks.get(event.instrument)
                if newest is None or _trade_id(event) > _trade_id(newest):
                    newest_ticks[event.instrument] = event
            case WatermarkAdvanced() | SourceFellSilent() | SourceReturned():
                epoch = max(epoch, event.epoch)
                is_silent = isinstance(event, SourceFellSilent)
                silent = silent | {where} if is_silent else silent - {where}
                vouched[where] = max(event.event_time_ms, vouched.get(where, event.event_time_ms))
            case TopicSwitched():
                epoch = max(epoch, event.epoch)
            case _:
                assert_never(event)
    entry = _entry(events, where[0])
    entered = {place: switch for place, switch in found.entered.items() if place != where}
    entered |= {} if entry is None else {where: entry}
    return LoggedPosition(
        Reached(candle_end_ms, tick_known_ms),
        trade_ids,
        candle_ends,
        epoch,
        vouched,
        entered,
        newest_ticks,
        silent,
    )


def _trade_id(tick: TickObserved) -> tuple[str, int, int]:
    return tick.instrument, tick.id_epoch, tick.trade_id


def _entry(events: Iterable[LoggedEvent], topic: str) -> tuple[int, int] | None:
    """The switch by which a source entered a topic and after which it published there, unless it left the topic again."""
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
