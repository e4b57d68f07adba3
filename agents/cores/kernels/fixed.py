"""Networks without plastic weights: a rollout's steps, and the way of the gradient back through the steps.

The sums of a tanh RNN are [1, size] for each sample. Those of a GRU are [4, size]: of its candidate, its
update gate and its reset gate, which input enters, and then what activity adds to the candidate; so activity
enters the last three. Those of an LSTM are [4, size]: of the input, forget and output gates and of the cells'
input.
"""

from collections.abc import Callable

from numba import uint8

from .cells import gru_row, sigmoid_row
from .denormals import flush_denormals, restore_denormals
from .products import add_product
from .rules import SCALAR_TYPES, unpad_row, zero_row
from .simd import fill, fma, load, load_part, store, store_part
from .tanh import tanh_row
from .vector import LANES, Pointer, Vec, inline, pointer

FIXED = "fixed"
"""What stands in the place of a plasticity rule in the names of these kernels."""

SUMS = {"tanh": 1, "gru": 4, "lstm": 4}
"""How many sums [size] a sample has, by cell."""

ENTERED = {"tanh": 1, "gru": 3, "lstm": 4}
"""How many of them input enters (the first), and activity (the last)."""


@inline
def _lstm_row(size: int, i: Pointer, f: Pointer, o: Pointer, g: Pointer, c: Pointer) -> None:
    """From the sums of the gates and of the cells' input: `g` becomes the activity, `c` the new cells."""
    for gate in (i, f, o):
        sigmoid_row(gate, size)
    tanh_row(g, size)
    for j in range(0, size, LANES):
        cell = fma(load(f + j), load(c + j), load(i + j) * load(g + j))
        store(c + j, cell)
        store(g + j, cell)
    tanh_row(g, size)
    for j in range(0, size, LANES):
        store(g + j, load(o + j) * load(g + j))


def build_step(_: str, cell: str, dtype_name: str) -> Callable:
    """The kernel for one cell, as plain Python for `numba.njit`.

    Its arguments are sizes and addresses: x [B, F] and starts [B] (address 0: none) are read, h [B, N] is
    written. `weights` are biases [SUMS, size], and those of input [F, ENTERED, size] and of activity [N,
    ENTERED, size], padded with zeros. `memory` is the kernel's own, kept from call to call: activity
    [B, size], cells [B, size] and sums [B, SUMS, size].
    """
    sums, entered = SUMS[cell], ENTERED[cell]
    gru, lstm = cell == "gru", cell == "lstm"
    dtype = SCALAR_TYPES[dtype_name]

    def step(
        B: int, F: int, N: int, size: int,
        x_at: int, starts_at: int, h_at: int, weights_at: int, memory_at: int,
    ) -> None:  # fmt: skip
        x, starts, h = pointer(x_at, dtype), pointer(starts_at, uint8), pointer(h_at, dtype)
        row, wide = sums * size, entered * size
        b = pointer(weights_at, dtype)
        w_in = b + row
        w = w_in + F * wide
        activity = pointer(memory_at, dtype)
        cells = activity + B * size
        z = cells + B * size
        mode = flush_denormals()
        for s in range(B):
            if starts_at != 0 and starts[s] != 0:
                zero_row(activity + s * size, size)
                zero_row(cells + s * size, size)
            for j in range(0, row, LANES):
                store(z + (s * row + j), load(b + j))
        add_product(0, B, F, wide, x, F, w_in, z, row)
        add_product(0, B, N, wide, activity, size, w, z + (row - wide), row)
        for s in range(B):
            first, last = z + s * row, z + ((s + 1) * row - size)
            if gru:
                gru_row(size, last, first, first + size, first + 2 * size, activity + s * size)
            elif lstm:
                _lstm_row(size, first, first + size, first + 2 * size, last, cells + s * size)
            else:
                tanh_row(last, size)
            unpad_row(h + s * N, last, N)
            for j in range(0, size, LANES):
                store(activity + (s * size + j), load(last + j))
        restore_denormals(mode)

    return step


def step_numbers(cell: str, B: int, size: int) -> int:
    """How many numbers of memory the kernel needs."""
    return B * (2 + SUMS[cell]) * size


@inline
def _load(row: Pointer, j: int, n: int) -> Vec:
    """A piece of row[:n], and zeros."""
    return load(row + j) if j + LANES <= n else load_part(row + j, n - j)


@inline
def _store(row: Pointer, j: int, n: int, vector: Vec) -> None:
    """Write the part of a piece that lies in row[:n]."""
    if j + LANES <= n:
        store(row + j, vector)
    else:
        store_part(row + j, vector, n - j)


def build_way_back(_: str, cell: str, dtype_name: str) -> Callable:
    """The kernel for one cell, tanh or gru, as plain Python for `numba.njit`.

    Its arguments are sizes and addresses, of contiguous arrays: `slopes` [T, B, parts, N] say how each sum
    that activity enters answers to a change of the activity after the step, and become the gradients of the
    sums; for a GRU there is one part more, how the activity before answers by the direct way. grad [T, B, N]
    is the gradient of the activity from outside, and total [T, B, N] (only of a GRU) becomes the whole of it.
    w [parts N, size], padded with zeros, leads from the sums to the activity before; d_h0 [B, N] receives the
    gradient of the activity before the first step. `memory` [B, size] is the kernel's own.
    """
    parts, gru = ENTERED[cell], cell == "gru"
    slots = parts + 1 if gru else parts
    dtype = SCALAR_TYPES[dtype_name]

    def way_back(
        T: int, B: int, N: int, size: int, first: int, last: int,
        slopes_at: int, grad_at: int, total_at: int, w_at: int, d_h0_at: int, memory_at: int,
    ) -> None:  # fmt: skip
        """Samples first .. last."""
        slopes, grad, total = pointer(slopes_at, dtype), pointer(grad_at, dtype), pointer(total_at, dtype)
        w, d_h0, d_h = pointer(w_at, dtype), pointer(d_h0_at, dtype), pointer(memory_at, dtype)
        mode = flush_denormals()
        zero_row(d_h + first * size, (last - first) * size)
        for back in range(T):
            t = T - 1 - back
            for s in range(first, last):
                at = (t * B + s) * N
                for j in range(0, size, LANES):
                    if j >= N:
                        continue
                    here = d_h + (s * size + j)
                    d = load(here) + _load(grad + at, j, N)
                    if gru:
                        _store(total + at, j, N, d)
                    for part in range(parts):
                        slope = slopes + (at * slots + part * N)
                        _store(slope, j, N, d * _load(slope, j, N))
                    if gru:
                        store(here, d * _load(slopes + (at * slots + parts * N), j, N))
                    else:
                        store(here, fill(d, 0.0))
            of_step = slopes + t * B * slots * N
            add_product(first, last, parts * N, size, of_step, slots * N, w, d_h, size)
        for s in range(first, last):
            unpad_row(d_h0 + s * N, d_h + s * size, N)
        restore_denormals(mode)

    return way_back
