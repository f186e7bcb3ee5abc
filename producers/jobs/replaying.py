"""Publishes the part of a run after its warm-up: files at a multiple of real time, simulations and feeds in real time.

It resumes after the newest event of each source in the log. If the broker lost the log, it resumes from the
stored position, which may repeat the events of its last millisecond; consumers drop the events that they have.

A source of the run that has no plan any more is declared absent as long as
the run goes on, so that nobody waits for it.
"""

from collections.abc import Iterator

import structlog

from producers.jobs.merging import MergedRecords
from producers.jobs.news_plans import NewsPublisher
from producers.jobs.pacing import Pacer
from producers.jobs.plans import SourcePlan, times_of
from producers.jobs.positions import LoggedPosition
from producers.jobs.publishing import SourcePublisher
from producers.jobs.sessions import Session
from producers.normalise.live import Held, LiveRecords
from producers.normalise.watermarks import Absence, MarketEvent, Reached, SourceRecord, with_watermarks
from schemas.events import SourceFellSilent
from schemas.streams import StreamKind, StreamSource
from schemas.time import Clock, text_of_time
from schemas.topics import MARKET_TICK

log = structlog.get_logger()
#: If a live feed is part of the run, no wait is longer, so that the feed is asked often.
_LIVE_SLEEP_S = 0.02
_SLEEP_S = 0.25


def replay(session: Session) -> bool:
    """Publish the records after the stored position, each when it is due, up to the end of the data.

    A replayed file is paced by known time. A simulation is paced by the wall clock:
    trades that were missed are published at once, and then each trade when it happens. Events of a live feed are
    published as they arrive.

    Returns:
        Whether the end was reached; False if the process was asked to end before.

    Raises:
        BrokerUnavailableError: If the broker does not take a record.
        StoreUnavailableError: If the history does not answer.
    """
    run = _Run(session)
    description = session.plan.description
    log.info(
        "source begins",
        title=description.title,
        stream=description.stream,
        speed=session.speed,
        from_time=text_of_time(run.from_ms),
        absent=[source.name for source in session.plan.absent],
    )
    with session.progress(str(description.kind), until_ms=description.end_ms) as progress:
        for record in run.published():
            progress.reached(record.event.event_time_ms, run.n_events)
    if not run.is_over:
        session.outlet.flush()
        log.info("source stops", n_events=run.n_events)
        return False
    run.finish()
    log.info("source is at its end", title=description.title, n_events=run.n_events)
    return True


class _Run:
    """The sources of a session while they are published.

    Attributes:
        from_ms: The event time from which the first of them is published.
        n_events: The number of events that were published.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        plan, clock = session.plan, session.clock
        self._is_paced_by_data = plan.description.kind is StreamKind.REPLAY
        now_ms = clock.now_ms()
        resumed = [_resumed(session, each) for each in plan.sources]
        sources = zip(plan.sources, resumed, strict=True)
        self._publishers: list[SourcePublisher | NewsPublisher] = [
            session.publisher(each.source, published) for each, published in sources
        ]
        self._n_markets = len(self._publishers)
        self._absent = [_AbsentSource(session, source) for source in plan.absent]
        records = [
            _records(session, each, published, now_ms)
            for each, published in zip(plan.sources, resumed, strict=True)
        ]
        if session.news is not None:
            records.append(session.news_records(until_ms=None))
            self._publishers.append(NewsPublisher(session.outlet))
        self._records = MergedRecords(records)
        self._longest_s = _LIVE_SLEEP_S if any(each.is_live for each in plan.sources) else _SLEEP_S
        self._pacer = Pacer(
            clock,
            speed=session.speed,
            is_stopped=session.is_stopped,
            starts_at_ms=None if self._is_paced_by_data else now_ms,
        )
        self._silent: set[int] = set()
        self.n_events = 0
        times = [
            published.reached.event_time_ms(times_of(plan.description, each.source))
            for each, published in zip(plan.sources, resumed, strict=True)
        ]
        known = [time_ms for time_ms in times if time_ms is not None]
        self.from_ms = min(known) if known else plan.description.origin_ms

    @property
    def is_over(self) -> bool:
        """Whether every source has ended."""
        return self._records.is_over

    def published(self) -> Iterator[SourceRecord]:
        """Publish the records of all sources, each when it is due, and yield each."""
        last_ms = self.from_ms
        while not self._session.is_stopped():
            due_ms = self._records.due_ms()
            if due_ms is None and self._records.is_over:
                self._end(last_ms)
                return
            left_s = self._longest_s if due_ms is None else self._pacer.left_s(due_ms)
            if not self._is_paced_by_data:
                self._declare_absent(self._session.clock.now_ms())
            if due_ms is None or left_s > 0:
                self._session.clock.sleep(min(left_s, self._longest_s))
                continue
            if self._is_paced_by_data:
                self._declare_absent(due_ms)
            number, record = self._records.take()
            publisher = self._publishers[number]
            n_before = publisher.n_events
            publisher.publish(record)
            self.n_events += publisher.n_events - n_before
            self._note_silence(number, record)
            last_ms = due_ms
            yield record

    def _note_silence(self, number: int, record: SourceRecord) -> None:
        """Make the record after an outage of every source due at once, and not after the length of the outage."""
        if number >= self._n_markets:
            return  # the pace is that of prices
        if not isinstance(record.event, SourceFellSilent):
            self._silent.discard(number)
            return
        self._silent.add(number)
        if self._is_paced_by_data and len(self._silent) == self._n_markets:
            self._pacer.skip_gap()

    def _declare_absent(self, now_ms: int) -> None:
        for absent in self._absent:
            absent.on_time(now_ms)

    def _end(self, last_ms: int) -> None:
        """Declare the absent sources of recorded data absent for ever, because the run has ended for ever."""
        if not self._is_paced_by_data:
            return
        for absent in self._absent:
            absent.on_end(last_ms)

    def finish(self) -> None:
        """Return when everything is acknowledged, and ``on_left`` was called for every topic that was left."""
        for publisher in self._publishers:
            publisher.finish(self._session.on_left)


class _AbsentSource:
    """A source of the run that has no plan in this session."""

    def __init__(self, session: Session, source: StreamSource) -> None:
        published = session.published(source)
        times = session.times(source, published)
        vouched_ms = published.vouched_ms(times)
        from_ms = times.ticks_from_ms if vouched_ms is None else vouched_ms
        topic = published.topic(times) or MARKET_TICK
        self._publisher: SourcePublisher = session.publisher(source, published)
        self._absence = Absence(topic, times, from_ms=from_ms)

    def on_time(self, now_ms: int) -> None:
        """Publish the declaration that is due."""
        for record in self._absence.on_time(now_ms):
            self._publisher.publish(record)

    def on_end(self, now_ms: int) -> None:
        """Publish that no event will be published any more."""
        for record in self._absence.on_end(now_ms):
            self._publisher.publish(record)


def _records(
    session: Session, plan: SourcePlan, published: LoggedPosition, now_ms: int
) -> Iterator[SourceRecord | None]:
    if plan.is_live:
        return _live_records(session, plan, published, now_ms)
    times = session.times(plan.source, published)
    items = session.events(plan, published, until_ms=None, now_ms=now_ms)
    events = (item for item in items if isinstance(item, MarketEvent))
    return with_watermarks(events, times, after=published.reached, is_to_the_end=True)


def _live_records(
    session: Session, plan: SourcePlan, published: LoggedPosition, now_ms: int
) -> Iterator[SourceRecord | None]:
    """The records of a live source, with None while there is no record."""
    clock: Clock = session.clock
    times = session.times(plan.source, published)
    live = LiveRecords(
        times,
        after=published.reached,
        topic=published.topic(times),
        vouched_ms=published.vouched_ms(times),
        now_ms=now_ms,
        states_completeness=plan.states_completeness,
        newest_tick_ms=max((tick.event_time_ms for tick in published.newest_ticks.values()), default=None),
        is_absent=bool(published.silent) if plan.states_completeness else None,
    )
    if live.is_absent:
        yield from live.on_time(now_ms)
    for item in session.events(plan, published, until_ms=None, now_ms=now_ms):
        if item is not None and not isinstance(item, Held):
            yield from live.on_item(item)
            continue
        if item is None or live.is_absent:
            yield from live.on_time(clock.now_ms())
        yield None


def _resumed(session: Session, plan: SourcePlan) -> LoggedPosition:
    """How far a source was published, or the end of the warm-up if the history does not go so far yet."""
    published = session.published(plan.source)
    if plan.is_live:
        return published
    warm_up_ms = session.plan.description.warm_up_until_ms
    time_ms = published.reached.event_time_ms(times_of(session.plan.description, plan.source))
    if time_ms is None or time_ms < warm_up_ms:
        return published._replace(reached=Reached(candle_end_ms=warm_up_ms))
    return published
