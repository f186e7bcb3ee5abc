"""What buyers took reaches the features of live and of batch alike, where the candles of a file state it."""

import numpy as np

from producers.sources.files.forms import ReadRequest
from producers.sources.files.tables import read_candles
from schemas import codec
from schemas.artifacts import ModelTarget
from schemas.events import FeaturesComputed
from schemas.time import Interval
from schemas.topics import MARKET_CANDLE
from stream_processors.features.bars import BUY_VOLUME
from stream_processors.operators.market import MarketOperator
from tests.fixtures.market_events import INSTRUMENT
from trainers.inputs.bar_files import read_bars
from trainers.inputs.materials import from_file

START_MS = 1_748_736_000_000
TARGET = ModelTarget(instrument=INSTRUMENT, interval=Interval.FIVE_MINUTES, horizon=Interval.FIVE_MINUTES)
N = 400


def binance_dump(folder):
    """A dump with its own columns; every fiftieth cell of what takers bought is empty or more than the volume."""
    chance = np.random.default_rng(11)
    closes = 100_000 * np.exp(np.cumsum(chance.normal(scale=1e-3, size=N)))
    volumes = chance.uniform(1, 5, N)
    lines, before = [], closes[0]
    for i, (close, volume) in enumerate(zip(closes, volumes, strict=True)):
        bought = {0: "", 25: f"{2 * volume}"}.get(i % 50, f"{volume * chance.uniform():.6f}")
        start = START_MS + i * 60_000
        high, low = max(before, close) * 1.0001, min(before, close) * 0.9999
        lines.append(
            f"{start},{before:.2f},{high:.2f},{low:.2f},{close:.2f},{volume:.6f},{start + 59_999},"
            f"{volume * close:.2f},9,{bought},0,0"
        )
        before = round(close, 2)
    path = folder / "BTCUSDT-1m-2025-06-01.csv"
    path.write_text("\n".join(lines))
    return path


def test_live_and_batch_see_the_same_bought_volume(tmp_path):
    path = binance_dump(tmp_path)
    candles = read_candles(path, ReadRequest(2**53, instrument=INSTRUMENT))
    operator = MarketOperator(intervals=[TARGET.interval])
    live = []
    for event in candles.candles(0, 2**53, instrument=INSTRUMENT, source="binance", stream="replay-1"):
        stepped = operator.step_values(MARKET_CANDLE, [codec.encode(event)], lambda _: ())
        live += [each.event for _, each in stepped.outputs if isinstance(each.event, FeaturesComputed)]
    batch = from_file(path, TARGET, instrument=INSTRUMENT, begin_ms=None).table
    rows = {row.event_time_ms: list(row.values.values()) for row in live if row.interval is TARGET.interval}
    place = batch.names.index("buy_volume_imbalance_1")
    assert np.isfinite(batch.values[:, place]).sum() > N / 5 / 2
    for as_of_ms, values in zip(batch.as_of_ms.tolist(), batch.values, strict=True):
        if as_of_ms in rows:
            expected = np.array([np.nan if v is None else v for v in rows[as_of_ms]])
            assert values.tobytes() == expected.tobytes()
    assert len(rows) >= len(batch.as_of_ms) - 1


def test_bars_of_an_evaluation_have_it(tmp_path):
    bars = read_bars(binance_dump(tmp_path)).bars
    assert np.isnan(bars.rows[::25, BUY_VOLUME]).all()
    assert np.isfinite(bars.rows[:, BUY_VOLUME]).sum() == N - N / 25
