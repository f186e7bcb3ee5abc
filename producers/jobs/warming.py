"""The warm-up: publishes the stored events of a run again, and then its history up to the end of the warm-up.

It is a one-shot. When it returns, the broker has acknowledged everything. If a broker lost its log, it gets for
each source the same sequence that was published first, watermarks included. A broker that keeps its log only gets
what it lacks. Of a source that has no plan any more, the stored events are published.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from itertools import chain, repeat

import structlog

from producers.jobs.news_plans import NewsPublisher
from producers.jobs.plans import SourcePlan
from producers.jobs.positions import LoggedPosition
from producers.jobs.progress import JobProgress
from producers.jobs.publishing import SourcePublisher
from producers.jobs.sessions import Session
from producers.normalise.watermarks import RecordMaker, SourceRecord, with_watermarks
from schemas.companions import NEWS

log = structlog.get_logger()
#: The name of a source, and a record of it.
Named = tuple[str, SourceRecord]


def warm_up(session: Session) -> None:
    """Publish the stored events of the stream, and then the missing ones up to the end of its warm-up.

    Raises:
        BrokerUnavailableError: If the broker does not take a record.
        StoreUnavailableError: If the history does not answer.
    """
    plan = session.plan
    stream = plan.description.stream
    began_s = session.clock.monotonic_s()
    sources = plan.description.sources
    there = {source.name: session.logged(source) for source in sources}
    publishers: dict[str, SourcePublisher | NewsPublisher] = {
        source.name: session.publisher(source, there[source.name]) for source in sources
    }
    publishers[NEWS] = NewsPublisher(session.outlet)
    with session.progress("warm-up", until_ms=plan.description.warm_up_until_ms) as progress:
        publishing = _WarmUpPublishing(session, publishers, progress)
        is_whole = publishing.publish(_stored(session, there))
        n_restored = publishing.n_events
        is_whole = is_whole and publishing.publish(_missing(session))
    for publisher in publishers.values():
        publisher.finish(session.on_left)
    if not is_whole:
        log.info("warm-up stops", stream=stream, n_events=publishing.n_events)
        return
    log.info(
        "warm-up is published",
        stream=stream,
        title=plan.description.title,
        n_restored=n_restored,
        n_new=publishing.n_events - n_restored,
        n_rejected=len(plan.rejects),
        seconds=round(session.clock.monotonic_s() - began_s, 2),
    )


def _stored(session: Session, there: Mapping[str, LoggedPosition]) -> Iterator[Named]:
    """The stored events that are not in the log, with their watermarks, in the order of the stored events."""
    makers = {
        source.name: RecordMaker(session.times(source, there[source.name]), there[source.name].reached)
        for source in session.plan.description.sources
    }
    for name, event in session.stored_events(there):
        yield from zip(repeat(name), makers[name].on_event(event))
    for name, maker in makers.items():
        yield from zip(repeat(name), maker.on_end(is_to_the_end=False))


def _missing(session: Session) -> Iterator[Named]:
    """The missing events up to the end of the warm-up, of all sources in the order of known time.

    Feeds ask their venues all at once. They are published one after another, the reference instrument's first, so
    that nobody waits for the slowest venue.
    """
    session.outlet.flush()
    parts = [_missing_of(session, plan) for plan in session.plan.sources]
    if session.news is not None:
        news = session.news_records(until_ms=session.plan.description.warm_up_until_ms)
        parts.append(zip(repeat(NEWS), news))
    if any(plan.states_completeness for plan in session.plan.sources):
        return chain.from_iterable(parts)
    return merge(*parts, key=lambda named: named[1].event.known_time_ms)


def _missing_of(session: Session, plan: SourcePlan) -> Iterator[Named]:
    published = session.published(plan.source)
    times = session.times(plan.source, published)
    time_ms = published.reached.event_time_ms(times)
    if time_ms is not None and time_ms >= session.warm_up_until_ms(plan):
        return iter(())
    if plan.states_completeness and published.reached.tick_known_ms is not None:
        return iter(())  # the feed continues after its newest trade
    events = session.history_of(plan, published)
    return zip(repeat(plan.source.name), with_watermarks(events, times, after=published.reached))


class _WarmUpPublishing:
    """Publishes records of several sources until the process is asked to end.

    Attributes:
        n_events: The number of events that were published.
    """

    def __init__(
        self,
        session: Session,
        publishers: Mapping[str, SourcePublisher | NewsPublisher],
        progress: JobProgress,
    ) -> None:
        self._session = session
        self._publishers = publishers
        self._progress = progress
        self.n_events = 0

    def publish(self, records: Iterable[Named]) -> bool:
        """Publish all records, and return whether that was done; False if the process was asked to end."""
        for name, record in records:
            if self._session.is_stopped():
                return False
            publisher = self._publishers[name]
            n_before = publisher.n_events
            publisher.publish(record)
            self.n_events += publisher.n_events - n_before
            self._progress.reached(record.event.event_time_ms, self.n_events)
        return True
