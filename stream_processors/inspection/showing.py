"""Dead letters and alerts as tables for people and as objects for scripts.

The content of a message is foreign text, so every control character that a terminal would obey is shown as
an escape sequence.
"""

import codecs
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text

from schemas.events import AlertRaised
from schemas.time import text_of_time
from stream_processors.inspection.replaying import obstacle
from stream_processors.inspection.selecting import SelectedLetter
from stream_processors.runtime.letters import DeadLetter

#: At most this much of a body is shown; ``--raw`` writes all of it.
LONGEST_BODY = 64_000
_HEX_WIDTH = 16


def letters_table(found: Iterable[SelectedLetter], *, now_ms: int) -> Table:
    """Return a table with a row for each letter."""
    table = Table(title="Dead letters, oldest first")
    for column in ("age", "consumer", "letter", "error class", "attempts", "bytes", "state"):
        table.add_column(column, overflow="fold")
    # The reason is wrapped and not cut, because a cut reason explains nothing.
    table.add_column("reason", overflow="fold")
    for letter, resolution in found:
        state = "open" if resolution is None else str(resolution.how)
        cells = (
            _age(letter.put_aside_ms, now_ms),
            letter.consumer,
            letter.letter_id,
            letter.error_class,
            str(letter.attempts),
            f"{letter.value_bytes:,}",
            "cannot be replayed" if resolution is None and obstacle(letter) else state,
            letter.reason,
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def letter_as_json(selected: SelectedLetter, *, now_ms: int) -> dict[str, Any]:
    """Return a letter as an object for scripts."""
    letter, resolution = selected
    fields = msgspec.structs.asdict(letter)
    return fields | {
        "key": None if letter.key is None else letter.key.decode(errors="backslashreplace"),
        "headers": [(name, _decoded(value)) for name, value in letter.headers],
        "age_s": None if letter.put_aside_ms is None else (now_ms - letter.put_aside_ms) / 1000,
        "obstacle": obstacle(letter),
        "resolution": None if resolution is None else msgspec.structs.asdict(resolution),
    }


def letter_facts(selected: SelectedLetter, *, now_ms: int) -> Table:
    """Return a table with everything that a letter tells about its message."""
    letter, resolution = selected
    table = Table(title=Text(printable(letter.letter_id)), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(letter, now_ms):
        table.add_row(name, Text(printable(value)))
    for name, content in letter.headers:
        table.add_row(Text(f"header {printable(name)}"), Text(printable(str(_decoded(content)))))
    if resolution is not None:
        why = f": {resolution.reason}" if resolution.reason else ""
        table.add_row(str(resolution.how), Text(printable(f"{_utc(resolution.resolved_ms)}{why}")))
    elif (why_not := obstacle(letter)) is not None:
        table.add_row("cannot be replayed", Text(printable(why_not)))
    return table


def body(value: bytes | None) -> str:
    """Return a message's bytes as text: JSON indented, other text as it is, anything else in hexadecimal."""
    if value is None:
        return "(a tombstone: no value)"
    if not value:
        return "(an empty value)"
    shown = value[:LONGEST_BODY]
    rest = (
        f"\n... {len(value) - len(shown):,} more bytes; --raw writes all" if len(value) > len(shown) else ""
    )
    return _pretty(value, shown) + rest


def alerts_table(alerts: Iterable[AlertRaised], *, now_ms: int) -> Table:
    """Return a table with a row for each alert."""
    table = Table(title="Alerts, oldest first")
    for column in ("age", "severity", "alert", "subject", "value", "state", "summary"):
        table.add_column(column, overflow="fold")
    for alert in alerts:
        value = "" if alert.value is None else f"{alert.value:g}"
        state = "resolved" if alert.is_resolved else "raised"
        cells = (
            _age(alert.event_time_ms, now_ms),
            str(alert.severity),
            alert.name,
            alert.subject,
            value,
            state,
            alert.summary,
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def printable(text: str) -> str:
    """Return a text in which no character moves the cursor or changes a colour."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _facts(letter: DeadLetter, now_ms: int) -> Sequence[tuple[str, str]]:
    return [
        ("consumer", letter.consumer),
        ("reason", letter.reason),
        ("error class", letter.error_class),
        ("attempts", str(letter.attempts)),
        ("put aside", f"{_utc(letter.put_aside_ms)} ({_age(letter.put_aside_ms, now_ms)} ago)"),
        ("published", _utc(letter.record_time_ms)),
        ("event time", _utc(letter.event_time_ms)),
        ("key", "none" if letter.key is None else letter.key.decode(errors="backslashreplace")),
        ("value", f"{letter.value_bytes:,} bytes, {letter.kept}, sha256 {letter.value_sha256 or 'unknown'}"),
    ]


def _pretty(value: bytes, shown: bytes) -> str:
    try:
        text = _text(value, shown)
    except UnicodeDecodeError:
        return "\n".join(_hexadecimal(shown))
    return "\n".join(printable(line) for line in text.split("\n"))


def _text(value: bytes, shown: bytes) -> str:
    if len(value) == len(shown):
        with suppress(msgspec.DecodeError, RecursionError):
            return msgspec.json.format(value, indent=2).decode()
    return codecs.getincrementaldecoder("utf-8")().decode(shown)  # a character may be cut at the end


def _hexadecimal(value: bytes) -> Iterator[str]:
    for at in range(0, len(value), _HEX_WIDTH):
        row = value[at : at + _HEX_WIDTH]
        text = "".join(chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else "." for byte in row)
        yield f"{at:08x}  {row.hex(' '):<{3 * _HEX_WIDTH}} {text}"


def _decoded(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


def _utc(time_ms: int | None) -> str:
    return "unknown" if time_ms is None else f"{text_of_time(time_ms)} UTC"


def _age(time_ms: int | None, now_ms: int) -> str:
    """How long ago a time was, in the largest unit that gives at least 1.

    Example:
        >>> _age(0, 7_200_000)
        '2h'
    """
    if time_ms is None:
        return "unknown"
    seconds = max(0, now_ms - time_ms) // 1000
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
