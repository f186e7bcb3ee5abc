"""The names that the scan knows: sources, streams and instruments, as text to compare with.

A name is learnt from an event that the codec decoded. What is not learnt, because there are too
many names or the text is unusual, is only slower.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_processors.operators.ticks.scanning import PADDING, slot_of

MOST_GROUPS = 64
MOST_KEYS = 2_048
_N_SLOTS = 4 * MOST_KEYS
_BEFORE_INSTRUMENT = b',"instrument":"'
_BEHIND_INSTRUMENT = b'","trade_id":'
#: With a shorter name the first sixteen bytes would reach into the trade's id.
_SHORTEST_INSTRUMENT = 16 - len(_BEHIND_INSTRUMENT)


class KnownNames:
    """Groups (a source in a stream) and keys (an instrument in a group), numbered as they are learnt.

    Attributes:
        prefixes, keys, slots: As :func:`.scanning.scan` takes them.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], int] = {}
        self._keys: dict[tuple[str, str, str], int] = {}
        self._text = b""
        self._padded: NDArray[np.uint8] = np.frombuffer(PADDING, dtype=np.uint8)
        self.prefixes = np.zeros((MOST_GROUPS, 3), dtype=np.int64)
        self.keys = np.zeros((MOST_KEYS, 2), dtype=np.int64)
        self.slots = np.full(_N_SLOTS, -1, dtype=np.int64)

    @property
    def address(self) -> int:
        """Where the text lies, until the next name is learnt."""
        return int(self._padded.ctypes.data)

    @property
    def n_groups(self) -> int:
        """How many groups are known."""
        return len(self._groups)

    def group_of(self, source: str, stream: str) -> int | None:
        """The number of a group, learnt if need be; None when there are too many."""
        found = self._groups.get((source, stream))
        if found is not None or len(self._groups) == MOST_GROUPS:
            return found
        number = self._groups[(source, stream)] = len(self._groups)
        until_stream = b',"source":' + _text(source) + b',"stream":' + _text(stream)
        at = self._add(until_stream + _BEFORE_INSTRUMENT)
        self.prefixes[number] = (at, len(until_stream) + len(_BEFORE_INSTRUMENT), len(until_stream))
        return number

    def key_of(self, source: str, stream: str, instrument: str) -> int | None:
        """The number of a key, learnt if need be; None when it cannot be."""
        name = (source, stream, instrument)
        found = self._keys.get(name)
        if found is not None or len(self._keys) == MOST_KEYS:
            return found
        quoted = _text(instrument)[1:-1]
        group = self.group_of(source, stream)
        if group is None or len(quoted) < _SHORTEST_INSTRUMENT:
            return None
        number = self._keys[name] = len(self._keys)
        at, size = int(self.prefixes[group, 0]), int(self.prefixes[group, 1])
        text = self._text[at : at + size] + quoted + _BEHIND_INSTRUMENT
        self.keys[number] = (self._add(text), len(text))
        slot = _slot(quoted + _BEHIND_INSTRUMENT)
        while self.slots[slot] >= 0:
            slot = (slot + 1) % _N_SLOTS
        self.slots[slot] = number
        return number

    def groups(self) -> list[tuple[str, str]]:
        """The source and stream of each group, by number."""
        return list(self._groups)

    def _add(self, text: bytes) -> int:
        at = len(self._text)
        self._text += text
        self._padded = np.frombuffer(self._text + PADDING, dtype=np.uint8)
        return at


def _text(name: str) -> bytes:
    return msgspec.json.encode(name)


def _slot(text: bytes) -> int:
    first, second = (int.from_bytes(text[at : at + 8], "little", signed=True) for at in (0, 8))
    return int(slot_of(first, second, _N_SLOTS))
