"""What must hold for any bytes on any topic; a violation is a finding.

The reference is the standard library's JSON in its pure-Python form: written by others, and open
to atheris, which sees which of its branches an input takes.
"""

import json
from json.decoder import JSONDecoder
from json.scanner import py_make_scanner
from typing import Any

import msgspec

from schemas import codec
from schemas.errors import ContractError
from schemas.events import Event, TickObserved, WatermarkAdvanced
from schemas.topics import MARKET_TICK, Topic
from stream_processors.operators.ticks.columns import TickColumns, TickScanner
from stream_processors.operators.ticks.names import KnownNames
from stream_processors.operators.ticks.scanning import FIRST_GROUP, UNKNOWN

_LONGEST_NUMBER = 400
_RENEW_NAMES_AFTER = 500


class FindingError(AssertionError):
    """The codec, or the scan that stands in for it, does what it must not."""


def check(topic: Topic, value: bytes) -> Event | None:
    """Hold a message against everything that must be true of it.

    Returns:
        The event that it is; None when it is refused.

    Raises:
        FindingError: If something is not true.
        Exception: Whatever escapes the codec, which is a finding too.
    """
    try:
        event: Event = codec.decode(topic, value)
    except ContractError as error:
        _demand(len(str(error)) < 5000, "a reason grows with the message")
        return None
    written = codec.encode(event)
    _demand(type(event) in topic.events, "the event is of another topic")
    _demand(codec.decode(topic, written) == event, "decode(encode(event)) is another event")
    _demand(codec.encode(codec.decode(topic, written)) == written, "the bytes are no function of the event")
    _agrees_with_reference(event, value)
    return event


def _agrees_with_reference(event: Event, value: bytes) -> None:
    """Every declared field is what another reader of JSON finds in the message."""
    try:
        found = _reference().decode(value.decode(errors="replace"))
    except RecursionError:
        return  # deeper than the reference goes, in a field that nobody declared
    except ValueError as error:
        message = f"the codec takes what is no JSON: {error}"
        raise FindingError(message) from error
    _demand(found.get("type", type(event).__name__) == type(event).__name__, "the kind is another one")
    for name in event.__struct_fields__:
        if name in found:
            # Field by field: of a whole event, a field that has its default is left out.
            stated = msgspec.to_builtins(getattr(event, name))
            _demand(_are_same(stated, found[name]), f"{name} is {stated!r}, not {found[name]!r}")


def _are_same(stated: Any, found: Any) -> bool:
    """Whole numbers are rounded where a float64 is declared."""
    match stated, found:
        case dict(), dict():
            return stated.keys() == found.keys() and all(_are_same(stated[k], found[k]) for k in stated)
        case ((list() | tuple()), list()):
            return len(stated) == len(found) and all(map(_are_same, stated, found))
        case float(), int():
            return stated == float(found)
        case _:
            return type(stated) is type(found) and stated == found


class _Reference(JSONDecoder):
    """The pure-Python decoder, without its limit on digits, which would be an error of its own."""

    def __init__(self) -> None:
        super().__init__(parse_int=_whole, parse_constant=_refused)
        self.parse_string = json.decoder.py_scanstring
        self.scan_once = py_make_scanner(self)


def _reference() -> _Reference:
    return _Reference()


def _whole(digits: str) -> float:
    return int(digits) if len(digits) < _LONGEST_NUMBER else float(digits)


def _refused(constant: str) -> Any:
    message = f"{constant} is no JSON"
    raise ValueError(message)


class ScanOracle:
    """Holds the compiled scan of the trades' topic against the codec.

    It knows the names of some messages beforehand, as a scan that has run for a while does.
    """

    def __init__(self, known: list[bytes]) -> None:
        self._known = known
        self._n_checked = 0
        self._names = KnownNames()

    def check(self, value: bytes) -> None:
        """Hold a message against the codec.

        Raises:
            FindingError: If the scan says something else.
        """
        if self._n_checked % _RENEW_NAMES_AFTER == 0:
            self._names = KnownNames()
            TickScanner(self._names).columns(self._known, _no_headers)
        self._n_checked += 1
        found = TickScanner(self._names).columns([value], _no_headers)
        try:
            event: Event | ContractError = codec.decode(MARKET_TICK, value)
        except ContractError as error:
            event = error
        if found.kinds[0] == UNKNOWN:
            _demand(_described(found.others[0]) == _described(event), "the scan keeps something else")
        else:
            self._agrees(found, event)

    def _agrees(self, found: TickColumns, event: Event | ContractError) -> None:
        kind = int(found.kinds[0])
        numbers, amounts = found.numbers[0].tolist(), found.amounts[0].tolist()
        match event:
            case TickObserved():
                key = self._names.key_of(event.source, event.stream, event.instrument)
                bought = 0.0 if event.is_buyer_maker else event.size
                _demand(kind == key, "the scan knows another instrument")
                _demand(
                    numbers == [event.event_time_ms, event.known_time_ms, event.trade_id, event.id_epoch],
                    "other numbers",
                )
                _demand(amounts == [event.price, event.size, bought], "other amounts")
            case WatermarkAdvanced():
                group = self._names.group(FIRST_GROUP - kind)
                _demand(group == (event.source, event.stream), "the scan knows another source or stream")
                _demand(numbers[:3] == [event.event_time_ms, event.known_time_ms, event.epoch], "other times")
            case _:
                message = f"the scan takes what the codec does not: {event!r}"
                raise FindingError(message)


def _described(found: Event | ContractError) -> Any:
    return (type(found), str(found)) if isinstance(found, ContractError) else found


def _no_headers(_number: int) -> list[tuple[str, bytes]]:
    return []


def _demand(is_so: bool, otherwise: str) -> None:  # noqa: FBT001
    if not is_so:
        raise FindingError(otherwise)
