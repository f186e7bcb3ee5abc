"""``make bench-copy``: how fast 500,000 candles are stored, beside plain COPY of the same bytes as the limit.

On the embedded Postgres, with its key and its triggers. ``CANDLES=`` is the number of candles. Measured are, each on
candles that nobody stored before:

- plain COPY of the packed rows into a table with the same key and no trigger: the limit;
- the bulk loader on a new stream, on the same candles again, and on a stream of which every second candle is there;
- the writer of the history sink, in batches of 10,000 events;
- a day of quotes of one instrument, one a second, deleted out of thirty days: what monthly partitions would save.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import psycopg
from psycopg import sql

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from schemas.events import CandleObserved
from schemas.time import Interval
from schemas.wire.postgres.archives import DAY_MS, StoredDays
from schemas.wire.postgres.bulk import ROWS_OF_PART, BulkLoader, CandleColumns, columns_of
from schemas.wire.postgres.merging import copy_packed
from schemas.wire.postgres.packing import packed_rows
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.writing import EventWriter
from stream_processors.archiving.pruning import prune
from tests.benchmarks.reporting import Figure, report
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0

BAR_ROWS_S = 100_000.0
_PLAIN = """
CREATE TABLE plain_candles (LIKE candles);
ALTER TABLE plain_candles ADD PRIMARY KEY (stream, instrument, interval, start_ms);
"""


def _candles(stream: str, n: int, *, step: int = 1) -> CandleColumns:
    rng = np.random.default_rng(7)
    close = 60_000.0 * np.exp(np.cumsum(rng.normal(0, 1e-4, n)))
    opened = np.concatenate(([close[0]], close[:-1]))
    prices = {
        "open": opened, "high": np.maximum(opened, close) * 1.0001, "low": np.minimum(opened, close) * 0.9999,
        "close": close,
    }  # fmt: skip
    volume = rng.exponential(5.0, n)
    return CandleColumns(
        stream=stream, source="binance", instrument=INSTRUMENT, interval=Interval.ONE_MINUTE,
        start_ms=T0 + MINUTE * step * np.arange(n, dtype=np.int64), prices=prices, volume=volume,
        n_trades=np.floor(rng.exponential(800.0, n)), taker_buy_volume=volume / 2,
    )  # fmt: skip


def _events(candles: CandleColumns) -> Iterator[list[CandleObserved]]:
    columns = {name: each.tolist() for name, each in candles.prices.items()}
    for begin in range(0, len(candles), 10_000):
        yield [
            CandleObserved(
                event_time_ms=start + MINUTE, known_time_ms=start + MINUTE, source=candles.source,
                stream=candles.stream, instrument=candles.instrument, interval=candles.interval, start_ms=start,
                open=columns["open"][i], high=columns["high"][i], low=columns["low"][i], close=columns["close"][i],
                volume=float(candles.volume[i]), n_trades=7, taker_buy_volume=0.5,
            )
            for i, start in enumerate(candles.start_ms[begin : begin + 10_000].tolist(), begin)
        ]  # fmt: skip


def _rate(n: int, act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return n / (time.perf_counter() - began)


def _plain_copy(database_url: str, candles: CandleColumns) -> float:
    """Rows/s of COPY alone: the rows are packed before the clock starts."""
    columns = columns_of(candles)
    parts = [
        packed_rows(
            {name: each if isinstance(each, str) else each[begin : begin + ROWS_OF_PART] for name, each in columns.items()},
            len(candles.start_ms[begin : begin + ROWS_OF_PART]),
        )
        for begin in range(0, len(candles), ROWS_OF_PART)
    ]  # fmt: skip
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_PLAIN)

        def copy() -> None:
            for part in parts:
                with connection.transaction(), connection.cursor() as cursor:
                    copy_packed(cursor, sql.Identifier("plain_candles"), list(columns), part)

        return _rate(len(candles), copy)


def _write(pool: PostgresPool, candles: CandleColumns) -> float:
    writer, n = EventWriter(pool), min(len(candles), 100_000)
    batches = [batch for batch, _ in zip(_events(candles), range(n // 10_000), strict=False)]

    def write() -> None:
        for batch in batches:
            writer.write(batch)

    return _rate(10_000 * len(batches), write)


_QUOTES = """
INSERT INTO quotes SELECT 'mirror-000000000000', %(instrument)s, %(begin)s + i * 1000, 100.0, 1.0, 100.5, 1.0, i,
    %(begin)s + i * 1000, 'binance' FROM generate_series(0::bigint, %(n)s) i
"""
_N_QUOTE_DAYS = 30


def _pruning(pool: PostgresPool) -> Figure:
    """Seconds to find and delete the oldest day, as ``driftline store prune`` does."""
    begin = T0 // DAY_MS * DAY_MS
    n = _N_QUOTE_DAYS * DAY_MS // 1000 - 1
    with pool.connection() as connection:
        connection.execute(_QUOTES, {"instrument": INSTRUMENT, "begin": begin, "n": n})
    began = time.perf_counter()
    now_ms = begin + _N_QUOTE_DAYS * DAY_MS
    pruned = list(prune(StoredDays(pool), {"quotes": _N_QUOTE_DAYS - 1}, now_ms=now_ms))
    took_s = time.perf_counter() - began
    return Figure(
        metric=f"a day of {sum(day.n_rows for day in pruned):,} quotes deleted, of {n + 1:,}",
        value=took_s,
        unit="s",
        bar=None,
        holds=None,
    )


def _figures(database_url: str, n: int) -> list[Figure]:
    with PostgresPool(database_url) as pool:
        loader = BulkLoader(pool)
        limit = _plain_copy(database_url, _candles("replay-0000000plain", n))
        fresh = _candles("replay-00000000bulk", n)
        loader.load(_candles("replay-0000000other", n // 2, step=2))
        half = msgspec.structs.replace(fresh, stream="replay-0000000other")
        rates = {
            "candles of a new stream, bulk": _rate(n, lambda: loader.load(fresh)),
            "the same candles again, bulk": _rate(n, lambda: loader.load(fresh)),
            "half of them are there, bulk": _rate(n, lambda: loader.load(half)),
            "events of the history sink": _write(pool, _candles("replay-0000000event", n)),
        }
        pruning = _pruning(pool)
    plain = Figure(metric="plain COPY", value=limit, unit="rows/s", bar=None, holds=None)
    new, *others = (_beside(metric, rate, limit) for metric, rate in rates.items())
    barred = msgspec.structs.replace(new, bar=BAR_ROWS_S, holds=new.value >= BAR_ROWS_S)
    return [plain, barred, *others, pruning]


def _beside(metric: str, rate: float, limit: float) -> Figure:
    peer = f"plain COPY, {limit:,.0f}"
    return Figure(
        metric=metric, value=rate, unit="rows/s", bar=None, holds=None, peer=peer, ratio=rate / limit
    )


def main() -> None:
    """Run it."""
    n = int(os.environ.get("CANDLES") or 500_000)
    with tempfile.TemporaryDirectory() as folder:
        settings = LauncherSettings(data_dir=Path(folder) / "data")
        with running_servers(settings, dict(os.environ)) as endpoints:
            figures = _figures(endpoints.database_url, n)
    report("copy", figures)


if __name__ == "__main__":
    main()
