"""Every exception of the client libraries is mapped into the platform's tree, or named as a mistake of ours."""

import confluent_kafka as ck
import psycopg
import psycopg_pool
import pytest
import redis.exceptions

from schemas.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    OffsetRegressionError,
    PlatformError,
    ProducerFencedError,
    StoreUnavailableError,
)
from schemas.wire import kafka, postgres
from schemas.wire import redis as views

#: What a wrong call or a wrong row raises: it stays what it is, outside the tree, and crashes.
OUR_MISTAKES = {"DataError", "IntegrityError", "InternalError", "NotSupportedError", "ProgrammingError"}


def all_kinds(kind: type) -> set[type]:
    return {kind} | {below for child in kind.__subclasses__() for below in all_kinds(child)}


def kafka_codes() -> list[str]:
    return [
        name
        for name in dir(ck.KafkaError)
        if name.lstrip("_").isupper() and isinstance(getattr(ck.KafkaError, name), int)
    ]


def test_every_code_of_librdkafka_is_mapped() -> None:
    mapped = {
        name: type(kafka.translate(ck.KafkaError(getattr(ck.KafkaError, name)))) for name in kafka_codes()
    }
    assert len(mapped) > 100
    allowed = {BrokerUnavailableError, ConfigurationError, OffsetRegressionError, ProducerFencedError}
    assert set(mapped.values()) == allowed
    assert {name for name, kind in mapped.items() if kind is ProducerFencedError} == {
        "_FATAL",
        "_FENCED",
        "INVALID_PRODUCER_EPOCH",
        "FENCED_INSTANCE_ID",
        "UNKNOWN_MEMBER_ID",
        *({"PRODUCER_FENCED"} & mapped.keys()),
    }
    for name in ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "COORDINATOR_LOAD_IN_PROGRESS"):
        assert mapped[name] is BrokerUnavailableError
    assert mapped["OFFSET_OUT_OF_RANGE"] is OffsetRegressionError
    assert mapped["_AUTHENTICATION"] is ConfigurationError


@pytest.mark.parametrize("kind", all_kinds(ck.KafkaException), ids=lambda kind: kind.__name__)
def test_every_exception_of_confluent_kafka_is_translated(kind: type) -> None:
    error = kind.__new__(kind)
    error.args = (ck.KafkaError(ck.KafkaError._TRANSPORT),)
    with pytest.raises(BrokerUnavailableError) as caught, kafka.translated():
        raise error
    assert isinstance(caught.value.__cause__, kind)


@pytest.mark.parametrize("kind", all_kinds(redis.exceptions.RedisError), ids=lambda kind: kind.__name__)
def test_every_exception_of_redis_is_translated(kind: type[redis.exceptions.RedisError]) -> None:
    error = kind.__new__(kind)
    Exception.__init__(error, "text")
    is_access = issubclass(kind, redis.exceptions.AuthenticationError)
    assert type(views.translate(error)) is (ConfigurationError if is_access else StoreUnavailableError)


def test_direct_kinds_of_psycopg_errors_are_mapped_or_named() -> None:
    kinds = {kind.__name__ for kind in psycopg.Error.__subclasses__()}
    direct = {kind.__name__ for kind in psycopg.DatabaseError.__subclasses__() if kind.sqlstate is None}
    assert kinds >= {"InterfaceError", "DatabaseError"}
    assert direct == OUR_MISTAKES | {"OperationalError"}


@pytest.mark.parametrize(
    "kind",
    sorted(
        all_kinds(psycopg.OperationalError) | all_kinds(psycopg.InterfaceError) | {psycopg_pool.PoolTimeout},
        key=lambda kind: kind.__name__,
    ),
    ids=lambda kind: kind.__name__,
)
def test_everything_operational_of_postgres_is_translated(kind: type[Exception]) -> None:
    with pytest.raises(PlatformError) as caught, postgres.translated():
        raise kind("text")
    is_setting = kind.__name__ in {"InvalidPassword", "InvalidCatalogName"}
    assert type(caught.value) is (ConfigurationError if is_setting else StoreUnavailableError)


def test_missing_tables_say_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match="driftline up"), postgres.translated():
        raise psycopg.errors.UndefinedTable("no such table")
