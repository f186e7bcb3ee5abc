"""Dumps of trades, in the forms in which venues and vendors give them."""

import pytest

from producers.sources.files.forms import ReadRequest
from producers.sources.files.recognition import instrument_of_file, recognise
from producers.sources.files.trades.opening import open_trades
from schemas.errors import ConfigurationError
from tests.fakes.trade_files import (
    BEGIN_MS,
    COMPRESSIONS,
    NOT_AFTER_MS,
    TABLES,
    Trade,
    table_lines,
    trades,
    written,
)
from tests.unit.producers.trade_readings import read, told, true

INSTRUMENTS = {
    "binance trades": "BTC-USDT.BINANCE",
    "binance futures trades": "BTC-USDT-PERP.BINANCE",
    "binance aggTrades": "BTC-USDT.BINANCE",
    "binance futures aggTrades": "BTC-USDT-PERP.BINANCE",
    "tardis": "BTC-USDT-PERP.BINANCE",
    "kraken": "BTC-USD.KRAKEN",
    "heading of another order": "BTC-USDT.BINANCE",
}


def file_of(folder, table, found, ending=""):
    return written(folder / (TABLES[table][0] + ending), table_lines(found, table))


@pytest.mark.parametrize("ending", COMPRESSIONS)
@pytest.mark.parametrize("table", set(TABLES) - {"kraken"})
def test_dumps_are_read_in_every_form_and_compression(tmp_path, table, ending):
    found = trades()
    path = file_of(tmp_path, table, found, ending)

    survey, seen = read(path)

    assert told(seen) == true(found)
    assert (survey.n_records, survey.set_aside) == (600, {})
    assert survey.instrument == instrument_of_file(path) == INSTRUMENTS[table]
    assert survey.filter.is_stamped == (table == "tardis")


def test_time_and_sales_without_ids_and_sides_have_numbers_and_the_tick_test(tmp_path):
    found = [
        Trade(0, BEGIN_MS + i * 1_000, price, 1.0, is_buyer_maker=False)
        for i, price in enumerate([10.0, 11.0, 11.0, 10.5, 10.5, 12.0] * 20)
    ]
    survey, seen = read(file_of(tmp_path, "kraken", found))

    assert survey.instrument == "BTC-USD.KRAKEN"
    assert [each.trade_id for each in seen] == list(range(1, 121))
    assert [each.is_buyer_maker for each in seen[:7]] == [False, False, False, True, True, False, True]
    assert any("tick test" in warning for warning in survey.warnings)


@pytest.mark.parametrize("table", TABLES)
def test_newest_first_is_sorted(tmp_path, table):
    found = trades()
    lines = table_lines(found, table)
    heading = [] if TABLES[table][1] is None else lines[:1]
    path = written(tmp_path / TABLES[table][0], [*heading, *reversed(lines[len(heading) :])])

    survey, seen = read(path)

    assert [row[:3] for row in told(seen)] == [row[:3] for row in true(found)]
    assert any("are sorted" in warning for warning in survey.warnings)


def test_heading_in_the_middle_is_no_row(tmp_path):
    lines = table_lines(trades(), "binance futures trades")
    survey, seen = read(written(tmp_path / "BTCUSDT-trades-2025-06-01.csv", lines + lines[:1]))
    assert (len(seen), survey.set_aside) == (600, {})


def test_years_of_milliseconds_and_of_microseconds_in_one_file(tmp_path):
    found = trades()
    lines = table_lines(found, "binance trades")
    lines[:300] = [
        line.replace(b"000,True,True", b",True,True").replace(b"000,False,True", b",False,True")
        for line in lines[:300]
    ]
    _, seen = read(written(tmp_path / "BTCUSDT-trades-2025-06.csv", lines))
    assert told(seen) == true(found)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        (1, b"-1", "line can be read"),
        (1, b"price", "line can be read"),
        (2, b"0", "line can be read"),
        (4, b"", "line can be read"),
        (4, b"0", "time is of 2009"),
        (4, b"9223372036854775807", "time is of 2009"),
        (4, b"1685577600000", "time lies near"),
        (5, b"perhaps", "line can be read"),
    ],
)
@pytest.mark.parametrize("row", [0, 1, 300, 599])
def test_one_bad_field_costs_its_row_alone(tmp_path, field, value, rule, row):
    found = trades()
    lines = table_lines(found, "binance trades")
    fields = lines[row].split(b",")
    fields[field] = value
    lines[row] = b",".join(fields)
    if value == b"price":
        lines = table_lines(found, "binance trades")
        lines[row] = lines[row][:20]

    survey, seen = read(written(tmp_path / "BTCUSDT-trades-2025-06.csv", lines))

    assert told(seen) == true(found[:row] + found[row + 1 :])
    ((name, rows),) = survey.set_aside.items()
    assert name.startswith(rule)
    assert (rows.count, rows.first_row) == (1, row + 1)


def test_file_whose_name_says_nothing_asks_for_its_instrument(tmp_path):
    path = written(tmp_path / "my trades.csv", table_lines(trades(), "binance trades"))
    with pytest.raises(ConfigurationError, match="cannot tell the instrument"):
        instrument_of_file(path)
    with pytest.raises(ConfigurationError, match="set INSTRUMENT="):
        read(path)
    survey, seen = read(path, "BTC-USDT.BINANCE")
    assert (survey.instrument, told(seen)) == ("BTC-USDT.BINANCE", true(trades()))


def test_contracts_of_coin_margined_futures_become_coins(tmp_path):
    heading, row = b"id,price,qty,base_qty,time,is_buyer_maker", b"1,50000.0,5,0.01,%d,true"
    lines = [heading, *(row % (BEGIN_MS + i * 100) for i in range(50))]
    path = written(tmp_path / "BTCUSD_PERP-trades-2025-06-01.csv", lines)
    for instrument in (None, "BTC-USD-PERP.BINANCE"):
        survey, seen = read(path, instrument)
        assert survey.instrument == "BTC-USD-PERP.BINANCE"
        assert {each.trade.size for each in seen} == {0.01}


def test_amounts_of_inverse_contracts_become_coins(tmp_path):
    lines = [
        b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
        *(
            b"bitmex,XBTUSD,%d000,%d000,x-%d,buy,10000,500" % (at, at + 160, at)
            for at in range(BEGIN_MS, BEGIN_MS + 9_000, 100)
        ),
    ]
    survey, seen = read(written(tmp_path / "trades.csv", lines))
    assert survey.instrument == "BTC-USD-PERP.BITMEX"
    assert {each.trade.size for each in seen} == {0.05}
    assert any("contracts in US dollars" in warning for warning in survey.warnings)
    assert survey.skew.skew_ms == -160


def test_rows_of_candles_and_of_text_are_no_trades(tmp_path):
    candle = b"1748736000,100,101,99,100.5,12.5,40"
    for lines in ([candle] * 5, [b"a,b,c", b"1,2,3"], [b"hello world"] * 9):
        with pytest.raises(ConfigurationError, match="neither messages"):
            open_trades(written(tmp_path / "x.csv", lines), instrument=None)


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        (
            "binance_incremental_book_L2_2025.csv",
            "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount",
        ),
        ("bitmex_liquidations_2025.csv", "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"),
        ("trades.csv", "txid,ordertxid,pair,time,type,ordertype,price,cost,fee,vol"),
        ("btcusd_coingecko_1d.csv", "timestamp,price,market_cap,total_volume,volume"),
    ],
)
def test_what_is_no_trade_of_the_market_is_not_believed(tmp_path, name, heading):
    """The changes of a book, liquidations, the fills of one account and a series of prices look like trades."""
    rows = [",".join(["1"] * len(heading.split(",")))] * 20
    with pytest.raises(ConfigurationError, match="neither messages"):
        open_trades(written(tmp_path / name, [line.encode() for line in (heading, *rows)]), instrument=None)


def test_table_that_names_a_symbol_and_no_venue_asks(tmp_path):
    lines = [
        b"symbol,time,price,qty,side",
        *(b"BTCUSDT,%d,100.5,0.25,buy" % (BEGIN_MS + i * 100) for i in range(50)),
    ]
    path = written(tmp_path / "trades.csv", lines)
    with pytest.raises(ConfigurationError, match="set INSTRUMENT="):
        read(path)
    assert read(path, "BTC-USDT-PERP.BYBIT")[0].instrument == "BTC-USDT-PERP.BYBIT"
    with pytest.raises(ConfigurationError, match=r"holds no trade of ETH-USDT\.BYBIT: it holds BTCUSDT"):
        read(path, "ETH-USDT.BYBIT")


def test_spot_trades_that_were_saved_without_the_last_column_ask_for_their_market(tmp_path):
    lines = [b"id,price,qty,time,isBuyerMaker", *(b"%d,100,1,%d,true" % (i, BEGIN_MS + i) for i in range(50))]
    path = written(tmp_path / "BTCUSDT-trades-2025-06.csv", lines)
    with pytest.raises(ConfigurationError, match="set INSTRUMENT="):
        read(path)
    assert read(path, "BTC-USDT.BINANCE")[0].instrument == "BTC-USDT.BINANCE"


@pytest.mark.parametrize("table", TABLES)
def test_report_says_what_the_file_is(tmp_path, table):
    path = file_of(tmp_path, table, trades())
    found = recognise(path)
    report = found.form.report(path, found.head, ReadRequest(NOT_AFTER_MS))
    assert (report.kind, report.instrument, report.n_rows, report.n_good) == (
        "trades",
        INSTRUMENTS[table],
        600,
        600,
    )
    assert (report.first_ms, report.last_ms) == (BEGIN_MS, BEGIN_MS + 599 * 400)
