"""One step in place: one walk over the traces to multiply by them, and a second to update them."""

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
    pad_row,
    unpad_row,
    zero_row,
)
from .simd import (
    every_row,
    fill,
    fma,
    get_row,
    load,
    load_part,
    load_tile,
    row_numbers,
    stack,
    store,
    store_part,
    sum_rows,
)
from .tanh import tanh_row
from .vector import LANES, ROWS, Pointer, Vec, inline, pointer


@inline
def _load_rows(matrix: Pointer, n: int, i: int, j: int) -> Vec:
    """The tile at (i, j) of a matrix [n, n] that is not tiled; below the last row, that row again."""
    i1, i2, i3 = min(i + 1, n - 1), min(i + 2, n - 1), min(i + 3, n - 1)
    a, b, c, d = matrix + (i * n + j), matrix + (i1 * n + j), matrix + (i2 * n + j), matrix + (i3 * n + j)
    if j + LANES <= n:
        return stack(load(a), load(b), load(c), load(d))
    return stack(load_part(a, n - j), load_part(b, n - j), load_part(c, n - j), load_part(d, n - j))


@inline
def _store_rows(matrix: Pointer, n: int, i: int, j: int, tile: Vec) -> None:
    """The opposite of `_load_rows`; what is below the last row is dropped."""
    width, target = n - j, matrix + (i * n + j)
    store_part(target, get_row(tile, 0), width)
    if i + 1 < n:
        store_part(target + n, get_row(tile, 1), width)
    if i + 2 < n:
        store_part(target + 2 * n, get_row(tile, 2), width)
    if i + 3 < n:
        store_part(target + 3 * n, get_row(tile, 3), width)


def build_inplace(rule_name: str, dtype_name: str) -> Callable:
    """The kernel for one rule, as plain Python for `numba.njit`.

    Its arguments are sizes and addresses of contiguous arrays: drive, h, after [B, N], w, alpha [N, N],
    eta [N], hebb [B, N, N], starts [B] (address 0: none). `scratch` has room for two tiled matrices and
    3 + 2 * group rows.
    """
    rule = RULES.index(rule_name)
    dtype = SCALAR_TYPES[dtype_name]

    def inplace(
        B: int, N: int, rows: int, size: int, group: int,
        drive_at: int, w_at: int, alpha_at: int, eta_at: int, h_at: int,
        hebb_at: int, starts_at: int, after_at: int, scratch_at: int,
    ) -> None:  # fmt: skip
        """All samples: hebb changes, and `after` receives h after the step."""
        drive, h, after = pointer(drive_at, dtype), pointer(h_at, dtype), pointer(after_at, dtype)
        hebb, starts = pointer(hebb_at, dtype), pointer(starts_at, uint8)
        w = pointer(scratch_at, dtype)
        alpha = w + rows * size
        eta = alpha + rows * size
        c, e, z = eta + size, eta + 2 * size, eta + 3 * size
        pre = z + group * size
        mode = flush_denormals()
        into_tiles(w, pointer(w_at, dtype), N, rows, size)
        into_tiles(alpha, pointer(alpha_at, dtype), N, rows, size)
        pad_row(eta, pointer(eta_at, dtype), N, size)

        for first in range(0, B, group):
            count = min(group, B - first)
            for s in range(count):
                b = first + s
                pad_row(z + s * size, drive + b * N, N, size)
                if starts_at != 0 and starts[b] != 0:
                    zero_row(pre + s * size, size)
                    for k in range(N * N):
                        hebb[b * N * N + k] = 0
                else:
                    pad_row(pre + s * size, h + b * N, N, size)
            for i in range(0, N, ROWS):
                for s in range(count):
                    now = row_numbers(pre + (s * size + i))
                    for j in range(0, N, LANES):
                        a = _load_rows(hebb + (first + s) * N * N, N, i, j)
                        k = i * size + j * ROWS
                        part = sum_rows(now * fma(load_tile(alpha + k), a, load_tile(w + k)))
                        store(z + (s * size + j), load(z + (s * size + j)) + part)
            for s in range(count):
                traces, post = hebb + (first + s) * N * N, z + s * size
                tanh_row(post, size)
                unpad_row(after + (first + s) * N, post, N)
                coefficients(rule, post, eta, c, e, size)
                for i in range(0, N, ROWS):
                    now = row_numbers(pre + (s * size + i))
                    for j in range(0, N, LANES):
                        a = _load_rows(traces, N, i, j)
                        a = advance(rule, a, every_row(load(c + j)), every_row(load(e + j)), now)
                        _store_rows(traces, N, i, j, bounded(rule, a, fill(a, 1.0)))
        restore_denormals(mode)

    return inplace
