"""Products of a few rows, one for each sample, with a matrix of weights."""

from .simd import fill, fma, load, store
from .vector import LANES, Pointer, inline

SAMPLES = 4
"""Rows treated together: each number of the matrix is read once for all of them."""


@inline
def add_product(
    first: int, last: int, K: int, M: int, x: Pointer, x_row: int, w: Pointer, w_row: int, out: Pointer,
    out_row: int,
) -> None:  # fmt: skip
    """out[s, :M] += sum over k < K of x[s, k] w[k, :M], for s from `first` up to `last`.

    M is a multiple of LANES; rows of x, w and out begin `x_row`, `w_row` and `out_row` numbers apart. Where
    samples or columns do not come out even, the last ones are computed more than once.
    """
    for s0 in range(first, last, SAMPLES):
        s1, s2, s3 = min(s0 + 1, last - 1), min(s0 + 2, last - 1), min(s0 + 3, last - 1)
        x0, x1, x2, x3 = x + s0 * x_row, x + s1 * x_row, x + s2 * x_row, x + s3 * x_row
        y0, y1, y2, y3 = out + s0 * out_row, out + s1 * out_row, out + s2 * out_row, out + s3 * out_row
        for j in range(0, M, 2 * LANES):
            i = min(j + LANES, M - LANES)
            a0, a1, a2, a3 = load(y0 + j), load(y1 + j), load(y2 + j), load(y3 + j)
            b0, b1, b2, b3 = load(y0 + i), load(y1 + i), load(y2 + i), load(y3 + i)
            for k in range(K):
                u, v = load(w + (k * w_row + j)), load(w + (k * w_row + i))
                f0, f1, f2, f3 = fill(u, x0[k]), fill(u, x1[k]), fill(u, x2[k]), fill(u, x3[k])
                a0, a1, a2, a3 = fma(f0, u, a0), fma(f1, u, a1), fma(f2, u, a2), fma(f3, u, a3)
                b0, b1, b2, b3 = fma(f0, v, b0), fma(f1, v, b1), fma(f2, v, b2), fma(f3, v, b3)
            store(y0 + j, a0)
            store(y1 + j, a1)
            store(y2 + j, a2)
            store(y3 + j, a3)
            store(y0 + i, b0)
            store(y1 + i, b1)
            store(y2 + i, b2)
            store(y3 + i, b3)
