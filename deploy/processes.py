"""The table of the platform's processes: what runs, what it needs, what it serves, and when it starts.

Whatever starts the platform follows this table: the launcher of one machine, and the files for other
places. The table names modules and no interpreter, servers and no addresses. Every start follows the order
of the stages: the first start, a start after a crash, and a start after the embedded broker died, which
keeps nothing. A stage begins when all services of the stage before run and all its one-shots have ended
successfully.
"""

from enum import IntEnum, StrEnum
from pathlib import Path

import msgspec


class Stage(IntEnum):
    """The stage in which a process is started. Processes are ended in the opposite order."""

    SERVERS = 1
    SERVICES = 2
    WARM_UP = 3
    LIVE = 4


class Lifetime(StrEnum):
    """What the end of a process means.

    A service is started again whenever it ends. A one-shot is started again when it fails, up to a limit,
    and the next stage waits until it ends successfully. A source may end successfully for good, as a replay does
    at the end of its file.
    """

    SERVICE = "service"
    ONE_SHOT = "one-shot"
    SOURCE = "source"


class Server(StrEnum):
    """A server that the platform needs."""

    BROKER = "broker"
    CACHE = "cache"
    DATABASE = "database"


class HttpService(msgspec.Struct, frozen=True, kw_only=True):
    """What a process serves over HTTP, and where its health is asked for.

    Attributes:
        port_variable: The variable that sets the port on which it listens.
        alive_path: The path that answers 200 as long as the process lives.
        ready_path: The path that answers 200 when the process can do its work.
    """

    port_variable: str
    alive_path: str
    ready_path: str


class PlatformProcess(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the platform.

    Attributes:
        arguments: What follows ``python -m``.
        needs: The servers that it uses.
        serves: What it serves over HTTP; None if it serves nothing. Such a process is healthy as long as it
            lives, because it ends itself when it cannot go on.
        is_awaited_once: Whether later stages wait for its end at the first start only. After the
            death of the broker, it may publish again while the rest goes on.
        is_dispensable: Whether the other processes go on without it, if it is a one-shot that fails again and again.
        ends_when: What ends a one-shot, as the end of a sentence that begins with "it ends"; empty for others.
        n_threads: The threads of numeric libraries; 0 means one per core.
    """

    name: str
    stage: Stage
    arguments: tuple[str, ...]
    needs: frozenset[Server]
    lifetime: Lifetime = Lifetime.SERVICE
    serves: HttpService | None = None
    is_awaited_once: bool = False
    is_dispensable: bool = False
    ends_when: str = ""
    n_threads: int = 1

    @property
    def is_broker_client(self) -> bool:
        """Whether it must be started again when the embedded broker died."""
        return Server.BROKER in self.needs


_LOG = frozenset({Server.BROKER})
_LOG_AND_VIEWS = frozenset({Server.BROKER, Server.CACHE})
_LOG_AND_HISTORY = frozenset({Server.BROKER, Server.DATABASE})
_STORES = frozenset({Server.CACHE, Server.DATABASE})
_EVERYTHING = frozenset(Server)

PREPARE = PlatformProcess(
    name="prepare",
    stage=Stage.SERVERS,
    arguments=("deploy.local", "prepare"),
    needs=_EVERYTHING,
    lifetime=Lifetime.ONE_SHOT,
    ends_when="when every server answers and has its topics and tables",
)
_MARKET = PlatformProcess(
    name="market",
    stage=Stage.SERVICES,
    arguments=("stream_processors", "market"),
    needs=_LOG_AND_VIEWS,
)
_VECTORS = PlatformProcess(
    name="vectors", stage=Stage.SERVICES, arguments=("stream_processors", "vectors"), needs=_LOG
)
_OUTCOMES = PlatformProcess(
    name="outcomes",
    stage=Stage.SERVICES,
    arguments=("stream_processors", "outcomes"),
    needs=_LOG_AND_HISTORY,
)
_HISTORY = PlatformProcess(
    name="history",
    stage=Stage.SERVICES,
    arguments=("stream_processors", "history"),
    needs=_LOG_AND_HISTORY,
)
#: It runs where a run has news: the numeric libraries of its index take 120 MB.
_ARTICLES = PlatformProcess(
    name="articles", stage=Stage.SERVICES, arguments=("stream_processors", "articles"), needs=_LOG
)
#: They score articles, and make features of the scores, where a run has news.
_SENTIMENT = PlatformProcess(
    name="sentiment", stage=Stage.SERVICES, arguments=("stream_processors", "sentiment"), needs=_LOG
)
_NEWS = PlatformProcess(
    name="news", stage=Stage.SERVICES, arguments=("stream_processors", "news"), needs=_LOG_AND_VIEWS
)
_SCORING = PlatformProcess(
    name="scoring", stage=Stage.SERVICES, arguments=("api", "scoring"), needs=_EVERYTHING
)
_API = PlatformProcess(
    name="api",
    stage=Stage.SERVICES,
    arguments=("api", "serve"),
    needs=_STORES,
    serves=HttpService(port_variable="DRIFTLINE_PORT", alive_path="/healthz", ready_path="/readyz"),
)
_WARM_UP = PlatformProcess(
    name="warm-up",
    stage=Stage.WARM_UP,
    arguments=("producers", "warm-up"),
    needs=_LOG_AND_HISTORY,
    lifetime=Lifetime.ONE_SHOT,
    ends_when="when the history before the replayed part is published",
)
_TRAIN = PlatformProcess(
    name="train",
    stage=Stage.WARM_UP,
    arguments=("trainers", "train"),
    needs=_LOG_AND_HISTORY,
    lifetime=Lifetime.ONE_SHOT,
    is_awaited_once=True,
    is_dispensable=True,
    ends_when="when each target has a model, or has too little history for one",
    n_threads=0,
)
#: A market that is followed does not wait for its models: what they miss meanwhile cannot be had again.
_TRAIN_BESIDE = msgspec.structs.replace(_TRAIN, stage=Stage.LIVE, is_awaited_once=False)
#: It starts after the warm-up, because it watches what runs and must not delay what starts.
_MONITOR = PlatformProcess(
    name="monitor",
    stage=Stage.LIVE,
    arguments=("stream_processors", "monitor"),
    needs=_LOG,
    serves=HttpService(port_variable="DRIFTLINE_METRICS_PORT", alive_path="/metrics", ready_path="/metrics"),
)
#: It runs if models that learn online are named. It starts after the warm-up, which is in the log.
_LEARNER = PlatformProcess(name="learner", stage=Stage.LIVE, arguments=("trainers", "learn"), needs=_LOG)
_REPLAY = PlatformProcess(
    name="producer",
    stage=Stage.LIVE,
    arguments=("producers", "replay"),
    needs=_LOG_AND_HISTORY,
    lifetime=Lifetime.SOURCE,
)
_SIMULATION = msgspec.structs.replace(_REPLAY, arguments=("producers", "simulate"))
#: It follows the venues' trades, and never comes to an end of its data.
_FOLLOWER = msgspec.structs.replace(_REPLAY, arguments=("producers", "follow"), lifetime=Lifetime.SERVICE)
#: It reads news and latest prices by schedule, and says how the sources are.
_COLLECTOR = PlatformProcess(
    name="collector", stage=Stage.LIVE, arguments=("producers", "collect"), needs=_LOG_AND_HISTORY
)


#: It records the perpetual's flow and raw quotes into files, beside the log.
_RECORDER = PlatformProcess(
    name="recorder",
    stage=Stage.LIVE,
    arguments=("producers", "record"),
    needs=frozenset({Server.DATABASE}),
)


class MarketKind(StrEnum):
    """What a run plays."""

    REPLAY = "replay"
    SIMULATION = "simulation"
    LIVE = "live"


_SOURCES = {
    MarketKind.REPLAY: (_REPLAY,),
    MarketKind.SIMULATION: (_SIMULATION,),
    MarketKind.LIVE: (_RECORDER, _FOLLOWER, _COLLECTOR),
}


def mirror_process(*, port: int, start_ms: int, data: Path, rate: float) -> PlatformProcess:
    """Return the server that answers in the place of all outside sources. It is of the tests, and in no wheel.

    Args:
        port: On which it listens.
        start_ms: When its market began.
        data: The folder of recorded data that it plays.
        rate: Trades a second on average; 0 plays them as recorded.
    """
    options = ("--port", str(port), "--start-ms", str(start_ms), "--data", str(data), "--moving")
    pace = ("--rate", f"{rate:g}") if rate else ()
    return PlatformProcess(
        name="mirror", stage=Stage.SERVERS, arguments=("tests.mirror", *options, *pace), needs=frozenset()
    )


def processes_of_a_run(
    *,
    market: MarketKind,
    has_companions: bool = False,
    is_learning: bool = False,
    has_news: bool = False,
) -> tuple[PlatformProcess, ...]:
    """Return the rows of the table that a run needs, in the order in which they are started.

    Args:
        market: What is played.
        has_companions: Whether any instrument of the run has companions; otherwise no process joins anything.
        is_learning: Whether models learn online.
        has_news: Whether the run has news, in which copies are found, which is scored, and of which features are made.
    """
    return (
        _MARKET,
        *((_VECTORS,) if has_companions else ()),
        _OUTCOMES,
        _HISTORY,
        *((_ARTICLES, _SENTIMENT, _NEWS) if has_news else ()),
        _SCORING,
        _API,
        _WARM_UP,
        _TRAIN_BESIDE if market is MarketKind.LIVE else _TRAIN,
        _MONITOR,
        *((_LEARNER,) if is_learning else ()),
        *_SOURCES[market],
    )
