"""When an answer was true by the clock of the source that gave it."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from producers.sources.fetching import Fetched
from schemas.time import EARLIEST_MS

_LONGEST_AGE_S = 10**6


def answered_ms(fetched: Fetched) -> int:
    """Return the time of an answer by the source: its ``Date`` without the ``Age`` that a cache states.

    It is a whole second and at or before the moment at which the source made the answer, so a candle that ended
    by then is closed. Without a readable ``Date`` it is the time of receipt.

    Args:
        fetched: The answer.
    """
    try:
        stated = parsedate_to_datetime(fetched.headers.get("date", ""))
        in_utc = stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated
        stated_ms = int(in_utc.timestamp()) * 1000
    except (TypeError, ValueError, OverflowError, IndexError):
        return fetched.received_ms
    if stated_ms < EARLIEST_MS:
        return fetched.received_ms
    return stated_ms - _age_s(fetched) * 1000


def _age_s(fetched: Fetched) -> int:
    text = fetched.headers.get("age", "").strip()
    return (
        min(int(text), _LONGEST_AGE_S)
        if text.isascii() and text.isdecimal() and len(text) < len(str(_LONGEST_AGE_S))
        else 0
    )
