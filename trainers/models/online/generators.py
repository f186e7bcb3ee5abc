"""River's seeded generators: the state of a Mersenne Twister, as numbers.

The one module of the models that knows ``random``, and only to keep a generator that a recipe seeded:
it is state, not chance.
"""

import random
import struct
from collections.abc import Sequence
from typing import Any

from trainers.models.online.kinds import Maybe, Plain, Reader, Writer, refuse

_N_WORDS = 624
_WORDS = struct.Struct(f"<{_N_WORDS}I")
_VERSION = 3
_GAUSS = Maybe(Plain("a number", lambda value: type(value) is float))


class Generators:
    """The row of a generator: its words, how many of them are used, and a normal value in store."""

    code = "Random"
    kept: type[Any] = random.Random

    def write(self, value: Any, writer: Writer) -> list[Any]:
        """The row without its code."""
        version, words, gauss = value.getstate()
        if version != _VERSION:
            refuse(f"a generator of version {_VERSION}", value)
        return [_WORDS.pack(*words[:-1]), words[-1], _GAUSS.write(gauss, writer)]

    def read(self, row: Sequence[Any], reader: Reader) -> random.Random:
        """The generator."""
        if len(row) != 3 or type(row[0]) is not bytes or len(row[0]) != _WORDS.size:
            refuse("a generator's words", row)
        if type(row[1]) is not int or not 0 <= row[1] <= _N_WORDS:
            refuse("a place among a generator's words", row[1])
        generator = random.Random(0)  # noqa: S311  (nothing secret hangs on it)
        words = (*_WORDS.unpack(row[0]), row[1])
        generator.setstate((_VERSION, words, _GAUSS.read(row[2], reader)))
        return generator


def unused_generator() -> random.Random:
    """What stands where River keeps a generator that its classifiers never ask."""
    return _UNUSED


_UNUSED = random.Random(0)  # noqa: S311
