"""Finds fields of a message that its kind does not declare: those of a newer producer, or a misspelt name.

Decoding ignores them, because a producer may add fields, and does not look for them, because that takes as
long as decoding again. The monitor counts them with this module, away from the hot path.
"""

import msgspec

from schemas import codec
from schemas.events import Event

#: The name that stands for names that are not text.
UNREADABLE = "(unreadable)"
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def unknown_fields(event: Event, value: bytes) -> list[str]:
    """Return the names in a message that its kind does not declare, each once, in their order.

    Args:
        event: The event that the codec decoded.
        value: The bytes of the message.
    """
    if codec.encode(event) == value:
        return []  # the platform itself encoded it, which is usual and quickly found
    try:
        stated = _fields.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [UNREADABLE]
    declared = {"type", *event.__struct_fields__}
    return [name for name in stated if name not in declared]
