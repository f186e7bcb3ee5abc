"""What a parser of venues may emit, whatever it read: numbers that events can hold, and prices that agree with each other."""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import msgspec

from producers.normalise.observations import VenueCandle, VenuePrice, VenueQuote
from producers.normalise.trades import VenueTrade

_LARGEST = 1e15
_LARGEST_TIME_MS = 2**53


def check_emitted(found: Any) -> None:
    """Check everything that a parser returned.

    Raises:
        AssertionError: If a value is one that no event may have.
    """
    for each in _structs(found):
        for name in each.__struct_fields__:
            value = getattr(each, name)
            assert not isinstance(value, float) or isfinite(value), (name, value)
            if isinstance(value, int) and not isinstance(value, bool):
                limit = _LARGEST_TIME_MS if name.endswith("_ms") else 2**63 - 1
                assert -limit - 1 <= value <= limit, (name, value)
        _check_prices(each)


def _check_prices(each: msgspec.Struct) -> None:
    match each:
        case VenueTrade():
            assert 0 < each.price <= _LARGEST, each
            assert 0 < each.size < float("inf"), each
        case VenueQuote():
            assert 0 < each.bid <= each.ask <= _LARGEST, each
        case VenuePrice():
            assert 0 < each.price <= _LARGEST, each
        case VenueCandle():
            least, most = min(each.open, each.close), max(each.open, each.close)
            assert 0 < each.low <= least <= most <= each.high <= _LARGEST, each
            assert each.volume is None or 0 <= each.volume <= _LARGEST, each
            assert each.length_ms >= 0, each
        case _:
            pass


def _structs(found: Any) -> Iterator[msgspec.Struct]:
    waiting = [found]
    while waiting:
        each = waiting.pop()
        if isinstance(each, msgspec.Struct):
            yield each
            waiting.extend(getattr(each, name) for name in each.__struct_fields__)
        elif isinstance(each, list | tuple):
            waiting.extend(each)
        elif isinstance(each, Mapping):
            waiting.extend(each.values())
