"""Reads the answers of CoinGecko's REST API, version 3: latest prices, and its coarse histories.

Its candles are stamped with their **close**, state no volume, last 30 minutes, 4 hours or 4 days by the length of
the range, and reach back 365 days. They are an average over many venues, and never candles of a minute. Its
``market_chart`` holds single prices at uneven times, and is read as prices.

Source:
    CoinGecko API documentation v3: "Coins List with Market Data", "Coin Price by IDs", "Coin OHLC Chart by ID", "Coin
    Historical Chart Data by ID", "Coin Data by ID", "Crypto Global Market Data", "Common Errors".
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from producers.normalise.candle_fields import candle_prices
from producers.normalise.fields import (
    amount,
    fields_of,
    json_of,
    note_of,
    price,
    row_of,
    rows_of,
    text,
    turnover,
)
from producers.normalise.observations import VenueCandle, VenuePrice
from producers.normalise.time_fields import optional_time_ms, time_ms
from schemas.errors import DecodeError


def _answer(payload: bytes, expected: str) -> Any:
    found = json_of(payload, expected)
    if isinstance(found, dict):
        status = found.get("status")
        said = found.get("error") or (status.get("error_message") if isinstance(status, dict) else None)
        if said:
            message = f"expected {expected}, CoinGecko answered: {note_of(said)}"
            raise DecodeError(message)
    return found


def read_markets(payload: bytes) -> Sequence[VenuePrice]:
    """Return the latest prices of ``coins/markets``, each named by the id of its coin.

    A coin without a price is left out. The volume is of quote units.

    Raises:
        ContractError: If it is no such answer.
    """
    rows = [
        fields_of(each, "a coin of CoinGecko")
        for each in rows_of(_answer(payload, "a list of coins"), "a list of coins")
    ]
    return [
        VenuePrice(
            text(each.get("id"), "id of a coin"),
            price(each["current_price"], "current_price"),
            optional_time_ms(each.get("last_updated"), "last_updated"),
            turnover(each.get("total_volume"), "total_volume"),
        )
        for each in rows
        if each.get("current_price") is not None
    ]


def read_symbols(payload: bytes) -> Mapping[str, str]:
    """Return the symbol of each coin of ``coins/markets`` in capitals, by the id of the coin, the largest coin first.

    Raises:
        ContractError: If it is no such answer.
    """
    rows = [
        fields_of(each, "a coin of CoinGecko")
        for each in rows_of(_answer(payload, "a list of coins"), "a list of coins")
    ]
    return {
        text(each.get("id"), "id of a coin"): text(each.get("symbol"), "symbol of a coin").upper()
        for each in rows
    }


def read_simple_prices(payload: bytes, *, currency: str) -> Sequence[VenuePrice]:
    """Return the latest prices of ``simple/price``.

    Args:
        payload: Any bytes.
        currency: Of the request, such as ``usd``.

    Raises:
        ContractError: If it is no such answer.
    """
    found = fields_of(_answer(payload, "prices of CoinGecko"), "prices of CoinGecko")
    coins = {
        text(coin, "id of a coin"): fields_of(each, "a coin of CoinGecko") for coin, each in found.items()
    }
    return [
        VenuePrice(
            coin,
            price(each[currency], f"price in {currency}"),
            optional_time_ms(each.get("last_updated_at"), "last_updated_at"),
            turnover(each.get(f"{currency}_24h_vol"), "24h volume"),
        )
        for coin, each in coins.items()
        if each.get(currency) is not None
    ]


def read_coin(payload: bytes, *, currency: str) -> VenuePrice:
    """Return the latest price of ``coins/ID``.

    Args:
        payload: Any bytes.
        currency: Such as ``usd``.

    Raises:
        ContractError: If it is no such answer.
    """
    found = fields_of(_answer(payload, "a coin of CoinGecko"), "a coin of CoinGecko")
    data = fields_of(found.get("market_data"), "market_data")
    latest = fields_of(data.get("current_price"), "current_price")
    volume = data.get("total_volume")
    return VenuePrice(
        text(found.get("id"), "id of a coin"),
        price(latest.get(currency), f"price in {currency}"),
        optional_time_ms(data.get("last_updated", found.get("last_updated")), "last_updated"),
        turnover(volume.get(currency) if isinstance(volume, dict) else None, "total_volume"),
    )


class WholeMarket(NamedTuple):
    """All coins together.

    Attributes:
        time_ms: Of the figures.
        market_cap: In the currency that was asked for.
        volume_24h: In that currency.
        shares: Of the largest coins in the market cap, in percent, by symbol in capitals.
    """

    time_ms: int | None
    market_cap: float
    volume_24h: float
    shares: Mapping[str, float]


def read_whole_market(payload: bytes, *, currency: str) -> WholeMarket:
    """Return the figures of ``global``.

    Args:
        payload: Any bytes.
        currency: Such as ``usd``.

    Raises:
        ContractError: If it is no such answer.
    """
    data = fields_of(fields_of(_answer(payload, "the whole market"), "the whole market").get("data"), "data")
    caps, volumes = (fields_of(data.get(name), name) for name in ("total_market_cap", "total_volume"))
    shares = fields_of(data.get("market_cap_percentage", {}), "market_cap_percentage")
    return WholeMarket(
        optional_time_ms(data.get("updated_at"), "updated_at"),
        turnover(caps.get(currency), "market cap") or 0.0,
        turnover(volumes.get(currency), "volume") or 0.0,
        {text(coin, "symbol of a coin").upper(): amount(share, "share") for coin, share in shares.items()},
    )


def read_market_chart(payload: bytes, *, coin: str) -> Sequence[VenuePrice]:
    """Return the prices of ``market_chart``, oldest first; each has the volume of the same position, if there is one.

    Args:
        payload: Any bytes.
        coin: The id of the request.

    Raises:
        ContractError: If it is no such answer.
    """
    found = fields_of(_answer(payload, "a chart of CoinGecko"), "a chart of CoinGecko")
    volumes = rows_of(found.get("total_volumes", []), "total_volumes")
    prices = []
    for position, each in enumerate(rows_of(found.get("prices"), "prices")):
        row = row_of(each, 2, "a point of a chart")
        volume = row_of(volumes[position], 2, "a point of a chart")[1] if position < len(volumes) else None
        prices.append(
            VenuePrice(coin, price(row[1], "price"), time_ms(row[0], "time"), turnover(volume, "volume"))
        )
    return prices


def read_coarse_candles(payload: bytes, *, coin: str) -> Sequence[VenueCandle]:
    """Return the candles of ``coins/ID/ohlc``, whose stamps are closes, with their starts; oldest first.

    The length is the shortest distance of two stamps. One candle alone has no length and is left out. None states a volume.

    Args:
        payload: Any bytes.
        coin: The id of the request.

    Raises:
        ContractError: If it is no such answer.
    """
    rows = [
        row_of(each, 5, "a candle of CoinGecko") for each in rows_of(_answer(payload, "candles"), "candles")
    ]
    ends = [time_ms(row[0], "close time") for row in rows]
    length_ms = min((b - a for a, b in pairwise(sorted(set(ends)))), default=0)
    if not length_ms:
        return []
    candles = [
        VenueCandle(
            coin, end_ms - length_ms, length_ms, *candle_prices(*row[1:5]), volume=None, is_closed=None
        )
        for end_ms, row in zip(ends, rows, strict=True)
    ]
    return sorted(candles, key=lambda each: each.start_ms)
