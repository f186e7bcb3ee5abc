"""When an answer was true by the clock of the source that gave it."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from producers.sources.fetching import Fetched, Fetcher
from schemas.time import EARLIEST_MS

_LONGEST_AGE_S = 10**6


def answered_ms(fetched: Fetched) -> int:
    """Return the time of an answer by the source: its ``Date`` without the ``Age`` that a cache states.

    It is a whole second and at or before the moment at which the source made the answer, so a candle that ended
    by then is closed. Without a readable ``Date`` it is the time of receipt.

    Args:
        fetched: The answer.
    """
    stated_ms = date_ms(fetched)
    return fetched.received_ms if stated_ms is None else stated_ms


def date_ms(fetched: Fetched) -> int | None:
    """Return the time of an answer by the source, as ``answered_ms`` does; None without a readable ``Date``.

    Args:
        fetched: The answer.
    """
    try:
        stated = parsedate_to_datetime(fetched.headers.get("date", ""))
        in_utc = stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated
        stated_ms = int(in_utc.timestamp()) * 1000
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    if stated_ms < EARLIEST_MS:
        return None
    return stated_ms - _age_s(fetched) * 1000


class DatedFetcher(Fetcher):
    """Asks another fetcher, and remembers by which time of the source all answers since then were given.

    Args:
        fetcher: Asks.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._oldest_ms: int | None = None

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_page: bool = False,
    ) -> Fetched:
        """Ask for something; see the port."""
        fetched = self._fetcher.get(url, params=params, headers=headers, is_page=is_page)
        found_ms = date_ms(fetched)
        if found_ms is not None:
            self._oldest_ms = min(found_ms, self._oldest_ms or found_ms)
        return fetched

    def close(self) -> None:
        """Close the other fetcher."""
        self._fetcher.close()

    def take_answered_ms(self) -> int | None:
        """Return the earliest ``Date`` since this was called last; None if no answer stated any."""
        taken, self._oldest_ms = self._oldest_ms, None
        return taken


def _age_s(fetched: Fetched) -> int:
    text = fetched.headers.get("age", "").strip()
    return (
        min(int(text), _LONGEST_AGE_S)
        if text.isascii() and text.isdecimal() and len(text) < len(str(_LONGEST_AGE_S))
        else 0
    )
