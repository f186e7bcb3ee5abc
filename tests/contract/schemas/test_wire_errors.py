"""Every exception of the client libraries is mapped into the platform's tree, or sorted as a mistake of ours."""

import confluent_kafka as ck
import psycopg
import psycopg_pool
import pytest
import redis.exceptions

from schemas.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    OffsetRegressionError,
    ProducerFencedError,
    RowRefusedError,
    StoreUnavailableError,
)
from schemas.wire import kafka
from schemas.wire import redis as views
from schemas.wire.postgres.refusals import FAULTS, Fault, fault_of, translated, translated_writes


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


CODES = {kind.sqlstate: kind for kind in all_kinds(psycopg.Error) if isinstance(kind.sqlstate, str)}
WAITED_FOR = {
    "08006": "the connection was lost",
    "25006": "read-only: a standby, or a disk that was turned read-only",
    "40001": "serialization failure",
    "40P01": "deadlock",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55P03": "lock not available",
    "57014": "statement time-out",
    "57P01": "admin shutdown",
    "57P03": "starting up",
    "58030": "input or output error",
    "XX001": "damaged files",
}
PUT_ASIDE = {
    "22003": "number out of range",
    "22021": "a character that the encoding does not have, such as NUL",
    "22P02": "text that is none of the type",
    "23502": "not null",
    "23514": "a check of the table",
    "54000": "a key too long for its index",
    "P0001": "a trigger of somebody's",
    "XX000": "an internal error",
}


def test_every_code_of_postgres_is_sorted() -> None:
    assert len(CODES) > 200
    unsorted = {code for code in CODES if code not in FAULTS and code[:2] not in FAULTS}
    assert unsorted == set()


@pytest.mark.parametrize("code", CODES)
def test_every_code_of_postgres_is_translated_by_what_it_speaks_of(code: str) -> None:
    """Read-only and full disks, an administrator's shutdown and a row's own fault were told apart by class alone."""
    expected: dict[Fault, type[Exception]] = {
        Fault.ROW: RowRefusedError,
        Fault.STATE: StoreUnavailableError,
        Fault.SETTING: ConfigurationError,
        Fault.MISTAKE: CODES[code],
    }
    with pytest.raises(expected[fault_of(CODES[code]("text"))]), translated_writes():
        raise CODES[code]("text")


@pytest.mark.parametrize("code", [*WAITED_FOR, *PUT_ASIDE], ids=[*WAITED_FOR.values(), *PUT_ASIDE.values()])
def test_what_may_pass_is_waited_for_and_what_the_row_is_at_fault_for_is_not(code: str) -> None:
    assert fault_of(CODES[code]("text")) is (Fault.STATE if code in WAITED_FOR else Fault.ROW)


def test_what_has_no_code_was_raised_here() -> None:
    assert fault_of(psycopg.DataError("text fields cannot contain NUL")) is Fault.ROW
    assert fault_of(psycopg.OperationalError("connection refused")) is Fault.STATE
    assert fault_of(psycopg.InterfaceError("the connection is closed")) is Fault.STATE
    assert fault_of(psycopg.ProgrammingError("no such placeholder")) is Fault.MISTAKE


def test_pool_that_hands_out_no_connection_is_a_store_that_is_away() -> None:
    with pytest.raises(StoreUnavailableError), translated():
        raise psycopg_pool.PoolTimeout("text")


def test_missing_tables_say_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match="driftline up"), translated():
        raise psycopg.errors.UndefinedTable("no such table")
