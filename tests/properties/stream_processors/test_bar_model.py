"""Bars against a model: the trades grouped by minute, with pandas."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import BarClosed
from schemas.time import Interval
from stream_processors.features.bars import N_COLUMNS, bar_table, roll_up
from stream_processors.operators.bars import BarBuilder
from stream_processors.operators.rolling_up import RollUp
from tests.fixtures.market_events import INSTRUMENT, MINUTE, STREAM, T0, bar, tick

trades = st.lists(
    st.tuples(st.integers(0, 90_000), st.integers(9_000, 11_000), st.integers(1, 1000), st.booleans()),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(trades)
def test_bars_are_the_trades_grouped_by_minute(drawn: list[tuple[int, int, int, bool]]) -> None:
    builder = BarBuilder(stream=STREAM, instrument=INSTRUMENT, source="binance")
    at_ms, rows, bars = 0, [], list[BarClosed]()
    for i, (step_ms, cents, size, is_maker) in enumerate([(0, 10_000, 1, False), *drawn]):
        at_ms += step_ms
        made = tick(at_ms, cents / 100, trade_id=i, size=size / 8, is_buyer_maker=is_maker)
        rows.append((at_ms // MINUTE, made.price, made.size, 0.0 if is_maker else made.size))
        bars += builder.on_tick(made, allowed_lateness_ms=0)
    bars += builder.on_watermark(T0 + (at_ms // MINUTE + 1) * MINUTE, known_ms=0)

    frame = pd.DataFrame(rows, columns=["minute", "price", "size", "bought"]).groupby("minute")
    expected = frame["price"].agg(["first", "max", "min", "last", "count"])
    expected[["volume", "bought"]] = frame[["size", "bought"]].sum()
    expected = expected.reindex(range(at_ms // MINUTE + 1))
    closes = expected["last"].ffill()
    for column in ("first", "max", "min", "last"):
        expected[column] = expected[column].fillna(closes)
    expected = expected.fillna(0.0)
    found = [(b.open, b.high, b.low, b.close, b.n_trades, b.volume, b.buy_volume) for b in bars]
    np.testing.assert_array_equal(np.array(found, dtype=float), expected.to_numpy())


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.integers(0, 150), min_size=1, max_size=150),
    st.sampled_from([Interval.FIVE_MINUTES, Interval.FIFTEEN_MINUTES, Interval.ONE_HOUR]),
    st.integers(1, 2**31),
)
def test_rolling_up_live_and_in_a_batch_agree_to_the_bit(starts: set[int], into: Interval, seed: int) -> None:
    chance = np.random.default_rng(seed)
    bars = [
        bar(s * MINUTE, float(chance.normal(100.0)), volume=float(chance.exponential()))
        for s in sorted(starts)
    ]
    live = [made for made in map(RollUp(into=into).step, bars) if made is not None]
    table = bar_table(
        start_ms=np.array([b.start_ms for b in bars], dtype=np.int64),
        prices=np.array([[b.open, b.high, b.low, b.close] for b in bars]),
        volume=np.array([b.volume for b in bars]),
        buy_volume=np.array([b.buy_volume for b in bars]),
        interval=Interval.ONE_MINUTE,
    )
    rolled = roll_up(table, interval=Interval.ONE_MINUTE, into=into)
    rows = [
        (b.open, b.high, b.low, b.close, b.volume, float(b.event_time_ms), b.buy_volume, float(b.start_ms))
        for b in live
    ]
    np.testing.assert_array_equal(rolled.rows, np.array(rows).reshape(len(rows), N_COLUMNS))
    assert rolled.start_ms.tolist() == [b.start_ms for b in live]
    assert rolled.known_ms.tolist() == [b.known_time_ms for b in live]
    assert all(b.event_time_ms - b.start_ms == into.milliseconds for b in live)
