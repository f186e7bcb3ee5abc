"""Redis and Postgres behind the worker: how long after a minute's close they have all of it."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import confluent_kafka as ck
import msgspec
import psycopg

from deploy.local.directories import DataDirectory
from deploy.local.ports import POSTGRES, ClaimedPorts
from deploy.local.servers.embedded import Database, account_of_database
from deploy.local.servers.health import postgres_answers
from deploy.local.spawning import end_together, spawn
from schemas.topics import EVENT_TOPICS
from schemas.wire.administration import Administration
from schemas.wire.postgres.migrating import migrate
from schemas.wire.redis import connect, features_key
from schemas.wire.settings import Endpoints, KafkaEndpoint
from tests.benchmarks.stream.records import STREAM
from tests.benchmarks.stream.servers import Servers

_WAIT_S = 60.0
_SINK = "driftline-history"
_PLACES = [(topic.name, number) for topic in EVENT_TOPICS for number in range(topic.n_partitions)]
#: Offsets behind the last record that are transactions' marks, and that nobody commits.
_MARKS = 4 * len(_PLACES)
_ROWS = "select count(*) from features where stream = %s and event_time_ms = %s and interval = '1m'"


@contextmanager
def running_database(servers: Servers) -> Iterator[str]:
    """A Postgres with the tables, named in the data directory, within the block."""
    directory = DataDirectory(servers.data_dir)
    claimed = ClaimedPorts()
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    database = Database(
        port=claimed.choose(POSTGRES),
        directory=directory.postgres,
        environment=environment,
        account=account_of_database(directory.postgres),
    )
    database.prepare()
    process = spawn(database.command(), directory)
    try:
        deadline = time.monotonic() + _WAIT_S
        while not postgres_answers(database.url):
            if time.monotonic() > deadline:
                message = "Postgres does not answer"
                raise TimeoutError(message)
            time.sleep(0.05)
        migrate(database.url)
        endpoints = msgspec.json.decode(directory.endpoints.read_bytes(), type=Endpoints)
        changed = msgspec.structs.replace(endpoints, database_url=database.url)
        directory.endpoints.write_bytes(msgspec.json.encode(changed))
        yield database.url
    finally:
        end_together([process], timeout_s=10.0)
        claimed.release()


def empty_tables(url: str) -> None:
    """Forget all rows."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select string_agg(quote_ident(tablename), ', ') from pg_tables "
            "where schemaname = 'public' and tablename <> 'alembic_version'"
        ).fetchone()
        if found is not None and found[0]:
            connection.execute(f"truncate {found[0]} cascade".encode())


def skip_to_the_end(endpoint: KafkaEndpoint) -> None:
    """Let the sink begin with what comes from now on."""
    ends = Administration(endpoint).ends(_PLACES)
    consumer = ck.Consumer(
        {"bootstrap.servers": endpoint.bootstrap_servers, "group.id": _SINK, "log_level": 2}
    )
    places = [ck.TopicPartition(name, number, ends[name, number]) for name, number in _PLACES]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()


def sink_lag(endpoint: KafkaEndpoint) -> int:
    """How many offsets the sink has left to read."""
    administration = Administration(endpoint)
    ends, committed = administration.ends(_PLACES), administration.committed(_SINK, _PLACES)
    return sum(max(0, ends[place] - committed.get(place, 0)) for place in _PLACES)


def catching_up_s(endpoint: KafkaEndpoint, *, since: float, longest_s: float) -> float:
    """Seconds until the sink has read everything; infinity if it has not in time."""
    while sink_lag(endpoint) > _MARKS:
        if time.monotonic() - since > longest_s:
            return float("inf")
        time.sleep(0.2)
    return time.monotonic() - since


class Delays(NamedTuple):
    """Seconds from a minute's close."""

    views_s: float
    rows_s: float


class Stores:
    """Asks both, one minute after the other.

    Args:
        instruments: Whose views there are to be.
    """

    def __init__(self, servers: Servers, database_url: str, instruments: Sequence[str]) -> None:
        self._redis = connect(servers.redis_url)
        self._database = psycopg.connect(database_url, autocommit=True)
        self._keys = [features_key(STREAM, name, "1m") for name in instruments]

    def close(self) -> None:
        """Free the connections."""
        self._redis.close()
        self._database.close()

    def wait_for(self, end_ms: int, closed_at: float, *, longest_s: float) -> Delays:
        """When the views and rows of a minute were all there, by looking ten times a second.

        Infinity stands for what was not within ``longest_s``.
        """
        delays = [float("inf"), float("inf")]
        looks: list[Callable[[int], bool]] = [self._has_views, self._has_rows]
        while float("inf") in delays and time.monotonic() - closed_at < longest_s:
            for i, has_all in enumerate(looks):
                if delays[i] == float("inf") and has_all(end_ms):
                    delays[i] = time.monotonic() - closed_at
            time.sleep(0.1)
        return Delays(*delays)

    def _has_views(self, end_ms: int) -> bool:
        pipeline = self._redis.pipeline(transaction=False)
        for key in self._keys:
            pipeline.hget(key, "order")
        return all(order is not None and int(order) >= end_ms for order in pipeline.execute())

    def _has_rows(self, end_ms: int) -> bool:
        found = self._database.execute(_ROWS, (STREAM, end_ms)).fetchone()
        return found is not None and found[0] == len(self._keys)


@contextmanager
def looking(servers: Servers, database_url: str, instruments: Sequence[str]) -> Iterator[Stores]:
    """The same within the block."""
    found = Stores(servers, database_url, instruments)
    try:
        yield found
    finally:
        found.close()
