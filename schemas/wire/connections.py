"""What all clients of Kafka share: their settings, the largest record, and the translation of errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import confluent_kafka as ck

from schemas.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    OffsetRegressionError,
    PlatformError,
    ProducerFencedError,
)
from schemas.wire.settings import KafkaEndpoint

#: The size of a record with its headers; states and dead letters may be larger than events.
LARGEST_MESSAGE_BYTES = 16_000_000
_FENCED = {
    ck.KafkaError._FENCED,
    ck.KafkaError.INVALID_PRODUCER_EPOCH,
    ck.KafkaError.PRODUCER_FENCED,
    ck.KafkaError.FENCED_INSTANCE_ID,
    ck.KafkaError.UNKNOWN_MEMBER_ID,
    # After any fatal error the client cannot be used again; a static member learns in this way that it is fenced.
    ck.KafkaError._FATAL,
}
_MISCONFIGURED = {
    ck.KafkaError._INVALID_ARG,
    ck.KafkaError.TOPIC_AUTHORIZATION_FAILED,
    ck.KafkaError.GROUP_AUTHORIZATION_FAILED,
    ck.KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    ck.KafkaError._AUTHENTICATION,
}
_REGRESSED = {ck.KafkaError.OFFSET_OUT_OF_RANGE, ck.KafkaError._AUTO_OFFSET_RESET}


def translate(error: ck.KafkaError) -> PlatformError:
    """Return the error of the platform for one of librdkafka.

    An error that is neither fencing, nor a wrong setting, nor a shortened log means that the broker did not
    do what it was asked, and the same call may succeed later. That includes a commit for an earlier generation of
    the group: a member that still belongs to the group commits again in the next generation.
    """
    code = error.code()
    text = f"Kafka: {error.str()} ({error.name()})"
    if code in _FENCED:
        return ProducerFencedError(text)
    if code in _MISCONFIGURED:
        return ConfigurationError(text)
    if code in _REGRESSED:
        return OffsetRegressionError(text)
    return BrokerUnavailableError(text)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the platform's errors for those of librdkafka within the block."""
    try:
        yield
    except ck.KafkaException as error:
        raise translate(error.args[0]) from error


def connection(endpoint: KafkaEndpoint, role: str) -> dict[str, Any]:
    """Return the settings of every client: the address of the broker, and the name of the client."""
    return {
        "bootstrap.servers": endpoint.bootstrap_servers,
        "client.id": f"driftline-{role}",
        "log_level": 2,
        "reconnect.backoff.max.ms": 1000,
    }


def fetching(endpoint: KafkaEndpoint) -> dict[str, Any]:
    """Return how much a reader asks for at once, of a partition.

    Records of the embedded broker come compressed, to a fifth and less, and the library's default of 1 MB would become
    many megabytes for each partition, which a process keeps. A larger record comes alone.
    """
    return {"fetch.message.max.bytes": 131_072} if endpoint.is_embedded else {}


def is_abortable(error: PlatformError) -> bool:
    """Whether the error is of a transaction that can be aborted and tried again."""
    cause = error.__cause__
    return (
        isinstance(cause, ck.KafkaException)
        and isinstance(cause.args[0], ck.KafkaError)
        and cause.args[0].txn_requires_abort()
    )


def is_retriable(error: PlatformError) -> bool:
    """Whether the same call may be made again and continues where it stopped."""
    cause = error.__cause__
    return (
        isinstance(cause, ck.KafkaException)
        and isinstance(cause.args[0], ck.KafkaError)
        and cause.args[0].retriable()
    )
