"""Views on a real Valkey: guarded by their own order, written anew when it was emptied."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from schemas.errors import ConfigurationError, StoreUnavailableError
from schemas.wire.redis import Views, clock_key, connect, features_key, prediction_key
from schemas.wire.settings import Endpoints


@pytest.fixture
def views(endpoints: Endpoints) -> Iterator[Views]:
    with connect(endpoints.redis_url) as client:
        yield Views(client, job=f"test-{uuid4().hex}")


@pytest.fixture
def key() -> str:
    return clock_key(uuid4().hex)


def test_older_view_never_replaces_a_newer_one(views: Views, key: str) -> None:
    views.write({key: (2, b"newer")})
    views.write({key: (1, b"older")})
    assert views.read(key) == b"newer"


def test_view_of_the_same_order_is_replaced(views: Views, key: str) -> None:
    views.write({key: (2, b"first")})
    views.write({key: (2, b"second")})
    assert views.read(key) == b"second"


def test_orders_are_compared_as_numbers(views: Views, key: str) -> None:
    views.write({key: (9, b"nine")})
    views.write({key: (10, b"ten")})
    views.write({key: (1_748_736_000_001, b"late")})
    views.write({key: (1_748_736_000_000, b"early")})
    assert views.read(key) == b"late"


def test_orders_of_many_views_are_read_at_once_in_their_order(views: Views, key: str) -> None:
    keys = [f"{key}:{number}" for number in range(1_201)]
    views.write({one: (number, b"") for number, one in enumerate(keys) if number % 2 == 0})
    assert views.orders(keys) == [None if number % 2 else number for number in range(len(keys))]
    assert views.orders([]) == []


def test_fields_of_a_hash_are_written_and_read(views: Views, key: str) -> None:
    assert views.fields(key) == {}
    views.put_fields(key, {"challenger": b"1", "shadow": b"2"})
    views.put_fields(key, {"challenger": b"3"})
    assert views.fields(key) == {"challenger": b"3", "shadow": b"2"}


def test_view_that_is_not_there_is_none(views: Views, key: str) -> None:
    assert views.read(key) is None


def test_emptied_redis_is_rewritten_by_the_next_write_even_of_nothing(
    views: Views, key: str, endpoints: Endpoints
) -> None:
    views.write({key: (1, b"held"), key + "2": (1, b"too")})
    with connect(endpoints.redis_url) as client:
        client.flushall()
    views.write({})
    assert (views.read(key), views.read(key + "2")) == (b"held", b"too")


def test_emptied_redis_gets_the_held_views_and_the_new_one(
    views: Views, key: str, endpoints: Endpoints
) -> None:
    views.write({key: (1, b"held")})
    with connect(endpoints.redis_url) as client:
        client.flushall()
    views.write({key + "2": (1, b"new")})
    assert (views.read(key), views.read(key + "2")) == (b"held", b"new")


def test_keys_hold_the_stream() -> None:
    assert features_key("s", "I", "1m") == "features:s:I:1m"
    assert prediction_key("s", "I", "1m", "15m") == "prediction:s:I:1m:15m"


def test_redis_that_is_away_is_a_transient_error() -> None:
    away = Views(connect("redis://127.0.0.1:1/0"), job="away")
    assert not away.is_ready()
    with pytest.raises(StoreUnavailableError):
        away.read("any")


def test_url_of_another_kind_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        connect("http://localhost")
