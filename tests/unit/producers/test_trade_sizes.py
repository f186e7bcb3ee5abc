"""What the sizes of dumps of trades count, whose dumps they are, and in which order their trades are played."""

import pytest

from producers.sources.files.recognition import recognise
from schemas.errors import ConfigurationError
from tests.fakes.trade_files import BEGIN_MS, TABLES, table_lines, trades, written
from tests.unit.producers.trade_readings import read, told, true

NOTIONALS = (
    b"timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"
)


def test_dump_of_bitmex_is_known_by_its_columns(tmp_path):
    rows = [
        b"2025-06-01D00:%02d:00.345000000,XBTUSD,Sell,500,10000.0,PlusTick,x-%d,5000000,0.05,500.0" % (i, i)
        for i in range(50)
    ]
    path = written(tmp_path / "20250601.csv", [NOTIONALS, *rows])
    survey, seen = read(path)
    assert (survey.instrument, recognise(path).form.name) == ("BTC-USD-PERP.BITMEX", "bitmex-trades")
    assert {(each.trade.size, each.is_buyer_maker) for each in seen} == {(0.05, True)}
    assert any("contracts in US dollars" in warning for warning in survey.warnings)


@pytest.mark.parametrize("stated", [None, "BTC-USD-PERP.BYBIT"])
def test_dump_of_bybit_is_known_by_its_columns(tmp_path, stated):
    """The columns of the two notionals of inverse contracts are exchanged in some of its files."""
    rows = [
        b"%d.345,BTCUSD,Buy,500.0,10000.0,PlusTick,x,5000000,%s" % (BEGIN_MS // 1000 + i, notionals)
        for i, notionals in enumerate([b"0.05,500.0", b"500.0,0.05"] * 25)
    ]
    path = written(tmp_path / "BTCUSD2025-06-01.csv", [NOTIONALS, *rows])
    survey, seen = read(path, stated)
    assert (survey.instrument, recognise(path).form.name) == ("BTC-USD-PERP.BYBIT", "bybit-trades")
    assert {each.trade.size for each in seen} == {0.05}


@pytest.mark.parametrize("has_symbol", [True, False])
@pytest.mark.parametrize(
    ("instrument", "coins"),
    [
        ("BTC-USD-PERP.BYBIT", 0.05),
        ("BTC-USD-PERP.BINANCE", 5.0),
        ("BTC-USDT-PERP.BYBIT", 500.0),
        ("BTC-USD.BYBIT", 500.0),
        ("BTC-USD-PERP.HYPERLIQUID", 500.0),
    ],
)
def test_sizes_of_a_stated_inverse_perpetual_are_dollars(tmp_path, instrument, coins, has_symbol):
    symbol = ("BTCUSDT" if "USDT" in instrument else "BTCUSD") if has_symbol else "x"
    heading = f"{'symbol' if has_symbol else 'note'},time,price,size"
    rows = [f"{symbol},{BEGIN_MS + i * 100},10000,500" for i in range(50)]
    survey, seen = read(written(tmp_path / "t.csv", [line.encode() for line in (heading, *rows)]), instrument)
    assert {each.trade.size for each in seen} == {coins}
    assert any("US dollars" in warning for warning in survey.warnings) == (coins != 500.0)


def test_table_that_is_named_by_its_pair_alone_asks_for_its_venue(tmp_path):
    """Kraken's files are named so, have three columns and no heading."""
    rows = [b"%d,50000,0.25" % (BEGIN_MS + i * 100) for i in range(50)]
    path = written(tmp_path / "BTCUSDT.csv", [b"time,price,qty", *rows])
    with pytest.raises(ConfigurationError, match="set INSTRUMENT="):
        read(path)
    assert read(path, "BTC-USDT.OKX")[0].instrument == "BTC-USDT.OKX"
    with pytest.raises(ConfigurationError, match="set INSTRUMENT="):
        read(written(tmp_path / "20250601.csv", rows))


ORDERS = {
    "two days, the later one first": lambda lines: lines[300:] + lines[:300],
    "four parts": lambda lines: lines[450:] + lines[:150] + lines[300:450] + lines[150:300],
    "newest first": lambda lines: lines[::-1],
    "two days newest first, the earlier one first": lambda lines: lines[299::-1] + lines[:299:-1],
}


@pytest.mark.parametrize("table", ["binance futures trades", "tardis"])
@pytest.mark.parametrize("order", ORDERS)
def test_trades_of_one_millisecond_keep_their_order(tmp_path, table, order):
    found = [each._replace(time_ms=BEGIN_MS + i // 3 * 400) for i, each in enumerate(trades())]
    heading, *rows = table_lines(found, table)
    if table == "tardis":
        rows = [
            row.replace(
                b"%d000,%d000" % (each.time_ms, each.local_ms),
                b"%d000,%d000" % (each.time_ms, each.time_ms + 9),
            )
            for row, each in zip(rows, found, strict=True)
        ]
    _, seen = read(written(tmp_path / TABLES[table][0], [heading, *ORDERS[order](rows)]))
    assert told(seen) == true(found)


@pytest.mark.parametrize("heading", [b"id,mts,amount,price", None])
def test_negative_sizes_are_sells(tmp_path, heading):
    found = trades(100)
    rows = [
        f"{each.trade_id},{each.time_ms},{'-' * each.is_buyer_maker}{each.size},{each.price}"
        if heading
        else f"{each.time_ms},{each.price},{'-' * each.is_buyer_maker}{each.size}"
        for each in found
    ]
    path = written(tmp_path / "t.csv", [*([heading] if heading else []), *map(str.encode, rows)])
    survey, seen = read(path, "BTC-USD.BITFINEX")
    assert [row[:3] for row in told(seen)] == [row[:3] for row in true(found)]
    assert [each.is_buyer_maker for each in seen] == [each.is_buyer_maker for each in found]
    assert not any("tick test" in warning for warning in survey.warnings)


def test_one_negative_size_is_a_bad_row(tmp_path):
    rows = [b"%d,50000,%s0.25" % (BEGIN_MS + i * 100, b"-" * (i == 30)) for i in range(50)]
    survey, seen = read(written(tmp_path / "t.csv", [b"time,price,qty", *rows]), "BTC-USDT.OKX")
    assert (len(seen), survey.n_records) == (49, 50)


def test_of_two_sizes_the_one_that_is_not_multiplied_by_the_price_counts_coins(tmp_path):
    """The amount, which counted dollars, was read as coins."""
    lines = [b"symbol,timestamp,price,amount,volume"]
    lines += [
        b"BTCUSDT,%d,%d,%.2f,0.01" % (BEGIN_MS + i * 100, 60_000 + i, (60_000 + i) / 100) for i in range(50)
    ]
    _, seen = read(written(tmp_path / "t.csv", lines), "BTC-USDT.OKX")
    assert {each.trade.size for each in seen} == {0.01}


def money(tmp_path):
    rows = [b"BTCUSDT,%d,%d,600" % (BEGIN_MS + i * 100, 60_000 + i) for i in range(50)]
    return written(tmp_path / "btcusdt_bitget_spot.csv", [b"symbol,timestamp,price,amount", *rows])


def test_sizes_that_seem_to_count_money_are_asked_for(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"worth more than 36,0\d\d,\d\d\d USDT if their sizes are coins"
    ):
        read(money(tmp_path))


def test_sizes_that_seem_to_count_money_are_read_as_coins_where_the_instrument_is_stated(tmp_path):
    survey, seen = read(money(tmp_path), "BTC-USDT.BITGET")
    assert {each.trade.size for each in seen} == {600.0}
    assert any("sizes that count money" in warning for warning in survey.warnings)


@pytest.mark.parametrize("symbol", ["BTC-USD-SWAP", "BTC-USDT-SWAP"])
def test_contracts_of_unknown_worth_are_refused(symbol, tmp_path):
    """A contract of OKX is a hundred dollars, or a hundredth of a bitcoin; each was read as one bitcoin."""
    heading = b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
    rows = [
        b"okex-swap,%s,%d,%d,%d,buy,60000,3" % (symbol.encode(), t, t, i)
        for i, t in enumerate(range(BEGIN_MS * 1000, BEGIN_MS * 1000 + 50_000_000, 1_000_000))
    ]
    with pytest.raises(ConfigurationError, match="whose sizes are contracts"):
        read(written(tmp_path / "okex-swap_trades.csv", [heading, *rows]))


def test_a_stated_perpetual_of_contracts_is_refused(tmp_path):
    rows = [b"BTCUSD,%d,60000,3" % (BEGIN_MS + i * 100) for i in range(50)]
    path = written(tmp_path / "t.csv", [b"symbol,time,price,size", *rows])
    with pytest.raises(ConfigurationError, match="whose sizes are contracts"):
        read(path, "BTC-USD-PERP.OKX")
