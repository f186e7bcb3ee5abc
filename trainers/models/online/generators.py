"""Stores River's seeded random generators: the state of a Mersenne Twister, as numbers.

This is the only module of the models that imports ``random``, and only to store a generator that a recipe seeded.
Such a generator is state and not chance.
"""

import random
import struct
from collections.abc import Sequence
from typing import Any

from trainers.models.online.kinds import ObjectReader, ObjectWriter, OptionalKind, PlainKind, refuse

_N_WORDS = 624
_WORDS = struct.Struct(f"<{_N_WORDS}I")
_VERSION = 3
_GAUSS = OptionalKind(PlainKind("a number", lambda value: type(value) is float))


class GeneratorEntry:
    """Writes and reads the row of a generator: its words, how many of them are used, and a stored normal value."""

    code = "Random"
    kept: type[Any] = random.Random

    def write(self, value: Any, writer: ObjectWriter) -> list[Any]:
        """Returns the row without its code."""
        version, words, gauss = value.getstate()
        if version != _VERSION:
            refuse(f"a generator of version {_VERSION}", value)
        return [_WORDS.pack(*words[:-1]), words[-1], _GAUSS.write(gauss, writer)]

    def read(self, row: Sequence[Any], reader: ObjectReader) -> random.Random:
        """Returns the generator of a row."""
        if len(row) != 3 or type(row[0]) is not bytes or len(row[0]) != _WORDS.size:
            refuse("a generator's words", row)
        if type(row[1]) is not int or not 0 <= row[1] <= _N_WORDS:
            refuse("a place among a generator's words", row[1])
        generator = random.Random(0)  # noqa: S311  (it protects no secret)
        words = (*_WORDS.unpack(row[0]), row[1])
        generator.setstate((_VERSION, words, _GAUSS.read(row[2], reader)))
        return generator


def unused_generator() -> random.Random:
    """Returns a generator for places where River keeps one that its classifiers never use."""
    return _UNUSED


_UNUSED = random.Random(0)  # noqa: S311
