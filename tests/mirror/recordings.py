"""What lies in the folder of recorded data, each part read when it is first asked for."""

import gzip
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.mirror.candles import rows_of

SPOT_TICKS = "ticks/binance_ws_spot_btcusdt_20240809.gz"
PERPETUAL_TICKS = "ticks/binance_ws_usdm_btcusdt_20240808.gz"
JUNE = 13
MINUTE_MS = 60_000


class RecordedTrades(NamedTuple):
    """The trades of a capture in their order.

    ``first`` and ``last`` are the positions of the trades that an entry stands for: its own, or, where
    trades were put together, those of the first and the last.
    """

    first_id: int
    time_ms: np.ndarray
    price: np.ndarray
    size: np.ndarray
    is_buyer_maker: np.ndarray
    first: np.ndarray
    last: np.ndarray


class RecordedQuotes(NamedTuple):
    """The best bids and asks of a capture, by the venue's time."""

    time_ms: np.ndarray
    update_id: np.ndarray
    bid: np.ndarray
    bid_size: np.ndarray
    ask: np.ndarray
    ask_size: np.ndarray


class RecordedTicks(NamedTuple):
    """A capture: its trades and its quotes."""

    trades: RecordedTrades
    quotes: RecordedQuotes


def _messages(path: Path) -> Iterator[tuple[int, str, dict]]:
    """Yield the local millisecond, the kind and the data of each trade and quote."""
    with gzip.open(path, "rt") as lines:
        for line in lines:
            local_ns, raw = line.split(" ", 1)
            kind = raw[:40].partition("@")[2].partition('"')[0]
            if kind in {"trade", "bookTicker"}:
                yield int(local_ns) // 1_000_000, kind, json.loads(raw)["data"]


def read_ticks(path: Path, skew_ms: int = 1272) -> RecordedTicks:
    """Return the trades and quotes of a capture; quotes without a venue time get the local one plus the skew."""
    trades, quotes = [], []
    for local_ms, kind, data in _messages(path):
        if kind == "trade":
            trades.append((data["T"], float(data["p"]), float(data["q"]), data["m"], data["t"]))
        else:
            prices = (float(data["b"]), float(data["B"]), float(data["a"]), float(data["A"]))
            quotes.append((data.get("T", local_ms + skew_ms), data["u"], *prices))
    time_ms, price, size, is_buyer_maker, ids = map(np.array, zip(*trades, strict=True))
    place = np.arange(len(trades))
    return RecordedTicks(
        trades=RecordedTrades(int(ids[0]), time_ms, price, size, is_buyer_maker, place, place),
        quotes=RecordedQuotes(*map(np.array, zip(*quotes, strict=True))),
    )


def thinned(ticks: RecordedTicks, rate: float) -> RecordedTicks:
    """Return a capture of so many trades a second: every k-th millisecond that has any, and quotes in the same share.

    Trades of one millisecond stay together, because that is how a market comes.
    """
    trades, quotes = ticks.trades, ticks.quotes
    seconds = (int(trades.time_ms[-1]) - int(trades.time_ms[0])) / 1000
    every = max(1, round(len(trades.time_ms) / seconds / rate))
    is_kept = np.unique(trades.time_ms, return_inverse=True)[1] % every == 0
    place = np.arange(int(is_kept.sum()))
    kept = (trades.time_ms[is_kept], trades.price[is_kept], trades.size[is_kept])
    return RecordedTicks(
        trades=RecordedTrades(trades.first_id, *kept, trades.is_buyer_maker[is_kept], place, place),
        quotes=RecordedQuotes(*(column[::every] for column in quotes)),
    )


class Recordings:
    """The folder of recorded data, read lazily and once.

    Args:
        folder: The folder with ``MANIFEST.md``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def spot(self) -> RecordedTicks:
        """Five minutes of the spot market."""
        return read_ticks(self.folder / SPOT_TICKS)

    @cached_property
    def perpetual(self) -> RecordedTicks:
        """Six minutes of the perpetual."""
        return read_ticks(self.folder / PERPETUAL_TICKS)

    @cached_property
    def minutes(self) -> np.ndarray:
        """The minutes of June 2025 as rows of candles."""
        name = "prices/btcusdt_binance_spot_1m_segments.parquet"
        return self._candles(name, MINUTE_MS, filters=[("segment", "=", JUNE)])

    @cached_property
    def five_minutes(self) -> np.ndarray:
        """The longest stretch of five minutes without a gap, from January 2024."""
        name = "prices/btcusdt_binance_spot_5m.parquet"
        rows = self._candles(name, 5 * MINUTE_MS)
        breaks = np.flatnonzero(np.diff(rows["open_ms"]) > 5 * MINUTE_MS)
        return rows[breaks[-1] + 1 :] if breaks.size else rows

    @cached_property
    def hours(self) -> np.ndarray:
        """All hours of the spot market, with the outages that it had."""
        return self._candles("prices/btcusdt_binance_spot_1h.parquet", 60 * MINUTE_MS)

    @cached_property
    def funding(self) -> list[tuple[int, float]]:
        """The settled funding rates, oldest first; empty where they were not recorded."""
        found = sorted(self.folder.glob("orderflow/*fund*btc*")) or sorted(
            self.folder.glob("orderflow/*btc*fund*")
        )
        return _read_funding(found[0]) if found else []

    def text(self, name: str) -> str:
        """Return a recorded payload as it was."""
        return (self.folder / name).read_text(encoding="utf-8")

    def json(self, name: str) -> object:
        """Return a recorded payload as an object of its own."""
        return json.loads(self.text(name))

    def _candles(self, name: str, interval_ms: int, filters: list | None = None) -> np.ndarray:
        import pyarrow.parquet as pq  # noqa: PLC0415 - takes 60 MB, and only a market needs it

        columns = ["timestamp", "open", "high", "low", "close", "volume"]
        table = pq.read_table(self.folder / name, columns=columns, filters=filters)
        arrays = [table.column(each).to_numpy() for each in columns]
        return rows_of(arrays[0].astype("datetime64[ms]").astype(np.int64), *arrays[1:], interval_ms)


def _read_funding(path: Path) -> list[tuple[int, float]]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - see above

    table = pq.read_table(path)
    at = next(name for name in table.column_names if "time" in name.lower())
    rate = next(name for name in table.column_names if "rate" in name.lower())
    stamps = table.column(at).to_numpy().astype("datetime64[ms]").astype(np.int64)
    return list(zip(stamps.tolist(), table.column(rate).to_numpy().tolist(), strict=True))
