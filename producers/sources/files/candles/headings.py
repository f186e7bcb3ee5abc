"""The names under which the columns of candles are found, and which column each means."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple


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
    SEGMENT = "segment"
    SYMBOL = "symbol"
    EXCHANGE = "exchange"


PRICE_ROLES = (Role.OPEN, Role.HIGH, Role.LOW, Role.CLOSE)
#: What a file may have beside the columns that every candle needs, under the names of our own parquet.
EXTRA_ROLES = (Role.N_TRADES, Role.QUOTE_VOLUME, Role.TAKER_BUY_VOLUME, Role.TAKER_BUY_QUOTE_VOLUME)

#: By role, the names in lower case without spaces and marks; an earlier name is preferred to a later one.
_NAMES: Mapping[Role, str] = {
    Role.OPEN_TIME: (
        "opentime timeopen klineopentime opentimestamp candlebegintime starttime start begin periodstart "
        "periodbegin unix unixtimestamp unixtime epoch timestamp timestampms timestamputc tsevent ts t mts datetime "
        "gmttime localtime utctime dateutc dateandtime dateopen indexlevel0"
    ),
    Role.CLOSE_TIME: "closetime timeclose klineclosetime closetimestamp endtime end periodend dateclose",
    Role.DATE: "date day datum fecha index",
    Role.TIME_OF_DAY: "time hour",
    Role.OPEN: "open o openprice opening first eröffn eröffnung openbid",
    Role.HIGH: "high h highprice max hoch highbid",
    Role.LOW: "low l lowprice min tief lowbid",
    Role.CLOSE: "close c closeprice closing closelast last price zuletzt schluss schlusskurs closebid",
    Role.VOLUME: (
        "volume vol v basevolume volumebase volumefrom basevol volumen tickvolume amount qty quantity tickvol"
    ),
    Role.N_TRADES: "ntrades count trades numberoftrades numtrades tradecount tradescount tradesdone n",
    Role.QUOTE_VOLUME: (
        "quotevolume quoteassetvolume volumequote quotevol volccyquote turnover volumeto volumecurrency "
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
_BY_NAME = {name: (role, rank) for role, names in _NAMES.items() for rank, name in enumerate(names.split())}
_MARKS = re.compile(r"[^0-9a-zäöüéè/]+")
_TUPLE = re.compile(r"^\(\s*['\"]([^'\"]*)['\"]\s*,")
_COIN_VOLUME = re.compile(r"volume[a-z0-9]{2,10}")


class Headings(NamedTuple):
    """Which column of a file plays which role.

    Attributes:
        positions: By role the number of the column, the first being 0.
        doubled: By role the names of further columns that claim the same name.
    """

    positions: Mapping[Role, int]
    doubled: Mapping[Role, tuple[str, ...]] = {}

    @property
    def missing(self) -> tuple[str, ...]:
        """What a table of candles needs and this one has not, in words."""
        has_time = any(role in self.positions for role in (Role.OPEN_TIME, Role.CLOSE_TIME, Role.DATE))
        time = () if has_time or Role.TIME_OF_DAY in self.positions else ("timestamp",)
        needed = (*PRICE_ROLES, Role.VOLUME)
        return (*time, *(str(role) for role in needed if role not in self.positions))

    @property
    def has_prices(self) -> bool:
        """Whether open, high, low and close are there."""
        return all(role in self.positions for role in PRICE_ROLES)


def plain_name(name: str) -> str:
    """Return a column's name in lower case and without marks, so that one way of writing is left.

    Example:
        >>> plain_name("Open Time"), plain_name("<CLOSE>"), plain_name("('Close', 'BTC-USD')")
        ('opentime', 'close', 'close')
    """
    inner = _TUPLE.match(name.strip())
    return _MARKS.sub("", (name if inner is None else inner[1]).strip().lower()).replace("/", "")


def headings_of(names: Sequence[str]) -> Headings:
    """Return which columns of a header mean what; names that mean nothing here are left out."""
    ranked: dict[Role, list[tuple[int, int]]] = {}
    for position, name in enumerate(names):
        found = _BY_NAME.get(plain_name(name))
        if found is not None:
            ranked.setdefault(found[0], []).append((found[1], position))
    best = {role: sorted(claims) for role, claims in ranked.items()}
    positions = {role: claims[0][1] for role, claims in best.items()}
    doubled = {
        role: tuple(names[position] for rank, position in claims if rank == claims[0][0])
        for role, claims in best.items()
    }
    _add_coin_volume(names, positions)
    _prefer_one_time(positions)
    return Headings(positions, {role: same for role, same in doubled.items() if len(same) > 1})


def _add_coin_volume(names: Sequence[str], positions: dict[Role, int]) -> None:
    """Take ``Volume BTC`` for the volume where no column is simply called so, and else ``Volume USD``."""
    if Role.VOLUME in positions:
        return
    quotes = _NAMES[Role.QUOTE_VOLUME].split()
    coins = [i for i, name in enumerate(names) if _COIN_VOLUME.fullmatch(plain_name(name))]
    bases = [i for i in coins if plain_name(names[i]) not in quotes]
    if bases:
        positions[Role.VOLUME] = bases[0]
        if len(bases) > 1:
            positions.setdefault(Role.QUOTE_VOLUME, bases[1])


def _prefer_one_time(positions: dict[Role, int]) -> None:
    """Leave the times that a better one makes superfluous: an open time before a date, and so on."""
    if Role.OPEN_TIME in positions:
        positions.pop(Role.DATE, None)
        positions.pop(Role.TIME_OF_DAY, None)
    elif Role.DATE not in positions and Role.TIME_OF_DAY in positions:
        positions[Role.OPEN_TIME] = positions.pop(Role.TIME_OF_DAY)
