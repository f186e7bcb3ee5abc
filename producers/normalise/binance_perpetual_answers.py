"""Reads what Binance's REST API of USD-margined futures states about perpetuals: mark price, open interest, funding.

Source:
    Binance documentation, USD-margined futures, "Mark Price", "Open Interest", "Get Funding Rate History".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from producers.normalise.binance_answers import answer, one_or_more
from producers.normalise.fields import amount, fields_of, funding_rate, optional_amount, price, rows_of, text
from producers.normalise.observations import FundingSettled, MarkPrice, OpenInterest
from producers.normalise.time_fields import optional_time_ms, time_ms
from schemas.errors import InvariantError


def read_mark_prices(payload: bytes) -> Sequence[MarkPrice]:
    """Return the mark prices of ``premiumIndex``.

    Raises:
        ContractError: If it is no such answer.
    """
    return [
        MarkPrice(
            text(found.get("symbol"), "symbol"),
            time_ms(found.get("time"), "time"),
            price(found.get("markPrice"), "mark price"),
            optional_amount(found.get("indexPrice"), "index price") or None,
            funding_rate(found.get("lastFundingRate"), "funding rate"),
            optional_time_ms(found.get("nextFundingTime"), "next funding"),
        )
        for found in one_or_more(payload, "a Binance premiumIndex")
    ]


def read_open_interest(payload: bytes) -> OpenInterest:
    """Return the open interest of ``openInterest``.

    Raises:
        ContractError: If it is no such answer.
    """
    found = fields_of(answer(payload, "a Binance openInterest"), "a Binance openInterest")
    return OpenInterest(
        text(found.get("symbol"), "symbol"),
        time_ms(found.get("time"), "time"),
        amount(found.get("openInterest"), "open interest"),
    )


def read_fundings(payload: bytes) -> Sequence[FundingSettled]:
    """Return the settled fundings of ``fundingRate``, oldest first.

    Raises:
        ContractError: If it is no such answer.
    """
    rows = rows_of(answer(payload, "a list of Binance fundings"), "a list of Binance fundings")
    return [_funding(fields_of(each, "a Binance funding")) for each in rows]


def _funding(found: Mapping[str, Any]) -> FundingSettled:
    rate = funding_rate(found.get("fundingRate"), "funding rate")
    if rate is None:
        message = "a settled funding must have a fundingRate"
        raise InvariantError(message)
    return FundingSettled(
        text(found.get("symbol"), "symbol"),
        time_ms(found.get("fundingTime"), "funding time"),
        rate,
        optional_amount(found.get("markPrice"), "mark price") or None,
    )
