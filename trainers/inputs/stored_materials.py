"""Reads features and prices from stores: from Postgres as they were stored, or from topics by a replay.

For topics the live operator reads the log again. Vectors are read as they were joined live.
"""

from collections.abc import Callable, Iterator

import numpy as np

from schemas import codec
from schemas.artifacts import ModelManifest, ModelTarget
from schemas.codec import nan_from_null
from schemas.errors import NotReadyError
from schemas.events import BarClosed, FeaturesComputed, VectorComputed
from schemas.features import FeatureTable
from schemas.time import Interval
from schemas.topics import FEATURES_VECTOR, MARKET_CANDLE, MARKET_TICK, Topic, partition_of
from schemas.wire.kafka import Run, read_runs
from schemas.wire.postgres.features import StoredFeatures
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import KafkaEndpoint
from stream_processors.features.declarations import SPEC
from stream_processors.operators.market import MarketOperator
from trainers.datasets.prices import PricePath
from trainers.inputs.materials import Material

Say = Callable[[str], None]


def from_postgres(pool: PostgresPool, stream: str, target: ModelTarget, *, spec_hash: str) -> Material:
    """Returns the features and prices of a run as they were stored.

    Args:
        pool: The open connections to Postgres.
        stream: The run.
        target: What the model predicts.
        spec_hash: The hash of the model's feature set.

    Raises:
        NotReadyError: If no features of the model's set are stored.
        StoreUnavailableError: If Postgres does not answer.
    """
    table = StoredFeatures(pool).feature_table(
        stream, instrument=target.instrument, interval=target.interval, spec_hash=spec_hash
    )
    if table is None:
        raise NotReadyError(_nothing("Postgres", stream, target))
    prices = _shortest_closes(StoredMarket(pool), stream, target)
    return Material(table, prices, f"stream {stream} as stored, {len(table.as_of_ms):,} rows of features")


def _shortest_closes(market: StoredMarket, stream: str, target: ModelTarget) -> PricePath:
    for interval in Interval:
        closes = market.closes(stream, instrument=target.instrument, interval=interval)
        if len(closes.as_of_ms):
            return PricePath.of_bars(closes, interval)
    raise NotReadyError(_nothing("Postgres", stream, target))


def from_topics(endpoint: KafkaEndpoint, stream: str, manifest: ModelManifest, *, say: Say) -> Material:
    """Returns what the live operator computes from the candles and ticks of a run in the log.

    Candles are read before ticks, as a run publishes its history before its first tick. For a model that
    sees companions, the vectors in the log are taken instead of the features.

    Args:
        endpoint: The broker.
        stream: The run.
        manifest: The manifest of the model.
        say: Is called with each line of progress.

    Raises:
        NotReadyError: If the log has no features of the run.
        BrokerUnavailableError: If the log cannot be read.
    """
    target = manifest.target
    operator = MarketOperator(intervals=[target.interval])
    rows: list[FeaturesComputed] = []
    bars: dict[Interval, list[BarClosed]] = {}
    for topic in (MARKET_CANDLE, MARKET_TICK):
        for event in _made(operator, endpoint, topic, target.instrument):
            if event.stream != stream or event.instrument != target.instrument:
                continue
            if isinstance(event, BarClosed):
                bars.setdefault(event.interval, []).append(event)
            elif event.interval is target.interval:
                rows.append(event)
        say(f"{topic.name}: {sum(map(len, bars.values())):,} bars so far")
    if not rows:
        raise NotReadyError(_nothing("the log", stream, target))
    if manifest.feature_spec_hash != SPEC.hash:
        rows = _vectors(endpoint, stream, manifest)
        say(f"{FEATURES_VECTOR.name}: {len(rows):,} vectors")
    shortest = min(bars, key=lambda interval: interval.milliseconds)
    prices = PricePath(
        interval_ms=shortest.milliseconds,
        end_ms=np.array([bar.event_time_ms for bar in bars[shortest]], dtype=np.int64),
        known_ms=np.array([bar.known_time_ms for bar in bars[shortest]], dtype=np.int64),
        close=np.array([bar.close for bar in bars[shortest]], dtype=np.float64),
    )
    return Material(_table(rows), prices, f"stream {stream} replayed from the log, {len(rows):,} bars")


def _made(
    operator: MarketOperator, endpoint: KafkaEndpoint, topic: Topic, instrument: str
) -> Iterator[FeaturesComputed | BarClosed]:
    place = (topic.name, partition_of(instrument.encode(), topic.n_partitions))
    for run in read_runs(endpoint, {place: 0}):
        left: Run | None = run
        # A step stops when it has made many outputs; the next one goes on after the messages that it took.
        while left is not None:
            stepped = operator.step_values(topic, left.values(), left.headers_of)
            for _, output in stepped.outputs:
                if isinstance(output.event, FeaturesComputed | BarClosed):
                    yield output.event
            left = left.behind(stepped.n_taken)


def _vectors(endpoint: KafkaEndpoint, stream: str, manifest: ModelManifest) -> list[FeaturesComputed]:
    """The vectors of a run, each once, because the embedded broker also shows those of aborted transactions."""
    target, found = manifest.target, dict[int, FeaturesComputed]()
    wanted = (stream, target.instrument, target.interval, manifest.feature_spec_hash)
    place = (FEATURES_VECTOR.name, partition_of(target.instrument.encode(), FEATURES_VECTOR.n_partitions))
    for run in read_runs(endpoint, {place: 0}):
        for number, value in enumerate(run.values()):
            row = codec.decode(FEATURES_VECTOR, value, run.headers_of(number))
            if not isinstance(row, VectorComputed):
                continue
            if (row.stream, row.instrument, row.interval, row.feature_spec_hash) == wanted:
                found[row.event_time_ms] = row
    if not found:
        raise NotReadyError(_nothing("the log", stream, target))
    return [found[as_of_ms] for as_of_ms in sorted(found)]


def _table(rows: list[FeaturesComputed]) -> FeatureTable:
    return FeatureTable(
        names=tuple(rows[0].values),
        feature_spec_hash=rows[0].feature_spec_hash,
        as_of_ms=np.array([row.event_time_ms for row in rows], dtype=np.int64),
        known_ms=np.array([row.known_time_ms for row in rows], dtype=np.int64),
        close=np.array([row.close for row in rows], dtype=np.float64),
        is_warm=np.array([row.is_warm for row in rows], dtype=np.bool_),
        values=np.array([nan_from_null(row.values.values()) for row in rows], dtype=np.float64),
    )


def _nothing(where: str, stream: str, target: ModelTarget) -> str:
    return (
        f"{where} has no {target.interval} features of {target.instrument} in stream {stream!r} "
        "of the set that the model takes: is the stream's name right (`driftline models list` shows those of models)?"
    )
