"""The durable store behind a transaction pooler: PgBouncer, as Neon and others run it."""

from uuid import uuid4

import msgspec
import psycopg
import pytest

from schemas.errors import ConfigurationError, PlatformError
from schemas.events import ABOUT_SOURCES, Event
from schemas.gaps import Gap, GapKind
from schemas.wire.postgres.addresses import address_of, with_pooler
from schemas.wire.postgres.articles import StoredArticles
from schemas.wire.postgres.bulk import BulkLoader
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.migrating import migrate
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.postgres.sources import StoredSources
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import Endpoints, ServerSettings
from tests.contract.schemas.samples import SAMPLES
from tests.contract.schemas.test_bulk import as_events, columns
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0

NEON = "postgresql://u:p%40ss@ep-cool-darkness-123456{}.eu-central-1.aws.neon.tech/db?sslmode=require&channel_binding=require"
N_TIMES = 12
PARAMETER = "pgbouncer="


@pytest.fixture
def stream() -> str:
    return f"mirror-{uuid4().hex[:12]}"


def everything(stream: str) -> list[Event]:
    return [
        msgspec.structs.replace(event, stream=stream)
        for event in SAMPLES.values()
        if not isinstance(event, ABOUT_SOURCES)
    ]


def test_pooler_that_is_not_stated_is_a_wrong_setting_whose_remedy_is_named(
    pooled_url: str, stream: str
) -> None:
    """psycopg prepares after five executions, and two clients prepared the same name on one server connection."""
    with PostgresPool(pooled_url) as pool, PostgresPool(pooled_url) as other:

        def read_often() -> None:
            for each in N_TIMES * (pool, other):
                StoredMarket(each).bars(stream, instrument=INSTRUMENT, interval="1m", limit=1)

        with pytest.raises(ConfigurationError, match="DRIFTLINE_DATABASE_POOLED=1"):
            read_often()


def test_every_kind_is_written_and_read_many_times(pooled_url: str, stream: str) -> None:
    url = with_pooler(pooled_url, is_pooled=True)
    with PostgresPool(url, max_connections=4) as pool, PostgresPool(url) as other:
        for _ in range(N_TIMES):
            for each in (pool, other):
                EventWriter(each).write(everything(stream))
                assert len(list(StoredMarket(each).candles(stream))) == 1
                assert len(StoredArticles(each).articles(stream, limit=9)) == 2
                assert len(list(StoredArticles(each).published(stream, from_known_ms=0))) == 3
                assert len(StoredSources(each).health(stream)) == 1
                assert len(StoredPredictions(each).unresolved()) >= 0


def test_candles_are_loaded_in_bulk(pooled_url: str, stream: str) -> None:
    candles = columns(stream, 40)
    with PostgresPool(with_pooler(pooled_url, is_pooled=True)) as pool:
        for _ in range(N_TIMES):
            BulkLoader(pool, rows_of_part=7).load(candles)
        assert list(StoredMarket(pool).candles(stream)) == as_events(candles)


def test_ledger_of_gaps_is_kept(pooled_url: str, stream: str) -> None:
    gap = Gap(
        stream=stream, source="binance", instrument=INSTRUMENT, kind=GapKind.CANDLES, start_ms=T0, end_ms=T0 + MINUTE,
        reason="A test.", opened_ms=T0,
    )  # fmt: skip
    with PostgresPool(with_pooler(pooled_url, is_pooled=True)) as pool:
        for _ in range(N_TIMES):
            StoredGaps(pool).open(gap)
            StoredGaps(pool).close(gap, by="backfill", at_ms=T0)
        assert len(StoredGaps(pool).gaps(stream)) == 1


def test_tables_are_migrated_through_the_pooler(endpoints: Endpoints, pooled_url: str, stream: str) -> None:
    name = f"pooled_{uuid4().hex[:8]}"
    with psycopg.connect(endpoints.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = with_pooler(f"{pooled_url.rsplit('/', 1)[0]}/{name}", is_pooled=True)
    migrate(url)
    migrate(url)
    with PostgresPool(url) as pool:
        EventWriter(pool).write(everything(stream))
        assert len(list(StoredMarket(pool).ticks(stream))) == 2


def test_staging_of_an_earlier_release_in_the_servers_session_does_no_harm(
    pooled_url: str, stream: str
) -> None:
    """A server connection outlived the release before, and its staged table lacked the newest column."""
    url = with_pooler(pooled_url, is_pooled=True)
    with PostgresPool(url) as pool:
        with pool.connection() as connection:
            connection.execute("CREATE TEMP TABLE IF NOT EXISTS staged_candles_15 (stream text)")
        EventWriter(pool).write(everything(stream))
        assert len(list(StoredMarket(pool).candles(stream))) == 1


def test_tls_that_the_url_asks_for_is_used(tls_pooled_url: str) -> None:
    with (
        PostgresPool(f"{tls_pooled_url}?sslmode=require&pgbouncer=true") as pool,
        pool.connection() as connection,
    ):
        assert connection.pgconn.ssl_in_use
        assert connection.prepare_threshold is None


def test_server_that_wants_tls_is_not_asked_without_it(tls_pooled_url: str) -> None:
    with (
        PostgresPool(f"{tls_pooled_url}?sslmode=disable&pgbouncer=true", timeout_s=2.0) as pool,
        pytest.raises(PlatformError),
    ):
        pool.row("SELECT 1", ())


@pytest.mark.parametrize(
    ("url", "is_pooled"),
    [
        (NEON.format("-pooler"), True),
        (NEON.format(""), False),
        (NEON.format("-pooler") + "&pgbouncer=false", False),
        (NEON.format("") + "&pgbouncer=true", True),
        ("postgresql://u@db-pooler.example.com/db", False),
        ("postgresql://u@localhost:6432/db?pgbouncer=1", True),
        ("postgresql://u@localhost:6432/db", False),
    ],
)
def test_pooler_is_recognised_by_the_url(url: str, is_pooled: bool) -> None:  # noqa: FBT001
    found = address_of(url)
    assert found.is_pooled == is_pooled
    assert ("prepare_threshold" in found.options()) == is_pooled
    assert PARAMETER not in found.url
    psycopg.conninfo.conninfo_to_dict(found.url)  # raises for what libpq does not take


def test_what_the_url_says_of_tls_and_passwords_is_kept() -> None:
    stated = psycopg.conninfo.conninfo_to_dict(address_of(NEON.format("-pooler") + "&pgbouncer=true").url)
    assert (stated["sslmode"], stated["channel_binding"], stated["password"]) == (
        "require",
        "require",
        "p@ss",
    )


def test_far_server_may_take_longer_to_wake_up_unless_the_url_says_how_long() -> None:
    assert address_of(NEON.format("")).options()["connect_timeout"] == 15
    assert address_of("postgresql://u@127.0.0.1/db").options()["connect_timeout"] == 3
    assert address_of(NEON.format("")).patience_s > address_of("postgresql://u@127.0.0.1/db").patience_s
    assert "connect_timeout" not in address_of(NEON.format("") + "&connect_timeout=40").options()


@pytest.mark.parametrize(("value", "is_pooled"), [("1", True), ("false", False)])
def test_setting_wins_over_the_url(value: str, is_pooled: bool) -> None:  # noqa: FBT001
    settings = ServerSettings.from_environment(
        {"DATABASE_URL": NEON.format("-pooler"), "DRIFTLINE_DATABASE_POOLED": value}
    )
    assert address_of(settings.database_url or "").is_pooled == is_pooled


def test_url_that_says_neither_yes_nor_no_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="pgbouncer"):
        address_of("postgresql://u@localhost/db?pgbouncer=perhaps")
