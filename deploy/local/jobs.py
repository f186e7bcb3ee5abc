"""The project's own processes, as a table: what runs, in which order, and what the broker's death does.

The order of a start is the order of the stages, at any start: the first, one after a crash, and
one after the embedded broker died, which keeps nothing. A stage begins when everything of the
stage before runs (services) or has ended well (one-shots).
"""

import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import NamedTuple

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


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the platform.

    Attributes:
        arguments: What follows ``python -m``.
        is_kafka_client: Whether it must be started anew when the embedded broker died.
        is_awaited_once: Whether later stages wait for its end at the first start only: behind a
            broker that died, what it says again may come while the rest goes on.
        n_threads: Of numeric libraries; 0 is one per core.
    """

    name: str
    stage: Stage
    arguments: tuple[str, ...]
    lifetime: Lifetime = Lifetime.SERVICE
    is_kafka_client: bool = True
    is_awaited_once: bool = False
    n_threads: int = 1

    def command_line(self) -> tuple[str, ...]:
        """The program and its arguments."""
        return (sys.executable, "-m", *self.arguments)


class Run(NamedTuple):
    """What is to be run.

    Attributes:
        data: For people, plainly marked.
        environment: Which run it is, by variable, for every job.
        jobs: The processes behind the servers.
        has_files: Whether recorded files are played, which can be checked before anything is started.
    """

    data: str
    environment: Mapping[str, str]
    jobs: Sequence[Job]
    has_files: bool = False


PREPARE = Job(
    name="prepare",
    stage=Stage.SERVERS,
    arguments=("deploy.local", "prepare"),
    lifetime=Lifetime.ONE_SHOT,
)


#: Runs where models that learn online are named. Behind the warm-up: the log has what came before.
LEARNER = Job(name="learner", stage=Stage.LIVE, arguments=("trainers", "learn"))


def jobs_of_a_run(
    *, is_replay: bool, has_companions: bool = False, is_learning: bool = False
) -> tuple[Job, ...]:
    """The table.

    Args:
        is_replay: Whether a recorded file is played; otherwise the market is simulated.
        has_companions: Whether any instrument of the run has; else nothing is joined, by no process.
        is_learning: Whether models learn online.
    """
    vectors = Job(name="vectors", stage=Stage.SERVICES, arguments=("stream_processors", "vectors"))
    return (
        Job(name="market", stage=Stage.SERVICES, arguments=("stream_processors", "market")),
        *((vectors,) if has_companions else ()),
        Job(name="outcomes", stage=Stage.SERVICES, arguments=("stream_processors", "outcomes")),
        Job(name="history", stage=Stage.SERVICES, arguments=("stream_processors", "history")),
        Job(name="scoring", stage=Stage.SERVICES, arguments=("api", "scoring")),
        Job(name="api", stage=Stage.SERVICES, arguments=("api", "serve"), is_kafka_client=False),
        Job(
            name="warm-up",
            stage=Stage.WARM_UP,
            arguments=("producers", "warm-up"),
            lifetime=Lifetime.ONE_SHOT,
        ),
        Job(
            name="train",
            stage=Stage.WARM_UP,
            arguments=("trainers", "train"),
            lifetime=Lifetime.ONE_SHOT,
            is_awaited_once=True,
            n_threads=0,
        ),
        # Behind the warm-up: it watches what runs, and must not hold up what starts.
        Job(name="monitor", stage=Stage.LIVE, arguments=("stream_processors", "monitor")),
        *((LEARNER,) if is_learning else ()),
        Job(
            name="producer",
            stage=Stage.LIVE,
            arguments=("producers", "replay" if is_replay else "simulate"),
            lifetime=Lifetime.SOURCE,
        ),
    )
