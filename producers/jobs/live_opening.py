"""Opens what a live run needs of the world: the web, the venues, the stored candles and the ledger of gaps."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

from producers.jobs.following.options import FollowOptions
from producers.jobs.following.settings import FollowSettings
from producers.jobs.live_plans import LivePorts, LiveWorld
from producers.jobs.live_recorders import recorder_of
from producers.jobs.publishing import Outlet
from producers.jobs.recording.settings import RecordingSettings
from producers.sources.venue_table import venue_of
from producers.sources.web.opening import Web, open_web
from producers.sources.web.settings import WebSettings
from schemas import codec
from schemas.events import CandleObserved, QuoteObserved
from schemas.streams import StreamDescription
from schemas.time import Clock
from schemas.topics import MARKET_CANDLE, MARKET_QUOTE
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.pools import PostgresPool


@contextmanager
def open_live(
    environment: Mapping[str, str],
    pool: PostgresPool,
    outlet: Outlet,
    *,
    stream: str,
    clock: Clock,
    is_stopped: Callable[[], bool],
) -> Iterator[LiveWorld]:
    """Open the world of a live run; its connections are closed at the end of the block.

    Args:
        environment: The settings.
        pool: The durable store.
        outlet: Where quotes and healed candles are published.
        stream: The run, which has a folder for what the web asked of us: pauses and refusals outlive a restart.
        clock: The clock.
        is_stopped: Whether the process was asked to end.

    Raises:
        ConfigurationError: If a setting has another form.
    """
    follow = FollowSettings.from_environment(environment)
    recording = RecordingSettings.from_environment(environment)
    folder = recording.data_dir / "web" / stream
    parameters = WebSettings.from_environment(environment).parameters(folder)
    with open_web(parameters, clock, is_stopped=is_stopped) as web, ExitStack() as opened:
        yield LiveWorld(
            follow.options,
            partial(
                _ports,
                outlet,
                web=web,
                pool=pool,
                clock=clock,
                options=follow.options,
                recording=recording,
                opened=opened,
            ),
        )


def _ports(
    outlet: Outlet,
    description: StreamDescription,
    *,
    web: Web,
    pool: PostgresPool,
    clock: Clock,
    options: FollowOptions,
    recording: RecordingSettings,
    opened: ExitStack,
) -> LivePorts:
    recorder = recorder_of(recording, clock, stream=description.stream)
    opened.callback(recorder.close)
    return LivePorts(
        venues={
            source.name: venue_of(source.name, source.instruments, web.fetcher)
            for source in description.sources
        },
        sockets=web.sockets,
        clock=clock,
        stored=StoredMarket(pool).candles,
        ledger=StoredGaps(pool),
        beside=beside(outlet),
        acknowledge=outlet.flush,
        recorder=recorder,
        options=options,
    )


def beside(outlet: Outlet) -> Callable[[QuoteObserved | CandleObserved], None]:
    """Return how quotes, and candles behind the watermark, are published: they have no order among the trades."""

    def publish(event: QuoteObserved | CandleObserved) -> None:
        topic = MARKET_QUOTE if isinstance(event, QuoteObserved) else MARKET_CANDLE
        value = codec.encode(event)
        headers = codec.headers(type(event), codec.trace_id(value))
        outlet.publish(topic.name, value, key=event.instrument.encode(), headers=headers)

    return publish
