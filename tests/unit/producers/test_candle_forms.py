"""Forms of files of candles that no case has: answers of exchanges, tables of pandas, and what is refused by name."""

import io
import json
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest

from producers.sources.files.recognition import instrument_of_file, recognise
from schemas.errors import ConfigurationError
from tests.fakes.candle_files import FIRST_MS, HOUR_MS, read_file, read_table, simulated_candles

N = 40
NAMES = ("open", "high", "low", "close", "volume")
CANDLES = simulated_candles(n=N, seed=5)
COLUMNS = {name: CANDLES.column(name).to_numpy() for name in NAMES}
TIMES = FIRST_MS + np.arange(N) * HOUR_MS


def frame(**changes):
    return pd.DataFrame({"timestamp": pd.to_datetime(TIMES, unit="ms"), **COLUMNS} | changes)


def rows(order="tohlcv", *, scale=1, text=False):
    columns = {"t": TIMES // scale, **{name[0]: COLUMNS[name] for name in NAMES}}
    table = zip(*(columns[letter].tolist() for letter in order), strict=True)
    return [[str(cell) if text else cell for cell in row] for row in table]


def with_more(table, *cells):
    return [[*row, *cells] for row in table]


def of_kraken():
    table = [[int(r[0]), *r[1:5], r[4], r[5], 7] for r in rows(scale=1000, text=True)]
    return {"error": [], "result": {"XXBTZUSD": table, "last": 1}}


def of_bitstamp():
    names = ("timestamp", "open", "high", "low", "close", "volume")
    ohlc = [dict(zip(names, row, strict=True)) for row in rows(scale=1000, text=True)]
    return {"data": {"pair": "BTC/USD", "ohlc": ohlc}}


JSON = {
    "an answer of Kraken": of_kraken(),
    "an answer of Bitstamp": of_bitstamp(),
    "an answer of Bybit": {"result": {"symbol": "BTCUSDT", "list": with_more(rows(text=True), "1.5")[::-1]}},
    "an answer of OKX": {"code": "0", "data": with_more(rows(text=True), "1.5", "1.5", "1")[::-1]},
    "an answer of Coinbase": rows("tlhocv", scale=1000)[::-1],
    "klines of Binance": [[*row, row[0] + HOUR_MS - 1, "0", 7, "0", "0", "0"] for row in rows()],
    "objects": [dict(zip(("date", *NAMES), row, strict=True)) for row in rows()],
}


@pytest.mark.parametrize("name", JSON)
def test_an_answer_in_json_is_read(name, tmp_path):
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(JSON[name]))
    assert_read(path)


def metatrader():
    table = frame()
    days, clocks = table.timestamp.dt.strftime("%Y.%m.%d"), table.timestamp.dt.strftime("%H:%M")
    return (
        table.drop(columns="timestamp")
        .assign(d=days, t=clocks)[["d", "t", *NAMES]]
        .to_csv(index=False, header=False)
    )


def yfinance():
    lines = ["Price,Close,High,Low,Open,Volume", "Ticker" + ",BTC-USD" * 5, "Datetime,,,,,"]
    text = frame()[["timestamp", "close", "high", "low", "open", "volume"]].to_csv(index=False, header=False)
    return "\n".join(lines) + "\n" + text


TABLES = {
    "pandas to_json": lambda: frame(timestamp=TIMES).to_json(),
    "pandas to_json by index": lambda: frame(timestamp=TIMES).set_index("timestamp").to_json(),
    "pandas to_json, records": lambda: frame(timestamp=TIMES).to_json(orient="records"),
    "pandas to_json, lines": lambda: frame(timestamp=TIMES).to_json(orient="records", lines=True),
    "pandas to_json, split": lambda: frame(timestamp=TIMES).to_json(orient="split"),
    "pandas to_csv with an index without a name": lambda: (
        frame().set_index("timestamp").rename_axis(None).to_csv()
    ),
    "MetaTrader with a day and a time": metatrader,
    "a volume of each currency": lambda: (
        frame().rename(columns={"volume": "Volume BTC"}).assign(**{"Volume USD": 1.0}).to_csv(index=False)
    ),
    "spaces and capitals": lambda: (
        frame().rename(columns=lambda name: f" {name.upper()} ").to_csv(index=False)
    ),
    "dollars": lambda: frame(
        **{name: [f"${value:,.8f}" for value in COLUMNS[name]] for name in NAMES[:4]}
    ).to_csv(index=False),
    "several header lines of yfinance": yfinance,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_as_a_tool_writes_it_is_read(name, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TABLES[name]())
    assert_read(path)


def assert_read(path):
    found = read_file(path)
    assert (found.report.interval, found.report.n_rows, found.report.rejected) == ("1h", N, {})
    np.testing.assert_array_equal(found.columns["start_ms"], TIMES)
    for column in NAMES:
        np.testing.assert_allclose(found.columns[column], COLUMNS[column], rtol=1e-7)


def test_columns_of_several_levels_are_read(tmp_path):
    table = frame().set_index("timestamp")
    table.columns = pd.MultiIndex.from_product([[name.capitalize() for name in NAMES], ["BTC-USD"]])
    table.columns = [str(name) for name in table.columns]
    table.to_parquet(tmp_path / "table.parquet")
    assert_read(tmp_path / "table.parquet")


@pytest.mark.parametrize(
    ("step", "played"), [("1s", "1m"), ("3min", "15m"), ("2h", "4h"), ("6h", "1d"), ("12h", "1d")]
)
def test_candles_of_another_length_are_rolled_up_into_what_they_make_up(step, played, tmp_path):
    n = 400
    times = pd.date_range("2025-06-02", periods=n, freq=step)
    price = 100 + np.arange(n) % 7
    table = pd.DataFrame(
        {
            "timestamp": times,
            "open": price,
            "high": price + 2,
            "low": price - 2,
            "close": price,
            "volume": 1.0,
        }
    )
    table.to_csv(tmp_path / "btcusdt_binance_spot_x.csv", index=False)
    found = read_table(tmp_path / "btcusdt_binance_spot_x.csv")
    parts = found.interval.milliseconds // int(pd.Timedelta(step).total_seconds() * 1000)
    assert str(found.interval) == played
    assert set(found.columns["volume"]) == {float(parts)}
    assert found.columns["high"][0] == price[:parts].max() + 2


@pytest.mark.parametrize(
    ("step", "words"), [("W-MON", "candles of 1w, which make up none"), ("3D", "candles of 3d")]
)
def test_candles_too_long_for_a_run_are_read_and_refused_by_up_by_name(step, words, tmp_path):
    times = pd.date_range("2020-06-01", periods=50, freq=step)
    table = pd.DataFrame({"timestamp": times} | dict.fromkeys(NAMES, 1.0))
    table.to_csv(tmp_path / "btcusdt_binance_spot_x.csv", index=False)
    assert read_file(tmp_path / "btcusdt_binance_spot_x.csv").report.n_good == 50
    with pytest.raises(ConfigurationError, match=words):
        read_table(tmp_path / "btcusdt_binance_spot_x.csv")


def test_times_that_are_closes_are_read_as_such(tmp_path):
    ends = pd.to_datetime(TIMES + HOUR_MS - 1, unit="ms")
    frame(timestamp=ends).to_csv(tmp_path / "x.csv", index=False)
    frame(timestamp=pd.to_datetime(TIMES + HOUR_MS, unit="ms")).to_csv(tmp_path / "y.csv", index=False)
    told, stated = read_file(tmp_path / "x.csv"), read_file(tmp_path / "y.csv", is_close_stamped=True)
    assert told.columns["start_ms"].tolist() == stated.columns["start_ms"].tolist() == TIMES.tolist()
    assert "The times are closes" in " ".join(told.report.warnings)


def test_rows_about_another_symbol_are_set_aside(tmp_path):
    table = frame(symbol="BTC/USD")
    other = frame(symbol="ETH/USD").iloc[:5]
    pd.concat([table, other]).to_csv(tmp_path / "x.csv", index=False)
    found = read_file(tmp_path / "x.csv")
    assert found.report.n_good == N
    assert found.report.rejected["symbol is that of most rows"].count == 5


@pytest.mark.parametrize(
    ("name", "instrument"),
    [
        ("XBTEUR_60.csv", None),
        ("btcusd_kraken_spot_1h.csv", "BTC-USD.KRAKEN"),
        ("ethusd_bitstamp_spot_1h.csv.gz", "ETH-USD.BITSTAMP"),
        ("btcusdt_okx_perp_1h.csv", "BTC-USDT-PERP.OKX"),
        ("btcusd_coinbase_1h.csv", "BTC-USD.COINBASE"),
        ("btcusdt_bybit_1h.csv", None),
        ("btcusdt_nowhere_spot_1h.csv", None),
    ],
)
def test_the_venue_of_a_name_may_be_any_that_a_source_is_known_for(name, instrument, tmp_path):
    path = tmp_path / name
    frame().to_csv(path, index=False, compression=None)
    found = recognise(path)
    assert found.form.instrument_of(found.head, path) == instrument


def test_a_symbol_and_an_exchange_in_the_rows_tell_the_instrument(tmp_path):
    frame(symbol="XBT/EUR", exchange="kraken").to_csv(tmp_path / "x.csv", index=False)
    assert instrument_of_file(tmp_path / "x.csv") == "BTC-EUR.KRAKEN"


def archive(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name in names:
            out.writestr(name, "x")
    return buffer.getvalue()


def tar():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as out:
        out.addfile(tarfile.TarInfo("a.csv"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (archive("a.csv", "b.csv"), "an archive of 2 files"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "a workbook of a spreadsheet program"),
        (archive(), "an archive of 0 files"),
        (tar(), "expected candles"),
        (b"%PDF-1.7", "seems to be a PDF"),
        (b"\x1f\x8b\x08 broken", "is empty"),
        (b"PK\x03\x04 broken", "damaged"),
        (json.dumps({"a": 1}).encode(), "expected candles"),
        (json.dumps([[1, 2], [3, 4]]).encode(), "expected candles"),
        (b"\x00" * 1000, "unknown binary form"),
    ],
)
def test_what_holds_no_candles_is_refused_by_what_it_seems_to_be(content, words, tmp_path):
    path = tmp_path / "btcusdt_binance_spot_1h.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=words) as refused:
        read_file(path)
    assert str(refused.value).isprintable()
