"""A session: one run, described and registered, with the doors that its jobs use."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from producers.jobs.planning import plan_of
from producers.jobs.plans import Plan, times_of
from producers.jobs.positions import Logged, logged
from producers.jobs.progress import Progress, progress_of
from producers.jobs.publishing import MarketReadWait, OnLeft, Outlet, Speaker
from producers.jobs.runs import stream_of
from producers.normalise.histories import in_order
from producers.normalise.watermarks import MarketEvent, Reached, SourceTimes
from producers.settings import ProducerSettings
from schemas.events import CandleObserved, TickObserved
from schemas.positions import MarketPosition
from schemas.streams import StreamDescription
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

    def position(self, stream: str, *, n_instruments: int = 1) -> MarketPosition:
        """How far its stored events go, of all its instruments."""

    def candles(self, stream: str) -> Iterator[CandleObserved]:
        """Its candles by known time."""

    def ticks(self, stream: str) -> Iterator[TickObserved]:
        """Its ticks by known time."""


LookUp = Callable[[StreamDescription], Logged]


class Session(NamedTuple):
    """A run and its doors.

    Attributes:
        speed: Of the part behind the warm-up.
        began_ms: When it began, by the clock: what tells it from the sessions before.
        on_left: Called when a job ends that left a topic.
        look_up: How far the log goes; None for a broker that forgot what is stored.
    """

    plan: Plan
    speed: float
    history: MarketHistory
    outlet: Outlet
    clock: Clock
    is_stopped: Callable[[], bool]
    began_ms: int
    on_left: OnLeft
    look_up: LookUp | None = None

    def times(self, said: Logged) -> SourceTimes:
        """The clock of the run's source, with the epoch of this session: larger than any in the log."""
        return replace(times_of(self.plan.description), epoch=max(self.began_ms, said.epoch + 1))

    def speaker(self, said: Logged) -> Speaker:
        """Says what this run's source says, behind what was said before."""
        times = self.times(said)
        return Speaker(
            self.outlet,
            instruments=self.plan.description.instruments,
            spoke_in=said.reached.topic(times),
            epoch=times.epoch,
            clock=self.clock,
        )

    def logged(self) -> Logged:
        """What the log has of this run; nothing, where the broker forgot."""
        return Logged() if self.look_up is None else self.look_up(self.plan.description)

    def said(self) -> Logged:
        """How far this run has been said: by the log, or where that has nothing by what is stored."""
        found = self.logged()
        if found.reached != Reached():
            return found
        return Logged(self._stored())

    def _stored(self) -> Reached:
        description = self.plan.description
        position = self.history.position(description.stream, n_instruments=len(description.instruments))
        return Reached(position.last_candle_end_ms, position.last_tick_known_ms)

    def stored_events(self, there: Logged) -> Iterator[MarketEvent]:
        """What is stored of this run and not in the log, in the order in which it was said."""
        stored, stream = self._stored(), self.plan.description.stream
        if there.covers(stored):
            return iter(())
        events = in_order(self.history.candles(stream), self.history.ticks(stream))
        return (event for event in events if there.lacks(event) and stored.holds(event))

    def events(self, said: Logged, *, until_ms: int | None, now_ms: int) -> Iterator[MarketEvent]:
        """The plan's events behind what was said."""
        return filter(said.lacks, self.plan.events(said.reached, until_ms=until_ms, now_ms=now_ms))

    def progress(self, what: str, *, until_ms: int | None) -> AbstractContextManager[Progress]:
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
