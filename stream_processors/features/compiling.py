"""How the kernel is compiled, so that all its parts keep the same arithmetic.

No fast mathematics: sums keep their order and quotients their rounding, in the live driver and
in the batch driver alike. The compiled code is cached on disk.
"""

from numba import njit

#: What Python calls.
compiled = njit(cache=True, error_model="numpy")

#: What only compiled code calls: made part of its caller, since handing an array on costs seven words.
inlined = njit(
    cache=True, error_model="numpy", forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
)


@inlined
def fill(array, value):
    """Every number becomes this one; what numba makes of a slice's assignment takes seconds to compile."""
    for i in range(array.shape[0]):
        array[i] = value
