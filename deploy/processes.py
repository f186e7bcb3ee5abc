"""The platform's processes, as one table: what runs, what it needs, what it serves, and when it starts.

Whatever starts the platform follows this table: the launcher of one machine, and files for other
places. It names modules and no interpreter, servers and no addresses. The order of a start is the
order of the stages, at any start: the first, one after a crash, and one after the embedded broker
died, which keeps nothing. A stage begins when everything of the stage before runs (services) or
has ended well (one-shots).
"""

from enum import IntEnum, StrEnum

import msgspec


class Stage(IntEnum):
    """When a process is started; the end goes the other way round."""

    SERVERS = 1
    SERVICES = 2
    WARM_UP = 3
    LIVE = 4


class Lifetime(StrEnum):
    """What the end of a process means.

    A service is started again whenever it ends. A one-shot is started again until it ends well,
    and the next stage waits for that. A source may also end well for good: a replay whose file
    is over.
    """

    SERVICE = "service"
    ONE_SHOT = "one-shot"
    SOURCE = "source"


class Server(StrEnum):
    """A server that the platform stands on."""

    BROKER = "broker"
    CACHE = "cache"
    DATABASE = "database"


class HttpService(msgspec.Struct, frozen=True, kw_only=True):
    """What a process serves over HTTP, and where it is asked for its health.

    Attributes:
        port_variable: Sets the port on which it listens.
        alive_path: Answers 200 as long as the process lives.
        ready_path: Answers 200 when the process can do its work.
    """

    port_variable: str
    alive_path: str
    ready_path: str


class PlatformProcess(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the platform.

    Attributes:
        arguments: What follows ``python -m``.
        needs: The servers that it talks to.
        serves: What it serves over HTTP; None serves nothing. Of a process that serves nothing
            its life is its health: it ends itself when it cannot go on.
        is_awaited_once: Whether later stages wait for its end at the first start only: after the
            death of the broker, what it says again may come while the rest goes on.
        n_threads: Of numeric libraries; 0 is one per core.
    """

    name: str
    stage: Stage
    arguments: tuple[str, ...]
    needs: frozenset[Server]
    lifetime: Lifetime = Lifetime.SERVICE
    serves: HttpService | None = None
    is_awaited_once: bool = False
    n_threads: int = 1

    @property
    def is_broker_client(self) -> bool:
        """Whether it must be started anew when the embedded broker died."""
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
)
_TRAIN = PlatformProcess(
    name="train",
    stage=Stage.WARM_UP,
    arguments=("trainers", "train"),
    needs=_LOG_AND_HISTORY,
    lifetime=Lifetime.ONE_SHOT,
    is_awaited_once=True,
    n_threads=0,
)
#: After the warm-up: it watches what runs, and must not hold up what starts.
_MONITOR = PlatformProcess(
    name="monitor",
    stage=Stage.LIVE,
    arguments=("stream_processors", "monitor"),
    needs=_LOG,
    serves=HttpService(port_variable="DRIFTLINE_METRICS_PORT", alive_path="/metrics", ready_path="/metrics"),
)
#: Runs where models that learn online are named. After the warm-up: the log has what came before.
_LEARNER = PlatformProcess(name="learner", stage=Stage.LIVE, arguments=("trainers", "learn"), needs=_LOG)
_REPLAY = PlatformProcess(
    name="producer",
    stage=Stage.LIVE,
    arguments=("producers", "replay"),
    needs=_LOG_AND_HISTORY,
    lifetime=Lifetime.SOURCE,
)
_SIMULATION = msgspec.structs.replace(_REPLAY, arguments=("producers", "simulate"))


def processes_of_a_run(
    *, is_replay: bool, has_companions: bool = False, is_learning: bool = False
) -> tuple[PlatformProcess, ...]:
    """The rows of the table that a run needs, in the order in which they are started.

    Args:
        is_replay: Whether a recorded file is played; otherwise the market is simulated.
        has_companions: Whether any instrument of the run has; else nothing is joined, by no process.
        is_learning: Whether models learn online.
    """
    return (
        _MARKET,
        *((_VECTORS,) if has_companions else ()),
        _OUTCOMES,
        _HISTORY,
        _SCORING,
        _API,
        _WARM_UP,
        _TRAIN,
        _MONITOR,
        *((_LEARNER,) if is_learning else ()),
        _REPLAY if is_replay else _SIMULATION,
    )
