"""How the kernel is compiled: one decorator for every step, so that all keep the same arithmetic.

No fast mathematics: sums keep their order and quotients their rounding, in the live driver and
in the batch driver alike. The compiled code is cached on disk.
"""

from numba import njit

compiled = njit(cache=True, error_model="numpy")
