"""What the columns of candles say, and the names under which files have them.

Names in other languages are those of the exports of Investing.com and of exchanges there.
"""

import re
from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a column of a file of candles says."""

    OPEN_TIME = "open_time"
    CLOSE_TIME = "close_time"
    DATE = "date"
    TIME_OF_DAY = "time_of_day"
    OPEN = "open"
    HIGH = "high"
    LOW = "low"
    CLOSE = "close"
    VOLUME = "volume"
    N_TRADES = "n_trades"
    QUOTE_VOLUME = "quote_volume"
    TAKER_BUY_VOLUME = "taker_buy_volume"
    TAKER_BUY_QUOTE_VOLUME = "taker_buy_quote_volume"
    OTHER_VOLUME = "other_volume"
    SEGMENT = "segment"
    SYMBOL = "symbol"
    EXCHANGE = "exchange"


#: By role, the names in lower case without spaces and marks; an earlier name is preferred to a later one.
ROLE_NAMES: Mapping[Role, str] = {
    Role.OPEN_TIME: (
        "opentime timeopen klineopentime opentimestamp candlebegintime starttime start begin periodstart "
        "periodbegin unix unixtimestamp unixtime epoch timestamp timestampms timestamputc tsevent ts t mts datetime "
        "gmttime localtime utctime dateutc dateandtime dateopen indexlevel0 일시 日時"
    ),
    Role.CLOSE_TIME: "closetime timeclose klineclosetime closetimestamp endtime end periodend dateclose",
    Role.DATE: "date day datum fecha data tarih дата 날짜 일자 日付 日付け 日期 index",
    Role.TIME_OF_DAY: "time hour 시간 时间 時間",
    Role.OPEN: (
        "open o openprice opening first eröffn eröffnung apertura abertura ouv ouverture otwarcie açılış откр открытие "  # noqa: RUF001  (Turkish)
        "시가 始値 开盘 开盘价 開盤 openbid"
    ),
    Role.HIGH: (
        "high h highprice max hoch máximo máxima massimo plushaut yüksek макс 고가 高値 高 最高 最高价 highbid"
    ),
    Role.LOW: "low l lowprice min tief mínimo mínima minimo plusbas düşük мин 저가 安値 低 最低 最低价 lowbid",
    Role.CLOSE: (
        "close c closeprice closing closelast last price zuletzt schluss schlusskurs último ultimo dernier clôture "
        "ostatnio şimdi цена закрытие 종가 終値 收盘 收盘价 收盤 closebid"
    ),
    Role.VOLUME: (
        "volume vol v basevolume volumebase volumefrom basevol volumen wol hac объём объем 거래량 出来高 成交量 交易量 "
        "tickvolume amount qty quantity tickvol"
    ),
    Role.N_TRADES: "ntrades count trades numberoftrades numtrades tradecount tradescount tradesdone n",
    Role.QUOTE_VOLUME: (
        "quotevolume quoteassetvolume volumequote quotevol volccyquote turnover volumeto volumecurrency 거래대금 成交额 "
        "volumeusd volumeusdt volumeusdc volumebusd volumetusd volumefdusd volumeeur volumegbp volumedai"
    ),
    Role.TAKER_BUY_VOLUME: (
        "takerbuyvolume takerbuybaseassetvolume takerbuybasevolume takerbuybase takerbasevolume buyvolume"
    ),
    Role.TAKER_BUY_QUOTE_VOLUME: (
        "takerbuyquotevolume takerbuyquoteassetvolume takerbuyquote takerquotevolume"
    ),
    Role.SEGMENT: "segment",
    Role.SYMBOL: "symbol pair ticker productid instrument instid market coin",
    Role.EXCHANGE: "exchange venue",
}
_OF_COIN = re.compile(
    r"[Vv]ol(?:ume)?[ _(]+([A-Z]{2,10}|1(?:000)?[A-Z]{2,8})\)?|VOLUME[ _(]+([A-Z]{2,10})\)?"
)
_KNOWN_COINS = re.compile(
    "vol(ume)?[ _(]*(btc|xbt|eth|ltc|xrp|bch|sol|doge|ada|bnb|dot|link|trx|avax|matic|usdt?|usdc|busd|eur|gbp|jpy|krw)[)]?"
)
#: What stands after the word volume and is no coin.
_INDICATORS = frozenset(
    [
        "MA",
        "SMA",
        "EMA",
        "WMA",
        "VWMA",
        "VWAP",
        "AVG",
        "MEAN",
        "MEDIAN",
        "STD",
        "SUM",
        "CHANGE",
        "CHG",
        "DELTA",
        "DIFF",
        "PCT",
        "ROC",
        "OSC",
        "RATIO",
        "PROFILE",
        "RSI",
        "OBV",
        "MFI",
        "CMF",
        "ADI",
        "BUY",
        "SELL",
        "ASK",
        "BID",
        "UP",
        "DOWN",
        "LAG",
        "NORM",
        "LOG",
        "ZSCORE",
        "RANK",
        "TREND",
    ]
)


def is_volume_of_coin(name: str) -> bool:
    """Return whether a column's name is that of the volume of one coin or currency.

    Example:
        >>> is_volume_of_coin("Volume BTC"), is_volume_of_coin("volume_ma20"), is_volume_of_coin("Volume MA")
        (True, False, False)
    """
    found = _OF_COIN.fullmatch(name.strip())
    if found is not None:
        return (found[1] or found[2]) not in _INDICATORS
    return _KNOWN_COINS.fullmatch(name.strip().lower()) is not None
