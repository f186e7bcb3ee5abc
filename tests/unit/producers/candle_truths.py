"""What the files of the cases hold, by pandas and by what each file's README says: nothing of the product reads here.

Each entry states how pandas reads a file, which rows of it are set aside, and by which rule.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pyarrow import parquet as pq

PRICES = ["open", "high", "low", "close"]
COLUMNS = ["time", *PRICES, "volume"]


class Truth(NamedTuple):
    """What a file holds.

    Attributes:
        read: Reads its good candles with pandas: ``time`` in milliseconds, prices and volume, by time.
        rejected: How many rows are set aside, by rule.
        interval: Of the candles.
        instrument: As the file tells it, or None.
        n_added: Bars without a trade that are read although the file has no row for them.
        n_empty: Rows without prices that are read as bars without a trade.
        played: The interval in which ``up`` plays it, or the words with which it refuses.
    """

    read: Callable[[Path], pd.DataFrame]
    rejected: Mapping[str, int] = {}
    interval: str = "1h"
    instrument: str | None = "BTC-USDT.BINANCE"
    n_added: int = 0
    n_empty: int = 0
    played: str | None = None


def milliseconds(times: pd.Series) -> pd.Series:
    return (pd.to_datetime(times, utc=True).astype("datetime64[ns, UTC]").astype("int64") // 10**6).rename(
        "time"
    )


def candles(table: pd.DataFrame, times: pd.Series) -> pd.DataFrame:
    found = table[[*PRICES, "volume"]].astype(float)
    return found.assign(time=times)[COLUMNS].sort_values("time").reset_index(drop=True)


def csv(path: Path, *, time: str = "timestamp", **options) -> pd.DataFrame:
    table = pd.read_csv(path, **options)
    table.columns = [str(name).lower() for name in table.columns]
    return candles(table, milliseconds(table[time]))


def csv_with(**options) -> Callable[[Path], pd.DataFrame]:
    return lambda path: csv(path, **options)


def mixed_epochs(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    return candles(table, table["timestamp"].where(table["timestamp"] < 10**14, table["timestamp"] // 1000))


def klines(path: Path) -> pd.DataFrame:
    names = ["timestamp", *PRICES, "volume", *"abcdef"]
    has_header = path.read_text()[0] == "o"
    table = pd.read_csv(path, names=names, skiprows=int(has_header))
    return candles(table, table["timestamp"].where(table["timestamp"] < 10**14, table["timestamp"] // 1000))


def seconds(path: Path, **options) -> pd.DataFrame:
    table = pd.read_csv(path, **options)
    table.columns = [str(name).lower() for name in table.columns]
    return candles(table, (table["timestamp"] * 1000).astype("int64"))


def with_empty_rows(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    for name in ["open", "high", "low"]:
        table[name] = table[name].fillna(table["close"].ffill())
    table["close"] = table["close"].ffill()
    return candles(table.fillna({"volume": 0.0}), (table["timestamp"] * 1000).astype("int64"))


def kraken(path: Path) -> pd.DataFrame:
    table = seconds(path, names=["timestamp", *PRICES, "volume", "count"])
    every = pd.DataFrame({"time": range(table["time"].iloc[0], table["time"].iloc[-1] + 1, 60_000)})
    filled = every.merge(table, on="time", how="left")
    filled["close"] = filled["close"].ffill()
    for name in ["open", "high", "low"]:
        filled[name] = filled[name].fillna(filled["close"])
    return filled.fillna({"volume": 0.0})[COLUMNS]


def json_arrays(path: Path) -> pd.DataFrame:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    table = pd.DataFrame(json.loads(text), columns=["timestamp", *PRICES, "volume"])
    return candles(table, table["timestamp"])


def parquet(path: Path) -> pd.DataFrame:
    table = pd.read_feather(path) if path.suffix == ".feather" else pd.read_parquet(path)
    table = table.reset_index() if table.index.dtype.kind == "M" else table
    table.columns = [str(name).lower() for name in table.columns]
    time = next(name for name in ("timestamp", "date", "index", "__index_level_0__") if name in table.columns)
    times = (
        table["timestamp"]
        if table.dtypes.get("timestamp") == "uint64"
        else milliseconds(table[time].astype(str) if table[time].dtype == object else table[time])
    )
    return candles(table, times.astype("int64"))


def close_twice(path: Path) -> pd.DataFrame:
    table = pq.ParquetFile(path).read()
    frame = pd.DataFrame({name: table.column(i).to_numpy() for i, name in enumerate(table.column_names[:6])})
    return candles(frame, milliseconds(frame["timestamp"]))


def investing(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path, thousands=",", encoding="utf-8-sig")
    table.columns = [
        {"date": "timestamp", "price": "close", "vol.": "volume"}.get(n.lower(), n.lower())
        for n in table.columns
    ]
    units = {"K": 1e3, "M": 1e6, "B": 1e9}
    table["volume"] = [float(text[:-1]) * units[text[-1]] for text in table["volume"]]
    return candles(table, milliseconds(table["timestamp"]))


def volume_in_thousands(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    table["volume"] = table["volume"].str[:-1].astype(float) * 1000
    return candles(table, milliseconds(table["timestamp"]))


def without(
    path: Path, *, last: int = 0, bad: Callable[[pd.DataFrame], pd.Series] | None = None, **options
) -> pd.DataFrame:
    """The candles of a file without its last rows, or without those that are bad."""
    table = pd.read_csv(path, **options)
    table = table.iloc[: len(table) - last]
    if bad is not None:
        table = table[~bad(table)]
    return candles(table, milliseconds(table["timestamp"]))


def without_header_again(path: Path) -> pd.DataFrame:
    return without(path, bad=lambda table: table["timestamp"] == "timestamp")


def without_ambiguous(path: Path) -> pd.DataFrame:
    return without(path, bad=lambda table: table["timestamp"].duplicated(keep=False))


def cut_gzip(path: Path) -> pd.DataFrame:
    text = zlib.decompressobj(31).decompress(path.read_bytes()).decode()
    table = pd.read_csv(StringIO(text[: text.rindex("\n")]))
    return candles(table, milliseconds(table["timestamp"]))


def second_scale(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    found = candles(table, milliseconds(table["timestamp"]))
    return found[found["close"] > 10**6].reset_index(drop=True)


def one_bad_price(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    table = table[pd.to_numeric(table["close"], errors="coerce").notna()]
    return candles(table, milliseconds(table["timestamp"]))


WIDTH = "line has as many columns as the others"
TWICE = "timestamp has one set of numbers"
SCALE = "close is on the price scale of most rows"
HOUR = "btcusdt_binance_spot_1h"
MINUTE = "btcusdt_binance_spot_1m"
PLAIN = Truth(csv)
TABLE = Truth(parquet)
AT_ELEVEN = "begin at 11:00"

TRUTHS: Mapping[str, Truth] = {
    f"binance_ms_then_us_concatenated/{HOUR}_mixed.csv": Truth(mixed_epochs),
    f"binance_ms_then_us_concatenated/{HOUR}_mixed.parquet": Truth(mixed_epochs),
    f"binance_ms_then_us_concatenated/{HOUR}_mostly_us.csv": Truth(mixed_epochs),
    "binance_vision_klines_headerless/btcusdt_binance_perp_1h_2024-12.csv": Truth(
        klines, instrument="BTC-USDT-PERP.BINANCE"
    ),
    f"binance_vision_klines_headerless/{HOUR}_2024-12.csv": Truth(klines),
    f"binance_vision_klines_headerless/{HOUR}_2025-01.csv": Truth(klines),
    f"close_stamped/{HOUR}_close_times_whole.csv": PLAIN,
    "close_stamped/ethusdt_binance_spot_1h_open.csv": PLAIN._replace(instrument="ETH-USDT.BINANCE"),
    f"compressed/{HOUR}.csv.bz2": PLAIN,
    f"compressed/{HOUR}.csv.gz": PLAIN,
    f"compressed/{HOUR}.csv.xz": PLAIN,
    f"compressed/{HOUR}.csv.zst": Truth(lambda path: csv(path.parent / f"{HOUR}.csv.gz")),
    f"compressed/{HOUR}.gz": PLAIN,
    f"compressed/{HOUR}.zip": PLAIN,
    f"compressed/{HOUR}_cut.csv.gz": Truth(cut_gzip, {"line is whole": 1}),
    f"compressed/{HOUR}_parquet_named.csv": TABLE,
    f"compressed/{HOUR}_plain_named.csv.gz": Truth(csv_with(compression=None)),
    f"compressed/{HOUR}_plain_named.parquet": PLAIN,
    **{
        f"csv_flavours/{HOUR}_{name}.csv": PLAIN
        for name in [
            "blank_lines",
            "bom",
            "cr_only",
            "crlf",
            "descending",
            "index",
            "iso_z",
            "nanosecond_text",
            "offset",
            "scientific_volume",
            "compact_dates",
            "us_dates",
        ]
    },
    f"csv_flavours/{HOUR}_comment_first.csv": Truth(csv_with(comment="#")),
    f"csv_flavours/{HOUR}_cut_short.csv": Truth(lambda path: without(path, last=1), {WIDTH: 1}),
    f"csv_flavours/{HOUR}_date_column.csv": Truth(csv_with(time="date")),
    f"csv_flavours/{HOUR}_header_again.csv": Truth(without_header_again, {"timestamp is a time": 1}),
    f"csv_flavours/{HOUR}_thousands.csv": Truth(csv_with(thousands=",")),
    f"csv_flavours/{HOUR}_utc_word.csv": PLAIN,
    f"csv_flavours/{HOUR}_volume_K.csv": Truth(volume_in_thousands),
    f"duplicates_with_other_numbers/{MINUTE}_2359.csv": Truth(without_ambiguous, {TWICE: 4}, "1m"),
    f"duplicates_with_other_numbers/{MINUTE}_partial_then_final.csv": Truth(
        without_ambiguous, {TWICE: 2}, "1m"
    ),
    f"empty_minutes_left_out/{MINUTE}_10pct_missing.csv": PLAIN._replace(interval="1m"),
    f"empty_minutes_left_out/{MINUTE}_2pct_missing.csv": PLAIN._replace(interval="1m"),
    f"empty_minutes_left_out/{MINUTE}_40pct_missing.csv": PLAIN._replace(interval="1m"),
    "freqtrade_files/UNITTEST_BTC-1m.json": Truth(json_arrays, instrument=None),
    "freqtrade_files/XRP_ETH-5m.feather": Truth(parquet, interval="5m", instrument=None),
    "freqtrade_files/XRP_USDT_USDT-1h-futures.json.gz": Truth(json_arrays, instrument=None),
    "freqtrade_files/xrpeth_binance_spot_5m.parquet": Truth(
        parquet, interval="5m", instrument="XRP-ETH.BINANCE"
    ),
    "freqtrade_files/xrpeth_binance_spot_5m_renamed.parquet": Truth(
        parquet, interval="5m", instrument="XRP-ETH.BINANCE"
    ),
    f"gap_where_the_warm_up_ends/{HOUR}_hole.csv": PLAIN,
    f"incomplete_last_candle/{HOUR}_now.csv": PLAIN,
    f"incomplete_last_candle/{HOUR}_one_row_1970.csv": Truth(
        lambda path: without(path, last=1), {"timestamp is not before 2009": 1}
    ),
    f"incomplete_last_candle/{HOUR}_one_row_2262.csv": Truth(
        lambda path: without(path, last=1), {"timestamp is of a candle that has closed": 1}
    ),
    "investing_com/Bitcoin Historical Data - Investing.com.csv": Truth(
        investing, interval="1d", instrument=None
    ),
    "investing_com/btcusd_binance_spot_1d.csv": Truth(investing, interval="1d", instrument="BTC-USD.BINANCE"),
    "kaggle_btcusd_1min/btcusd_1-min_data.csv": Truth(seconds, interval="1m", instrument=None),
    f"kaggle_btcusd_1min/{MINUTE}_float_seconds.csv": Truth(seconds, interval="1m"),
    f"kaggle_btcusd_1min/{MINUTE}_nan_rows.csv": Truth(with_empty_rows, interval="1m", n_empty=1224),
    "kraken_ohlcvt/XBTUSD_1.csv": Truth(kraken, interval="1m", instrument="BTC-USD.KRAKEN", n_added=1222),
    "kucoin_days_at_11/btcusdt_binance_spot_1d_1100.csv": Truth(csv, interval="1d", played=AT_ELEVEN),
    "kucoin_days_at_11/btcusdt_binance_spot_4h_at_3.csv": Truth(csv, interval="4h", played="begin at 03:00"),
    f"local_times_and_dst/{HOUR}_mixed_offsets.csv": PLAIN,
    f"local_times_and_dst/{HOUR}_naive_india.csv": PLAIN._replace(played="begin at 00:30"),
    f"local_times_and_dst/{HOUR}_naive_local_autumn.csv": Truth(without_ambiguous, {TWICE: 2}),
    f"local_times_and_dst/{HOUR}_naive_local_spring.csv": PLAIN,
    **{
        f"parquet_flavours/{HOUR}_{name}.parquet": TABLE
        for name in [
            "capitals",
            "decimal",
            "dictionary",
            "index_named",
            "index_unnamed",
            "large_string",
            "prices_large_string",
            "text",
            "tz_newyork",
            "uint64",
        ]
    },
    f"parquet_flavours/{HOUR}.feather": TABLE,
    f"parquet_flavours/{HOUR}_close_twice.parquet": Truth(close_twice),
    f"parquet_flavours/{HOUR}_prices_large_string_one_bad.parquet": Truth(
        one_bad_price, {"close is a number": 1}
    ),
    f"price_x1000_behind_a_gap/{HOUR}_after_5h_gap.csv": Truth(second_scale, {SCALE: 1100}),
    f"price_x1000_behind_a_gap/{HOUR}_no_gap.csv": Truth(second_scale, {SCALE: 1100}),
}

#: Files that no command uses, and what the one sentence about them says.
REFUSED: Mapping[str, str] = {
    "bad_input/btcusdt_binance_spot_capture_empty.gz": "is empty",
    "bad_input/btcusdt_binance_spot_capture_text.gz": "seems to be text",
    "bad_input/btcusdt_binance_spot_empty.csv": "is empty",
    "bad_input/btcusdt_binance_spot_empty.parquet": "is empty",
    "bad_input/btcusdt_binance_spot_header_only.csv": "has no rows",
    "bad_input/btcusdt_binance_spot_one_row.csv": "at least 3 rows",
    "bad_input/btcusdt_binance_spot_text.csv": "seems to be text",
    "bad_input/btcusdt_binance_spot_text.txt": "seems to be text",
    "bad_input/btcusdt_binance_spot_two_rows.csv": "at least 3 rows",
    "incomplete_last_candle/btcusdt_binance_spot_1h_next_year.csv": "has closed: broken by 500 rows",
    "parquet_flavours/btcusdt_binance_spot_1h_close_twice_no_volume.parquet": "missing: volume",
}
