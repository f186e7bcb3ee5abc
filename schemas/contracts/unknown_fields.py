"""Fields of a message that nobody declared: a newer producer, or a misspelt name.

Decoding ignores them, since a producer may add some, and never looks for them, since that costs as
much as decoding once more. Whoever counts them asks here, away from the hot path.
"""

import msgspec

from schemas import codec
from schemas.events import Event

#: Stands for names that are no text at all.
UNREADABLE = "(unreadable)"
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def unknown_fields(event: Event, value: bytes) -> list[str]:
    """The names in a message that its kind does not declare, each once, in their order.

    Args:
        event: What the codec made of the message.
        value: The message.
    """
    if codec.encode(event) == value:
        return []  # as the platform itself writes it: the usual case, and the cheap one
    try:
        stated = _fields.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [UNREADABLE]
    declared = {"type", *event.__struct_fields__}
    return [name for name in stated if name not in declared]
