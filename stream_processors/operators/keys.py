"""The keys of an operator's state."""

from typing import Any

import msgspec


def key_of(kind: str, stream: str, *names: str | int) -> bytes:
    """Return a key of an operator's state.

    Args:
        kind: What the key holds; unique within the operator.
        stream: The run that the key belongs to; empty if it belongs to none.
        names: What distinguishes it from other keys of its kind and stream.
    """
    return msgspec.msgpack.encode((kind, stream, *names))


def parts_of(key: bytes) -> tuple[Any, ...]:
    """Return the kind, the stream and the further names of a key.

    Raises:
        msgspec.DecodeError: If the bytes are no such key.
    """
    return msgspec.msgpack.decode(key, type=tuple[Any, ...])
