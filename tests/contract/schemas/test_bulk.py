"""Bulk loads of candles: what is stored is what the writer of events would have stored."""

from collections.abc import Iterator
from uuid import uuid4

import numpy as np
import pytest
from msgspec.structs import replace

from schemas.errors import RowRefusedError
from schemas.events import CandleObserved
from schemas.positions import MarketPosition
from schemas.time import Interval
from schemas.wire.postgres.bulk import BulkLoader, CandleColumns
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import Endpoints
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    with PostgresPool(endpoints.database_url) as opened:
        yield opened


@pytest.fixture
def stream() -> str:
    return f"replay-{uuid4().hex[:12]}"


def columns(stream: str, n: int = 20, *, revision: int = 0, price: float = 1 / 3) -> CandleColumns:
    """Candles of which every third states no trades, and every second not what takers bought."""
    numbers = np.arange(n)
    return CandleColumns(
        stream=stream,
        source="binance",
        instrument=INSTRUMENT,
        interval=Interval.ONE_MINUTE,
        start_ms=T0 + MINUTE * numbers.astype(np.int64),
        prices=dict.fromkeys(("open", "high", "low", "close"), price * (numbers + 1.0)),
        volume=numbers + 0.1,
        n_trades=np.where(numbers % 3 == 0, np.nan, numbers),
        taker_buy_volume=np.where(numbers % 2 == 0, np.nan, numbers / 3),
        revision=revision,
    )


def as_events(found: CandleColumns) -> list[CandleObserved]:
    def cell(values: np.ndarray | None, i: int) -> float | None:
        return None if values is None or np.isnan(values[i]) else float(values[i])

    return [
        CandleObserved(
            event_time_ms=start + MINUTE, known_time_ms=start + MINUTE, source=found.source, stream=found.stream,
            instrument=found.instrument, interval=found.interval, start_ms=start, volume=float(found.volume[i]),
            n_trades=None if (n := cell(found.n_trades, i)) is None else int(n), revision=found.revision,
            taker_buy_volume=cell(found.taker_buy_volume, i),
            **{name: float(values[i]) for name, values in found.prices.items()},
        )
        for i, start in enumerate(found.start_ms.tolist())
    ]  # fmt: skip


@pytest.mark.parametrize("rows_of_part", [1, 7, 1000])
def test_what_is_loaded_is_what_the_writer_of_events_stores(
    pool: PostgresPool, stream: str, rows_of_part: int
) -> None:
    candles = columns(stream)
    loader = BulkLoader(pool, rows_of_part=rows_of_part)
    for _ in range(2):
        loader.load(candles)
        assert list(StoredMarket(pool).candles(stream)) == as_events(candles)
    EventWriter(pool).write(as_events(candles))
    assert list(StoredMarket(pool).candles(stream)) == as_events(candles)
    assert StoredMarket(pool).position(stream) == MarketPosition(T0 + 20 * MINUTE, None, None)


def test_columns_that_are_never_stated_are_null(pool: PostgresPool, stream: str) -> None:
    candles = replace(columns(stream), n_trades=None, taker_buy_volume=None)
    BulkLoader(pool).load(candles)
    assert list(StoredMarket(pool).candles(stream)) == as_events(candles)


def test_load_that_was_interrupted_is_completed_by_the_next_one(pool: PostgresPool, stream: str) -> None:
    """The kill lies between two parts, or some candles came through the log meanwhile."""
    candles = columns(stream)
    EventWriter(pool).write(as_events(candles)[3:9])
    BulkLoader(pool, rows_of_part=5).load(candles)
    assert list(StoredMarket(pool).candles(stream)) == as_events(candles)


def test_later_revision_replaces_candles_and_an_earlier_one_does_not(pool: PostgresPool, stream: str) -> None:
    second = columns(stream, 4, revision=2, price=0.5)
    loader = BulkLoader(pool)
    loader.load(columns(stream))
    loader.load(second)
    loader.load(columns(stream, revision=1, price=0.7))
    expected = as_events(second) + as_events(columns(stream, revision=1, price=0.7))[4:]
    assert list(StoredMarket(pool).candles(stream)) == expected


def test_text_of_more_than_one_byte_and_own_known_times_are_kept(pool: PostgresPool, stream: str) -> None:
    candles = columns(stream, 3)
    known = candles.start_ms + 90_000
    BulkLoader(pool).load(replace(candles, source="börse", known_time_ms=known))
    stored = list(StoredMarket(pool).candles(stream))
    assert {one.source for one in stored} == {"börse"}
    assert [one.known_time_ms for one in stored] == known.tolist()


def test_nothing_to_load_is_no_error(pool: PostgresPool, stream: str) -> None:
    BulkLoader(pool).load(columns(stream, 0))
    assert list(StoredMarket(pool).candles(stream)) == []


def test_row_that_postgres_refuses_is_an_error_and_its_part_is_not_stored(
    pool: PostgresPool, stream: str
) -> None:
    candles = replace(columns(stream), source="a\0b")
    with pytest.raises(RowRefusedError):
        BulkLoader(pool).load(candles)
    assert list(StoredMarket(pool).candles(stream)) == []
