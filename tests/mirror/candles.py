"""Candles as rows of one numpy type: made from trades, and put together to longer ones."""

import numpy as np

ROW = np.dtype([
    ("open_ms", np.int64), ("open", np.float64), ("high", np.float64), ("low", np.float64), ("close", np.float64),
    ("volume", np.float64), ("quote", np.float64), ("n_trades", np.int64), ("taker", np.float64),
    ("taker_quote", np.float64), ("first_id", np.int64), ("last_id", np.int64),
])  # fmt: skip
NO_ROWS = np.empty(0, ROW)
MINUTE_MS = 60_000
INTERVALS_MS = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480,
    "12h": 720, "1d": 1440,
}  # fmt: skip
INTERVALS_MS = {name: minutes * MINUTE_MS for name, minutes in INTERVALS_MS.items()}


def rows_of(open_ms, open_, high, low, close, volume, interval_ms: int) -> np.ndarray:
    """Return recorded candles as rows.

    The files say nothing of the takers, so their share is guessed from where the candle closed; the number of
    trades is guessed from the volume. Both are functions of the file alone.
    """
    rows = np.zeros(len(open_ms), ROW)
    for name, values in zip(("open_ms", "open", "high", "low", "close", "volume"),
                            (open_ms, open_, high, low, close, volume), strict=True):  # fmt: skip
        rows[name] = values
    spread = np.maximum(rows["high"] - rows["low"], 1e-9)
    share = 0.5 + 0.4 * (rows["close"] - rows["open"]) / spread
    rows["quote"] = rows["volume"] * (rows["high"] + rows["low"] + rows["close"]) / 3
    rows["taker"], rows["taker_quote"] = rows["volume"] * share, rows["quote"] * share
    rows["n_trades"] = np.ceil(rows["volume"] * 80).astype(np.int64)
    rows["first_id"] = rows["last_id"] = -1
    return rows


def _starts(keys: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))


def fold_trades(trades, interval_ms: int = MINUTE_MS) -> np.ndarray:
    """Return the candles of trades that are in order."""
    if not len(trades.time_ms):
        return NO_ROWS
    keys = trades.time_ms // interval_ms
    starts = _starts(keys)
    ends = np.append(starts[1:], len(keys)) - 1
    quote = trades.price * trades.size
    is_bought = ~trades.is_buyer_maker
    rows = np.zeros(len(starts), ROW)
    rows["open_ms"], rows["n_trades"] = keys[starts] * interval_ms, ends - starts + 1
    rows["open"], rows["close"] = trades.price[starts], trades.price[ends]
    rows["first_id"], rows["last_id"] = trades.id[starts], trades.id[ends]
    rows["high"] = np.maximum.reduceat(trades.price, starts)
    rows["low"] = np.minimum.reduceat(trades.price, starts)
    for name, values in (("volume", trades.size), ("quote", quote), ("taker", trades.size * is_bought),
                         ("taker_quote", quote * is_bought)):  # fmt: skip
        rows[name] = np.add.reduceat(values, starts)
    return rows


def fold_rows(rows: np.ndarray, interval_ms: int) -> np.ndarray:
    """Return longer candles of shorter ones that are in order."""
    if not len(rows):
        return NO_ROWS
    keys = rows["open_ms"] // interval_ms
    starts = _starts(keys)
    ends = np.append(starts[1:], len(keys)) - 1
    folded = np.zeros(len(starts), ROW)
    folded["open_ms"] = keys[starts] * interval_ms
    folded["open"], folded["close"] = rows["open"][starts], rows["close"][ends]
    folded["first_id"], folded["last_id"] = rows["first_id"][starts], rows["last_id"][ends]
    folded["high"] = np.maximum.reduceat(rows["high"], starts)
    folded["low"] = np.minimum.reduceat(rows["low"], starts)
    for name in ("volume", "quote", "n_trades", "taker", "taker_quote"):
        folded[name] = np.add.reduceat(rows[name], starts)
    return folded


def between(rows: np.ndarray, from_ms: int, until_ms: int) -> np.ndarray:
    """Return the rows that open within [from, until)."""
    first, end = np.searchsorted(rows["open_ms"], [from_ms, until_ms])
    return rows[first:end]
