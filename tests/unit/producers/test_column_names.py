"""Names of columns: what is certain is taken, numbers decide between two volumes, and the rest is asked for."""

import numpy as np
import pytest

from schemas.errors import ConfigurationError
from tests.fakes.candle_files import read_file, simulated_candles

N = 60
TABLE = simulated_candles(n=N, seed=3).to_pandas()
MONEY = TABLE.volume * (TABLE.high + TABLE.low) / 2
NAMES = ("timestamp", "open", "high", "low", "close", "volume")


def wrote(tmp_path, table, names=None):
    path = tmp_path / "table.csv"
    (table if names is None else table.set_axis(names, axis=1)).to_csv(path, index=False)
    return path


def of(coins, money, *more):
    """A table whose columns of volumes have these names."""
    return TABLE.rename(columns={"volume": coins}).assign(**{money: MONEY}, **dict.fromkeys(more, 7))


@pytest.mark.parametrize(
    ("coins", "money"), [("amount", "vol"), ("vol", "amount"), ("volume", "amount"), ("qty", "volume")]
)
def test_of_two_volumes_the_numbers_tell_which_counts_coins(coins, money, tmp_path):
    """Of Huobi's candles vol, which counts dollars, was taken, and amount, which counts coins, was not."""
    found = read_file(wrote(tmp_path, of(coins, money)))
    np.testing.assert_allclose(found.columns["volume"], TABLE.volume)
    np.testing.assert_allclose(found.columns["quote_volume"], MONEY)
    assert not any("volume" in warning.lower() for warning in found.report.warnings)


def test_a_quote_volume_tells_which_of_two_volumes_counts_coins(tmp_path):
    table = of("amount", "turnover").assign(vol=TABLE.volume.to_numpy() * 1000)
    np.testing.assert_allclose(read_file(wrote(tmp_path, table)).columns["volume"], TABLE.volume)


def test_two_volumes_that_no_number_tells_apart_are_asked_for(tmp_path):
    table = TABLE.assign(amount=TABLE.volume.to_numpy() * 1000)
    with pytest.raises(ConfigurationError, match=r"nobody can tell which counts coins; call that one volume"):
        read_file(wrote(tmp_path, table))


def test_a_lone_amount_is_read_as_coins_with_a_warning(tmp_path):
    found = read_file(wrote(tmp_path, TABLE.rename(columns={"volume": "amount"})))
    assert any("if it counts money, call that column quote_volume" in text for text in found.report.warnings)


def test_a_count_of_ticks_is_read_with_a_warning(tmp_path):
    found = read_file(wrote(tmp_path, TABLE.rename(columns={"volume": "tick_volume"})))
    assert any("changes of the price and not coins" in text for text in found.report.warnings)


@pytest.mark.parametrize(
    "name", ["volume_ma20", "volume_ema", "Volume MA", "VOLUME_MA20", "volume_change", "volumeratio"]
)
def test_an_indicator_of_the_volume_is_no_volume(name, tmp_path):
    """``volume_ma20`` was taken for the volume of a coin of that name."""
    with pytest.raises(ConfigurationError, match="missing: volume; name the columns so"):
        read_file(wrote(tmp_path, TABLE.rename(columns={"volume": name})))


@pytest.mark.parametrize("name", ["Volume BTC", "volume_btc", "Volume (1INCH)", "Vol PEPE", "VOLUME ETH"])
def test_a_volume_of_a_coin_is_a_volume(name, tmp_path):
    found = read_file(wrote(tmp_path, TABLE.rename(columns={"volume": name})))
    np.testing.assert_allclose(found.columns["volume"], TABLE.volume)


LANGUAGES = {
    "Korean": "날짜 시가 고가 저가 종가 거래량",
    "Chinese": "日期 开盘 最高 最低 收盘 成交量",
    "Japanese": "日付 始値 高値 安値 終値 出来高",
    "Russian": "Дата Откр. Макс. Мин. Цена Объём",
    "Spanish": "Fecha Apertura Máximo Mínimo Último Vol.",
    "Turkish": "Tarih Açılış Yüksek Düşük Şimdi Hac.",  # noqa: RUF001
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_in_another_language_are_known(language, tmp_path):
    """They were left out, and the columns were guessed by their numbers."""
    found = read_file(wrote(tmp_path, TABLE, LANGUAGES[language].split()))
    for name in NAMES[1:]:
        np.testing.assert_allclose(found.columns[name], TABLE[name])


def test_the_order_of_names_in_another_language_counts(tmp_path):
    names = ["날짜", "종가", "시가", "고가", "저가", "변동", "거래량"]
    table = TABLE.assign(change=1)[["timestamp", "close", "open", "high", "low", "change", "volume"]]
    found = read_file(wrote(tmp_path, table, names))
    np.testing.assert_allclose(found.columns["volume"], TABLE.volume)


@pytest.mark.parametrize("names", ["päivä avaus ylin alin päätös vaihto", "a1 b2 c3 d4 e5 f6"])
def test_names_that_nobody_knows_are_asked_for(names, tmp_path):
    """The columns were guessed by their numbers, and the one after the prices was the volume, whatever it was."""
    with pytest.raises(ConfigurationError, match=r"missing: (timestamp )?open high low close volume; name"):
        read_file(wrote(tmp_path, TABLE, names.split()))
