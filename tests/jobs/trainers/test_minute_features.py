"""Training computes features of stored minutes, in which healed candles stand where an outage left no bars."""

import uuid
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from schemas.codec import nan_from_null
from schemas.companions import Companions
from schemas.events import BarClosed, CandleObserved
from schemas.time import Interval
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import Endpoints
from stream_processors.features.bars import bar_table, roll_up
from stream_processors.features.batch import compute_table
from stream_processors.features.vector_declarations import spec_of
from tests.fixtures.market_events import HOUR, INSTRUMENT, MINUTE, T0, bar, candle
from tests.fixtures.operators import NEWS_COMPANION, news_row
from trainers.inputs.minute_features import MinuteFeatures

N = 400
COIN = "ETH-USDT.BINANCE"


@pytest.fixture
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    with PostgresPool(endpoints.database_url) as pool:
        yield pool


@pytest.fixture
def stream() -> str:
    return f"mirror-{uuid.uuid4().hex[:12]}"


def closes(n: int = N) -> np.ndarray:
    return 100.0 + np.cumsum(np.random.default_rng(7).normal(scale=0.1, size=n))


def own_bar(i: int, close: float, *, stream: str, instrument: str = INSTRUMENT) -> BarClosed:
    return bar(i * MINUTE, close, stream=stream, instrument=instrument)


def venue_candle(i: int, close: float, *, stream: str, instrument: str = INSTRUMENT) -> CandleObserved:
    made = candle(i * MINUTE, (close,) * 4, stream=stream, instrument=instrument)
    return msgspec.structs.replace(made, known_time_ms=made.known_time_ms + 5 * HOUR)


def whole(prices: np.ndarray, bought: np.ndarray):
    minutes = bar_table(
        start_ms=T0 + np.arange(len(prices), dtype=np.int64) * MINUTE,
        prices=np.column_stack([prices] * 4),
        volume=np.ones(len(prices)),
        buy_volume=bought,
        interval=Interval.ONE_MINUTE,
    )
    return compute_table(roll_up(minutes, interval=Interval.ONE_MINUTE, into=Interval.FIVE_MINUTES))


def test_healed_candles_leave_no_hole_in_features(pool: PostgresPool, stream: str) -> None:
    prices, outage = closes(), range(100, 130)
    EventWriter(pool).write(
        [own_bar(i, prices[i], stream=stream) for i in range(N) if i not in outage]
        + [venue_candle(i, prices[i], stream=stream) for i in outage]
    )
    table = MinuteFeatures(pool).feature_table(stream, instrument=INSTRUMENT, interval="5m")
    assert table is not None
    bought = np.array([np.nan if i in outage else 0.5 for i in range(N)])
    expected = whole(prices, bought)
    assert table.as_of_ms.tolist() == expected.as_of_ms.tolist()
    assert table.values.tobytes() == expected.values.tobytes()
    assert (table.known_ms == table.as_of_ms).all()
    assert bool(table.is_warm[-1])


def test_own_bar_holds_where_the_venue_has_a_candle_too(pool: PostgresPool, stream: str) -> None:
    EventWriter(pool).write(
        [own_bar(i, 100.0, stream=stream) for i in range(10)]
        + [venue_candle(i, 900.0, stream=stream) for i in range(10)]
    )
    found = MinuteFeatures(pool).feature_closes(
        stream, instrument=INSTRUMENT, interval="1m", until_ms=T0 + HOUR
    )
    assert found.close.tolist() == [100.0] * 10


def test_minutes_after_the_end_are_left_out(pool: PostgresPool, stream: str) -> None:
    EventWriter(pool).write([venue_candle(i, 100.0, stream=stream) for i in range(20)])
    table = MinuteFeatures(pool).feature_table(
        stream, instrument=INSTRUMENT, interval="5m", until_ms=T0 + 12 * MINUTE
    )
    assert table is not None
    assert table.as_of_ms.tolist() == [T0 + 5 * MINUTE, T0 + 10 * MINUTE]


def test_companions_are_joined(pool: PostgresPool, stream: str) -> None:
    prices = closes()
    EventWriter(pool).write(
        [venue_candle(i, prices[i], stream=stream) for i in range(N)]
        + [venue_candle(i, prices[i] / 20, stream=stream, instrument=COIN) for i in range(N)]
    )
    companions = Companions(coin=COIN)
    table = MinuteFeatures(pool, companions={INSTRUMENT: companions}).feature_table(
        stream, instrument=INSTRUMENT, interval="1m", spec_hash=spec_of(companions).hash
    )
    assert table is not None
    assert table.feature_spec_hash == spec_of(companions).hash
    assert (
        np.isfinite(table.values[-1]).sum() > np.isfinite(whole(prices, np.full(N, np.nan)).values[-1]).sum()
    )


def test_news_is_joined_as_it_was_stored(pool: PostgresPool, stream: str) -> None:
    """A live run trains on computed minutes, and on the news features that were published."""
    prices = closes()
    rows = [news_row(minute * MINUTE, number=float(minute), stream=stream) for minute in range(1, N - 2)]
    EventWriter(pool).write([*(venue_candle(i, prices[i], stream=stream) for i in range(N)), *rows])
    companions = Companions(news=NEWS_COMPANION)
    table = MinuteFeatures(pool, companions={INSTRUMENT: companions}).feature_table(
        stream, instrument=INSTRUMENT, interval="1m", spec_hash=spec_of(companions).hash
    )
    assert table is not None
    assert table.feature_spec_hash == spec_of(companions).hash
    stored = nan_from_null(rows[-1].values.values())
    place = rows[-1].event_time_ms
    for later in range(6):
        found = table.values[table.as_of_ms == place + later * MINUTE, -len(stored) :]
        assert found.size == 0 or found.tobytes() == stored.tobytes()


def test_nothing_stored_is_none(pool: PostgresPool, stream: str) -> None:
    features = MinuteFeatures(pool)
    assert features.feature_table(stream, instrument=INSTRUMENT, interval="15m") is None
    assert len(features.feature_closes(stream, instrument=INSTRUMENT, interval="1m", until_ms=T0).close) == 0
    assert list(StoredMarket(pool).candles(stream)) == []


def test_another_set_of_features_is_none(pool: PostgresPool, stream: str) -> None:
    EventWriter(pool).write([venue_candle(i, 100.0, stream=stream) for i in range(20)])
    assert (
        MinuteFeatures(pool).feature_table(stream, instrument=INSTRUMENT, interval="5m", spec_hash="ab" * 32)
        is None
    )
