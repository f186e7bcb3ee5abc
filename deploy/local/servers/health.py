"""Asks servers whether they answer, in their own protocols, through the clients of ``schemas.wire``."""

import logging
import math
import time
from collections.abc import Callable
from typing import NamedTuple

from deploy.local.servers.addresses import listens, without_password
from schemas.errors import StoreUnavailableError
from schemas.wire.administration import Administration
from schemas.wire.postgres.addresses import check_url
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.redis import Views, connect
from schemas.wire.settings import Endpoints, KafkaEndpoint

_POLL_S = 0.05
_SAID_AFTER_S = 1.0


class HealthQuestion(NamedTuple):
    """A server, and how to ask whether it answers.

    Attributes:
        variable: The variable that sets its address.
        address: Its address without a password.
        is_answered: Asks the server, and returns whether it answers.
    """

    name: str
    variable: str
    address: str
    is_answered: Callable[[], bool]


def broker_answers(endpoint: KafkaEndpoint) -> bool:
    """Return whether a broker answers a request for its topics."""
    addresses = [f"//{address.strip()}" for address in endpoint.bootstrap_servers.split(",")]
    if not any(listens(address, default_port=9092) for address in addresses):
        return False
    return Administration(endpoint).is_ready(timeout_s=2.0)


def redis_answers(url: str) -> bool:
    """Return whether Redis answers PING."""
    return listens(url, default_port=6379) and Views(connect(url), job="launcher").is_ready()


def postgres_answers(url: str) -> bool:
    """Return whether Postgres answers SELECT 1."""
    check_url(url)
    if not listens(url, default_port=5432):
        return False
    with PostgresPool(url, max_connections=1) as pool:
        return pool.is_ready()


def questions(endpoints: Endpoints) -> tuple[HealthQuestion, ...]:
    """Return how to ask each server of a list of endpoints."""
    kafka, redis_url, database_url = endpoints.kafka, endpoints.redis_url, endpoints.database_url
    return (
        HealthQuestion(
            "broker", "KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers, lambda: broker_answers(kafka)
        ),
        HealthQuestion("valkey", "REDIS_URL", without_password(redis_url), lambda: redis_answers(redis_url)),
        HealthQuestion(
            "postgres", "DATABASE_URL", without_password(database_url), lambda: postgres_answers(database_url)
        ),
    )


def wait_until_ready(
    endpoints: Endpoints,
    *,
    timeout_s: float,
    has_failed: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Return when every server answers.

    Args:
        endpoints: The addresses of the servers.
        timeout_s: The longest wait for all of them together.
        has_failed: Asked between the questions; True ends the wait at once.
        say: Called once for each server that does not answer soon, with a line for people.

    Raises:
        StoreUnavailableError: If a server does not answer in time; the message names it.
    """
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # a database that is starting needs no log line
    deadline = time.monotonic() + timeout_s
    for question in questions(endpoints):
        said_after = time.monotonic() + _SAID_AFTER_S
        while not question.is_answered():
            if time.monotonic() > said_after:
                said_after = math.inf
                say(
                    f"{question.name} does not answer at {question.address} yet, it is waited for; "
                    "a hosted server that sleeps takes some seconds to wake up"
                )
            if time.monotonic() > deadline or has_failed():
                message = f"{question.name} does not answer at {question.address}; see its log"
                raise StoreUnavailableError(message)
            time.sleep(_POLL_S)
