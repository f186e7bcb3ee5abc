"""A session: one run, described and registered, with the doors that its jobs use."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from producers.jobs.planning import plan_of
from producers.jobs.plans import RunPlan, SourcePlan, times_of
from producers.jobs.positions import LoggedPosition, logged
from producers.jobs.progress import JobProgress, progress_of
from producers.jobs.publishing import MarketReadWait, OnLeft, Outlet, SourcePublisher
from producers.jobs.runs import stream_of
from producers.normalise.histories import in_order
from producers.normalise.live import Heard
from producers.normalise.watermarks import MarketEvent, SourcePosition, SourceTimes
from producers.settings import ProducerSettings
from schemas.events import CandleObserved, TickObserved
from schemas.positions import MarketPosition
from schemas.streams import StreamDescription, StreamSource
from schemas.time import Clock
from schemas.wire.kafka import Publisher
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.settings import Endpoints


class KnownStreams(Protocol):
    """The runs that are remembered; :class:`schemas.wire.postgres.streams.StoredStreams` is one."""

    def register_stream(self, description: StreamDescription) -> StreamDescription:
        """Remember a run; the first description wins and is returned."""

    def stream(self, stream: str) -> StreamDescription | None:
        """What is remembered of a run."""


class MarketHistory(Protocol):
    """The stored market data of runs; :class:`schemas.wire.postgres.markets.StoredMarket` is one."""

    def position(self, stream: str, *, instruments: Collection[str] | None = None) -> MarketPosition:
        """How far the stored events of some of its instruments go; None means all that it has."""

    def candles(self, stream: str) -> Iterator[CandleObserved]:
        """Its candles by known time."""

    def ticks(self, stream: str) -> Iterator[TickObserved]:
        """Its ticks by known time."""


#: Tells how far one source of a stream goes in the log.
LookUp = Callable[[str, StreamSource], LoggedPosition]


class Session(NamedTuple):
    """A run and its doors.

    Attributes:
        speed: Of the part behind the warm-up.
        began_ms: When it began, by the clock: what tells it from the sessions before.
        on_left: Called when a job ends that left a topic.
        look_up: How far the log goes; None for a broker that forgot what is stored.
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

    def times(self, source: StreamSource, logged: LoggedPosition) -> SourceTimes:
        """The clock of a source, with the epoch of this session: larger than any in the log."""
        epoch = max(self.began_ms, logged.epoch + 1)
        return replace(times_of(self.plan.description, source), epoch=epoch)

    def publisher(self, source: StreamSource, logged: LoggedPosition) -> SourcePublisher:
        """Publishes what a source says, after what was published before."""
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
        """What the log has of a source; nothing, where the broker forgot."""
        return (
            LoggedPosition() if self.look_up is None else self.look_up(self.plan.description.stream, source)
        )

    def published(self, source: StreamSource) -> LoggedPosition:
        """How far a source has been published: by the log, or where that has nothing by what is stored."""
        found = self.logged(source)
        if found.reached != SourcePosition():
            return found
        return found._replace(reached=self._stored(source))

    def _stored(self, source: StreamSource) -> SourcePosition:
        position = self.history.position(self.plan.description.stream, instruments=source.instruments)
        return SourcePosition(position.last_candle_end_ms, position.last_tick_known_ms)

    def stored_events(self, there: Mapping[str, LoggedPosition]) -> Iterator[tuple[str, MarketEvent]]:
        """What is stored of this run and not in the log, in the order in which it was published.

        Args:
            there: What the log has, by source.

        Yields:
            The name of the source, and its event.
        """
        description = self.plan.description
        stored = {source.name: self._stored(source) for source in description.sources}
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
    ) -> Iterator[MarketEvent | Heard | None]:
        """The events of a source's plan that were not published yet."""
        for item in plan.events(published.reached, until_ms=until_ms, now_ms=now_ms):
            if item is None or isinstance(item, Heard) or published.lacks(item):
                yield item

    def history_of(self, plan: SourcePlan, published: LoggedPosition) -> Iterator[MarketEvent]:
        """The events of a source's warm-up that were not published yet."""
        description = self.plan.description
        for item in self.events(
            plan, published, until_ms=description.warm_up_until_ms, now_ms=description.created_ms
        ):
            if item is not None and not isinstance(item, Heard):
                yield item

    def progress(self, what: str, *, until_ms: int | None) -> AbstractContextManager[JobProgress]:
        """How far a job of this run is, for people."""
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
) -> Session:
    """The session of the run that settings describe; the stream is registered if it is new.

    Raises:
        ConfigurationError: If settings or file are wrong.
        StoreUnavailableError: If the history does not answer.
    """
    now_ms = clock.now_ms()
    stored = streams.stream(stream_of(settings))
    plan = plan_of(settings, stored, now_ms=now_ms)
    remembered = plan.description if stored is not None else streams.register_stream(plan.description)
    if remembered != plan.description:
        plan = plan_of(settings, remembered, now_ms=now_ms)
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
    )


@contextmanager
def open_session(
    settings: ProducerSettings, endpoints: Endpoints, *, clock: Clock, is_stopped: Callable[[], bool]
) -> Iterator[Session]:
    """A session on real servers, closed at the end of the block."""
    with PostgresPool(endpoints.database_url) as pool:
        yield registered_session(
            settings,
            streams=StoredStreams(pool),
            history=StoredMarket(pool),
            outlet=Publisher(endpoints.kafka, role="producers"),
            clock=clock,
            is_stopped=is_stopped,
            on_left=MarketReadWait(
                endpoints.kafka,
                clock=clock,
                timeout_s=settings.consumer_wait_s if endpoints.kafka.is_embedded else 0,
                is_stopped=is_stopped,
            ),
            look_up=None if endpoints.kafka.is_embedded else partial(logged, endpoints.kafka),
        )
