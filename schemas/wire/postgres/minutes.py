"""The minutes of an instrument as they are known now: the platform's own bars, and the venue's candles where it has none.

An outage leaves no bars, but a candle of the venue can be fetched later. So this series is more complete than
the bars that the running platform saw.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.time import Interval
from schemas.wire.postgres.pools import PostgresPool

#: It has no join: Postgres has no statistics of tables that were just loaded, and joined 20,000 minutes row by row, which
#: took 70 s.
_QUERY = """
    SELECT DISTINCT ON (start_ms) start_ms, open, high, low, close, volume, buy_volume FROM (
      SELECT start_ms, open, high, low, close, volume, buy_volume, 1 AS rank FROM bars
      WHERE stream = %(stream)s AND instrument = %(instrument)s AND interval = %(interval)s AND start_ms < %(until)s
      UNION ALL
      SELECT start_ms, open, high, low, close, volume, taker_buy_volume, 2 FROM candles
      WHERE stream = %(stream)s AND instrument = %(instrument)s AND interval = %(interval)s AND start_ms < %(until)s
    ) AS known
    ORDER BY start_ms, rank
"""
_END_OF_TIME_MS = 2**53


class StoredMinutes(NamedTuple):
    """One-minute bars of one instrument, oldest first, with holes where nothing is known.

    Attributes:
        start_ms: Shape (n,), int64, strictly increasing.
        prices: Shape (n, 4), float64: open, high, low, close.
        volume: Shape (n,), float64, base units.
        buy_volume: Shape (n,), float64: the part that buyers took; NaN where neither own trades nor the venue tell it.
    """

    start_ms: NDArray[np.int64]
    prices: NDArray[np.float64]
    volume: NDArray[np.float64]
    buy_volume: NDArray[np.float64]


def stored_minutes(
    pool: PostgresPool,
    stream: str,
    *,
    instrument: str,
    until_ms: int | None = None,
    interval: Interval = Interval.ONE_MINUTE,
) -> StoredMinutes:
    """Return the minutes of an instrument that are known now.

    Args:
        pool: The open connections to Postgres.
        stream: The run.
        instrument: The name of the instrument.
        until_ms: Minutes that end later are left out; None for all.
        interval: The length of the bars, for runs whose shortest bars are longer.

    Raises:
        StoreUnavailableError: If Postgres does not answer.
    """
    with pool.connection() as connection:
        rows = connection.execute(
            _QUERY,
            {
                "stream": stream,
                "instrument": instrument,
                "interval": str(interval),
                "until": _END_OF_TIME_MS if until_ms is None else until_ms,
            },
            binary=True,
        ).fetchall()
    numbers = np.array(rows, dtype=np.float64).reshape(len(rows), 7)
    return StoredMinutes(
        start_ms=numbers[:, 0].astype(np.int64),
        prices=np.ascontiguousarray(numbers[:, 1:5]),
        volume=numbers[:, 5].copy(),
        buy_volume=numbers[:, 6].copy(),
    )
