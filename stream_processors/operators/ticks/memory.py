"""Reads bytes at an address from compiled code, eight at a time.

This module is separate because nothing checks these reads. The caller makes sure that the address and the seven bytes
after it lie inside a buffer that the caller holds.
"""

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic


def _loading(width: int):
    def load(_typing, address):
        def generate(_context, builder, _signature, arguments):
            kind = ir.IntType(width)
            pointer = builder.inttoptr(arguments[0], kind.as_pointer())
            loaded = builder.load(pointer)
            loaded.align = 1
            return loaded if width == 64 else builder.zext(loaded, ir.IntType(64))

        return types.int64(types.int64), generate

    return load


word_at: Any = intrinsic(_loading(64))
byte_at: Any = intrinsic(_loading(8))


@njit(cache=True, nogil=True)
def are_equal(left, right, size):
    """Return whether ``size`` bytes (8 or more) at two addresses are equal."""
    at = 0
    while at + 8 <= size:
        if word_at(left + at) != word_at(right + at):
            return False
        at += 8
    return word_at(left + size - 8) == word_at(right + size - 8)
