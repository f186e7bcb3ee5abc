"""How the kernels are compiled, so that all their parts keep the same arithmetic, and what they share.

Fast mathematics is off, so sums keep their order and quotients their rounding, in the live driver and in the
batch driver alike. The compiled code is cached on disk.
"""

import math

from numba import njit

NAN = math.nan

#: Compiles a function that Python calls.
compiled = njit(cache=True, error_model="numpy")

#: Compiles a function that only compiled code calls. It becomes part of its caller, because passing an array
#: to another function costs seven words.
inlined = njit(
    cache=True, error_model="numpy", forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
)


@inlined
def fill(array, value):
    """Set every number of an array; numba would take seconds to compile an assignment to a slice."""
    for i in range(array.shape[0]):
        array[i] = value


@inlined
def ratio(numerator, denominator):
    """Return a quotient that is NaN, and not an error, when the denominator is zero."""
    return numerator / denominator if denominator != 0.0 else NAN
