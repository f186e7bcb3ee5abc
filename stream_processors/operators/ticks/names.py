"""The names that the scan knows: sources, streams and instruments, as text to compare with.

A name is learnt from an event that the codec decoded. A name with an unusual text is not learnt; its messages are then
decoded by the codec, which is only slower.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_processors.operators.ticks.scanning import PADDING, slot_of

#: The room at first. It is doubled whenever it is full.
_N_GROUPS = 16
_N_KEYS = 256
_N_TEXT = 32_768
#: The hash table has so many slots for each key that there is room for.
_PER_KEY = 4
_BEFORE_INSTRUMENT = b',"instrument":"'
_AFTER_INSTRUMENT = b'","trade_id":'
#: With a shorter name, the first sixteen bytes would include digits of the trade's id.
_SHORTEST_INSTRUMENT = 16 - len(_AFTER_INSTRUMENT)


class KnownNames:
    """Groups (a source in a stream) and keys (an instrument in a group), numbered in the order in which they are learnt.

    Attributes:
        prefixes, keys, slots: The arguments of :func:`.scanning.scan`, valid until the next name is learnt.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], int] = {}
        self._group_names: list[tuple[str, str]] = []
        self._keys: dict[tuple[str, str, str], int] = {}
        self._text = np.zeros(_N_TEXT, dtype=np.uint8)
        self._n_text = 0
        self.prefixes = np.zeros((_N_GROUPS, 3), dtype=np.int64)
        self.keys = np.zeros((_N_KEYS, 2), dtype=np.int64)
        self.slots = np.full(_PER_KEY * _N_KEYS, -1, dtype=np.int64)

    @property
    def address(self) -> int:
        """The address of the text, valid until the next name is learnt."""
        return int(self._text.ctypes.data)

    @property
    def n_groups(self) -> int:
        """The number of known groups."""
        return len(self._groups)

    @property
    def n_keys(self) -> int:
        """The number of known keys."""
        return len(self._keys)

    def group_of(self, source: str, stream: str) -> int:
        """Return the number of a group, which is learnt if it is new."""
        found = self._groups.get((source, stream))
        if found is not None:
            return found
        number = self._groups[(source, stream)] = len(self._groups)
        self._group_names.append((source, stream))
        if number == len(self.prefixes):
            self.prefixes = doubled(self.prefixes)
        until_stream = b',"source":' + _text(source) + b',"stream":' + _text(stream)
        at = self._add(until_stream + _BEFORE_INSTRUMENT)
        self.prefixes[number] = (at, len(until_stream) + len(_BEFORE_INSTRUMENT), len(until_stream))
        return number

    def key_of(self, source: str, stream: str, instrument: str) -> int | None:
        """Return the number of a key, which is learnt if it is new; None if it cannot be learnt.

        Args:
            source: The source of the trades.
            stream: Its run.
            instrument: What is traded.
        """
        name = (source, stream, instrument)
        found = self._keys.get(name)
        if found is not None:
            return found
        quoted = _text(instrument)[1:-1]
        if len(quoted) < _SHORTEST_INSTRUMENT:
            return None
        group = self.group_of(source, stream)
        number = self._keys[name] = len(self._keys)
        if number == len(self.keys):
            self.keys = doubled(self.keys)
            self._place_anew()
        at, size = int(self.prefixes[group, 0]), int(self.prefixes[group, 1])
        text = self._text[at : at + size].tobytes() + quoted + _AFTER_INSTRUMENT
        self.keys[number] = (self._add(text), len(text))
        self._place(number, group, quoted)
        return number

    def group(self, number: int) -> tuple[str, str]:
        """Return the source and the stream of a group."""
        return self._group_names[number]

    def _place_anew(self) -> None:
        """Build a larger hash table with every key but the newest one."""
        self.slots = np.full(_PER_KEY * len(self.keys), -1, dtype=np.int64)
        for (source, stream, instrument), number in list(self._keys.items())[:-1]:
            self._place(number, self._groups[(source, stream)], _text(instrument)[1:-1])

    def _place(self, number: int, group: int, quoted: bytes) -> None:
        text = quoted + _AFTER_INSTRUMENT
        first, second = (int.from_bytes(text[at : at + 8], "little", signed=True) for at in (0, 8))
        slot = int(slot_of(group, first, second, len(self.slots)))
        while self.slots[slot] >= 0:
            slot = (slot + 1) % len(self.slots)
        self.slots[slot] = number

    def _add(self, text: bytes) -> int:
        at = self._n_text
        self._n_text += len(text)
        while self._n_text + len(PADDING) > len(self._text):
            self._text = doubled(self._text)
        self._text[at : self._n_text] = np.frombuffer(text, dtype=np.uint8)
        return at


def doubled(array: NDArray[Any], fill: int = 0) -> NDArray[Any]:
    """Return an array with the same content and twice the room."""
    return np.concatenate([array, np.full_like(array, fill)])


def _text(name: str) -> bytes:
    return msgspec.json.encode(name)
