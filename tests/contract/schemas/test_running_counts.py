"""The counts that triggers keep, held against counting, for any sequence of writes."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from itertools import product
from uuid import uuid4

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.arms import CHAMPION, SHADOW
from schemas.errors import RowRefusedError
from schemas.events import Direction, Event, Outcome, OutcomeResolved, PredictionMade
from schemas.positions import MarketPosition
from schemas.records import PredictionRecord
from schemas.targets import Target
from schemas.time import Interval
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.migrating import migrate
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.postgres.tables import TABLES
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import Endpoints
from tests.contract.schemas.samples import SAMPLES
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0, candle, prediction, tick

OTHER = "ETH-USDT.BINANCE"
TURNS = {Outcome.UP: True, Outcome.DOWN: False, Outcome.TIE: None, Outcome.VOID: None}

COUNTED = """
SELECT (SELECT count(*) FROM predictions
    WHERE stream = %(stream)s AND instrument = %(instrument)s AND arm = %(arm)s),
    count(*) FILTER (WHERE o.is_hit), count(*) FILTER (WHERE NOT o.is_hit),
    count(*) FILTER (WHERE o.outcome = 'tie'), count(*) FILTER (WHERE o.outcome = 'void'),
    count(*) FILTER (WHERE o.is_hit AND p.is_pick), count(*) FILTER (WHERE NOT o.is_hit AND p.is_pick)
FROM (SELECT * FROM outcomes WHERE stream = %(stream)s AND instrument = %(instrument)s AND arm = %(arm)s) o
LEFT JOIN predictions p ON (p.stream, p.instrument, p.interval, p.horizon, p.arm, p.event_time_ms)
    = (o.stream, o.instrument, o.interval, o.horizon, o.arm, o.features_as_of_ms)
"""
UNRESOLVED = """
SELECT p.instrument, p.arm, p.event_time_ms FROM predictions p LEFT JOIN outcomes o
ON (o.stream, o.instrument, o.interval, o.horizon, o.arm, o.features_as_of_ms)
    = (p.stream, p.instrument, p.interval, p.horizon, p.arm, p.event_time_ms)
WHERE p.stream = %s AND o.stream IS NULL ORDER BY 1, 2, 3
"""


@pytest.fixture(scope="module")
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    with PostgresPool(endpoints.database_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def connection(endpoints: Endpoints) -> Iterator[psycopg.Connection]:
    with psycopg.connect(endpoints.database_url, autocommit=True) as opened:
        yield opened


def made(
    minute: int, *, instrument: str = INSTRUMENT, is_pick: bool | None = None, arm: str = CHAMPION
) -> PredictionMade:
    return msgspec.structs.replace(
        prediction(minute * MINUTE), instrument=instrument, is_pick=is_pick, arm=arm
    )


def turned_out(
    minute: int, of: Outcome, *, instrument: str = INSTRUMENT, arm: str = CHAMPION
) -> OutcomeResolved:
    sample = SAMPLES["outcome_resolved"]
    assert isinstance(sample, OutcomeResolved)
    return msgspec.structs.replace(
        sample,
        instrument=instrument,
        features_as_of_ms=T0 + minute * MINUTE,
        outcome=of,
        is_hit=TURNS[of],
        direction=Direction.UP,
        arm=arm,
    )


def of_stream(stream: str, batch: Sequence[Event]) -> list[Event]:
    return [msgspec.structs.replace(event, stream=stream) for event in batch]


def check(pool: PostgresPool, connection: psycopg.Connection, stream: str) -> None:
    """What is kept equals what is counted."""
    for instrument, arm in product((INSTRUMENT, OTHER), (CHAMPION, SHADOW)):
        named = {"stream": stream, "instrument": instrument, "arm": arm}
        counted = connection.execute(COUNTED, named).fetchone()
        assert counted is not None
        target = Target(stream, instrument, "1m", "1m", arm)
        assert StoredPredictions(pool).record(target) == PredictionRecord(*counted)
    waiting = sorted(
        (one.instrument, one.arm, one.event_time_ms)
        for one in StoredPredictions(pool).unresolved()
        if one.stream == stream
    )
    assert waiting == connection.execute(UNRESOLVED, (stream,)).fetchall()


minutes = st.integers(0, 4)
instruments = st.sampled_from([INSTRUMENT, OTHER])
arms = st.sampled_from([CHAMPION, CHAMPION, SHADOW])
predictions = st.builds(
    lambda minute, instrument, is_pick, arm: made(minute, instrument=instrument, is_pick=is_pick, arm=arm),
    minutes,
    instruments,
    st.sampled_from([True, False, None]),
    arms,
)
outcomes = st.builds(
    lambda minute, of, instrument, arm: turned_out(minute, of, instrument=instrument, arm=arm),
    minutes,
    st.sampled_from(list(TURNS)),
    instruments,
    arms,
)
written = st.lists(st.one_of(predictions, outcomes), max_size=8)
#: A revision, a deletion, a row that is moved to another key: whoever has the database's key may do so.
changes = st.one_of(
    st.builds(
        lambda of, minute: (
            "UPDATE outcomes SET outcome = %s, is_hit = %s WHERE stream = %s AND features_as_of_ms <= %s",
            [str(of), TURNS[of]],
            minute,
        ),
        st.sampled_from(list(TURNS)),
        minutes,
    ),
    st.builds(
        lambda is_pick, minute: (
            "UPDATE predictions SET is_pick = %s WHERE stream = %s AND event_time_ms <= %s",
            [is_pick],
            minute,
        ),
        st.sampled_from([True, False, None]),
        minutes,
    ),
    st.builds(
        lambda minute: ("DELETE FROM outcomes WHERE stream = %s AND features_as_of_ms = %s", [], minute),
        minutes,
    ),
    st.builds(
        lambda minute: ("DELETE FROM predictions WHERE stream = %s AND event_time_ms = %s", [], minute),
        minutes,
    ),
    st.builds(
        lambda minute: (
            "UPDATE outcomes SET features_as_of_ms = features_as_of_ms + 600000 WHERE stream = %s AND features_as_of_ms = %s",
            [],
            minute,
        ),
        minutes,
    ),
)
crashes = st.tuples(st.just("CRASH"), written)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(written, written, changes, crashes), max_size=8))
def test_counts_are_those_of_counting_for_any_writes_repeats_revisions_and_crashes(
    pool: PostgresPool, connection: psycopg.Connection, steps: list[object]
) -> None:
    """The record was counted anew from all stored predictions at every request: 3.0 s after ten days of minutes."""
    stream = f"replay-{uuid4().hex[:12]}"
    beyond = msgspec.structs.replace(tick(0, trade_id=1, stream=stream), trade_id=2**80)
    for step in steps:
        match step:
            case ("CRASH", list(batch)):
                with pytest.raises(RowRefusedError):
                    EventWriter(pool).write([*of_stream(stream, batch), beyond])
            case (str(statement), list(values), int(minute)):
                with suppress(psycopg.errors.UniqueViolation):
                    connection.execute(statement, [*values, stream, T0 + minute * MINUTE])
            case list(batch):
                EventWriter(pool).write(of_stream(stream, batch))
        check(pool, connection, stream)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(st.one_of(predictions, outcomes), max_size=30), cuts=st.lists(st.integers(0, 30)))
def test_counts_do_not_depend_on_where_batches_are_cut(
    pool: PostgresPool, connection: psycopg.Connection, events: list[Event], cuts: list[int]
) -> None:
    whole, cut = f"replay-{uuid4().hex[:12]}", f"replay-{uuid4().hex[:12]}"
    EventWriter(pool).write(of_stream(whole, events))
    # The sink is at least once: a batch that was stored before a crash comes again, with others beside it.
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(events)], strict=True):
        EventWriter(pool).write(of_stream(cut, events[max(0, start - 3) : end]))
    check(pool, connection, cut)
    for instrument in (INSTRUMENT, OTHER):
        records = [
            StoredPredictions(pool).record(Target(stream, instrument, "1m", "1m")) for stream in (whole, cut)
        ]
        assert records[0] == records[1]


def test_pick_and_outcome_written_at_the_same_time_are_counted(
    pool: PostgresPool, connection: psycopg.Connection
) -> None:
    """Of two writers neither sees what the other has not committed: both waited for nothing and counted nothing."""
    stream = f"replay-{uuid4().hex[:12]}"
    halves = [
        [of_stream(stream, [made(minute, is_pick=True)]) for minute in range(40)],
        [of_stream(stream, [turned_out(minute, Outcome.UP)]) for minute in range(40)],
    ]

    def write(batches: list[list[Event]]) -> None:
        for batch in batches:
            EventWriter(pool).write(batch)

    with ThreadPoolExecutor(max_workers=2) as executor:
        list(executor.map(write, halves))
    check(pool, connection, stream)
    assert StoredPredictions(pool).record(Target(stream, INSTRUMENT, "1m", "1m")).n_pick_hits == 40


@pytest.mark.parametrize("table", ["outcomes", "predictions", "predictions, outcomes"])
def test_tables_that_are_emptied_whole_are_counted_anew(
    pool: PostgresPool, connection: psycopg.Connection, table: str
) -> None:
    stream = f"replay-{uuid4().hex[:12]}"
    EventWriter(pool).write(of_stream(stream, [made(0, is_pick=True), made(1), turned_out(0, Outcome.UP)]))
    query = (
        "SELECT sum(n_predictions), sum(n_hits), sum(n_pick_hits) FROM prediction_records WHERE stream = %s"
    )
    with connection.transaction(force_rollback=True):
        connection.execute(f"TRUNCATE {table}")
        kept = connection.execute(query, (stream,)).fetchone()
        waiting = connection.execute(
            "SELECT count(*) FROM unresolved_predictions WHERE stream = %s", (stream,)
        ).fetchone()
    assert {"outcomes": (2, 0, 0), "predictions": (0, 1, 0)}.get(table, (None, None, None)) == kept
    assert waiting == ((2,) if table == "outcomes" else (0,))
    check(pool, connection, stream)


def test_page_and_record_are_of_one_moment_while_outcomes_come(pool: PostgresPool) -> None:
    stream = f"replay-{uuid4().hex[:12]}"
    target = Target(stream, INSTRUMENT, "1m", "1m")
    EventWriter(pool).write(of_stream(stream, [made(minute) for minute in range(60)]))

    def resolve() -> None:
        for minute in range(60):
            EventWriter(pool).write(of_stream(stream, [turned_out(minute, Outcome.UP)]))

    with ThreadPoolExecutor(max_workers=1) as executor:
        resolving = executor.submit(resolve)
        while not resolving.done():
            page, record = StoredPredictions(pool).predictions_with_record(target, limit=100)
            assert record.n_hits == sum(resolved is not None for _, resolved in page)
    resolving.result()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.booleans(), instruments, st.integers(0, 50), st.integers(0, 9)), min_size=1, max_size=20
    )
)
def test_position_is_the_largest_of_what_is_stored(
    pool: PostgresPool, connection: psycopg.Connection, rows: list[tuple[bool, str, int, int]]
) -> None:
    stream = f"replay-{uuid4().hex[:12]}"
    for is_candle, instrument, at, trade_id in rows:
        one: Event = (
            candle(at * MINUTE, instrument=instrument, stream=stream)
            if is_candle
            else msgspec.structs.replace(
                tick(at, trade_id=trade_id, stream=stream), instrument=instrument, known_time_ms=T0 + at
            )
        )
        EventWriter(pool).write([one, one])
    stored = connection.execute(
        "SELECT (SELECT min(reached) FROM (SELECT max(event_time_ms) AS reached FROM candles WHERE stream = %(s)s "
        "GROUP BY instrument) AS each HAVING count(*) >= 2), max(known_time_ms), max(trade_id) FROM ticks "
        "WHERE stream = %(s)s",
        {"s": stream},
    ).fetchone()
    assert stored is not None
    found = StoredMarket(pool).position(stream, instruments=[INSTRUMENT, OTHER])
    assert found == MarketPosition(*stored)


@pytest.fixture
def empty_database(endpoints: Endpoints, connection: psycopg.Connection) -> Iterator[str]:
    """A database of its own, without tables."""
    name = f"counts_{uuid4().hex[:8]}"
    connection.execute(f"CREATE DATABASE {name}")
    yield f"{endpoints.database_url.rsplit('/', 1)[0]}/{name}"
    connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


_ADDED_LATER = {"arm", "id_epoch", "taker_buy_volume"}


def write_without_arms(database: str, batch: Sequence[Event]) -> None:
    """As a release wrote that knew no arms."""
    with psycopg.connect(database, autocommit=True) as connection:
        for event in batch:
            table = TABLES[type(event)]
            row = {name: getattr(event, name) for name in table.columns if name not in _ADDED_LATER}
            marks = ", ".join(["%s"] * len(row))
            connection.execute(
                f"INSERT INTO {table.name} ({', '.join(row)}) VALUES ({marks})",  # noqa: S608
                [str(value) if isinstance(value, StrEnum) else value for value in row.values()],
            )


def test_rows_of_a_release_without_arms_are_the_champions(empty_database: str) -> None:
    stream = f"replay-{uuid4().hex[:12]}"
    migrate(empty_database, to="0006")
    before = of_stream(stream, [made(0, is_pick=True), made(1), turned_out(0, Outcome.UP), candle(0)])
    write_without_arms(empty_database, before)
    migrate(empty_database)
    target = Target(stream, INSTRUMENT, Interval.ONE_MINUTE, Interval.ONE_MINUTE)
    shadows = target._replace(arm=SHADOW)
    with PostgresPool(empty_database) as pool:
        (beside,) = of_stream(stream, [made(0, arm=SHADOW)])
        EventWriter(pool).write([*before, beside])
        stored = StoredPredictions(pool)
        assert stored.record(target) == PredictionRecord(2, 1, 0, 0, 0, 1, 0)
        assert stored.record(shadows) == PredictionRecord(1, 0, 0, 0, 0)
        assert stored.last_predicted_ms(stream) == {target: T0 + MINUTE, shadows: T0}
        assert stored.predictions(shadows, limit=5) == [(beside, None)]
        with psycopg.connect(empty_database, autocommit=True) as connection:
            check(pool, connection, stream)


def test_what_was_stored_before_the_counts_were_kept_is_counted_by_the_migration(empty_database: str) -> None:
    stream = f"replay-{uuid4().hex[:12]}"
    migrate(empty_database, to="0004")
    past = PostgresPool(empty_database)
    past.open()
    try:
        before = [made(0, is_pick=True), made(1, is_pick=False), made(2), turned_out(0, Outcome.UP)]
        alone = [turned_out(3, Outcome.DOWN, instrument=OTHER), candle(0), tick(5, trade_id=7)]
        write_without_arms(empty_database, of_stream(stream, [*before, turned_out(1, Outcome.TIE), *alone]))
        migrate(empty_database)
        with psycopg.connect(empty_database, autocommit=True) as connection:
            check(past, connection, stream)
            for later in (
                [turned_out(2, Outcome.DOWN), made(4), tick(9, trade_id=8)],
                [made(4, arm=SHADOW), turned_out(1, Outcome.UP, arm=SHADOW)],
            ):
                EventWriter(past).write(of_stream(stream, later))
            check(past, connection, stream)
        assert StoredPredictions(past).record(Target(stream, INSTRUMENT, "1m", "1m")) == PredictionRecord(
            4, 1, 1, 1, 0, 1, 0
        )
        assert StoredMarket(past).position(stream) == MarketPosition(T0 + MINUTE, T0 + 9, 8)
    finally:
        past.close()
