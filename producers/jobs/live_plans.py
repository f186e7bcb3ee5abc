"""The plan of a live run: minutes of before from the venue and the store, then what the venue's sockets bring.

Each source has a plan, and each plan a thread that follows its venue (:mod:`producers.jobs.following`). The loop that
publishes takes what the thread has handed over, and never waits for the network. The log alone decides where a source
continues: after the newest trade of each instrument in it, which is why nothing that a dead process had read and
not published is missing.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from producers.jobs.following.following import SourceFollower
from producers.jobs.following.giving import FollowedFrom
from producers.jobs.following.handing import Handover
from producers.jobs.following.healing import Healed, Healing
from producers.jobs.following.histories import FetchedAhead, Page, answered, history_pages
from producers.jobs.following.minutes import VenueMinutes
from producers.jobs.following.notes import FollowingState, GapNotes, Recorder
from producers.jobs.following.options import FollowOptions
from producers.jobs.following.paging import PageMerge
from producers.jobs.following.threads import FollowerSteps, FollowerThread
from producers.jobs.plans import Reject, SourcePlan
from producers.jobs.positions import LoggedPosition
from producers.normalise.live import Held, LiveItem
from producers.normalise.watermarks import Reached
from producers.sources.sockets import Sockets
from producers.sources.venues import Venue
from schemas.events import CandleObserved, QuoteObserved
from schemas.frames import Breach
from schemas.gaps import GapLedger
from schemas.streams import StreamDescription, StreamSource
from schemas.time import Clock, Interval


class LivePorts(NamedTuple):
    """What the plans of a live run need of the world.

    Attributes:
        venues: The adapter of each source.
        sockets: Opens connections.
        clock: The clock.
        stored: Yields the stored candles of a stream.
        ledger: The ledger of gaps.
        beside: Publishes what has no order among the trades: a quote, or a candle behind the watermark.
        acknowledge: Returns when everything that was published is acknowledged.
        recorder: Keeps what is not published.
        options: How sources are followed.
        has_threads: Whether each source is followed by a thread; tests step the follower themselves.
        seed: Of the jitter.
    """

    venues: Mapping[str, Venue]
    sockets: Sockets
    clock: Clock
    stored: Callable[[str], Iterator[CandleObserved]]
    ledger: GapLedger
    beside: Callable[[QuoteObserved | CandleObserved], None]
    acknowledge: Callable[[], None]
    recorder: Recorder
    options: FollowOptions
    has_threads: bool = True
    seed: int | None = None


class LiveWorld(NamedTuple):
    """What a live run needs, before it is known which venues it has.

    Attributes:
        options: How sources are followed.
        ports: Makes the ports of a described run.
    """

    options: FollowOptions
    ports: Callable[[StreamDescription], LivePorts]


class LivePlan(SourcePlan):
    """Publishes one source of a live run.

    Args:
        description: Of the run.
        source: The source.
        ports: The world.
    """

    is_live = True
    states_completeness = True

    def __init__(self, description: StreamDescription, source: StreamSource, ports: LivePorts) -> None:
        self.source = source
        self.rejects: Sequence[Reject] = ()
        self.breaches: Sequence[Breach] = ()
        self._stream = description.stream
        self._ports = ports
        self._venue = ports.venues[source.name]
        self._origin_ms = max(description.origin_ms, ports.clock.now_ms() - ports.options.longest_history_ms)
        self._begin: FollowedFrom | None = None
        self._follower: SourceFollower | None = None

    @property
    def state(self) -> FollowingState | None:
        """How the source is; None before it is followed."""
        return None if self._follower is None else self._follower.state

    def continue_after(self, published: LoggedPosition, vouched_ms: int | None) -> None:
        """Note what the log holds of the source; see the port."""
        self._begin = FollowedFrom(
            newest_ticks=published.newest_ticks,
            candle_ends=published.candle_ends,
            vouched_ms=vouched_ms,
            known_ms=published.reached.tick_known_ms or 0,
            is_absent=bool(published.silent),
            origin_ms=self._origin_ms,
        )

    def events(self, after: Reached, *, until_ms: int | None, now_ms: int) -> Iterator[LiveItem | None]:
        """Return the minutes of the warm-up, or follow the venue; see the port."""
        del now_ms  # the follower has a clock of its own
        if until_ms is None:
            return self._followed(self._begin or self._begin_after(after))
        from_ms = max(self._origin_ms, after.candle_end_ms or self._origin_ms)
        if not self._ports.has_threads:
            pages = answered(self._history(from_ms, until_ms), source=self.source.name)
            return (candle for page in pages for candle in page)
        ahead = FetchedAhead(
            lambda: self._history(from_ms, until_ms),
            wait_s=self._ports.options.start_wait_s,
            source=self.source.name,
        )
        return iter(ahead)

    def _begin_after(self, after: Reached) -> FollowedFrom:
        """What is known of the log if it is only known how far the candles in it go."""
        end_ms = after.candle_end_ms
        ends = {} if end_ms is None else dict.fromkeys(self.source.instruments, end_ms)
        return FollowedFrom({}, ends, end_ms, 0, is_absent=False, origin_ms=self._origin_ms)

    # History

    def _history(self, from_ms: int, until_ms: int) -> Iterator[Page]:
        """The minutes of all instruments of the source, by their ends."""
        ports = self._ports
        minutes = VenueMinutes(self._venue, ports.clock, lambda ms: ms, stream=self._stream)
        reach_ms = minutes.reach_ms(from_ms, ports.clock.now_ms())
        stored: dict[str, list[CandleObserved]] = {name: [] for name in self.source.instruments}
        for candle in ports.stored(self._stream):
            # A backfill stores candles of other lengths in the same run.
            is_minute = candle.interval is Interval.ONE_MINUTE
            if is_minute and candle.instrument in stored and from_ms <= candle.start_ms < until_ms:
                stored[candle.instrument].append(candle)
        merge = PageMerge[CandleObserved](
            {
                name: history_pages(
                    minutes, candles, name, from_ms=from_ms, until_ms=until_ms, reach_ms=reach_ms
                )
                for name, candles in stored.items()
            },
            lambda candle: candle.start_ms,
        )
        while merge.fetch():
            yield [candle for _, candle in merge.ready()]

    # Following

    def _followed(self, begin: FollowedFrom) -> Iterator[LiveItem | None]:
        handover = Handover()
        follower, healing = self._made(handover, begin)
        self._follower = follower
        steps = FollowerSteps(follower, healing, handover, self._ports.clock)
        thread = FollowerThread(steps, self.source.name) if self._ports.has_threads else None
        is_given_up = False
        try:
            while True:
                item = handover.take()
                if item is None:
                    if thread is None:
                        steps.step()
                    else:
                        thread.check()
                    if not is_given_up and not follower.is_held:
                        is_given_up = handover.shut()
                    yield None if is_given_up else Held(self._ports.clock.now_ms())
                elif isinstance(item, QuoteObserved | Healed):
                    self._publish_beside(item)
                    yield None if is_given_up else Held(self._ports.clock.now_ms())
                else:
                    is_given_up = False
                    yield item
        finally:
            if thread is None:
                follower.close()
            else:
                thread.stop()

    def _made(self, handover: Handover, begin: FollowedFrom) -> tuple[SourceFollower, Healing]:
        ports, stream, source = self._ports, self._stream, self.source.name
        follower = SourceFollower(
            self._venue,
            ports.sockets,
            ports.clock,
            handover=handover,
            stream=stream,
            begin=begin,
            gaps=GapNotes(ports.ledger, ports.clock, stream=stream, source=source),
            options=ports.options,
            recorder=ports.recorder,
            chance=random.Random(ports.seed),  # noqa: S311 - it spreads attempts in time
        )
        minutes = VenueMinutes(self._venue, ports.clock, lambda ms: ms, stream=stream)
        return follower, Healing(minutes, ports.ledger, ports.clock, stream=stream, source=source)

    def _publish_beside(self, item: QuoteObserved | Healed) -> None:
        """Publish an item that has no order among the trades."""
        if isinstance(item, QuoteObserved):
            self._ports.beside(item)
            return
        for candle in item.candles:
            self._ports.beside(candle)
        self._ports.acknowledge()
        item.is_published.set()
