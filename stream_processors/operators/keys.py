"""The keys of an operator's state, and the changes of one that writes its state out whole.

An operator with little state may encode all of it whenever changes are asked for, and say only what
differs: :class:`Differences`. One with much of it keeps account of what it touched by itself.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from stream_processors.operators.protocols import Change

_DIGEST_BYTES = 16


def key_of(kind: str, stream: str, *names: str | int) -> bytes:
    """A key of an operator's state.

    Args:
        kind: What is kept there; within the operator.
        stream: The run that it belongs to; empty for what belongs to none.
        names: What else tells it apart.
    """
    return msgspec.msgpack.encode((kind, stream, *names))


def parts_of(key: bytes) -> tuple[Any, ...]:
    """The kind, the stream, and what else names a key.

    Raises:
        msgspec.DecodeError: If it is no such key.
    """
    return msgspec.msgpack.decode(key, type=tuple[Any, ...])


class Differences:
    """Tells what differs in a state that is written out whole; it remembers a digest of each value."""

    def __init__(self) -> None:
        self._digests: dict[bytes, bytes] = {}

    def since(self, entries: Mapping[bytes, bytes]) -> Iterator[Change]:
        """What changed since the last time, keys that are gone included.

        Args:
            entries: The whole state now.
        """
        for key in [key for key in self._digests if key not in entries]:
            del self._digests[key]
            yield Change(key, None)
        for key, value in entries.items():
            digest = _digest(value)
            if self._digests.get(key) != digest:
                self._digests[key] = digest
                yield Change(key, value)

    def take(self, entries: Mapping[bytes, bytes]) -> None:
        """Count a state as said."""
        self._digests = {key: _digest(value) for key, value in entries.items()}


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=_DIGEST_BYTES).digest()
