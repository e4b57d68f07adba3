"""The fused forward pass: in one walk over a matrix, a step updates the traces and multiplies by them.

The update that step t asks for is made on the way through step t + 1: traces cross the cache once a step.

How far from the floor: at N = 100 a matrix is 700 vectors of 16. Each takes 4 multiplications or fused
ones and, in groups of two samples, moves 3 cache lines between the L1 and the L2 cache; that is 0.35 us and
0.5 us at 4 GHz with two 512-bit units and a line a cycle. Measured: 0.75 us per step and sample.
"""

import math
from collections.abc import Callable

from numba import uint8

from .denormals import flush_denormals, restore_denormals
from .rules import (
    RULES,
    SCALAR_TYPES,
    advance,
    bounded,
    coefficients,
    into_tiles,
    out_of_tiles,
    pad_row,
    unpad_row,
    zero_row,
)
from .simd import every_row, fill, fma, load, load_tile, row_numbers, store, sum_rows
from .tanh import tanh_row
from .vector import LANES, ROWS, Pointer, inline, pointer


@inline
def _walk_rows(
    rule: int, size: int, hebb: Pointer, w: Pointer, alpha: Pointer, z: Pointer,
    c: Pointer, e: Pointer, before: Pointer, pre: Pointer, bound: float,
) -> None:  # fmt: skip
    """In ROWS rows: hebb = bound(c * hebb + before[i] * e), then z += pre[i] * (w + alpha * hebb)."""
    earlier, now = row_numbers(before), row_numbers(pre)
    limit = fill(now, bound)
    for j in range(0, size, LANES):
        k = j * ROWS
        a = advance(rule, load_tile(hebb + k), every_row(load(c + j)), every_row(load(e + j)), earlier)
        a = bounded(rule, a, limit)
        store(hebb + k, a)
        store(z + j, load(z + j) + sum_rows(now * fma(load_tile(alpha + k), a, load_tile(w + k))))


def build_forward(rule_name: str, dtype_name: str) -> Callable:
    """The kernel for one rule, as plain Python for `numba.njit`.

    Its arguments are sizes and addresses. w and alpha [rows, size] are tiled and eta [size] is padded, with
    zeros; drive, h [T, B, N], h0 [B, N], hebb0, hebb_end [B, N, N] and starts [T, B] are contiguous.
    `scratch` has room for `group` tiled matrices and as many times five rows.
    """
    rule = RULES.index(rule_name)
    dtype = SCALAR_TYPES[dtype_name]

    def forward(
        T: int, B: int, N: int, rows: int, size: int, first: int, last: int, group: int,
        drive_at: int, w_at: int, alpha_at: int, eta_at: int, h0_at: int, hebb0_at: int, starts_at: int,
        h_at: int, hebb_end_at: int, scratch_at: int,
    ) -> None:  # fmt: skip
        """Samples first .. last, a group at a time: they share the rows of w and alpha in the L1 cache."""
        drive, w, alpha = pointer(drive_at, dtype), pointer(w_at, dtype), pointer(alpha_at, dtype)
        eta, h0, hebb0 = pointer(eta_at, dtype), pointer(h0_at, dtype), pointer(hebb0_at, dtype)
        h, hebb_end, starts = pointer(h_at, dtype), pointer(hebb_end_at, dtype), pointer(starts_at, uint8)
        matrix, table = rows * size, group * size
        hebb = pointer(scratch_at, dtype)  # [group, rows, size]
        before = hebb + group * matrix  # h two steps ago, [group, size] like the rest
        pre, z, c, e = before + table, before + 2 * table, before + 3 * table, before + 4 * table
        mode = flush_denormals()

        for sample in range(first, last, group):
            count = min(group, last - sample)
            for s in range(count):
                into_tiles(hebb + s * matrix, hebb0 + (sample + s) * N * N, N, rows, size)
                pad_row(pre + s * size, h0 + (sample + s) * N, N, size)
                zero_row(before + s * size, size)  # there is no update before the first step: c = 1, e = 0
                zero_row(e + s * size, size)
                for j in range(0, size, LANES):
                    store(c + (s * size + j), fill(load(z), 1.0))
            for t in range(T + 1):
                bound = math.inf if t == 0 else 1.0
                for s in range(count):
                    if t == T:  # nothing but the last update is left to do
                        zero_row(pre + s * size, size)
                        zero_row(z + s * size, size)
                        continue
                    pad_row(z + s * size, drive + (t * B + sample + s) * N, N, size)
                    if starts[t * B + sample + s] != 0:
                        zero_row(hebb + s * matrix, matrix)
                        for row in (before, pre, c, e):
                            zero_row(row + s * size, size)
                for i in range(0, rows, ROWS):
                    for s in range(count):
                        o = s * size
                        _walk_rows(
                            rule, size, hebb + (s * matrix + i * size), w + i * size, alpha + i * size, z + o,
                            c + o, e + o, before + (o + i), pre + (o + i), bound,
                        )  # fmt: skip
                if t == T:
                    break
                for s in range(count):
                    o = s * size
                    tanh_row(z + o, size)
                    unpad_row(h + (t * B + sample + s) * N, z + o, N)
                    coefficients(rule, z + o, eta, c + o, e + o, size)
                before, pre, z = pre, z, before
            for s in range(count):
                out_of_tiles(hebb_end + (sample + s) * N * N, hebb + s * matrix, N, size)
        restore_denormals(mode)

    return forward
