"""The hyperbolic tangent of a row.

In float32 it is a ratio of two polynomials, of degree 13 and 6, with the minimax coefficients that numerical
libraries (Eigen, XLA) use; its relative error stays below 3e-7.
"""

import math
from collections.abc import Callable

from numba.core import types
from numba.extending import overload

from .simd import clip, fill, fma, load, store
from .vector import LANES, Pointer

LIMIT = 7.99881172180175781  # from here on the ratio, with fused multiply-adds, is 1
ODD = (
    4.89352455891786e-03,
    6.37261928875436e-04,
    1.48572235717979e-05,
    5.12229709037114e-08,
    -8.60467152213735e-11,
    2.00018790482477e-13,
    -2.76076847742355e-16,
)
EVEN = (4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06)


def tanh_row(row: Pointer, size: int) -> None:
    """row[j] = tanh(row[j]) for j < size, a multiple of LANES; inside kernels only."""
    raise NotImplementedError  # Numba compiles the overload below in its place


@overload(tanh_row, jit_options={"forceinline": True, "error_model": "numpy"})
def _tanh_row(row: Pointer, size: int) -> Callable:
    if row.dtype == types.float64:  # exact gradients are wanted of it, speed is not

        def scalar(row: Pointer, size: int) -> None:
            for j in range(size):
                row[j] = math.tanh(row[j])

        return scalar

    a1, a3, a5, a7, a9, a11, a13 = ODD
    b0, b2, b4, b6 = EVEN

    def rational(row: Pointer, size: int) -> None:
        """A quotient of polynomials, that of the library Eigen; off by less than 1e-6 of the value."""
        for j in range(0, size, LANES):
            x = load(row + j)
            x = clip(x, fill(x, LIMIT))
            y = x * x
            p = fma(fill(x, a13), y, fill(x, a11))
            p = fma(p, y, fill(x, a9))
            p = fma(p, y, fill(x, a7))
            p = fma(p, y, fill(x, a5))
            p = fma(p, y, fill(x, a3))
            p = fma(p, y, fill(x, a1))
            q = fma(fill(x, b6), y, fill(x, b4))
            q = fma(q, y, fill(x, b2))
            q = fma(q, y, fill(x, b0))
            store(row + j, x * p / q)

    return rational
