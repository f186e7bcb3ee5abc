"""``make bench-features``: a year of one-minute bars, by our kernel and by pandas with TA-Lib.

Both compute every declared feature on one core. The peer takes TA-Lib for what it has and pandas for the
rest, written as one writes it, with sums that are shared where the formulas share them. Processor
time stands beside wall time: other work on the machine stretches the latter. The first pass of
each is left out, since it is the machine that then finds memory for 400 MB of results.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream_processors.features import kernel
from stream_processors.features.batch import compute_table, warm_up
from stream_processors.features.declarations import SPEC
from stream_processors.features.stepping import FeatureStepper
from tests.benchmarks.reporting import Figure, report
from tests.fixtures.bar_tables import random_walk
from tests.fixtures.pandas_features import NOT_IN_TALIB, features_of, frame_of
from tests.fixtures.talib_features import talib_features

N_BARS = 525_600
REPEATS = 5
BAR_S = 0.5
BAR_TIMES = 5.0
PEER = "pandas and TA-Lib"


def feature_figures() -> list[Figure]:
    """Ours and the peer's."""
    began_s = time.process_time()
    warm_up()
    ready_s = time.process_time() - began_s
    bars = random_walk(N_BARS, seed=1)
    frame = frame_of(bars)
    wall_s, processor_s = _timed(lambda: compute_table(bars).values, REPEATS)
    peer_wall_s, peer_s = _timed(lambda: _by_peers(frame), 3)
    return [
        Figure(metric="features", value=len(SPEC.names), unit="features", bar=None, holds=None),
        _compared("525,600 bars, all features", wall_s, bar=BAR_S, unit="s", peer_value=peer_wall_s),
        _compared("the same, processor time", processor_s, bar=BAR_S, unit="s", peer_value=peer_s),
        Figure(metric="peer", value=peer_wall_s, unit="s", bar=None, holds=None, peer=PEER),
        Figure(metric="peer, processor time", value=peer_s, unit="s", bar=None, holds=None, peer=PEER),
        Figure(
            metric="times faster, processor time",
            value=peer_s / processor_s,
            unit="times",
            bar=BAR_TIMES,
            holds=peer_s / processor_s >= BAR_TIMES,
            peer=PEER,
            ratio=processor_s / peer_s,
        ),
        Figure(metric="a bar live", value=_live_us(), unit="us", bar=None, holds=None),
        Figure(metric="state", value=8 * kernel.STATE_SIZE, unit="bytes", bar=None, holds=None),
        Figure(
            metric="compiling, or loading what is compiled", value=ready_s, unit="s", bar=None, holds=None
        ),
    ]


def main() -> None:
    """Run it."""
    report("features", feature_figures())


def _by_peers(frame) -> NDArray[np.float64]:
    columns = {**features_of(frame, NOT_IN_TALIB), **talib_features(frame)}
    return np.column_stack([np.asarray(columns[name], dtype=np.float64) for name in SPEC.names])


def _timed(compute: Callable[[], NDArray[np.float64]], repeats: int) -> tuple[float, float]:
    """Medians of wall and processor seconds."""
    compute()
    walls, processors = [], []
    for _ in range(repeats):
        began = time.perf_counter(), time.process_time()
        compute()
        walls.append(time.perf_counter() - began[0])
        processors.append(time.process_time() - began[1])
    return statistics.median(walls), statistics.median(processors)


def _compared(metric: str, value: float, *, bar: float, unit: str, peer_value: float) -> Figure:
    return Figure(
        metric=metric,
        value=value,
        unit=unit,
        bar=bar,
        holds=value <= bar,
        peer=PEER,
        ratio=value / peer_value,
    )


def _live_us() -> float:
    """Processor microseconds of one step of the live driver, its list of values included."""
    n = 20_000
    bars = random_walk(n, seed=2)
    rows = [(*row[:5], row[5], row[6], row[7]) for row in bars.rows.tolist()]
    stepper = FeatureStepper()
    began = time.process_time()
    for open_, high, low, close, volume, end_ms, bought, start_ms in rows:
        row = (open_, high, low, close, volume)
        stepper.step(row, start_ms=int(start_ms), end_ms=int(end_ms), buy_volume=bought)
    return (time.process_time() - began) / n * 1e6


if __name__ == "__main__":
    main()
