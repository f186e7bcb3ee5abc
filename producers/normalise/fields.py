"""Reads single fields of outside messages: liberal in the form, strict in the value.

A number may be JSON or decimal text. Whatever is not a number, or is out of every reasonable range, is an
:class:`InvariantError`; whatever is not JSON of the expected form is a :class:`DecodeError`. Nothing else comes out.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from schemas.errors import DecodeError, InvariantError

_LARGEST_AMOUNT = 1e15
LARGEST_TURNOVER = 1e18
LARGEST_INTEGER = 2**63 - 1
LONGEST_NUMBER = 40
_SHOWN = 60
_NOTE = 200

#: What decoding any bytes as JSON may raise.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)

_T = TypeVar("_T")


def decoded(decoder: msgspec.json.Decoder[_T], payload: bytes | msgspec.Raw, expected: str) -> _T:
    """Decode JSON.

    Args:
        decoder: Of the expected type.
        payload: Any bytes.
        expected: What the error says was expected.

    Raises:
        DecodeError: If it is no such JSON, is nested too deeply, or is not UTF-8.
    """
    try:
        return decoder.decode(payload)
    except UNREADABLE as error:
        raise unreadable(expected, error) from error


def unreadable(expected: str, error: Exception) -> DecodeError:
    """Return the error of bytes that could not be decoded."""
    return DecodeError(f"expected {expected}: {str(error)[:_NOTE]}")


_anything = msgspec.json.Decoder(Any)


def json_of(payload: bytes, expected: str) -> Any:
    """Decode JSON of any form, as :func:`decoded` does."""
    return decoded(_anything, payload, expected)


def shown(value: object) -> str:
    """Return a value for an error message: short, on one line."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return "a huge integer"
    return repr(value[:_SHOWN] if isinstance(value, str | bytes) else value)


def note_of(value: object) -> str:
    """Return what a venue says as printable text of at most 200 characters."""
    text = value if isinstance(value, str) else "" if value is None else shown(value)
    return "".join(each if each.isprintable() else " " for each in text[:_NOTE])


def number(value: object, field: str) -> float:
    """Return a finite number, from JSON or decimal text.

    Raises:
        InvariantError: If it is none.
    """
    found = math.nan
    if isinstance(value, str):
        if len(value) <= LONGEST_NUMBER and value.isascii() and "_" not in value:
            try:
                found = float(value)
            except ValueError:
                found = math.nan
    elif isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        found = float(value) if abs(value) <= LARGEST_TURNOVER else math.inf
    if not math.isfinite(found):
        message = f"the {field} must be a decimal number, was {shown(value)}"
        raise InvariantError(message)
    return found


def price(value: object, field: str) -> float:
    """Return a price.

    Raises:
        InvariantError: If it is no positive number, or larger than any price.
    """
    found = number(value, field)
    if not 0 < found <= _LARGEST_AMOUNT:
        message = f"the {field} must be positive and at most {_LARGEST_AMOUNT:g}, was {shown(value)}"
        raise InvariantError(message)
    return found


def amount(value: object, field: str) -> float:
    """Return an amount, which may be 0.

    Raises:
        InvariantError: If it is negative, no number, or larger than any amount.
    """
    found = number(value, field)
    if not 0 <= found <= _LARGEST_AMOUNT:
        message = f"the {field} must be from 0 to {_LARGEST_AMOUNT:g}, was {shown(value)}"
        raise InvariantError(message)
    return found


def optional_amount(value: object, field: str) -> float | None:
    """Return an amount, or None where the venue states none."""
    return None if value is None or value == "" else amount(value, field)


def turnover(value: object, field: str) -> float | None:
    """Return what was traded in quote units, which may be a small currency, or None where the venue states none.

    Raises:
        InvariantError: If it is negative, no number, or larger than any turnover.
    """
    if value is None or value == "":
        return None
    found = number(value, field)
    if not 0 <= found <= LARGEST_TURNOVER:
        message = f"the {field} must be from 0 to {LARGEST_TURNOVER:g}, was {shown(value)}"
        raise InvariantError(message)
    return found


def traded_in_quote(volume: object, average_price: object) -> float | None:
    """Return a volume of base units in quote units, or None where the venue does not state both numbers.

    Raises:
        InvariantError: If one of them cannot be.
    """
    if volume is None or average_price is None:
        return None
    return turnover(amount(volume, "volume") * amount(average_price, "average price"), "turnover")


def funding_rate(value: object, field: str) -> float | None:
    """Return a funding rate, which may be negative, or None where the venue states none.

    Raises:
        InvariantError: If it is no number, or is larger than the price itself.
    """
    if value is None or value == "":
        return None
    found = number(value, field)
    if abs(found) > 1:
        message = f"the {field} must be from -1 to 1, was {shown(value)}"
        raise InvariantError(message)
    return found


def whole(value: object, field: str) -> int:
    """Return an id or a count: an integer from 0 to 2**63 - 1, from JSON or decimal text.

    Raises:
        InvariantError: If it is none.
    """
    found: object = value
    if (
        isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= LONGEST_NUMBER
    ) or (isinstance(value, float) and value.is_integer()):
        found = int(value)
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= LARGEST_INTEGER:
        message = f"the {field} must be a whole number from 0 to 2**63 - 1, was {shown(value)}"
        raise InvariantError(message)
    return found


def text(value: object, field: str) -> str:
    """Return a name, such as a symbol: 1 to 60 printable characters of ASCII.

    Raises:
        InvariantError: If it is none.
    """
    if not (isinstance(value, str) and 0 < len(value) <= _SHOWN and value.isascii() and value.isprintable()):
        message = f"the {field} must be a short text, was {shown(value)}"
        raise InvariantError(message)
    return value


def fields_of(value: object, expected: str) -> Mapping[str, Any]:
    """Return a JSON object.

    Raises:
        DecodeError: If it is another form of JSON.
    """
    if not isinstance(value, dict):
        message = f"expected {expected}, a JSON object, was {shown(value)}"
        raise DecodeError(message)
    return value


def rows_of(value: object, expected: str) -> Sequence[Any]:
    """Return a JSON array.

    Raises:
        DecodeError: If it is another form of JSON.
    """
    if not isinstance(value, list):
        message = f"expected {expected}, a JSON array, was {shown(value)}"
        raise DecodeError(message)
    return value


def row_of(value: object, n_least: int, expected: str) -> Sequence[Any]:
    """Return a JSON array that has at least so many entries.

    Args:
        value: Any JSON.
        n_least: How many.
        expected: What the error says was expected.

    Raises:
        DecodeError: If it has fewer, or is another form of JSON.
    """
    row = rows_of(value, expected)
    if len(row) < n_least:
        message = f"expected {expected}, an array of at least {n_least}, was one of {len(row)}"
        raise DecodeError(message)
    return row
