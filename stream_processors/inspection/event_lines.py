"""Records as lines for people, and as objects for scripts.

The content of a record is foreign text, so every control character that a terminal would obey is shown as
an escape sequence.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from rich.text import Text

from schemas.events import (
    AlertRaised,
    Event,
    Severity,
    SourceFellSilent,
    SourceHealth,
    SourceHealthChanged,
    SourceReturned,
    SourceStatusChanged,
    TopicSwitched,
    WatermarkAdvanced,
)
from schemas.time import text_of_time
from schemas.wire.kafka import Record
from stream_processors.inspection.showing import printable
from stream_processors.inspection.tailing import ExaminedRecord
from stream_processors.operators.keys import parts_of
from stream_processors.runtime.checkpointing import HEAD
from stream_processors.runtime.letters import DeadLetter, read_letter

#: Fields that the beginning or the end of a line shows already.
_SHOWN_ELSEWHERE = {"event_time_ms", "known_time_ms", "source", "stream"}
_N_FEATURES_SHOWN = 3
_HASH = re.compile(r"[0-9a-f]{32,}")
_N_DIGITS_SHOWN = 12
_PROBLEM = "bold red"
_SEVERITIES = {Severity.INFORMATION: "cyan", Severity.WARNING: "yellow", Severity.PAGE: _PROBLEM}
_HEALTH = dict.fromkeys(SourceHealth, "yellow") | {
    SourceHealth.HEALTHY: "green",
    SourceHealth.FAILING: _PROBLEM,
    SourceHealth.UNKNOWN: "dim",
}


def line_of(seen: ExaminedRecord, *, with_headers: bool) -> Text:
    """Return a record as one line with its time, key, kind and main fields, and on request its headers below."""
    record = seen.record
    parts = list(_event(seen.event) if seen.event is not None else _no_event(seen))
    line = Text.assemble((f"{_time(_time_of(seen))}  ", "dim"), (f"{_key(record)}  ", "bold"))
    line.append_text(Text(" ").join(parts))
    if with_headers:
        for name, value in record.headers:
            line.append(f"\n    {printable(name)}: {printable(_text(value))}", style="dim")
    return line


def object_of(seen: ExaminedRecord, *, with_headers: bool) -> dict[str, Any]:
    """Return a record as an object for scripts: where it lies, when it was published, and what it holds."""
    record = seen.record
    found: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "published_ms": record.timestamp_ms,
        "key": None if record.key is None else _text(record.key),
        "value_bytes": None if record.value is None else len(record.value),
    }
    if with_headers:
        found["headers"] = [(name, _text(value)) for name, value in record.headers]
    if seen.event is not None:
        return found | {"event": seen.event}
    return found | ({"said": _summary(record)} if seen.problem is None else {"problem": seen.problem})


def _event(event: Event) -> Iterator[Text]:
    yield Text(type(event).__name__, style=_style(event))
    for name, value in msgspec.structs.asdict(event).items():
        if name not in _SHOWN_ELSEWHERE and name not in event.key_fields:
            yield Text.assemble((f"{name.removesuffix('_ms')}=", "dim"), printable(_value(name, value)))
    known_ms = event.known_time_ms - event.event_time_ms
    yield Text(printable(f"(known {known_ms:+} ms, {event.source}, {event.stream})"), style="dim")


def _style(event: Event) -> str:
    match event:
        case AlertRaised(severity=severity, is_resolved=is_resolved):
            return "green" if is_resolved else _SEVERITIES[severity]
        case SourceHealthChanged(state=state):
            return _HEALTH[state]
        case SourceFellSilent() | SourceStatusChanged(is_present=False):
            return "yellow"
        case WatermarkAdvanced() | SourceReturned() | TopicSwitched():
            return "dim"
        case _:
            return "cyan"


def _value(name: str, value: Any) -> str:
    match value:
        case float():
            return f"{value:.10g}"
        case int() if name.endswith("_ms"):
            return _time(value)
        case dict():
            return _features(value)
        case str():
            return f"{value[:_N_DIGITS_SHOWN]}..." if _HASH.fullmatch(value) else value
        case _:  # null, true, false and other numbers, as JSON writes them
            return msgspec.json.encode(value).decode()


def _features(values: dict[str, Any]) -> str:
    shown = [f"{name}={_value('', value)}" for name, value in list(values.items())[:_N_FEATURES_SHOWN]]
    more = [f"{len(values) - len(shown)} more"] if len(values) > len(shown) else []
    return "{" + ", ".join([*shown, *more]) + "}"


def _no_event(seen: ExaminedRecord) -> Iterator[Text]:
    record = seen.record
    yield Text(f"{record.partition}/{record.offset}", style="dim")
    if seen.problem is not None:
        yield Text(printable(seen.problem), style=_PROBLEM)
    else:
        yield Text(printable(_summary(record)))
    yield Text("(a tombstone)" if record.value is None else f"({len(record.value):,} bytes)", style="dim")


def _summary(record: Record) -> str:
    """What a record without an event is: a dead letter, its resolution, or a part of a state."""
    if not record.topic.startswith("dead_letters."):
        return _state(record)
    found = read_letter(record)
    if isinstance(found, DeadLetter):
        return f"{found.letter_id} {found.error_class}: {found.reason}"
    return f"{found.letter_id} {found.how}" + (f": {found.reason}" if found.reason else "")


class _Offsets(msgspec.Struct):
    """The offsets in the head of a checkpoint, without the rest of it."""

    offsets: dict[str, int]


def _state(record: Record) -> str:
    if record.key != HEAD:
        return _entry(record.key)
    try:
        offsets = msgspec.msgpack.decode(record.value or b"", type=_Offsets).offsets
    except msgspec.DecodeError:
        return "a checkpoint of another release"
    return "checkpoint at " + (", ".join(f"{name} {at:,}" for name, at in offsets.items()) or "the beginning")


def _entry(key: bytes | None) -> str:
    try:
        return "state of " + " ".join(str(part) for part in parts_of(key or b"") if part != "")
    except msgspec.DecodeError:
        return "part of a state"


def _time_of(seen: ExaminedRecord) -> int | None:
    return seen.record.timestamp_ms if seen.event is None else seen.event.event_time_ms


def _time(time_ms: int | None) -> str:
    return "unknown" if time_ms is None else text_of_time(time_ms, "millisecond")


def _key(record: Record) -> str:
    return "-" if record.key is None else printable(_text(record.key))


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode(errors="backslashreplace")
