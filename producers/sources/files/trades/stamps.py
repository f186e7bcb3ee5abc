"""How a recorder stamps its lines: with its local time before the message, in one of several ways, or not at all.

::

    1723161600164378285 {"stream":...      seconds, milliseconds, microseconds or nanoseconds
    1723161600.164378: {"stream":...       cryptofeed
    2024-08-09 00:00:00,164 {"stream":...  a log
    {"stream":...                          no local time
"""

from producers.normalise.trades import milliseconds_of_text
from schemas.errors import DecodeError

#: What may stand between a local time and its message.
_SEPARATORS = b" \t:,;|>-="
#: How the lines begin that cryptofeed and others write about their connections.
_NOTES = (b"ws://", b"wss://", b"http://", b"https://", b"configuration:", b"#")
_LONGEST_STAMP = 40


def is_note(line: bytes) -> bool:
    """Return whether a line is empty, or a recorder's note about its connection, and so no message."""
    return not line or line.startswith(_NOTES)


def split_stamp(line: bytes) -> tuple[int | None, bytes]:
    """Return the local time of a line in milliseconds, None where it states none, and the message.

    Raises:
        DecodeError: If the line holds no JSON object or array, or something that is no time stands before it.
    """
    begin = min((at for at in map(line.find, (b"{", b"[")) if at >= 0), default=-1)
    if begin < 0:
        message = f"expected a message in JSON, with or without a local time before it, was {_shown(line)}"
        raise DecodeError(message)
    text = line[:begin].strip(_SEPARATORS)
    if len(text) > _LONGEST_STAMP:
        message = f"expected a local time before the message, was {_shown(line)}"
        raise DecodeError(message)
    local_ms = milliseconds_of_text(text.decode("ascii", errors="replace")) if text else None
    return local_ms, line[begin:]


def _shown(line: bytes) -> str:
    return repr(line[:_LONGEST_STAMP].decode(errors="replace"))
