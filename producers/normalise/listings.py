"""Reads which markets a venue lists, and whether they trade: to tell a wrong name from a venue that is silent.

Source:
    Binance documentation, "Exchange Information"; Coinbase Exchange, "Get all known trading pairs"; Kraken, "Get
    Tradable Asset Pairs".
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from producers.normalise.fields import fields_of, json_of, note_of, rows_of, text
from producers.normalise.rejects import RejectedRow, good_rows
from schemas.errors import DecodeError

_STOPS = ("trading_disabled", "cancel_only", "post_only")


class Listing(NamedTuple):
    """A market of a venue.

    Attributes:
        symbol: As the venue writes it in its socket.
        is_trading: Whether orders are matched now.
        status: As the venue words it.
    """

    symbol: str
    is_trading: bool
    status: str


def read_listings(payload: bytes, *, rejected: list[RejectedRow] | None = None) -> Sequence[Listing]:
    """Return the markets of ``exchangeInfo`` (Binance), ``products`` (Coinbase) or ``AssetPairs`` (Kraken).

    Args:
        payload: Any bytes.
        rejected: As in :func:`producers.normalise.rejects.good_rows`.

    Raises:
        ContractError: If it is none of the three answers.
    """
    found = json_of(payload, "a list of markets")
    if isinstance(found, list):
        return good_rows(found, lambda row: _of_coinbase(fields_of(row, "a product")), rejected)
    answer = fields_of(found, "a list of markets")
    if "symbols" in answer:
        rows = rows_of(answer["symbols"], "symbols")
        return good_rows(rows, lambda row: _of_binance(fields_of(row, "a symbol")), rejected)
    if answer.get("error") or "result" not in answer:
        message = f"expected a list of markets, was {note_of(answer.get('error') or answer.get('message'))!r}"
        raise DecodeError(message)
    pairs = list(fields_of(answer["result"], "pairs").items())
    return good_rows(pairs, lambda pair: _of_kraken(pair[0], fields_of(pair[1], "a pair")), rejected)


def _of_binance(found: Mapping[str, Any]) -> Listing:
    status = note_of(found.get("status"))
    return Listing(text(found.get("symbol"), "symbol"), status == "TRADING", status)


def _of_coinbase(found: Mapping[str, Any]) -> Listing:
    status = note_of(found.get("status"))
    is_trading = status == "online" and not any(found.get(flag) is True for flag in _STOPS)
    return Listing(text(found.get("id"), "id"), is_trading, status)


def _of_kraken(name: str, found: Mapping[str, Any]) -> Listing:
    """Older answers state no status; dark pools (``.d``) have no name in the socket."""
    status = note_of(found.get("status", "online"))
    symbol = found.get("wsname") or name
    return Listing(text(symbol, "wsname"), status in {"online", "limit_only"}, status)
