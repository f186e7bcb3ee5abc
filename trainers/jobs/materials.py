"""What a backtest is made from: features and prices of one instrument, out of a file, Postgres or topics.

From a file, the batch driver computes what the live driver would have; Postgres has what was
stored live; from topics, the live operator itself takes in the log again.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from producers.sources.files.recognition import instrument_of_name
from producers.sources.files.tables import CandleTable, read_candles
from schemas.artifacts import ModelTarget
from schemas.codec import nan_from_null
from schemas.errors import ConfigurationError, NotReadyError
from schemas.events import BarClosed, FeaturesComputed
from schemas.features import FeatureTable
from schemas.time import Interval
from schemas.topics import MARKET_CANDLE, MARKET_TICK, Topic, partition_of
from schemas.wire.kafka import read_runs
from schemas.wire.postgres import History
from schemas.wire.settings import KafkaEndpoint
from stream_processors.features.bars import CLOSE, END_MS, BarTable, bar_table, roll_up
from stream_processors.features.batch import compute_table
from stream_processors.operators.market import MarketOperator
from trainers.backtesting.prices import Prices

Say = Callable[[str], None]


class Material(NamedTuple):
    """What was found.

    Attributes:
        table: Of the model's interval.
        prices: Of the shortest bars there are.
        title: One line for people: from where.
    """

    table: FeatureTable
    prices: Prices
    title: str


def from_file(path: Path, target: ModelTarget, *, instrument: str | None, begin_ms: int | None) -> Material:
    """Features and prices of a file of candles.

    Args:
        path: The file.
        target: Of the model.
        instrument: Of the file; None as its name says.
        begin_ms: Candles that begin before are left out, as for a run that began then; None is all.

    Raises:
        ConfigurationError: If it is missing, unreadable, of another instrument, or of bars that
            cannot be rolled up to the model's.
    """
    if not path.is_file():
        message = f"--bars must be an existing file of candles, was {path}"
        raise ConfigurationError(message)
    _check_instrument(path, target, instrument)
    candles = read_candles(path)
    if target.interval.milliseconds % candles.interval.milliseconds:
        message = (
            f"{path.name} has {candles.interval} candles, from which no {target.interval} bars can be made, "
            f"which the model of {target} looks at"
        )
        raise ConfigurationError(message)
    bars = _bars(candles, begin_ms)
    table = compute_table(
        bars
        if candles.interval is target.interval
        else roll_up(bars, interval=candles.interval, into=target.interval)
    )
    prices = Prices(
        interval=candles.interval,
        end_ms=bars.rows[:, END_MS].astype(np.int64),
        close=bars.rows[:, CLOSE].copy(),
    )
    return Material(table, prices, f"{path.name}, {len(prices):,} candles of {candles.interval}")


def _check_instrument(path: Path, target: ModelTarget, instrument: str | None) -> None:
    found = instrument or instrument_of_name(path)
    if found is None:
        message = (
            f"cannot tell the instrument of {path.name}: name it like btcusdt_binance_spot_1m.parquet, "
            "or say --instrument BTC-USDT.BINANCE"
        )
        raise ConfigurationError(message)
    if found != target.instrument:
        message = f"{path.name} is of {found}, the model predicts {target.instrument}"
        raise ConfigurationError(message)


def _bars(candles: CandleTable, begin_ms: int | None) -> BarTable:
    columns = candles.columns
    here = slice(0 if begin_ms is None else int(np.searchsorted(columns["start_ms"], begin_ms)), None)
    return bar_table(
        start_ms=columns["start_ms"][here],
        prices=np.column_stack([columns[name][here] for name in ("open", "high", "low", "close")]),
        volume=columns["volume"][here],
        interval=candles.interval,
    )


def from_postgres(history: History, stream: str, target: ModelTarget, *, spec_hash: str) -> Material:
    """The features and bars of a run as they were stored.

    Raises:
        NotReadyError: If there are none of this model's features.
        StoreUnavailableError: If Postgres does not answer.
    """
    table = history.feature_table(
        stream, instrument=target.instrument, interval=target.interval, spec_hash=spec_hash
    )
    if table is None:
        raise NotReadyError(_nothing("Postgres", stream, target))
    interval, end_ms, close = _shortest_closes(history, stream, target)
    prices = Prices(interval=interval, end_ms=end_ms, close=close)
    return Material(table, prices, f"stream {stream} as stored, {len(table.as_of_ms):,} rows of features")


def _shortest_closes(history: History, stream: str, target: ModelTarget) -> tuple[Interval, Any, Any]:
    for interval in Interval:
        end_ms, close = history.closes(stream, instrument=target.instrument, interval=interval)
        if len(end_ms):
            return interval, end_ms, close
    raise NotReadyError(_nothing("Postgres", stream, target))


def from_topics(endpoint: KafkaEndpoint, stream: str, target: ModelTarget, *, say: Say) -> Material:
    """What the live operator makes of the candles and ticks that the log has of a run.

    Candles come before ticks, as a run publishes its history before its first tick.

    Raises:
        NotReadyError: If that is nothing.
        BrokerUnavailableError: If the log cannot be read.
    """
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
    shortest = min(bars, key=lambda interval: interval.milliseconds)
    prices = Prices(
        interval=shortest,
        end_ms=np.array([bar.event_time_ms for bar in bars[shortest]], dtype=np.int64),
        close=np.array([bar.close for bar in bars[shortest]], dtype=np.float64),
    )
    return Material(_table(rows), prices, f"stream {stream} replayed from the log, {len(rows):,} bars")


def _made(
    operator: MarketOperator, endpoint: KafkaEndpoint, topic: Topic, instrument: str
) -> Iterator[FeaturesComputed | BarClosed]:
    place = (topic.name, partition_of(instrument.encode(), topic.n_partitions))
    for run in read_runs(endpoint, {place: 0}):
        for _, output in operator.step_values(topic, run.values(), run.headers_of).outputs:
            if isinstance(output.event, FeaturesComputed | BarClosed):
                yield output.event


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
