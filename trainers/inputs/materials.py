"""What a backtest is made from: features and prices of one instrument; here, out of a file.

The batch driver computes what the live driver would have. Out of stores it comes by
:mod:`.stored_materials`, which stands apart since it loads their clients.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from producers.sources.files.forms import ReadRequest
from producers.sources.files.recognition import stated_instrument
from producers.sources.files.tables import CandleTable, bought_volume, read_candles
from schemas.artifacts import ModelManifest, ModelTarget
from schemas.companions import Companions
from schemas.errors import ConfigurationError
from schemas.features import FeatureTable
from schemas.instruments import parse_instrument
from schemas.wire.clocks import SystemClock
from stream_processors.features.bars import CLOSE, END_MS, BarTable, bar_table, roll_up
from stream_processors.features.batch import compute_table
from stream_processors.features.vector_declarations import FeatureGroup, groups_among
from stream_processors.features.vectors import with_companions
from trainers.datasets.prices import PricePath
from trainers.inputs.news_scores import NewsFile, scored_news


class Material(NamedTuple):
    """What was found.

    Attributes:
        table: Of the model's interval.
        prices: Of the shortest bars there are.
        title: One line for people: from where.
    """

    table: FeatureTable
    prices: PricePath
    title: str


#: The option that gives the file of a group's companion.
OPTIONS = {
    FeatureGroup.COIN: "--bars-eth",
    FeatureGroup.PERPETUAL: "--perp",
    FeatureGroup.NEWS: "--news",
}


def from_file(
    path: Path,
    target: ModelTarget,
    *,
    instrument: str | None,
    begin_ms: int | None,
    beside: Mapping[FeatureGroup, Path] = {},
    every_ms: int | None = None,
    reading: ReadRequest | None = None,
    news: NewsFile | None = None,
) -> Material:
    """Features and prices of a file of candles, with companions' beside them where there are such files.

    Args:
        path: The file.
        target: Of the model.
        instrument: Of the file; None as its name says.
        begin_ms: Candles that begin before are left out, as for a run that began then; None is all.
        beside: The companions' files; their names tell their instruments.
        every_ms: Only features at multiples of it are wanted; None is all. With companions all are
            computed, since what stands beside has a memory of its own.

        reading: What the files cannot tell; None knows the wall clock alone.
        news: How the file of articles is read, if it is among ``beside``.

    Raises:
        ConfigurationError: If a file is missing, unreadable, of another instrument, or of bars that
            cannot be rolled up to the model's.
    """
    reading = ReadRequest(not_after_ms=SystemClock().now_ms()) if reading is None else reading
    _check_file("--bars", path)
    _check_instrument(path, target, instrument)
    candles = read_candles(path, reading._replace(instrument=target.instrument))
    bars, table = _features(path, candles, target, begin_ms, every_ms=None if beside else every_ms)
    if beside:
        table = _joined(table, target, beside, begin_ms, reading=reading, news=news)
    prices = PricePath(
        interval_ms=candles.interval.milliseconds,
        end_ms=bars.rows[:, END_MS].astype(np.int64),
        known_ms=bars.known_ms,
        close=bars.rows[:, CLOSE].copy(),
    )
    names = "".join(f", beside it {file.name}" for file in beside.values())
    left_out = candles.report.n_rows - candles.report.n_good
    without = f" without {left_out:,} rows that break a rule" if left_out else ""
    return Material(
        table, prices, f"{path.name}, {len(prices):,} candles of {candles.interval}{without}{names}"
    )


def _features(
    path: Path,
    candles: CandleTable,
    target: ModelTarget,
    begin_ms: int | None,
    *,
    every_ms: int | None = None,
) -> tuple[BarTable, FeatureTable]:
    """The bars as they are, and the features of the model's own."""
    if target.interval.milliseconds % candles.interval.milliseconds:
        message = (
            f"{path.name} has {candles.interval} candles, from which no {target.interval} bars can be made, "
            f"which the model of {target} looks at"
        )
        raise ConfigurationError(message)
    bars = _bars(candles, begin_ms)
    is_longer = candles.interval is not target.interval
    longer = roll_up(bars, interval=candles.interval, into=target.interval) if is_longer else bars
    return bars, compute_table(longer, every_ms=every_ms)


def _joined(
    table: FeatureTable,
    target: ModelTarget,
    beside: Mapping[FeatureGroup, Path],
    begin_ms: int | None,
    *,
    reading: ReadRequest,
    news: NewsFile | None,
) -> FeatureTable:
    """The vectors that the live join would have made."""
    for group, path in beside.items():
        _check_file(OPTIONS[group], path)
    instruments = {group: path for group, path in beside.items() if group is not FeatureGroup.NEWS}
    named = {group: _companion(group, path) for group, path in instruments.items()}
    scored = None if news is None else scored_news(news, parse_instrument(target.instrument).base)
    companions = Companions(
        coin=named.get(FeatureGroup.COIN),
        perpetual=named.get(FeatureGroup.PERPETUAL),
        news=None if scored is None else scored.companion,
    )
    candles = {
        group: read_candles(path, reading._replace(instrument=named[group]))
        for group, path in instruments.items()
    }
    others = {
        named[group]: _features(path, candles[group], target, begin_ms)[1]
        for group, path in instruments.items()
    }
    rows = None if scored is None else scored.features(table.as_of_ms)
    return with_companions(table, others, companions, interval=target.interval, news=rows)


def _companion(group: FeatureGroup, path: Path) -> str:
    found = stated_instrument(path)
    if found is None:
        message = (
            f"cannot tell the instrument of {path.name}, which the model's features name: "
            f"name the file of {OPTIONS[group]} like ethusdt_binance_spot_1m.parquet"
        )
        raise ConfigurationError(message)
    return found


def check_beside(manifest: ModelManifest, beside: Mapping[FeatureGroup, Path]) -> None:
    """Refuse to backtest a model without the companions that it sees, or with others.

    Raises:
        ConfigurationError: Names the option to give, or to leave out.
    """
    needed = groups_among(manifest.feature_names)
    for group, option in OPTIONS.items():
        if (group in needed) is not (group in beside):
            says = "sees" if group in needed else "does not see"
            does = "give its file" if group in needed else "leave it out"
            message = f"{manifest.version} {says} features of the {group} companion: {does}, {option}"
            raise ConfigurationError(message)


def _check_file(option: str, path: Path) -> None:
    if not path.is_file():
        message = f"{option} must be an existing file of candles, was {path}"
        raise ConfigurationError(message)


def _check_instrument(path: Path, target: ModelTarget, instrument: str | None) -> None:
    found = instrument or stated_instrument(path)
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
    bought = bought_volume(columns)
    return bar_table(
        start_ms=columns["start_ms"][here],
        prices=np.column_stack([columns[name][here] for name in ("open", "high", "low", "close")]),
        volume=columns["volume"][here],
        buy_volume=None if bought is None else bought[here],
        interval=candles.interval,
    )
