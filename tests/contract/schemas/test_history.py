"""The durable history on a real Postgres: idempotent by natural key, read back as written."""

from collections.abc import Iterator
from uuid import uuid4

import msgspec
import numpy as np
import psycopg
import pytest

from schemas.errors import ConfigurationError, RowRefusedError, StoreUnavailableError
from schemas.events import (
    ABOUT_SOURCES,
    Event,
    FeaturesComputed,
    ModelPromoted,
    Outcome,
    OutcomeResolved,
    VectorComputed,
    WatermarkAdvanced,
)
from schemas.positions import MarketPosition
from schemas.records import PredictionRecord
from schemas.streams import StreamDescription, StreamKind
from schemas.targets import Target
from schemas.time import Interval
from schemas.wire.postgres.addresses import check_url
from schemas.wire.postgres.articles import StoredArticles
from schemas.wire.postgres.features import StoredFeatures
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.migrating import migrate
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.postgres.promotions import StoredPromotions
from schemas.wire.postgres.sources import StoredSources
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.tables import TABLES, StoredWatermark
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.settings import Endpoints
from tests.contract.schemas.samples import SAMPLES
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0, bar, candle, prediction, tick


@pytest.fixture(scope="module")
def pool(endpoints: Endpoints) -> Iterator[PostgresPool]:
    with PostgresPool(endpoints.database_url) as opened:
        yield opened


@pytest.fixture
def stream() -> str:
    return f"replay-{uuid4().hex[:12]}"


def features(stream: str, at_ms: int, values: dict[str, float | None]) -> FeaturesComputed:
    sample = SAMPLES["features_computed"]
    assert isinstance(sample, FeaturesComputed)
    return msgspec.structs.replace(
        sample,
        stream=stream,
        event_time_ms=T0 + at_ms,
        values=values,
        feature_spec_hash=f"spec of {stream}",
    )


def outcome(stream: str, as_of_ms: int, of: Outcome, *, is_hit: bool | None) -> OutcomeResolved:
    sample = SAMPLES["outcome_resolved"]
    assert isinstance(sample, OutcomeResolved)
    return msgspec.structs.replace(
        sample, stream=stream, features_as_of_ms=T0 + as_of_ms, outcome=of, is_hit=is_hit
    )


def test_every_kind_of_row_is_written_once_however_often_it_comes(pool: PostgresPool, stream: str) -> None:
    rows: list[Event] = [
        msgspec.structs.replace(event, stream=stream)
        for event in SAMPLES.values()
        if not isinstance(event, ABOUT_SOURCES)
    ]
    EventWriter(pool).write(rows)
    EventWriter(pool).write(rows)
    EventWriter(pool).write([*rows, *rows])
    assert len(list(StoredMarket(pool).candles(stream))) == 1
    assert len(StoredArticles(pool).articles(stream, limit=10)) == 2
    assert len(StoredSources(pool).health(stream)) == 1
    assert [tick.id_epoch for tick in StoredMarket(pool).ticks(stream)] == [0, 1]
    assert len(StoredMarket(pool).bars(stream, instrument=INSTRUMENT, interval="1m", limit=10)) == 1
    assert len(StoredPromotions(pool).promotions(stream)) == 1
    target = Target(stream, INSTRUMENT, "1m", "1m")
    assert StoredPredictions(pool).record(target).n_predictions == 1


def test_rows_come_back_as_they_were_written(pool: PostgresPool, stream: str) -> None:
    made_candle, made_tick = (
        candle(0, stream=stream),
        tick(0, 0.1 + 0.2, trade_id=2**62, size=1e-8, stream=stream),
    )
    made_candle = msgspec.structs.replace(made_candle, taker_buy_volume=0.1)
    made_bar = bar(0, 1 / 3, stream=stream)
    EventWriter(pool).write([made_candle, made_tick, made_bar])
    assert list(StoredMarket(pool).candles(stream)) == [made_candle]
    assert list(StoredMarket(pool).ticks(stream)) == [made_tick]
    assert StoredMarket(pool).bars(stream, instrument=INSTRUMENT, interval="1m", limit=1) == [made_bar]


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_primary_key_of_the_migrated_table_is_the_natural_key(
    kind: type[Event], endpoints: Endpoints
) -> None:
    """The migrations write the keys out in SQL, because what they did must never change; so this compares.

    A table keeps only the newest revision of a candle and the newest health of a source, and an article once,
    however many coins it mentions; on the topic each of these is a fact of its own.
    """
    kept = {"source_health": {"stream", "source"}, "articles": {"stream", "article_id", "version"}}
    query = (
        "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey) "
        "WHERE indisprimary AND indrelid = %s::regclass"
    )
    with psycopg.connect(endpoints.database_url) as connection:
        columns = {row[0] for row in connection.execute(query, (TABLES[kind].name,))}
    assert (
        columns == kept.get(TABLES[kind].name, set(kind.natural_key) - {"revision"}) == set(TABLES[kind].key)
    )


def test_later_revision_of_a_candle_replaces_it_and_an_older_one_does_not(
    pool: PostgresPool, stream: str
) -> None:
    first, second = candle(0, stream=stream), candle(0, (1.0, 2.0, 0.5, 1.5), revision=1, stream=stream)
    EventWriter(pool).write([first])
    EventWriter(pool).write([second, first])
    EventWriter(pool).write([first])
    assert list(StoredMarket(pool).candles(stream)) == [second]


def test_candles_come_back_by_known_time(pool: PostgresPool, stream: str) -> None:
    candles = [candle(i * MINUTE, stream=stream) for i in range(20)]
    EventWriter(pool).write(list(reversed(candles)))
    assert list(StoredMarket(pool).candles(stream)) == candles


def test_feature_table_comes_back_to_the_bit(pool: PostgresPool, stream: str) -> None:
    chance = np.random.default_rng(5)
    numbers = chance.normal(size=(50, 3)) * 10.0 ** chance.integers(-300, 300, (50, 3))
    numbers[0] = (np.nan, -0.0, 5e-324)
    names = ("first", "second", "third")
    rows = [
        features(
            stream,
            i * MINUTE,
            {n: None if np.isnan(v) else float(v) for n, v in zip(names, row, strict=True)},
        )
        for i, row in enumerate(numbers)
    ]
    EventWriter(pool).write(rows)
    table = StoredFeatures(pool).feature_table(stream, instrument=INSTRUMENT, interval="15m")
    assert table is not None
    assert table.names == names
    assert table.values.tobytes() == numbers.tobytes()
    assert table.as_of_ms.tolist() == [T0 + i * MINUTE for i in range(50)]
    assert StoredFeatures(pool).newest_features(stream, instrument=INSTRUMENT, interval="15m") == rows[-1]


def test_vectors_come_back_by_the_hash_of_their_set_and_no_other_way(pool: PostgresPool, stream: str) -> None:
    row = msgspec.structs.asdict(features(stream, 0, {"first": 1.0}))
    wide = row | {"values": {"first": 1.0, "basis": None}, "feature_spec_hash": "ef" * 32}
    vector = VectorComputed(**wide, joined={"ETH-USDT.BINANCE": T0, "BTC-USDT-PERP.BINANCE": None}, n_late=2)
    EventWriter(pool).write([features(stream, 0, {"first": 1.0}), vector, vector])
    table = StoredFeatures(pool).feature_table(
        stream, instrument=INSTRUMENT, interval="15m", spec_hash="ef" * 32
    )
    assert table is not None
    assert table.names == ("first", "basis")
    assert table.values.tobytes() == np.array([[1.0, np.nan]]).tobytes()
    market = StoredFeatures(pool).feature_table(stream, instrument=INSTRUMENT, interval="15m")
    assert market is not None
    assert market.names == ("first",)


def test_feature_table_ends_where_it_is_told_to(pool: PostgresPool, stream: str) -> None:
    EventWriter(pool).write([features(stream, i * MINUTE, {"first": 1.0}) for i in range(10)])
    table = StoredFeatures(pool).feature_table(
        stream, instrument=INSTRUMENT, interval="15m", until_ms=T0 + 4 * MINUTE
    )
    assert table is not None
    assert len(table.as_of_ms) == 5


def test_nothing_stored_is_none(pool: PostgresPool, stream: str) -> None:
    assert StoredStreams(pool).stream(stream) is None
    assert StoredStreams(pool).watermark_ms(stream, "features.market.v1") is None
    assert StoredFeatures(pool).feature_table(stream, instrument=INSTRUMENT, interval="1m") is None
    assert StoredFeatures(pool).newest_features(stream, instrument=INSTRUMENT, interval="1m") is None
    assert StoredMarket(pool).position(stream) == MarketPosition(None, None, None)
    assert StoredPredictions(pool).last_predicted_ms(stream) == {}


def test_progress_is_that_of_the_slowest_partition_and_never_runs_back(
    pool: PostgresPool, stream: str
) -> None:
    def reached(partition: int, watermark_ms: int) -> StoredWatermark:
        return StoredWatermark(stream, "market.bar.v1", partition, watermark_ms, "binance")

    writer, streams = EventWriter(pool), StoredStreams(pool)
    writer.write([], [reached(0, 50), reached(0, 40)])
    writer.write([], [reached(0, 30), reached(1, 20)])
    assert streams.watermark_ms(stream, "market.bar.v1") == 20
    writer.write([], [reached(1, 60)])
    places = [("binance", 0), ("binance", 1)]
    assert streams.watermark_ms(stream, "market.bar.v1", places=places) == 50
    assert streams.watermark_ms(stream, "market.bar.v1", places=[*places, ("binance", 2)]) is None


def test_progress_of_a_partition_is_that_of_each_source_in_it(pool: PostgresPool, stream: str) -> None:
    """The faster source's watermark stood for both: training began before the slower one's rows were stored."""
    writer, streams, both = EventWriter(pool), StoredStreams(pool), [("binance", 0), ("kraken", 0)]
    writer.write([], [StoredWatermark(stream, "market.bar.v1", 0, 50, "binance")])
    assert streams.watermark_ms(stream, "market.bar.v1", places=both) is None
    writer.write([], [StoredWatermark(stream, "market.bar.v1", 0, 20, "kraken")])
    assert streams.watermark_ms(stream, "market.bar.v1", places=both) == 20
    assert streams.watermark_ms(stream, "market.bar.v1", places=both[:1]) == 50
    assert streams.watermark_ms(stream, "market.bar.v1") == 20


def test_position_is_how_far_the_market_data_go(pool: PostgresPool, stream: str) -> None:
    EventWriter(pool).write([candle(0, stream=stream), tick(7, trade_id=3, stream=stream, known_ms=9)])
    assert StoredMarket(pool).position(stream) == MarketPosition(T0 + MINUTE, T0 + 9, 3)


def test_position_of_several_instruments_is_that_of_the_one_that_is_least_far(
    pool: PostgresPool, stream: str
) -> None:
    both = [INSTRUMENT, "ETH-USDT.BINANCE"]
    EventWriter(pool).write([candle(i * MINUTE, stream=stream) for i in range(5)])
    assert StoredMarket(pool).position(stream, instruments=both).last_candle_end_ms is None
    EventWriter(pool).write([candle(i * MINUTE, instrument=both[1], stream=stream) for i in range(3)])
    assert StoredMarket(pool).position(stream, instruments=both).last_candle_end_ms == T0 + 3 * MINUTE


def test_position_of_a_source_is_that_of_its_own_instruments(pool: PostgresPool, stream: str) -> None:
    market = StoredMarket(pool)
    EventWriter(pool).write([candle(i * MINUTE, stream=stream) for i in range(5)])
    EventWriter(pool).write([candle(0, instrument="ETH-USDT.BINANCE", stream=stream)])
    assert market.position(stream, instruments=[INSTRUMENT]).last_candle_end_ms == T0 + 5 * MINUTE
    assert market.position(stream, instruments=["SOL-USDT.BINANCE"]) == MarketPosition(None, None, None)


def test_first_description_of_a_stream_wins(pool: PostgresPool, stream: str) -> None:
    description = StreamDescription(
        stream=stream, kind=StreamKind.REPLAY, title="a file", source="binance", instruments=(INSTRUMENT,),
        origin_ms=0, warm_up_until_ms=1, end_ms=None, speed=60.0, parameters={"skew_ms": 1270, "path": None},
        created_ms=5,
    )  # fmt: skip
    assert StoredStreams(pool).register_stream(description) == description
    assert (
        StoredStreams(pool).register_stream(msgspec.structs.replace(description, title="another"))
        == description
    )


def test_prediction_is_unresolved_until_its_outcome_is_stored(pool: PostgresPool, stream: str) -> None:
    made = [prediction(0, stream=stream), prediction(MINUTE, stream=stream)]
    EventWriter(pool).write(made)
    EventWriter(pool).write([outcome(stream, 0, Outcome.UP, is_hit=True)])
    assert [p for p in StoredPredictions(pool).unresolved() if p.stream == stream] == made[1:]
    newest = StoredPredictions(pool).predictions(Target(stream, INSTRUMENT, "1m", "1m"), limit=5)
    assert [(p, o is None) for p, o in newest] == [(made[1], True), (made[0], False)]
    assert StoredPredictions(pool).last_predicted_ms(stream) == {
        Target(stream, INSTRUMENT, "1m", "1m"): T0 + MINUTE
    }


def test_champions_are_the_newest_of_each_target(pool: PostgresPool, stream: str) -> None:
    sample = SAMPLES["model_promoted"]
    assert isinstance(sample, ModelPromoted)
    promoted = [
        msgspec.structs.replace(
            sample, stream=stream, alias=alias, effective_from_ms=at, model_version=version, horizon=horizon
        )
        for alias, at, version, horizon in [
            ("champion", 10, "a", Interval.ONE_MINUTE),
            ("champion", 20, "b", Interval.ONE_MINUTE),
            ("challenger", 30, "c", Interval.ONE_MINUTE),
            ("champion", 5, "d", Interval.ONE_HOUR),
        ]
    ]
    EventWriter(pool).write(promoted)
    assert {one.model_version for one in StoredPromotions(pool).champions(stream)} == {"b", "d"}


def test_record_counts_ties_and_voids_apart(pool: PostgresPool, stream: str) -> None:
    kinds = [
        (Outcome.UP, True),
        (Outcome.DOWN, False),
        (Outcome.UP, True),
        (Outcome.TIE, None),
        (Outcome.VOID, None),
    ]
    EventWriter(pool).write([prediction(i * MINUTE, stream=stream) for i in range(6)])
    EventWriter(pool).write(
        [outcome(stream, i * MINUTE, of, is_hit=hit) for i, (of, hit) in enumerate(kinds)]
    )
    assert StoredPredictions(pool).record(Target(stream, INSTRUMENT, "1m", "1m")) == PredictionRecord(
        6, 2, 1, 1, 1
    )


def test_batch_with_a_bad_row_stores_nothing(pool: PostgresPool, stream: str) -> None:
    bad = msgspec.structs.replace(tick(0, trade_id=2, stream=stream), trade_id=2**80)
    with pytest.raises(RowRefusedError, match=r"22003 .*trade_id"):
        EventWriter(pool).write(
            [tick(0, trade_id=1, stream=stream), bad],
            [StoredWatermark(stream, "market.tick.v1", 0, 1, "binance")],
        )
    assert list(StoredMarket(pool).ticks(stream)) == []
    assert StoredStreams(pool).watermark_ms(stream, "market.tick.v1") is None


def test_event_without_a_table_is_a_programmers_mistake(pool: PostgresPool) -> None:
    with pytest.raises(KeyError):
        EventWriter(pool).write([WatermarkAdvanced(event_time_ms=0, known_time_ms=0, source="s", stream="s")])


def test_migrating_again_changes_nothing(endpoints: Endpoints) -> None:
    migrate(endpoints.database_url)


def test_postgres_that_is_away_is_a_transient_error() -> None:
    away = PostgresPool("postgresql://nobody@127.0.0.1:1/nowhere", timeout_s=0.2)
    away.open()
    try:
        assert not away.is_ready()
        with pytest.raises(StoreUnavailableError):
            StoredStreams(away).stream("any")
    finally:
        away.close()


def test_url_of_another_kind_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        check_url("mysql://localhost/x")


def test_intervals_are_stored_by_their_names(pool: PostgresPool, stream: str) -> None:
    EventWriter(pool).write([candle(0, interval=Interval.ONE_HOUR, stream=stream)])
    (found,) = StoredMarket(pool).candles(stream)
    assert found.interval is Interval.ONE_HOUR
