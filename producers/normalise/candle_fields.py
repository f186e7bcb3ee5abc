"""The fields of a candle: four prices that agree with each other, and a start that is one of its length."""

from producers.normalise.fields import price
from schemas.errors import InvariantError


def candle_prices(
    opened: object, high: object, low: object, close: object
) -> tuple[float, float, float, float]:
    """Return the four prices of a candle.

    Args:
        opened: The first price, as the venue states it.
        high: The highest.
        low: The lowest.
        close: The last.

    Raises:
        InvariantError: If one is no price, the high is not the highest, or the low not the lowest.
    """
    found = price(opened, "open"), price(high, "high"), price(low, "low"), price(close, "close")
    first, highest, lowest, last = found
    if not lowest <= min(first, last) <= max(first, last) <= highest:
        message = f"a candle needs low <= open, close <= high, was open {first}, high {highest}, low {lowest}, close {last}"
        raise InvariantError(message)
    return found


def aligned(start_ms: int, length_ms: int) -> int:
    """Return the start of a candle.

    Raises:
        InvariantError: If it is no multiple of the length.
    """
    if length_ms > 0 and start_ms % length_ms:
        message = f"a candle of {length_ms} ms must start at a multiple of that, was {start_ms}"
        raise InvariantError(message)
    return start_ms
