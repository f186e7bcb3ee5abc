"""Compares what the log and the ledger say with what the mirror's market was.

A trade that is not in the log is accounted for if a gap of the ledger covers its time. A bar is right if it is the bar
of the market's own trades in every field; a wrong one is accounted for likewise.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from schemas.events import ArticlePublished, BarClosed, CandleObserved, TickObserved
from schemas.gaps import Gap
from schemas.topics import MARKET_BAR, MARKET_CANDLE, MARKET_TICK, NEWS_ARTICLE, Topic
from schemas.wire.reading import read_range
from schemas.wire.settings import KafkaEndpoint
from tests.mirror.candles import MINUTE_MS
from tests.mirror.markets import Market

Kind = TickObserved | CandleObserved | BarClosed | ArticlePublished


def events_of(endpoint: KafkaEndpoint, topic: Topic, stream: str, kind: type[Kind]) -> list:
    """Return the events of one kind of a run, in the order of each partition."""
    starts = {(topic.name, partition): 0 for partition in range(topic.n_partitions)}
    name = kind.__name__
    found = []
    for record in read_range(endpoint, starts):
        event = msgspec.json.decode(record.value or b"null")
        if event is not None and event.get("type") == name and event.get("stream") == stream:
            found.append(msgspec.convert(event, kind))
    return found


def ticks_of(endpoint: KafkaEndpoint, stream: str) -> dict[str, list[TickObserved]]:
    """Return the ticks of each instrument."""
    return _by_instrument(events_of(endpoint, MARKET_TICK, stream, TickObserved))


def bars_of(endpoint: KafkaEndpoint, stream: str) -> dict[str, list[BarClosed]]:
    """Return the bars of one minute of each instrument."""
    bars = events_of(endpoint, MARKET_BAR, stream, BarClosed)
    return _by_instrument([bar for bar in bars if bar.interval.value == "1m"])


def candles_of(endpoint: KafkaEndpoint, stream: str) -> dict[str, list[CandleObserved]]:
    """Return the candles of each instrument."""
    return _by_instrument(events_of(endpoint, MARKET_CANDLE, stream, CandleObserved))


def articles_of(endpoint: KafkaEndpoint, stream: str) -> list[ArticlePublished]:
    """Return the articles."""
    return events_of(endpoint, NEWS_ARTICLE, stream, ArticlePublished)


def _by_instrument(events: Iterable) -> dict[str, list]:
    found: dict[str, list] = {}
    for event in events:
        found.setdefault(event.instrument, []).append(event)
    return found


class TradeVerdict(NamedTuple):
    """What became of the trades of a stretch of time."""

    n_true: int = 0
    n_lost: int = 0
    n_named: int = 0
    n_doubled: int = 0
    n_wrong: int = 0

    def plus(self, other: "TradeVerdict") -> "TradeVerdict":
        """Return both together."""
        return TradeVerdict(*(one + two for one, two in zip(self, other, strict=True)))


def judge_trades(
    market: Market, ticks: Sequence[TickObserved], gaps: Sequence[Gap], from_ms: int, until_ms: int
) -> TradeVerdict:
    """Judge the trades of [from, until).

    A trade that is twice in the log with the same content and the same natural key is one: a transaction that was
    aborted is visible on the embedded broker. It is doubled if its epochs or its contents differ.
    """
    true = market.trades.between(from_ms, until_ms)
    given: dict[int, set[tuple]] = {}
    for tick in ticks:
        if from_ms <= tick.event_time_ms < until_ms:
            content = (tick.id_epoch, tick.event_time_ms, tick.price, tick.size, tick.is_buyer_maker)
            given.setdefault(tick.trade_id, set()).add(content)
    columns = (true.id, true.time_ms, true.price, true.size, true.is_buyer_maker)
    verdict = TradeVerdict(n_true=len(true))
    for trade_id, *content in zip(*(column.tolist() for column in columns), strict=True):
        found = given.pop(trade_id, None)
        if found is None:
            is_named = any(gap.start_ms <= content[0] < gap.end_ms for gap in gaps)
            verdict = verdict.plus(TradeVerdict(n_named=is_named, n_lost=not is_named))
        else:
            is_right = (0, *content) in found
            verdict = verdict.plus(TradeVerdict(n_doubled=len(found) > 1, n_wrong=not is_right))
    return verdict.plus(TradeVerdict(n_wrong=len(given)))


class BarVerdict(NamedTuple):
    """What became of the bars of a run."""

    n_true: int
    n_missing: int
    n_wrong: int
    n_named: int
    first_wrong: str = ""


def judge_bars(
    market: Market, bars: Sequence[BarClosed], gaps: Sequence[Gap], from_ms: int, until_ms: int
) -> BarVerdict:
    """Judge the bars of whole minutes within [from, until)."""
    given: Mapping[int, BarClosed] = {bar.start_ms: bar for bar in bars}
    n_missing = n_wrong = n_named = 0
    first = ""
    rows = market.candles(MINUTE_MS, from_ms, until_ms, until_ms)
    for row in rows:
        start_ms = int(row["open_ms"])
        bar = given.get(start_ms)
        if bar is not None and is_same(bar, row):
            continue
        if any(gap.start_ms < start_ms + MINUTE_MS and start_ms < gap.end_ms for gap in gaps):
            n_named += 1
            continue
        n_missing += bar is None
        n_wrong += bar is not None
        first = first or f"{market.listing.name} {start_ms}: {bar} instead of {row}"
    return BarVerdict(len(rows), n_missing, n_wrong, n_named, first)


class HistoryVerdict(NamedTuple):
    """What became of the minutes that were published before the venues were followed."""

    n_true: int
    n_missing: int
    n_wrong: int


def judge_history(
    market: Market, candles: Sequence[CandleObserved], from_ms: int, until_ms: int
) -> HistoryVerdict:
    """Judge the candles of whole minutes within [from, until); two of one minute must be the same."""
    given: dict[int, set[tuple]] = {}
    for candle in candles:
        content = (candle.open, candle.high, candle.low, candle.close, round(candle.volume, 6))
        given.setdefault(candle.start_ms, set()).add(content)
    rows = market.candles(MINUTE_MS, from_ms, until_ms, until_ms)
    n_missing = n_wrong = 0
    for row in rows:
        prices = [float(row[name]) for name in ("open", "high", "low", "close")]
        found = given.get(int(row["open_ms"]), set())
        n_missing += not found
        n_wrong += bool(found) and found != {(*prices, round(float(row["volume"]), 6))}
    return HistoryVerdict(len(rows), n_missing, n_wrong)


def is_same(bar: BarClosed, row: np.void) -> bool:
    """Say whether a bar is that of the market's trades."""
    prices = all(getattr(bar, name) == row[name] for name in ("open", "high", "low", "close"))
    counts = bar.n_trades is None or bar.n_trades == row["n_trades"]
    return prices and counts and abs(bar.volume - float(row["volume"])) < 1e-6
