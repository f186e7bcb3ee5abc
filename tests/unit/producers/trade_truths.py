"""What the files of trades of the cases hold, by pandas and by what each README says: nothing of the product reads here."""

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd


class Truth(NamedTuple):
    """What a file holds.

    Attributes:
        read: Reads its good trades with pandas: ``time`` and ``known`` in milliseconds, price and size.
        instrument: As the file tells it, or what must be said of it.
        is_stated: Whether the instrument must be said.
        rejected: How many rows are set aside, by the beginning of the rule.
        n_other: Trades of other instruments.
        warning: Words of one of the warnings, or None where there is none.
        played: The words with which ``up`` refuses it, or None.
    """

    read: Callable[[Path], pd.DataFrame]
    instrument: str = "BTC-USDT.BINANCE"
    is_stated: bool = False
    rejected: Mapping[str, int] = {}
    n_other: int = 0
    warning: str | None = None
    played: str | None = None


def _rows(path: Path) -> list[tuple[str, dict[str, object]]]:
    """The time before each message, and its data."""
    found = []
    for line in gzip.decompress(path.read_bytes()).decode("latin-1").splitlines():
        begin = line.find("{")
        if begin >= 0:
            message = json.loads(line[begin:])
            found.append((line[:begin].strip(" :"), message.get("data", message)))
    return found


def capture(
    unit: float = 1e6, *, symbol: str = "BTCUSDT", rows: slice = slice(None), venue_unit: int = 1
) -> Callable[[Path], pd.DataFrame]:
    """Return a reader of a capture.

    Args:
        unit: How many counts of the local time are a millisecond; 0 where the lines have none.
        symbol: Whose trades.
        rows: Which rows are good.
        venue_unit: How many counts of the venue's time are a millisecond.
    """

    def read(path: Path) -> pd.DataFrame:
        found = pd.DataFrame(
            {"local": local, "symbol": data["s"], "time": data["T"], "price": data["p"], "size": data["q"]}
            for local, data in _rows(path)
        )
        found = found[rows]
        found = found[found["symbol"] == symbol]
        time = found["time"] // venue_unit
        known = time if unit == 0 else _known(found["local"], unit)
        return pd.DataFrame(
            {
                "time": time,
                "known": known,
                "price": found["price"].astype(float),
                "size": found["size"].astype(float),
            }
        )

    return read


def _known(local: pd.Series, unit: float) -> pd.Series:
    if unit < 1:
        return (
            (local.astype(float) / unit + 1e-4).astype("int64")
            if local.str.contains(".", regex=False).any()
            else local.astype("int64") * 1000
        )
    return local.astype("int64") // int(unit)


def without(row: int, unit: float = 1e6) -> Callable[[Path], pd.DataFrame]:
    """Return a reader of a capture with one bad row, which is numbered from 1."""
    return lambda path: capture(unit)(path).drop(index=row - 1)


def tardis(path: Path) -> pd.DataFrame:
    """Read Tardis's dump of an inverse contract: its amounts are US dollars."""
    found = pd.read_csv(path)
    return pd.DataFrame(
        {
            "time": found["timestamp"] // 1000,
            "known": found["local_timestamp"] // 1000,
            "price": found["price"],
            "size": found["amount"] / found["price"],
        }
    )


def kraken(path: Path) -> pd.DataFrame:
    """Read Kraken's time and sales."""
    found = pd.read_csv(path, header=None, names=["time", "price", "size"])
    return found.assign(time=found["time"] * 1000, known=found["time"] * 1000)


def agg_trades(path: Path) -> pd.DataFrame:
    """Read Binance's aggTrades."""
    names = ["id", "price", "size", "first", "last", "time", "is_buyer_maker", "is_best"]
    found = pd.read_csv(path, header=None, names=names)
    return found.assign(time=found["time"] // 1000, known=found["time"] // 1000)


WAYS = "capture_ways_of_recording"
TRUTHS = {
    f"{WAYS}/good.gz": Truth(capture()),
    f"{WAYS}/agg_trades.gz": Truth(capture(), warning="aggregates"),
    f"{WAYS}/crlf.gz": Truth(capture()),
    f"{WAYS}/cryptofeed_form.gz": Truth(capture(1e-3)),
    f"{WAYS}/futures_without_X.gz": Truth(capture(), "BTC-USDT-PERP.BINANCE", is_stated=True),
    f"{WAYS}/json_only.gz": Truth(capture(0), warning="do not state when they were recorded"),
    f"{WAYS}/local_ms.gz": Truth(capture(1)),
    f"{WAYS}/local_s.gz": Truth(capture(1e-3)),
    f"{WAYS}/local_us.gz": Truth(capture(1e3)),
    f"{WAYS}/nul_bytes.gz": Truth(capture(), rejected={"line can be read": 1}),
    f"{WAYS}/raw_stream.gz": Truth(capture()),
    f"{WAYS}/venue_microseconds.gz": Truth(capture(venue_unit=1000)),
    "capture_clock_steps/back_30s.gz": Truth(
        capture(rows=slice(3_000)),
        rejected={"local time is by the clock": 3_000},
        warning="set back by 30.0 s",
    ),
    "capture_clock_steps/forward_1h.gz": Truth(
        capture(rows=slice(3_000)),
        rejected={"local time is by the clock": 3_000},
        warning="set forward by 3,600.0 s",
    ),
    "capture_one_wrong_time/T_far_future.gz": Truth(
        without(3_001), rejected={"local time and venue time differ": 1}
    ),
    "capture_one_wrong_time/T_zero.gz": Truth(without(3_001), rejected={"time is of 2009": 1}),
    "capture_one_wrong_time/local_2262.gz": Truth(without(3_001), rejected={"time is of 2009": 1}),
    "capture_trade_ids_start_again/ids_always_zero.gz": Truth(capture(), warning="ids do not tell"),
    "capture_two_symbols/both.gz": Truth(capture(), n_other=4_000, warning="ETH-USDT.BINANCE (4,000)"),
    "trade_dumps/BCHEUR.csv": Truth(kraken, "BCH-EUR.KRAKEN", warning="tick test"),
    "trade_dumps/BTCUSDT-aggTrades-2025-01-01.csv": Truth(
        agg_trades, warning="do not state when they were recorded", played="at least one whole minute"
    ),
    "trade_dumps/tardis_bitmex_trades_XBTUSD.csv": Truth(
        tardis, "BTC-USD-PERP.BITMEX", warning="ids do not tell", played="at least one whole minute"
    ),
}
