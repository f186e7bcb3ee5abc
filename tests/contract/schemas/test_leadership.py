"""One leader at a time, by an advisory lock of Postgres; and what a run collected before."""

import uuid

import psycopg
import pytest

from schemas.errors import ConfigurationError, StoreUnavailableError
from schemas.wire.clocks import SystemClock
from schemas.wire.postgres.collected import CollectedBefore
from schemas.wire.postgres.leadership import Leadership
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import Endpoints
from tests.fakes.collected import article


@pytest.fixture
def name() -> str:
    return f"place-{uuid.uuid4().hex}"


def test_one_process_holds_a_place_until_it_gives_it_up(endpoints: Endpoints, name: str):
    first, second = (Leadership(endpoints.database_url, name) for _ in range(2))
    assert [first.take(), second.take(), first.take()] == [True, False, True]
    assert (first.is_held(), second.is_held()) == (True, False)
    first.close()
    assert (first.is_held(), second.take()) == (False, True)
    second.close()


def test_places_of_other_names_are_free(endpoints: Endpoints, name: str):
    first, second = Leadership(endpoints.database_url, name), Leadership(endpoints.database_url, f"{name}-2")
    assert [first.take(), second.take()] == [True, True]
    first.close()
    second.close()


def test_a_place_is_lost_with_its_session_and_can_be_taken_again(endpoints: Endpoints, name: str):
    first, second = (Leadership(endpoints.database_url, name) for _ in range(2))
    assert first.take()
    assert first._session is not None
    with psycopg.connect(endpoints.database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (first._session.info.backend_pid,))
    clock = SystemClock()
    until_s = clock.monotonic_s() + 60
    while not second.take():
        assert clock.monotonic_s() < until_s
        clock.sleep(0.05)
    assert not first.is_held()
    assert not first.take()
    second.close()
    assert first.take()
    first.close()


def test_a_database_that_is_away_is_an_error_that_passes():
    with pytest.raises(StoreUnavailableError):
        Leadership("postgresql://nobody@127.0.0.1:1/none", "place").take()
    with pytest.raises(ConfigurationError):
        Leadership("mysql://nobody@127.0.0.1:1/none", "place")


def test_every_version_that_was_collected_is_known(endpoints: Endpoints):
    stream = f"mirror-{uuid.uuid4().hex[:12]}"
    events = [
        article(1, stream=stream, asset=asset, assets=("BTC", "ETH"), summary="so", version=version)
        for asset in ("BTC", "ETH")
        for version in (0, 1)
    ]
    with PostgresPool(endpoints.database_url) as pool:
        EventWriter(pool).write([*events, article(1, stream=f"{stream}-2")], [])
        found = CollectedBefore(pool).versions(stream)
    assert sorted((each.article_id, each.version, each.assets) for each in found) == [
        (events[0].article_id, version, ("BTC", "ETH")) for version in (0, 1)
    ]
    assert {(each.source, each.summary, each.url) for each in found} == {("coindesk", "so", events[0].url)}
