"""A session: one run, described and registered, with the ports that its jobs use."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from producers.jobs.live_plans import LiveWorld
from producers.jobs.news_plans import NewsPlan, logged_news_ms
from producers.jobs.planning import plan_of
from producers.jobs.plans import RunPlan, SourcePlan, times_of
from producers.jobs.positions import LoggedPosition, logged
from producers.jobs.progress import JobProgress, progress_of
from producers.jobs.publishing import MarketReadWait, OnLeft, Outlet, SourcePublisher
from producers.jobs.runs import stream_of
from producers.jobs.stored_runs import KnownStreams, MarketHistory
from producers.normalise.histories import in_order
from producers.normalise.live import LiveItem
from producers.normalise.watermarks import MarketEvent, Reached, SourceRecord, SourceTimes
from producers.settings import ProducerSettings
from schemas.events import TickObserved
from schemas.streams import StreamSource
from schemas.time import Clock, Interval, bar_start_ms
from schemas.wire.kafka import Publisher
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.settings import Endpoints

#: A live trade waits this long for others on the embedded broker, which keeps each batch in memory with 1.5 kB of its own.
#: A bar waits longer for the venue's watermark than a trade does here.
_LIVE_LINGER_MS = 250

#: Returns how far one source of a stream was published in the log.
LookUp = Callable[[str, StreamSource], LoggedPosition]


class Session(NamedTuple):
    """A run with its ports.

    Attributes:
        plan: The plan of the run.
        speed: The speed of the part after the warm-up.
        history: The stored market data.
        outlet: The port to which records are published.
        clock: The clock.
        is_stopped: Tells whether the process was asked to end.
        began_ms: When the session began, by the clock, which distinguishes it from earlier sessions.
        on_left: Called when a job ends that left a topic.
        look_up: Returns how far the log goes; None for a broker that lost its log.
        news: The news of the run; None if it has none, or if it is not from a file.
        news_look_up: Returns the time for which the log vouches for the news of a run.
    """

    plan: RunPlan
    speed: float
    history: MarketHistory
    outlet: Outlet
    clock: Clock
    is_stopped: Callable[[], bool]
    began_ms: int
    on_left: OnLeft
    look_up: LookUp | None = None
    news: NewsPlan | None = None
    news_look_up: Callable[[str], int | None] | None = None

    def news_records(self, *, until_ms: int | None) -> Iterator[SourceRecord]:
        """Return the records of the news of the run that are not in the log, up to a known time."""
        if self.news is None:
            return iter(())
        look_up = self.news_look_up
        after_ms = None if look_up is None else look_up(self.plan.description.stream)
        return self.news.records(after_ms=after_ms, until_ms=until_ms)

    def times(self, source: StreamSource, logged: LoggedPosition) -> SourceTimes:
        """Return the times of a source with the epoch of this session, which is larger than any in the log."""
        epoch = max(self.began_ms, logged.epoch + 1)
        return replace(times_of(self.plan.description, source), epoch=epoch)

    def publisher(self, source: StreamSource, logged: LoggedPosition) -> SourcePublisher:
        """Return the publisher of a source, which continues after what was published before."""
        times = self.times(source, logged)
        return SourcePublisher(
            self.outlet,
            instruments=source.instruments,
            published_in=logged.topic(times),
            epoch=times.epoch,
            clock=self.clock,
            vouched=logged.vouched,
        )

    def logged(self, source: StreamSource) -> LoggedPosition:
        """Return how far the log goes for a source; nothing if the broker lost its log."""
        return (
            LoggedPosition() if self.look_up is None else self.look_up(self.plan.description.stream, source)
        )

    def published(self, source: StreamSource) -> LoggedPosition:
        """Return how far a source has been published, by the log; by the stored events if the log has nothing of it."""
        found = self.logged(source)
        if found.reached != Reached() or source.name in self._refilling:
            return found
        return found._replace(reached=self._stored(source))

    @property
    def _refilling(self) -> frozenset[str]:
        """The sources that ask their venue for what the log lacks, and not the stored events."""
        return frozenset(plan.source.name for plan in self.plan.sources if plan.states_completeness)

    def _stored(self, source: StreamSource) -> Reached:
        position = self.history.position(self.plan.description.stream, instruments=source.instruments)
        return Reached(position.last_candle_end_ms, position.last_tick_known_ms)

    def stored_events(self, there: Mapping[str, LoggedPosition]) -> Iterator[tuple[str, MarketEvent]]:
        """Yield the events that are stored and not in the log, in the order in which they were published.

        Args:
            there: How far the log goes, by source.

        Yields:
            The name of the source, and its event.
        """
        description = self.plan.description
        sources = [source for source in description.sources if source.name not in self._refilling]
        stored = {source.name: self._stored(source) for source in sources}
        lacking = {name for name in stored if not there[name].covers(stored[name])}
        if not lacking:
            return
        owners = {name: source.name for source in description.sources for name in source.instruments}
        stream = description.stream
        for event in in_order(self.history.candles(stream), self.history.ticks(stream)):
            owner = owners.get(event.instrument)
            if owner in lacking and there[owner].lacks(event) and stored[owner].holds(event):
                yield owner, event

    def events(
        self, plan: SourcePlan, published: LoggedPosition, *, until_ms: int | None, now_ms: int
    ) -> Iterator[LiveItem | None]:
        """Return the events of the plan of a source that were not published yet.

        Args:
            plan: The plan of the source.
            published: How far the source has been published.
            until_ms: The event time of the last candle, inclusive; None for all events.
            now_ms: The wall clock, by which a simulation decides how to catch up.
        """
        times = self.times(plan.source, published)
        plan.continue_after(published, published.vouched_ms(times))
        items = plan.events(published.reached, until_ms=until_ms, now_ms=now_ms)
        return (
            item
            for item in items
            if not isinstance(item, MarketEvent)
            or (plan.states_completeness and isinstance(item, TickObserved))
            or published.lacks(item)
        )

    def history_of(self, plan: SourcePlan, published: LoggedPosition) -> Iterator[MarketEvent]:
        """Return the events of the warm-up of a source that were not published yet."""
        until_ms = self.warm_up_until_ms(plan)
        now_ms = self.plan.description.created_ms
        items = self.events(plan, published, until_ms=until_ms, now_ms=now_ms)
        return (item for item in items if isinstance(item, MarketEvent))

    def warm_up_until_ms(self, plan: SourcePlan) -> int:
        """Return where the warm-up of a source ends: that of a feed that refills in the minute in which it begins."""
        first_ms = self.plan.description.warm_up_until_ms
        if not plan.states_completeness:
            return first_ms
        return max(first_ms, bar_start_ms(self.began_ms, Interval.ONE_MINUTE))

    def progress(self, what: str, *, until_ms: int | None) -> AbstractContextManager[JobProgress]:
        """Return how the progress of a job of this run is shown."""
        return progress_of(what, self.clock, from_ms=self.plan.description.origin_ms, until_ms=until_ms)


def registered_session(
    settings: ProducerSettings,
    *,
    streams: KnownStreams,
    history: MarketHistory,
    outlet: Outlet,
    clock: Clock,
    is_stopped: Callable[[], bool],
    on_left: OnLeft,
    look_up: LookUp | None = None,
    live: LiveWorld | None = None,
    news_look_up: Callable[[str], int | None] | None = None,
) -> Session:
    """Return the session of the run that settings describe; a new stream is registered.

    Args:
        settings: The settings of the producer.
        streams: The stored runs.
        history: The stored market data.
        outlet: The port to which records are published.
        clock: The clock.
        is_stopped: Tells whether the process was asked to end.
        on_left: Called when a job ends that left a topic.
        look_up: Returns how far the log goes; None for a broker that lost its log.
        live: What a live run needs of the world.
        news_look_up: Returns the time for which the log vouches for the news of a run.

    Raises:
        ConfigurationError: If settings or file are wrong.
        StoreUnavailableError: If the history does not answer.
    """
    now_ms = clock.now_ms()
    stored = streams.stream(stream_of(settings))
    plan = plan_of(settings, stored, now_ms=now_ms, live=live)
    remembered = plan.description if stored is not None else streams.register_stream(plan.description)
    if remembered != plan.description:
        plan = plan_of(settings, remembered, now_ms=now_ms, live=live)
    return Session(
        plan=plan,
        speed=remembered.speed if settings.speed is None else settings.speed,
        history=history,
        outlet=outlet,
        clock=clock,
        is_stopped=is_stopped,
        began_ms=now_ms,
        on_left=on_left,
        look_up=look_up,
        news=(
            None
            if settings.news is None
            else NewsPlan(settings.news, plan.description, delay_ms=settings.news_delay_ms)
        ),
        news_look_up=news_look_up,
    )


def _outlet(settings: ProducerSettings, endpoints: Endpoints) -> Publisher:
    """Return the publisher of a session. On the embedded broker, the trades of a feed wait for others: see the constant."""
    if settings.is_live and endpoints.kafka.is_embedded:
        return Publisher(endpoints.kafka, role="producers", linger_ms=_LIVE_LINGER_MS)
    return Publisher(endpoints.kafka, role="producers")


@contextmanager
def open_session(
    settings: ProducerSettings,
    endpoints: Endpoints,
    *,
    clock: Clock,
    is_stopped: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[Session]:
    """Open a session on real servers, which is closed at the end of the block.

    Args:
        settings: The settings of the producer.
        endpoints: The addresses of the servers.
        clock: The clock.
        is_stopped: Tells whether the process was asked to end.
        environment: The settings of outside sources, for a live run.
    """
    is_lost = endpoints.kafka.is_embedded and not settings.is_live
    with ExitStack() as opened:
        pool = opened.enter_context(PostgresPool(endpoints.database_url))
        outlet = _outlet(settings, endpoints)
        live: LiveWorld | None = None
        if settings.is_live:
            from producers.jobs.live_opening import open_live

            world = open_live(
                environment or {},
                pool,
                outlet,
                stream=stream_of(settings),
                clock=clock,
                is_stopped=is_stopped,
            )
            live = opened.enter_context(world)
        yield registered_session(
            settings,
            streams=StoredStreams(pool),
            history=StoredMarket(pool),
            outlet=outlet,
            clock=clock,
            is_stopped=is_stopped,
            on_left=MarketReadWait(
                endpoints.kafka,
                clock=clock,
                timeout_s=settings.consumer_wait_s if endpoints.kafka.is_embedded else 0,
                is_stopped=is_stopped,
            ),
            look_up=None if is_lost else partial(logged, endpoints.kafka),
            live=live,
            news_look_up=partial(logged_news_ms, endpoints.kafka),
        )
