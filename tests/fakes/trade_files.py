"""Files of trades in every form, made out of the same trades."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

#: When the trades of the tests begin, at the start of a minute.
BEGIN_MS = 1_748_736_000_000
#: No trade of the tests is later.
NOT_AFTER_MS = 1_763_900_000_000
SKEW_MS = 1_270


class Trade(NamedTuple):
    """A trade as it truly was."""

    trade_id: int
    time_ms: int
    price: float
    size: float
    is_buyer_maker: bool

    @property
    def local_ms(self) -> int:
        """When the recorder had it."""
        return self.time_ms - SKEW_MS + self.trade_id % 5


def trades(n: int = 600, *, step_ms: int = 400, begin_ms: int = BEGIN_MS) -> list[Trade]:
    """Return trades at even distances."""
    return [
        Trade(1_000 + i, begin_ms + i * step_ms, 100.0 + i % 7 / 4, 0.5 + i % 3, i % 2 == 0) for i in range(n)
    ]


def binance_message(
    trade: Trade, *, symbol: str = "BTCUSDT", mark: str | None = "M", unit: int = 1
) -> dict[str, object]:
    """Return the data of a Binance trade message.

    Args:
        trade: The trade.
        symbol: Of the pair.
        mark: The field that tells spot (M) from futures (X), or None for neither.
        unit: How many of the venue's counts are a millisecond.
    """
    told: dict[str, object] = {"M": {"M": True}, "X": {"X": "MARKET"}, None: {}}[mark]  # type: ignore[assignment]
    return {
        "e": "trade",
        "E": (trade.time_ms + 1) * unit,
        "s": symbol,
        "t": trade.trade_id,
        "p": f"{trade.price:.8f}",
        "q": f"{trade.size:.8f}",
        "T": trade.time_ms * unit,
        "m": trade.is_buyer_maker,
        **told,
    }


def aggregate_message(trade: Trade, *, symbol: str = "BTCUSDT", mark: str | None = "M") -> dict[str, object]:
    """Return the data of a Binance aggTrade message of one trade.

    Args:
        trade: The trade.
        symbol: Of the pair.
        mark: See :func:`binance_message`.
    """
    message = binance_message(trade, symbol=symbol, mark=mark)
    trade_id = message.pop("t")
    return message | {"e": "aggTrade", "a": trade_id, "f": trade_id, "l": trade_id}


def combined(data: dict[str, object]) -> str:
    """Return a message of a combined stream."""
    return json.dumps(
        {"stream": f"{str(data['s']).lower()}@{data['e']}", "data": data}, separators=(",", ":")
    )


#: The ways in which recorders stamp their lines: what stands before the message.
STAMPS: dict[str, Callable[[int], str]] = {
    "nanoseconds": lambda ms: f"{ms}000123 ",
    "microseconds": lambda ms: f"{ms}042 ",
    "milliseconds": lambda ms: f"{ms} ",
    "seconds": lambda ms: f"{ms // 1000} ",
    "float seconds": lambda ms: f"{ms / 1000:.3f} ",
    "cryptofeed": lambda ms: f"{ms / 1000:.3f}: ",
    "tab": lambda ms: f"{ms}\t",
    "log": lambda ms: f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S},{ms % 1000:03} - ",
    "none": lambda _: "",
}


def capture_lines(
    found: Iterable[Trade],
    *,
    stamp: str = "nanoseconds",
    message: Callable[[Trade], str] = lambda trade: combined(binance_message(trade)),
) -> list[bytes]:
    """Return the lines of a capture.

    Args:
        found: The trades.
        stamp: How the lines are stamped.
        message: Returns the message of a trade.
    """
    return [(STAMPS[stamp](trade.local_ms) + message(trade)).encode() for trade in found]


def _kraken_message(trade: Trade) -> str:
    row = [
        f"{trade.price:.5f}",
        f"{trade.size:.8f}",
        f"{trade.time_ms / 1000:.6f}",
        "bs"[trade.is_buyer_maker],
        "l",
        "",
    ]
    return json.dumps([337, [row], "trade", "XBT/USD"])


def _coinbase_message(trade: Trade) -> str:
    side = "buy" if trade.is_buyer_maker else "sell"
    return json.dumps(
        {
            "type": "match",
            "trade_id": trade.trade_id,
            "side": side,
            "size": f"{trade.size:.8f}",
            "price": f"{trade.price:.2f}",
            "product_id": "BTC-USD",
            "time": f"{datetime.fromtimestamp(trade.time_ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{trade.time_ms % 1000:03}000Z",
        }
    )


def _bybit_message(trade: Trade) -> str:
    row = {
        "T": trade.time_ms,
        "s": "BTCUSDT",
        "S": "Sell" if trade.is_buyer_maker else "Buy",
        "v": f"{trade.size:.3f}",
        "p": f"{trade.price:.2f}",
        "L": "PlusTick",
        "i": f"{trade.trade_id:08x}-d8dd-5b31-9112-a178eb6023af",
        "BT": False,
    }
    return json.dumps(
        {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": trade.time_ms + 1, "data": [row]}
    )


#: The messages in which venues report trades.
MESSAGES: dict[str, Callable[[Trade], str]] = {
    "combined": lambda trade: combined(binance_message(trade)),
    "raw": lambda trade: json.dumps(binance_message(trade)),
    "aggregates": lambda trade: combined(aggregate_message(trade)),
    "microseconds of the venue": lambda trade: combined(binance_message(trade, unit=1000)),
    "futures": lambda trade: combined(binance_message(trade, mark="X")),
    "coinbase": _coinbase_message,
    "kraken": _kraken_message,
    "bybit": _bybit_message,
}


def _flag(trade: Trade) -> str:
    return str(trade.is_buyer_maker)


#: Rows of dumps: the name of the file, its heading, and what a trade is in it.
TABLES: dict[str, tuple[str, str | None, Callable[[Trade], str]]] = {
    "binance trades": (
        "BTCUSDT-trades-2025-06-01.csv",
        None,
        lambda t: (
            f"{t.trade_id},{t.price:.8f},{t.size:.8f},{t.price * t.size:.8f},{t.time_ms}000,{_flag(t)},True"
        ),
    ),
    "binance futures trades": (
        "BTCUSDT-trades-2025-06-01.csv",
        "id,price,qty,quote_qty,time,is_buyer_maker",
        lambda t: (
            f"{t.trade_id},{t.price:.2f},{t.size:.3f},{t.price * t.size:.5f},{t.time_ms},{_flag(t).lower()}"
        ),
    ),
    "binance aggTrades": (
        "BTCUSDT-aggTrades-2025-06-01.csv",
        None,
        lambda t: (
            f"{t.trade_id},{t.price:.8f},{t.size:.8f},{t.trade_id},{t.trade_id},{t.time_ms}000,{_flag(t)},True"
        ),
    ),
    "binance futures aggTrades": (
        "BTCUSDT-aggTrades-2025-06-01.csv",
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
        lambda t: (
            f"{t.trade_id},{t.price:.2f},{t.size:.3f},{t.trade_id},{t.trade_id},{t.time_ms},{_flag(t).lower()}"
        ),
    ),
    "tardis": (
        "binance-futures_trades_2025-06-01_BTCUSDT.csv",
        "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
        lambda t: (
            f"binance-futures,BTCUSDT,{t.time_ms}000,{t.local_ms}000,{t.trade_id},"
            f"{'sell' if t.is_buyer_maker else 'buy'},{t.price},{t.size}"
        ),
    ),
    "kraken": (
        "XBTUSD.csv",
        None,
        lambda t: f"{t.time_ms / 1000:.3f},{t.price:.5f},{t.size:.8f}",
    ),
    "heading of another order": (
        "btcusdt_binance_spot_trades.csv",
        "Timestamp;Side;Amount;Price;Trade_ID",
        lambda t: f"{t.time_ms};{'sell' if t.is_buyer_maker else 'buy'};{t.size};{t.price};{t.trade_id}",
    ),
}


def table_lines(found: Iterable[Trade], table: str) -> list[bytes]:
    """Return the lines of a dump of trades, with its heading if it has one."""
    _, heading, row = TABLES[table]
    return [*([] if heading is None else [heading.encode()]), *(row(trade).encode() for trade in found)]


def _zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.csv", data)
    return buffer.getvalue()


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
    ".zip": _zipped,
}


def written(path: Path, lines: Sequence[bytes], *, end: bytes = b"\n") -> Path:
    """Write lines, compressed as the name of the file says.

    Args:
        path: Where to.
        lines: The lines.
        end: What ends a line.
    """
    ending = next((name for name in COMPRESSIONS if name and path.name.endswith(name)), "")
    path.write_bytes(COMPRESSIONS[ending](b"".join(line + end for line in lines)))
    return path
